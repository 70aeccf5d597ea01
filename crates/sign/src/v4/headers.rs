//! The headers that are signed.

use std::borrow::Cow;

use super::dialect::Dialect;
use crate::SignError;
use crate::encode::all;

/// The host and, unless it is the default one, the port.
pub(crate) const HOST: &str = "host";

/// A header's name in lower case, and its value.
pub(super) type Header<'a> = (&'a str, &'a str);

/// Checked and sorted headers, `host` always among them.
pub(super) struct SignedHeaders<'a> {
    host: &'a str,
    others: Cow<'a, [Header<'a>]>,
}

impl<'a> SignedHeaders<'a> {
    /// Checks and sorts the caller's headers; nothing is allocated when they are sorted already.
    pub(super) fn new(
        dialect: Dialect,
        host: &'a str,
        headers: &'a [Header<'a>],
    ) -> Result<Self, SignError> {
        for (name, value) in headers {
            check_name(dialect, name)?;
            check_value(name, value)?;
        }
        Ok(Self::unchecked(host, headers))
    }

    /// Sorts headers that were checked, or that somebody else has signed.
    pub(super) fn unchecked(host: &'a str, headers: &'a [Header<'a>]) -> Self {
        let others = Cow::Borrowed(headers);
        Self { host, others }.sorted()
    }

    /// The value of a header that is there once or more.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        let mut others = self.others.iter();
        others.find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    /// Adds the signer's own headers.
    pub(super) fn and(mut self, own: impl IntoIterator<Item = Header<'a>>) -> Self {
        self.others.to_mut().extend(own);
        self.sorted()
    }

    /// The names, each once, joined by `separator` (`;`, or `%3B` inside a query).
    pub(super) fn write_names(&self, separator: &str, put: &mut impl FnMut(&str)) {
        let mut previous = "";
        for (name, _) in self.iter() {
            if name == previous {
                continue;
            }
            if !previous.is_empty() {
                put(separator);
            }
            put(name);
            previous = name;
        }
    }

    /// `name:value\n` for each name; the values of a repeated header are joined by commas.
    pub(super) fn write_canonical(&self, put: &mut impl FnMut(&str)) {
        let mut previous = "";
        for (name, value) in self.iter() {
            if name == previous {
                put(",");
            } else {
                if !previous.is_empty() {
                    put("\n");
                }
                put(name);
                put(":");
            }
            write_trimmed(value, put);
            previous = name;
        }
        put("\n");
    }

    fn sorted(mut self) -> Self {
        if !self.others.is_sorted_by_key(|(name, _)| *name) {
            // Stable: values of a repeated header keep their order.
            self.others.to_mut().sort_by_key(|(name, _)| *name);
        }
        self
    }

    fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        let host_at = self.others.partition_point(|(name, _)| *name < HOST);
        let (before, after) = self.others.split_at(host_at);
        let host = std::iter::once((HOST, self.host));
        before
            .iter()
            .copied()
            .chain(host)
            .chain(after.iter().copied())
    }
}

/// What a name is made of.
const NAME: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0);
    while byte < 128 {
        let letter = byte as u8;
        table[byte] = letter.is_ascii_lowercase()
            || letter.is_ascii_digit()
            || matches!(letter, b'-' | b'.' | b'_');
        byte += 1;
    }
    table
};

/// Names are narrower than HTTP's tokens, so that they stand in a query without encoding.
pub(super) fn check_name(dialect: Dialect, name: &str) -> Result<(), SignError> {
    if name.is_empty() || !name.bytes().all(|byte| NAME[usize::from(byte)]) {
        return Err(SignError::HeaderName {
            name: name.to_owned(),
        });
    }
    let own = [
        HOST,
        "authorization",
        dialect.date_header(),
        dialect.token_header(),
    ];
    if own.contains(&name) {
        return Err(SignError::ReservedHeader {
            name: name.to_owned(),
        });
    }
    Ok(())
}

/// Signers disagree about tabs, and a line break would end the canonical line.
pub(super) fn check_value(name: &str, value: &str) -> Result<(), SignError> {
    let printable = all(value.as_bytes(), |byte| byte.wrapping_sub(b' ') < 95);
    if !printable && value.chars().any(char::is_control) {
        return Err(SignError::HeaderValue {
            name: name.to_owned(),
        });
    }
    Ok(())
}

/// Drops white space at both ends and makes one space of each run inside.
pub(super) fn write_trimmed(value: &str, put: &mut impl FnMut(&str)) {
    if is_trimmed(value.as_bytes()) {
        return put(value);
    }
    let mut separator = "";
    for word in value.split_ascii_whitespace() {
        put(separator);
        put(word);
        separator = " ";
    }
}

fn is_trimmed(value: &[u8]) -> bool {
    if all(value, |byte| byte > b' ') {
        return true;
    }
    let mut after_space = true;
    for byte in value {
        let space = byte.is_ascii_whitespace();
        if space && (after_space || *byte != b' ') {
            return false;
        }
        after_space = space;
    }
    !after_space || value.is_empty()
}
