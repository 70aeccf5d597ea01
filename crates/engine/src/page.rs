//! Pages of lists: how many a page has, where the next one begins, and for whom that holds.

use std::fmt::Display;
use std::str::FromStr;

use valetkey_protocol::Code;

use crate::seal::Purpose;
use crate::{Engine, Error, Principal};

/// How many items a page has: a hundred unless asked otherwise.
///
/// # Errors
/// It is none, or more than a thousand.
pub(crate) fn page_limit(asked: Option<u32>) -> Result<u32, Error> {
    const MOST: u32 = 1000;
    match asked.unwrap_or(100) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Error::invalid("limit", format!("must be 1 to {MOST}"))),
    }
}

/// Cuts what was found, one more than the page has, to the page; its last one, if another page follows.
pub(crate) fn cut<T>(found: &mut Vec<T>, limit: u32) -> Option<&T> {
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    found.last().filter(|_| more)
}

impl Engine {
    /// Seals where the next page of a list begins; `kind` is the list, in one word.
    pub(crate) fn seal_page(&self, who: &Principal, kind: &str, place: impl Display) -> String {
        let text = format!("{kind} {place} {}", who.owner());
        self.sealer.seal(Purpose::Cursor, text.as_bytes())
    }

    /// Opens a cursor, if there is one: it is good for whom it was made and in its list only.
    pub(crate) fn open_page<T: FromStr>(
        &self,
        who: &Principal,
        kind: &str,
        cursor: Option<&str>,
    ) -> Result<Option<T>, Error> {
        let read = |text: &str| {
            let payload = String::from_utf8(self.sealer.open(Purpose::Cursor, text)?).ok()?;
            let (place, owner) = payload
                .strip_prefix(kind)?
                .strip_prefix(' ')?
                .split_once(' ')?;
            (owner == who.owner().to_string()).then(|| place.parse().ok())?
        };
        let detail = "cursor: is not one of this list; take next_cursor of the page before, or none to begin";
        let wrong = || Error::refused(Code::MalformedRequest, detail);
        cursor.map(|text| read(text).ok_or_else(wrong)).transpose()
    }
}
