//! Shared-key authorisation: signatures in the headers of control calls.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>

use std::cmp::Ordering;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::Offset;

use super::{Account, AccountKey, AzureError};
use crate::SignError;
use crate::encode::{encode_component, encode_path};
use crate::v4::Method;

/// The standard headers that are signed, in their order; `date` stays empty, `x-ms-date` is sent.
const STANDARD_HEADERS: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// A call to the blob service.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// What it is about, below the account: `container`, `container/blob`, or nothing; not encoded.
    pub path: &'a str,
    /// Query parameters, not encoded.
    pub query: &'a [(&'a str, &'a str)],
    /// All headers that are sent, names in lower case; `x-ms-version` must be among them.
    pub headers: &'a [(&'a str, &'a str)],
}

/// A signed call: send it to exactly this URL, with these headers and those of the [`Call`].
#[derive(Clone)]
pub struct SignedCall {
    /// The URL.
    pub url: String,
    /// `x-ms-date` and `authorization`.
    pub headers: [(&'static str, String); 2],
}

impl fmt::Debug for SignedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedCall")
            .field("url", &self.url.split('?').next().unwrap_or_default())
            .finish_non_exhaustive()
    }
}

/// Signs a call with an account's key.
///
/// # Errors
/// [`AzureError::DotSegment`], [`AzureError::Control`] and [`AzureError::Header`].
pub fn authorize(
    account: &Account,
    key: &AccountKey,
    call: &Call<'_>,
    at: Timestamp,
) -> Result<SignedCall, AzureError> {
    check(call)?;
    let date = http_date(at);
    let mut path = format!("{}/", account.base_path());
    encode_path(call.path.as_bytes(), &mut path);

    let mut text = format!("{}\n", call.method.as_str());
    for name in STANDARD_HEADERS {
        let value = value_of(call, name);
        let is_empty_body = name == "content-length" && value == "0";
        text.push_str(if is_empty_body { "" } else { value });
        text.push('\n');
    }
    push_own_headers(call, &date, &mut text);
    text.push_str(&format!("/{}{path}", account.name()));
    push_query(call, &mut text);

    let mut url = format!("{}{path}", account.host_url());
    for (index, (name, value)) in call.query.iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        encode_component(name.as_bytes(), &mut url);
        url.push('=');
        encode_component(value.as_bytes(), &mut url);
    }
    let signature = STANDARD.encode(key.mac(&text));
    Ok(SignedCall {
        url,
        headers: [
            ("x-ms-date", date),
            (
                "authorization",
                format!("SharedKey {}:{signature}", account.name()),
            ),
        ],
    })
}

fn check(call: &Call<'_>) -> Result<(), AzureError> {
    if call
        .path
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
    {
        return Err(AzureError::DotSegment);
    }
    let parameters = call.query.iter().flat_map(|(name, value)| [*name, *value]);
    if parameters
        .chain([call.path])
        .any(|text| text.contains(['\n', '\r']))
    {
        return Err(AzureError::Control {
            part: "path or query",
        });
    }
    for (name, value) in call.headers {
        let name = || (*name).to_owned();
        if name()
            .bytes()
            .any(|b| !b.is_ascii_graphic() || b.is_ascii_uppercase())
        {
            return Err(SignError::HeaderName { name: name() }.into());
        }
        if ["x-ms-date", "authorization", "date"].contains(&&*name()) {
            return Err(SignError::ReservedHeader { name: name() }.into());
        }
        if value.chars().any(char::is_control) {
            return Err(SignError::HeaderValue { name: name() }.into());
        }
    }
    Ok(())
}

fn value_of<'a>(call: &Call<'a>, name: &str) -> &'a str {
    let mut headers = call.headers.iter();
    headers
        .find(|(n, _)| *n == name)
        .map_or("", |(_, value)| value)
}

/// `x-ms-…` headers, each on a line of its own.
fn push_own_headers(call: &Call<'_>, date: &str, text: &mut String) {
    let own = call
        .headers
        .iter()
        .copied()
        .filter(|(name, _)| name.starts_with("x-ms-"));
    let mut own: Vec<(&str, &str)> = own.chain([("x-ms-date", date)]).collect();
    own.sort_by(|(a, _), (b, _)| compare_names(a, b));
    for (name, value) in own {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
}

/// Parameters, each on a line of its own, the values of a repeated one together.
fn push_query(call: &Call<'_>, text: &mut String) {
    let lower = |(name, value): &(&str, &str)| (name.to_lowercase(), (*value).to_owned());
    let mut parameters: Vec<(String, String)> = call.query.iter().map(lower).collect();
    parameters.sort();
    let mut previous = None;
    for (name, value) in parameters {
        if previous.as_ref() == Some(&name) {
            text.push_str(&format!(",{value}"));
        } else {
            text.push_str(&format!("\n{name}:{value}"));
        }
        previous = Some(name);
    }
}

/// The service sorts names as Windows sorts words: hyphens count only between names that are otherwise
/// alike, and then the one that comes later goes first; signs come before digits, and these before letters.
fn compare_names(a: &str, b: &str) -> Ordering {
    let without = |name: &'_ str| {
        name.bytes()
            .filter(|b| *b != b'-')
            .map(weight)
            .collect::<Vec<_>>()
    };
    let first_hyphens = || {
        let differ = a.bytes().zip(b.bytes()).find(|(a, b)| a != b);
        differ.map_or(Ordering::Equal, |(a, _)| {
            if a == b'-' {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        })
    };
    without(a).cmp(&without(b)).then_with(first_hyphens)
}

fn weight(byte: u8) -> (u8, u8) {
    match byte {
        b'+' => (1, byte),
        b'0'..=b'9' => (2, byte),
        b'a'..=b'z' => (3, byte),
        _ => (0, byte),
    }
}

/// `Fri, 02 Jan 2026 03:04:05 GMT`: RFC 9110, section 5.6.7.
fn http_date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let at = Offset::UTC.to_datetime(at);
    let day = at.weekday().to_monday_zero_offset();
    let name = |names: &[&'static str], index: i8| {
        let index = usize::try_from(index).unwrap_or_default();
        names.get(index).copied().unwrap_or_default()
    };
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, day),
        at.day(),
        name(&MONTHS, at.month() - 1),
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        let date = |text: &str| http_date(text.parse().unwrap());
        assert_eq!(
            date("1994-11-06T08:49:37.9Z"),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(
            date("2026-01-02T03:04:05Z"),
            "Fri, 02 Jan 2026 03:04:05 GMT"
        );
    }

    #[test]
    fn hyphens_hardly_count_in_the_order_of_names() {
        let mut names = [
            "x-ms-meta-ab",
            "x-ms-meta-a-c",
            "x-ms-meta-a-b",
            "x-ms-meta-1",
            "x-ms-meta_a",
        ];
        names.sort_by(|a, b| compare_names(a, b));
        assert_eq!(
            names,
            [
                "x-ms-meta_a",
                "x-ms-meta-1",
                "x-ms-meta-ab",
                "x-ms-meta-a-b",
                "x-ms-meta-a-c"
            ]
        );
    }
}
