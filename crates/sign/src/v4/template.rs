//! Requests that differ in the key and in header values only.

use std::fmt;

use super::canonical_request::{Method, UNSIGNED_PAYLOAD};
use super::draft::Draft;
use super::headers::{HOST, check_name, check_value, write_trimmed};
use super::url::{Query, push_origin, push_parameters};
use crate::SignError;
use crate::digest::{Midstate, PrefixedHmac, Sha256};
use crate::encode::{all, encode_path, push_ascii};

/// A presigned request with gaps: for the key, and for the values of its headers.
///
/// Everything around the gaps is put together once, by
/// [`Presigner::template`](super::Presigner::template).
#[derive(Clone)]
pub struct Template {
    draft: Draft,
    signer: PrefixedHmac,
    /// `https://host/prefix/`, and `?X-Amz-…&X-Amz-Signature=`.
    url: (String, String),
    /// `PUT\n/prefix/`.
    before_key: Midstate,
    headers: HeaderGaps,
}

impl Template {
    pub(super) fn new(
        draft: &Draft,
        signer: &PrefixedHmac,
        method: Method,
        query: &[(&str, &str)],
        header_names: &[&str],
    ) -> Result<Self, SignError> {
        let prefix = draft.endpoint.path_prefix();
        let query = query_text(draft, query, header_names)?;
        let mut head = String::new();
        push_origin(&draft.endpoint, &mut head);
        head.push_str(&format!("{prefix}/"));
        let mut before_key = Sha256::new();
        before_key.update(format!("{}\n{prefix}/", method.as_str()).as_bytes());
        let mut tail = format!("?{query}");
        draft.push_signature_name(&mut tail);
        Ok(Self {
            url: (head, tail),
            before_key: before_key.midstate(),
            headers: HeaderGaps::new(draft, format!("\n{query}\n"), header_names)?,
            draft: draft.clone(),
            signer: signer.clone(),
        })
    }

    /// Appends the URL of one request to `out`, or nothing when it is refused.
    ///
    /// `values` are those of the template's headers, in the order of the names it was made with.
    ///
    /// # Errors
    /// [`SignError::EmptyKey`], [`SignError::DotSegment`], [`SignError::HeaderValue`] and
    /// [`SignError::HeaderCount`].
    pub fn presign(&self, key: &[u8], values: &[&str], out: &mut String) -> Result<(), SignError> {
        self.draft.check_key(key)?;
        self.headers.check_count(values)?;
        let (head, tail) = &self.url;
        let start = out.len();
        out.reserve(head.len() + key.len() + tail.len() + 64);
        out.push_str(head);
        let key_start = out.len();
        encode_path(key, out);

        let mut hasher = self.before_key.resume();
        hasher.update(&out.as_bytes()[key_start..]);
        if let Err(refused) = self.headers.write(values, &mut hasher) {
            out.truncate(start);
            return Err(refused);
        }

        out.push_str(tail);
        push_ascii(&self.signer.sign(&hasher.finish()), out);
        Ok(())
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("endpoint", &self.draft.endpoint)
            .finish_non_exhaustive()
    }
}

/// The canonical query of requests with these parameters and signed headers.
pub(super) fn query_text(
    draft: &Draft,
    query: &[(&str, &str)],
    header_names: &[&str],
) -> Result<String, SignError> {
    let dialect = draft.scope.dialect;
    let query = Query::new(dialect, query)?;
    let (before, after) = query.around_signature(dialect);
    let mut text = String::new();
    push_parameters(before, &mut text);
    if !before.is_empty() {
        text.push('&');
    }
    text.push_str(&draft.query);
    text.push_str(&names(header_names).join("%3B"));
    if !after.is_empty() {
        text.push('&');
    }
    push_parameters(after, &mut text);
    Ok(text)
}

/// The rest of a canonical request, with gaps for the values of its headers.
#[derive(Clone)]
pub(super) struct HeaderGaps {
    gaps: Vec<Gap>,
    /// What stands after the last gap.
    end: String,
    /// How many headers have values.
    headers: usize,
}

/// Room for a header's value.
#[derive(Clone)]
struct Gap {
    /// What stands before it, from the gap before on.
    before: String,
    /// The value that goes here, counted as the caller does.
    value: usize,
    /// The header's name, for what is said of a bad value.
    name: String,
}

impl HeaderGaps {
    /// `before` is what comes before the headers.
    pub(super) fn new(
        draft: &Draft,
        before: String,
        header_names: &[&str],
    ) -> Result<Self, SignError> {
        let dialect = draft.scope.dialect;
        for name in header_names {
            check_name(dialect, name)?;
        }
        let mut sorted: Vec<(&str, Option<usize>)> = vec![(HOST, None)];
        sorted.extend(
            header_names
                .iter()
                .enumerate()
                .map(|(at, name)| (*name, Some(at))),
        );
        sorted.sort_by_key(|(name, _)| *name);
        let (mut gaps, mut text, mut previous) = (Vec::new(), before, "");
        for (name, at) in sorted {
            if name == previous {
                text.push(',');
            } else {
                text.push_str(if previous.is_empty() { "" } else { "\n" });
                text.push_str(&format!("{name}:"));
            }
            previous = name;
            match at {
                None => text.push_str(draft.endpoint.authority()),
                Some(value) => gaps.push(Gap {
                    before: std::mem::take(&mut text),
                    value,
                    name: name.to_owned(),
                }),
            }
        }
        text.push_str(&format!("\n\n{}\n", names(header_names).join(";")));
        // The body's hash is a header's value, and stands at the end once more.
        match header_names
            .iter()
            .position(|name| *name == dialect.payload_header())
        {
            None => text.push_str(UNSIGNED_PAYLOAD),
            Some(value) => gaps.push(Gap {
                before: std::mem::take(&mut text),
                value,
                name: dialect.payload_header().to_owned(),
            }),
        }
        Ok(Self {
            gaps,
            end: text,
            headers: header_names.len(),
        })
    }

    /// Whether there is a value for each header.
    pub(super) fn check_count(&self, values: &[&str]) -> Result<(), SignError> {
        if values.len() != self.headers {
            return Err(SignError::HeaderCount {
                expected: self.headers,
                given: values.len(),
            });
        }
        Ok(())
    }

    /// Hashes the texts with the values in their gaps.
    pub(super) fn write(&self, values: &[&str], hasher: &mut Sha256) -> Result<(), SignError> {
        for gap in &self.gaps {
            hasher.update(gap.before.as_bytes());
            let value = values.get(gap.value).copied().unwrap_or_default();
            if all(value.as_bytes(), |byte| byte.wrapping_sub(b'!') < 94) {
                // Nothing to refuse and nothing to trim: as nearly always.
                hasher.update(value.as_bytes());
                continue;
            }
            check_value(&gap.name, value)?;
            write_trimmed(value, &mut |piece| hasher.update(piece.as_bytes()));
        }
        hasher.update(self.end.as_bytes());
        Ok(())
    }
}

/// All signed headers, each once, in order.
fn names<'a>(header_names: &[&'a str]) -> Vec<&'a str> {
    let mut names = header_names.to_vec();
    names.push(HOST);
    names.sort_unstable();
    names.dedup();
    names
}
