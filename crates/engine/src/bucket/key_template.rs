//! How an object key is made, below its prefix.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};
use valetkey_catalog::Owner;
use valetkey_protocol::key::{MAX_KEY_BYTES, safe_filename};
use valetkey_protocol::{FileId, Filename, ObjectKey, hex};

use super::MAX_PREFIX_BYTES;

/// How keys are made when nobody asks otherwise.
pub(super) const DEFAULT: &str = "{tenant}/{owner}/{id}/{name}";

/// The longest part of a key that a tenant or an owner is written out in, where that is too long for a key.
const LONGEST_NAME: usize = 128;

/// What stands before the digest of a longer one: no name is spelled so, for behind their `_` come two hex digits.
const MARK: &str = "_h-";

/// The longest `{ext}`, with its dot.
const LONGEST_EXTENSION: usize = 16;

/// What a key is made of, segment by segment. A segment that comes to nothing is left out.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyTemplate {
    text: String,
    segments: Vec<Vec<Piece>>,
}

/// A piece of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// As it is.
    Literal(String),
    /// Made for each file.
    Part(Part),
}

/// What is made for each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The tenant of the owner, with a mark; nothing for the default tenant.
    Tenant,
    /// The owner.
    Owner,
    /// The id of the file.
    Id,
    /// Its name, made safe.
    Name,
    /// The extension of its name, with the dot.
    Extension,
    /// When its upload was created, in UTC.
    Year,
    Month,
    Day,
}

/// All parts, and what they are called.
const PARTS: [(&str, Part); 8] = [
    ("tenant", Part::Tenant),
    ("owner", Part::Owner),
    ("id", Part::Id),
    ("name", Part::Name),
    ("ext", Part::Extension),
    ("yyyy", Part::Year),
    ("mm", Part::Month),
    ("dd", Part::Day),
];

/// What a key is made for.
pub(super) struct KeyOf<'a> {
    pub(super) owner: &'a Owner,
    pub(super) id: FileId,
    pub(super) filename: &'a Filename,
    pub(super) created_at: Timestamp,
}

impl KeyTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// It has no `{id}`, a part that is none, a byte that no key has, or keys of it could be too long.
    pub fn parse(text: &str) -> Result<Self, String> {
        let segments = text
            .split('/')
            .map(segment)
            .collect::<Result<Vec<_>, _>>()?;
        let template = Self {
            text: text.to_owned(),
            segments,
        };
        let has_id = template
            .pieces()
            .any(|piece| *piece == Piece::Part(Part::Id));
        if !has_id {
            return Err(format!(
                "is '{text}', which has no {{id}}: two files could have one key; add it"
            ));
        }
        let longest = template.longest();
        if longest > MAX_KEY_BYTES {
            return Err(format!(
                "can make keys of {longest} bytes, and {MAX_KEY_BYTES} are the most there may be; make it shorter"
            ));
        }
        Ok(template)
    }

    /// The key of a file below a prefix. Names that are too long for it are shortened to a digest.
    pub(super) fn key(&self, prefix: &str, of: &KeyOf<'_>) -> Result<ObjectKey, String> {
        let whole = self.spell(prefix, of, usize::MAX);
        let text = match whole.len() <= MAX_KEY_BYTES {
            true => whole,
            false => self.spell(prefix, of, LONGEST_NAME),
        };
        ObjectKey::parse(&text).map_err(|error| error.to_string())
    }

    fn spell(&self, prefix: &str, of: &KeyOf<'_>, longest: usize) -> String {
        let mut key = prefix.to_owned();
        for segment in &self.segments {
            let mut text = String::new();
            for piece in segment {
                match piece {
                    Piece::Literal(literal) => text.push_str(literal),
                    Piece::Part(part) => text.push_str(&part.spell(of, longest)),
                }
            }
            if !text.is_empty() {
                key.push('/');
                key.push_str(&text);
            }
        }
        key
    }

    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.segments.iter().flatten()
    }

    /// The most bytes of a key, with its prefix.
    fn longest(&self) -> usize {
        let bytes = self.pieces().map(|piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Part(part) => part.longest(),
        });
        MAX_PREFIX_BYTES + self.segments.len() + bytes.sum::<usize>()
    }
}

impl fmt::Debug for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Default for KeyTemplate {
    fn default() -> Self {
        let part = |part| vec![Piece::Part(part)];
        Self {
            text: DEFAULT.to_owned(),
            segments: [Part::Tenant, Part::Owner, Part::Id, Part::Name]
                .map(part)
                .to_vec(),
        }
    }
}

impl<'de> Deserialize<'de> for KeyTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|why| serde::de::Error::custom(format!("key_template {why}")))
    }
}

impl Part {
    fn spell(self, of: &KeyOf<'_>, longest: usize) -> String {
        let date = || TimeZone::UTC.to_datetime(of.created_at).date();
        match self {
            Self::Tenant => bounded(of.owner.tenant.to_key_segment(), longest),
            Self::Owner => bounded(of.owner.subject.to_key_segment(), longest),
            Self::Id => of.id.to_string(),
            Self::Name => safe_filename(of.filename),
            Self::Extension => extension(&safe_filename(of.filename)),
            Self::Year => format!("{:04}", date().year()),
            Self::Month => format!("{:02}", date().month()),
            Self::Day => format!("{:02}", date().day()),
        }
    }

    /// The most bytes it comes to where names are shortened.
    fn longest(self) -> usize {
        match self {
            Self::Tenant | Self::Owner => LONGEST_NAME,
            Self::Id => 36,
            Self::Name => 100,
            Self::Extension => LONGEST_EXTENSION,
            Self::Year => 4,
            Self::Month | Self::Day => 2,
        }
    }
}

