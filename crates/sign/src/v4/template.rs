//! Requests that differ in the key and in header values only.

use std::fmt;

use super::canonical_request::{Method, UNSIGNED_PAYLOAD};
use super::draft::Draft;
use super::headers::{HOST, check_name, check_value, write_trimmed};
use super::url::{Query, push_origin, push_parameters};
use crate::SignError;
use crate::digest::{PrefixedHmac, Sha256};
use crate::encode::{encode_path, hex, push_ascii};

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
    before_key: String,
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
        let mut tail = format!("?{query}");
        draft.push_signature_name(&mut tail);
        Ok(Self {
            url: (head, tail),
            before_key: format!("{}\n{prefix}/", method.as_str()),
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
        self.headers.check(values)?;
        let (head, tail) = &self.url;
        out.reserve(head.len() + key.len() + tail.len() + 64);
        out.push_str(head);
        let key_start = out.len();
        encode_path(key, out);

        let mut hasher = Sha256::new();
        hasher.update(self.before_key.as_bytes());
        hasher.update(&out.as_bytes()[key_start..]);
        self.headers.write(values, &mut hasher);

        out.push_str(tail);
        push_ascii(&hex(&self.signer.mac(&hex(&hasher.finish()))), out);
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
    /// What stands before each gap, and after the last one.
    texts: Vec<String>,
    /// The value that goes into each gap, counted as the caller does, and its header's name.
    gaps: Vec<(usize, String)>,
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
        let (mut texts, mut gaps, mut text, mut previous) = (Vec::new(), Vec::new(), before, "");
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
                Some(at) => {
                    texts.push(std::mem::take(&mut text));
                    gaps.push((at, name.to_owned()));
                }
            }
        }
        text.push_str(&format!("\n\n{}\n", names(header_names).join(";")));
        // The body's hash is a header's value, and stands at the end once more.
        match header_names
            .iter()
            .position(|name| *name == dialect.payload_header())
        {
            None => text.push_str(UNSIGNED_PAYLOAD),
            Some(at) => {
                texts.push(std::mem::take(&mut text));
                gaps.push((at, dialect.payload_header().to_owned()));
            }
        }
        texts.push(text);
        Ok(Self { texts, gaps })
    }

    /// Whether these values may be signed.
    pub(super) fn check(&self, values: &[&str]) -> Result<(), SignError> {
        let expected = self.gaps.iter().map(|(at, _)| at + 1).max().unwrap_or(0);
        if values.len() != expected {
            return Err(SignError::HeaderCount {
                expected,
                given: values.len(),
            });
        }
        self.gaps
            .iter()
            .try_for_each(|(at, name)| check_value(name, values[*at]))
    }

    /// Hashes the texts with the values in their gaps.
    pub(super) fn write(&self, values: &[&str], hasher: &mut Sha256) {
        let mut texts = self.texts.iter();
        for ((at, _), text) in self.gaps.iter().zip(&mut texts) {
            hasher.update(text.as_bytes());
            write_trimmed(values[*at], &mut |value| hasher.update(value.as_bytes()));
        }
        for text in texts {
            hasher.update(text.as_bytes());
        }
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
