//! Where a bucket is reached.

mod aws;

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::encode::is_unreserved;

pub use aws::AwsHost;

/// How a bucket's name enters its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressingStyle {
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    VirtualHost,
    /// `https://host/key`: the host stands for the bucket alone, as a name of one's own does.
    Bound,
}

/// The address of one bucket: scheme, authority and the path in front of every key.
///
/// The parts are already in the form that goes over the wire and into the signature (host in lower
/// case, default port dropped, IP addresses in canonical form), so that an HTTP library has nothing
/// left to normalise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    authority: String,
    path_prefix: String,
    bucket: String,
}

impl Endpoint {
    /// Parses `http[s]://host[:port][/base]` for one bucket.
    ///
    /// The host is a DNS name, an IPv4 address or an IPv6 literal in brackets. The base path may hold
    /// unreserved characters and `/` only; a trailing `/` is ignored.
    ///
    /// # Errors
    /// Everything that is not exactly of that form: user info, query, fragment, control characters,
    /// dot segments, a bad bucket name, or virtual-host style with an IP address.
    pub fn parse(url: &str, bucket: &str, style: AddressingStyle) -> Result<Self, EndpointError> {
        if url.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
            return Err(EndpointError::ForbiddenCharacter);
        }
        let (scheme, rest) = split_scheme(url)?;
        // First of all: no later message may repeat a piece of a password.
        if rest.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        if rest.contains(['?', '#']) {
            return Err(EndpointError::QueryOrFragment);
        }
        let (host_and_port, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(host_and_port)?;
        let host = Host::parse(host)?;
        let base = parse_base(base)?;
        check_bucket(bucket, style)?;

        let mut authority = match (style, host) {
            (
                AddressingStyle::Path | AddressingStyle::Bound,
                Host::Name(text) | Host::Address(text),
            ) => text,
            (AddressingStyle::VirtualHost, Host::Name(text)) => below(&text, bucket)?,
            (AddressingStyle::VirtualHost, Host::Address(_)) => {
                return Err(EndpointError::VirtualHostWithAddress);
            }
        };
        if let Some(port) = port.filter(|port| *port != default_port(scheme)) {
            authority.push_str(&format!(":{port}"));
        }
        let path_prefix = match style {
            AddressingStyle::Path => format!("{base}/{bucket}"),
            AddressingStyle::VirtualHost | AddressingStyle::Bound => base.to_owned(),
        };
        Ok(Self {
            scheme,
            authority,
            path_prefix,
            bucket: bucket.to_owned(),
        })
    }

    /// The address of a bucket in AWS, or a region's twin of it.
    ///
    /// A bucket with dots in its name has no valid certificate in virtual-host style; use path style.
    ///
    /// # Errors
    /// A region that is none of AWS, a bad bucket name, and path style with acceleration.
    pub fn aws(
        region: &str,
        bucket: &str,
        style: AddressingStyle,
        host: AwsHost,
    ) -> Result<Self, EndpointError> {
        Self::parse(&aws::origin(region, style, host)?, bucket, style)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.scheme
    }

    /// The host, with its port unless that is the scheme's default: exactly the `Host` header.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What stands before `/{key}` in every path: the base path, then `/{bucket}` in path style.
    /// Empty, or starting with `/`; never ending with one.
    pub fn path_prefix(&self) -> &str {
        &self.path_prefix
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }
}

/// Why an endpoint or a bucket name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The URL does not start with `http://` or `https://`.
    #[error("endpoint does not start with http:// or https://")]
    Scheme,
    /// White space, a control character or a backslash.
    #[error("endpoint contains white space, a control character or a backslash")]
    ForbiddenCharacter,
    /// `user:password@`; credentials have their own settings.
    #[error("endpoint contains user info; set the credentials apart from it")]
    UserInfo,
    /// `?…` or `#…`.
    #[error("endpoint contains a query or a fragment")]
    QueryOrFragment,
    /// The host is empty or not a DNS name, an IPv4 address or an IPv6 literal in brackets.
    #[error(
        "endpoint host {host:?} is not a DNS name, an IPv4 address or an IPv6 literal in brackets"
    )]
    Host {
        /// The host as it was given.
        host: String,
    },
    /// The port is not a number from 1 to 65,535.
    #[error("endpoint port {port:?} is not a number from 1 to 65535")]
    Port {
        /// The port as it was given.
        port: String,
    },
    /// The base path has an empty or dot segment, or a character that would have to be encoded.
    #[error("endpoint base path {path:?} has an empty or dot segment or a character to be encoded")]
    BasePath {
        /// The path as it was given.
        path: String,
    },
    /// The bucket's name cannot stand in a path or, in virtual-host style, in a host name.
    #[error("bucket name {bucket:?} cannot be used with this addressing style")]
    Bucket {
        /// The name as it was given.
        bucket: String,
    },
    /// A region that cannot stand in a host name.
    #[error("region {region:?} is not made of 1 to 63 lower-case letters, digits and `-`")]
    Region {
        /// The region as it was given.
        region: String,
    },
    /// `auto` is what others than AWS call their only region.
    #[error("region \"auto\" is none of AWS: give the endpoint")]
    NoRegion,
    /// `s3-accelerate` names the bucket in its host and knows no other way.
    #[error("transfer acceleration needs virtual-host style")]
    AccelerateStyle,
    /// `bucket.127.0.0.1` is no host.
    #[error("virtual-host style needs a host name, not an IP address; use path style")]
    VirtualHostWithAddress,
}

