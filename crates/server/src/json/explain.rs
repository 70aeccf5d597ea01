//! Says in plain words what a body should have been, from what serde says.

use serde_path_to_error::Path;
use valetkey_protocol::{Code, Problem};

/// How much of a client's own value is repeated to it.
const MAX_ECHO: usize = 60;

/// The problem of a well-formed body that means nothing.
pub(super) fn explain(path: &Path, message: &str) -> Problem {
    let message = without_position(message);
    let path = match path.to_string() {
        root if root == "." => String::new(),
        path => path,
    };
    if let Some(name) = quoted_after(message, "unknown field `") {
        return unknown(&path, name, message);
    }
    if let Some(name) = quoted_after(message, "missing field `") {
        return invalid(&join(&path, name), "is required");
    }
    if let Some((_, allowed)) = split(message, "unknown variant ") {
        return invalid(&path, &format!("must be one of {}", words(allowed)));
    }
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some((found, expected)) = split(message, kind) {
            let (expected, found) = (expected_words(expected), found_words(found));
            return invalid(&path, &format!("must be {expected}, and is {found}"));
        }
    }
    invalid(&path, message)
}

fn unknown(path: &str, name: &str, message: &str) -> Problem {
    // The path may or may not have gone into the unknown member already.
    let parent = path.strip_suffix(name).unwrap_or(path);
    let field = join(parent.trim_end_matches('.'), name);
    let known = match message.split_once(", expected ") {
        Some((_, known)) => format!("; known here: {}", words(known)),
        None => String::new(),
    };
    let detail = format!("{field}: is not known, so remove it or correct its name{known}");
    Problem::new(Code::UnknownField, detail).with("field", field)
}

fn invalid(field: &str, detail: &str) -> Problem {
    if field.is_empty() {
        return Problem::new(Code::InvalidRequest, format!("the body: {detail}"));
    }
    Problem::new(Code::InvalidRequest, format!("{field}: {detail}")).with("field", field)
}

fn expected_words(expected: &str) -> String {
    match expected {
        "u64" => format!("a whole number, 0 to {}", u64::MAX),
        "u32" => format!("a whole number, 0 to {}", u32::MAX),
        "a string" | "a borrowed string" | "str" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" | "an object with each key once" => "an object".to_owned(),
        "a boolean" => "true or false".to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other => other.to_owned(),
    }
}

fn found_words(found: &str) -> String {
    let value = |kind: &str| found.strip_prefix(kind).map(|rest| rest.trim_matches('`'));
    match found {
        "sequence" => return "a list".to_owned(),
        "map" => return "an object".to_owned(),
        _ => {}
    }
    if let Some(text) = found.strip_prefix("string ") {
        return format!("the text {}", shorten(text));
    }
    let plain =
        value("integer ").or_else(|| value("floating point ").or_else(|| value("boolean ")));
    shorten(plain.unwrap_or(found))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_ECHO) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The backquoted words of serde's lists, with commas.
fn words(list: &str) -> String {
    let quoted: Vec<_> = list.split('`').skip(1).step_by(2).collect();
    quoted.join(", ")
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Cuts `KIND found, expected expected` in two.
fn split<'a>(message: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(kind)?.rsplit_once(", expected ")
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    let rest = message.strip_prefix(start)?;
    let end = rest.find("`, expected ").or_else(|| rest.rfind('`'))?;
    Some(&rest[..end])
}

/// serde_json ends its messages with a line and a column, which say little beside the path.
fn without_position(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(end) => &message[..end],
        None => message,
    }
}
