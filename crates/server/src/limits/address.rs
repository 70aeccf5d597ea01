//! Who is at the other end: the address a request is counted under.
//!
//! Proxies add to `X-Forwarded-For` at its right end the address they were reached from. What stands to the left of what
//! ours added was written by whoever sent the request, and may be anything. So the list is read from the right, over as
//! many of our own proxies as there are, and never further.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

/// The header that proxies add to.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a connection. The listener puts it beside each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What is counted as one: an IPv4 address, or the /64 of an IPv6 address, which is what one customer is given at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let network = match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        };
        Self(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a request says that it came by way of a proxy.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_FOR)
}

/// The address a request came from, `proxies` of our own away. An entry that cannot be read, or a list that is too
/// short, gives the address nearest to it that is sure: a proxy's, or the peer's.
pub(super) fn client(peer: Option<Peer>, headers: &HeaderMap, proxies: usize) -> IpAddr {
    let peer = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let sure = entries.take(proxies).map_while(read);
    sure.last().unwrap_or(peer)
}

/// One entry: an address, perhaps with a port, IPv6 perhaps in brackets.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip()).ok();
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| bare().map(Ipv6Addr::into));
    let address = address.or_else(with_port)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PEER: &str = "192.0.2.1";

    fn found(lines: &[&str], proxies: usize) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let peer = Peer(PEER.parse().unwrap());
        client(Some(peer), &headers, proxies).to_string()
    }

    #[test]
    fn without_proxies_of_our_own_the_header_means_nothing() {
        assert_eq!(found(&[], 0), PEER);
        assert_eq!(found(&["198.51.100.7"], 0), PEER);
        assert_eq!(found(&["198.51.100.7, 203.0.113.9"], 0), PEER);
    }

    #[test]
    fn as_many_hops_are_passed_from_the_right_as_there_are_proxies() {
        let list = ["203.0.113.9, 198.51.100.7,10.0.0.5"];
        assert_eq!(found(&list, 1), "10.0.0.5");
        assert_eq!(found(&list, 2), "198.51.100.7");
        assert_eq!(found(&list, 3), "203.0.113.9");
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = ["203.0.113.9", "198.51.100.7, 10.0.0.5"];
        assert_eq!(found(&lines, 1), "10.0.0.5");
        assert_eq!(found(&lines, 3), "203.0.113.9");
    }

    #[test]
    fn a_list_with_too_few_hops_ends_with_its_first() {
        assert_eq!(found(&[], 2), PEER);
        assert_eq!(found(&["198.51.100.7"], 2), "198.51.100.7");
        assert_eq!(
            found(&["198.51.100.7, 10.0.0.5"], usize::MAX),
            "198.51.100.7"
        );
    }

    #[test]
    fn what_is_no_address_gives_the_nearest_that_is_sure() {
        for garbage in [
            "unknown",
            "",
            "_hidden",
            "1.2.3",
            "1.2.3.4.5",
            "[::1",
            "fe80::1%eth0",
            "::g",
            "256.1.1.1",
            "1.2.3.4:99999",
        ] {
            assert_eq!(found(&[garbage], 1), PEER, "{garbage}");
            let list = format!("203.0.113.9, {garbage}, 10.0.0.5");
            assert_eq!(found(&[&list], 2), "10.0.0.5", "{garbage}");
            assert_eq!(found(&[&list], 3), "10.0.0.5", "{garbage}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        let peer = Peer(PEER.parse().unwrap());
        assert_eq!(client(Some(peer), &headers, 1), peer.0);
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        for (text, address) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
            ("\t198.51.100.7 ", "198.51.100.7"),
        ] {
            assert_eq!(found(&[text], 1), address, "{text}");
        }
    }

    #[test]
    fn ipv6_is_counted_by_64_and_mapped_ipv4_as_what_it_is() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:198.51.100.7"), network("198.51.100.7"));
        assert_ne!(network("198.51.100.7"), network("198.51.100.8"));
    }
}