/// RFC 1035, section 2.3.4, as text.
const LONGEST_NAME: usize = 253;

enum Host {
    Name(String),
    Address(String),
}

impl Host {
    fn parse(host: &str) -> Result<Self, EndpointError> {
        let refused = || EndpointError::Host {
            host: host.to_owned(),
        };
        if let Some(literal) = host.strip_prefix('[') {
            let address = literal.strip_suffix(']').ok_or_else(refused)?;
            let address: Ipv6Addr = address.parse().map_err(|_| refused())?;
            return Ok(Self::Address(ipv6_literal(address)));
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        if name.len() > LONGEST_NAME || !name.split('.').all(is_label) {
            return Err(refused());
        }
        // URL libraries read any host with a numeric last label as an IPv4 address (`127.1`, `0x7f.1`).
        if name.rsplit('.').next().is_some_and(is_numeric) {
            let address: Ipv4Addr = host.parse().map_err(|_| refused())?;
            return Ok(Self::Address(address.to_string()));
        }
        Ok(Self::Name(host.to_ascii_lowercase()))
    }
}

fn split_scheme(url: &str) -> Result<(&'static str, &str), EndpointError> {
    let (scheme, rest) = url.split_once("://").ok_or(EndpointError::Scheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok(("http", rest)),
        "https" => Ok(("https", rest)),
        _ => Err(EndpointError::Scheme),
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

fn split_port(host_and_port: &str) -> Result<(&str, Option<u16>), EndpointError> {
    let after_literal = host_and_port.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = host_and_port[after_literal..].find(':') else {
        return Ok((host_and_port, None));
    };
    let (host, port) = host_and_port.split_at(after_literal + colon);
    let digits = &port[1..];
    let number = Some(digits)
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|number| *number != 0);
    match number {
        Some(number) => Ok((host, Some(number))),
        None => Err(EndpointError::Port {
            port: digits.to_owned(),
        }),
    }
}

fn parse_base(path: &str) -> Result<&str, EndpointError> {
    let base = path.strip_suffix('/').unwrap_or(path);
    let segment_is_plain =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_unreserved);
    if base.is_empty() || base[1..].split('/').all(segment_is_plain) {
        return Ok(base);
    }
    Err(EndpointError::BasePath {
        path: path.to_owned(),
    })
}

/// Provider rules differ (S3 wants 3 to 63 lower-case characters, others allow more), so this checks
/// only what keeps the name one unchanged path segment, or a run of host labels.
fn check_bucket(bucket: &str, style: AddressingStyle) -> Result<(), EndpointError> {
    let fits = match style {
        AddressingStyle::Path | AddressingStyle::Bound => {
            (1..=255).contains(&bucket.len())
                && !matches!(bucket, "." | "..")
                && bucket.bytes().all(is_unreserved)
        }
        AddressingStyle::VirtualHost => {
            (1..=63).contains(&bucket.len())
                && bucket.split('.').all(is_label)
                && !bucket.bytes().any(|b| b.is_ascii_uppercase() || b == b'_')
        }
    };
    if fits {
        return Ok(());
    }
    Err(EndpointError::Bucket {
        bucket: bucket.to_owned(),
    })
}

/// The bucket's own host.
fn below(host: &str, bucket: &str) -> Result<String, EndpointError> {
    let name = format!("{bucket}.{host}");
    if name.trim_end_matches('.').len() > LONGEST_NAME {
        return Err(EndpointError::Bucket {
            bucket: bucket.to_owned(),
        });
    }
    Ok(name)
}

/// Underscores are no DNS host characters, but container networks use them in service names.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_numeric(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or(label.strip_prefix("0X"));
    label.bytes().all(|b| b.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// RFC 5952 but for IPv4-mapped addresses, which browsers and URL libraries write in hexadecimal.
fn ipv6_literal(address: Ipv6Addr) -> String {
    if address.to_ipv4_mapped().is_some() {
        let [.., high, low] = address.segments();
        return format!("[::ffff:{high:x}:{low:x}]");
    }
    format!("[{address}]")
}

#[cfg(test)]
mod tests;
