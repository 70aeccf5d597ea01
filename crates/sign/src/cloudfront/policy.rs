//! Who may fetch what, and when.

use std::net::Ipv4Addr;

use jiff::Timestamp;

/// A custom policy, and the canned one, which has an end only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy<'a> {
    /// The URL; in a custom policy `*` stands for any text and `?` for any letter.
    pub resource: &'a str,
    /// When it ends.
    pub expires: Timestamp,
    /// When it begins.
    pub starts: Option<Timestamp>,
    /// The IPv4 address, or range of addresses (`192.0.2.0/24`), that may use it. CloudFront limits no others, so the
    /// distribution must not be reachable over IPv6.
    pub ip: Option<&'a str>,
}

/// Why a policy makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The URL has a character that no URL has; it would not arrive as it was signed.
    #[error(
        "URL contains white space, a quote, a backslash, a fragment or a character that is not ASCII; encode it"
    )]
    Url,
    /// No IPv4 address and no range of them.
    #[error("IP {given:?} is no IPv4 address and no range such as 192.0.2.0/24")]
    Ip {
        /// The range as it was given.
        given: String,
    },
}

impl Policy<'_> {
    /// The very text that is signed: no white space, and the parts in CloudFront's order.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn to_json(&self) -> Result<String, PolicyError> {
        check_url(self.resource)?;
        let mut text = format!(
            "{{\"Statement\":[{{\"Resource\":\"{}\",\"Condition\":{{\"DateLessThan\":{{\"AWS:EpochTime\":{}}}",
            self.resource,
            self.expires.as_second()
        );
        if let Some(ip) = self.ip {
            let range = range_of(ip)?;
            text.push_str(&format!(",\"IpAddress\":{{\"AWS:SourceIp\":\"{range}\"}}"));
        }
        if let Some(starts) = self.starts {
            let second = starts.as_second();
            text.push_str(&format!(
                ",\"DateGreaterThan\":{{\"AWS:EpochTime\":{second}}}"
            ));
        }
        text.push_str("}}]}");
        Ok(text)
    }
}

/// The URL stands in JSON and in a request line, and must be the same in both.
pub(super) fn check_url(url: &str) -> Result<(), PolicyError> {
    // What comes after a `#` is never sent.
    let sound = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'#');
    if url.is_empty() || !url.bytes().all(sound) {
        return Err(PolicyError::Url);
    }
    Ok(())
}

/// With a length: a single address is a range of one.
fn range_of(ip: &str) -> Result<String, PolicyError> {
    let (address, bits) = ip.split_once('/').unwrap_or((ip, "32"));
    let parsed = (address.parse::<Ipv4Addr>(), bits.parse::<u8>());
    match parsed {
        (Ok(address), Ok(bits @ 0..=32)) => Ok(format!("{address}/{bits}")),
        _ => Err(PolicyError::Ip {
            given: ip.to_owned(),
        }),
    }
}