fn segment(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        let is_last = literal.len() == rest.len();
        if !literal.is_empty() {
            check_literal(literal)?;
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        if is_last {
            break;
        }
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| format!("has a '{{' without its '}}' in '{text}'; write {}", known()))?;
        let part = PARTS.iter().find(|(known, _)| *known == name);
        let (_, part) =
            part.ok_or_else(|| format!("has {{{name}}}, which is none; there are {}", known()))?;
        pieces.push(Piece::Part(*part));
        rest = after;
    }
    match pieces.as_slice() {
        [] => Err(
            "has an empty segment: write it without '/' at an end, and with single ones".to_owned(),
        ),
        [Piece::Literal(literal)] if literal.bytes().all(|b| b == b'.') => Err(format!(
            "has the segment '{literal}', which is none of a key"
        )),
        _ => Ok(pieces),
    }
}

fn check_literal(literal: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    match literal.bytes().all(plain) {
        true => Ok(()),
        false => Err(format!(
            "has '{literal}': besides its parts a key has A-Z, a-z, 0-9, '.', '_' and '-'"
        )),
    }
}

fn known() -> String {
    PARTS.map(|(name, _)| format!("{{{name}}}")).join(", ")
}

/// A name, or a digest of one that is too long.
fn bounded(segment: String, longest: usize) -> String {
    match segment.len() <= longest {
        true => segment,
        false => format!("{MARK}{}", hex(&Sha256::digest(&segment))),
    }
}

/// The end of a safe name, with its dot, if it is a short one.
fn extension(name: &str) -> String {
    let end = name.rfind('.').map(|dot| &name[dot..]);
    let plain = |end: &&str| {
        let letters = &end[1..];
        (1..LONGEST_EXTENSION).contains(&letters.len())
            && letters.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    end.filter(plain).unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01936f3e-8b7a-7c3d-9e4f-0123456789ab";

    fn owner(tenant: &str, subject: &str) -> Owner {
        Owner {
            tenant: tenant.parse().unwrap(),
            subject: subject.parse().unwrap(),
        }
    }

    fn key(template: &str, owner: &Owner, filename: &str) -> String {
        let of = KeyOf {
            owner,
            id: ID.parse().unwrap(),
            filename: &filename.parse().unwrap(),
            created_at: "2026-03-09T23:59:59Z".parse().unwrap(),
        };
        let template = KeyTemplate::parse(template).unwrap();
        template.key("files", &of).unwrap().to_string()
    }

    #[test]
    fn parts_are_filled_in_and_empty_segments_left_out() {
        let (ours, theirs) = (owner("", "alice"), owner("acme", "a/b"));
        for (template, owner, filename, expected) in [
            (
                DEFAULT,
                &ours,
                "a b.PNG",
                format!("files/alice/{ID}/a_b.PNG"),
            ),
            (
                DEFAULT,
                &theirs,
                "a.png",
                format!("files/_t-acme/a_2Fb/{ID}/a.png"),
            ),
            (
                "{yyyy}/{mm}/{dd}/{id}{ext}",
                &ours,
                "a.PNG",
                format!("files/2026/03/09/{ID}.png"),
            ),
            ("{id}{ext}", &ours, "a", format!("files/{ID}")),
            ("{id}{ext}", &ours, "a.", format!("files/{ID}")),
            ("{id}{ext}", &ours, "a.b_c", format!("files/{ID}")),
            (
                "x-{tenant}/{tenant}/{id}",
                &ours,
                "a",
                format!("files/x-/{ID}"),
            ),
            (
                "by_{owner}-{id}",
                &theirs,
                "a",
                format!("files/by_a_2Fb-{ID}"),
            ),
        ] {
            assert_eq!(key(template, owner, filename), expected, "{template}");
        }
        assert_eq!(KeyTemplate::default(), KeyTemplate::parse(DEFAULT).unwrap());
    }

    #[test]
    fn templates_that_would_not_do_are_refused_with_what_to_do() {
        let long = format!("{{id}}{}", "x".repeat(1000));
        for (template, word) in [
            ("", "empty segment"),
            ("{owner}/{name}", "no {id}"),
            ("{id}/", "empty segment"),
            ("/{id}", "empty segment"),
            ("a//{id}", "empty segment"),
            ("../{id}", "segment '..'"),
            ("{id", "without its '}'"),
            ("{uuid}/{id}", "{uuid}"),
            ("{}/{id}", "{}"),
            ("{id}/a b", "'a b'"),
            ("{id}/é", "'é'"),
            ("{id}}", "'}'"),
            (&long, "make it shorter"),
        ] {
            let why = KeyTemplate::parse(template).unwrap_err();
            assert!(why.contains(word), "{template}: {why}");
        }
    }

    #[test]
    fn names_that_are_too_long_become_digests_of_their_own() {
        let long = |letter: &str| letter.repeat(255);
        let default = key(DEFAULT, &owner("", &long("|")), "x");
        assert!(!default.contains(MARK), "{default}");
        let mut keys = std::collections::BTreeSet::new();
        for tenant in ["|", "!", "a"] {
            for subject in ["|", "!"] {
                let key = key(DEFAULT, &owner(&long(tenant), &long(subject)), &long("x"));
                assert!(key.contains(MARK) && key.len() <= MAX_KEY_BYTES, "{key}");
                assert!(keys.insert(key));
            }
        }
    }
}
