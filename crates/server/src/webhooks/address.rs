//! Which addresses webhooks may go to: those of the public Internet, and what the configuration adds.
//!
//! The tables are IANA's of special purposes
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>),
//! and stricter where an address may lead to another: what is not surely global is refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// IPv4 that is not global (RFC 6890 and those after it), and what it is.
const SPECIAL_V4: &[(Ipv4Addr, u8, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by carriers"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a former relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// All of IPv6 that is handed out for the public Internet (RFC 4291 §2.4).
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What of it is not global all the same.
const SPECIAL_V6: &[(Ipv6Addr, u8, &str)] = &[
    // Teredo, benchmarks and ORCHID are in it: of what is global there, nothing is a web server.
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        "for protocols",
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        "for documentation",
    ),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "6to4"),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        "for documentation",
    ),
];

/// What IPv6-only networks call the addresses of IPv4 (NAT64, RFC 6052): as good as the one within.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Addresses with a common beginning, such as `10.0.0.0/8`; without a length it is one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    length: u8,
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "is no network: write it like 10.0.0.0/8, fd00::/8 or 192.0.2.7";
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| WRONG)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(whole), str::parse).map_err(|_| WRONG)?;
        if length > whole {
            return Err(WRONG);
        }
        Ok(Self { address, length })
    }
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => begins_v4(address, network, self.length),
            (IpAddr::V6(network), IpAddr::V6(address)) => begins_v6(address, network, self.length),
            _ => false,
        }
    }
}

/// An address that nothing is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forbidden {
    address: IpAddr,
    what: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, what } = self;
        write!(
            f,
            "{address}, which is not a public address ({what}); `webhooks.allow_addresses` of the configuration can allow it"
        )
    }
}

impl std::error::Error for Forbidden {}

/// Lets an address through that is global, or in one of these networks.
pub(crate) fn check(address: IpAddr, allowed: &[Network]) -> Result<(), Forbidden> {
    // What is sent to a mapped address goes to the one within.
    let address = address.to_canonical();
    match special(address) {
        Some(what) if !allowed.iter().any(|one| one.holds(address)) => {
            Err(Forbidden { address, what })
        }
        _ => Ok(()),
    }
}

/// What an address is, if it is not global.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let mut special = SPECIAL_V4.iter();
    let found = special.find(|(network, length, _)| begins_v4(address, *network, *length));
    found.map(|(_, _, what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if begins_v6(address, NAT64.0, NAT64.1) {
        let [.., a, b, c, d] = address.octets();
        return special_v4(Ipv4Addr::new(a, b, c, d));
    }
    if !begins_v6(address, GLOBAL_V6.0, GLOBAL_V6.1) {
        return Some(outside(address));
    }
    let mut special = SPECIAL_V6.iter();
    let found = special.find(|(network, length, _)| begins_v6(address, *network, *length));
    found.map(|(_, _, what)| *what)
}

fn outside(address: Ipv6Addr) -> &'static str {
    match address.segments()[0] {
        _ if address.is_loopback() => "loopback",
        _ if address.is_unspecified() => "no address",
        0xfc00..=0xfdff => "private",
        0xfe80..=0xfebf => "link-local",
        0xff00..=0xffff => "multicast",
        _ => "reserved",
    }
}

fn begins_v4(address: Ipv4Addr, network: Ipv4Addr, length: u8) -> bool {
    let rest = 32 - u32::from(length);
    let head = |one: Ipv4Addr| one.to_bits().checked_shr(rest);
    head(address) == head(network)
}

fn begins_v6(address: Ipv6Addr, network: Ipv6Addr, length: u8) -> bool {
    let rest = 128 - u32::from(length);
    let head = |one: Ipv6Addr| one.to_bits().checked_shr(rest);
    head(address) == head(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(text: &str, allowed: &[Network]) -> bool {
        check(text.parse().unwrap(), allowed).is_err()
    }

    #[test]
    fn the_first_and_the_last_of_every_special_network_are_refused() {
        for text in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.0",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.0",
            "192.0.2.255",
            "192.88.99.0",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.0",
            "203.0.113.255",
            "224.0.0.0",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.255",
        ] {
            assert!(is_refused(text, &[]), "{text}");
        }
    }

    #[test]
    fn no_address_of_ipv6_is_a_way_around_that() {
        for text in [
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(is_refused(text, &[]), "{text}");
        }
    }

    #[test]
    fn their_neighbours_are_not() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.114.0",
            "223.255.255.255",
            "8.8.8.8",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700::1111",
            "2a00::1",
            "3ffe:ffff::1",
            "3fff:1000::1",
        ] {
            assert!(!is_refused(text, &[]), "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_let_through_and_nothing_beside_it() {
        let allowed = ["10.1.0.0/16", "127.0.0.1", "fd00::/8"].map(|text| text.parse().unwrap());
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "fd12::1"] {
            assert!(!is_refused(text, &allowed), "{text}");
        }
        for text in ["10.2.0.0", "127.0.0.2", "fc00::1", "::1", "169.254.169.254"] {
            assert!(is_refused(text, &allowed), "{text}");
        }
        let all = ["0.0.0.0/0".parse().unwrap()];
        assert!(!is_refused("127.0.0.1", &all));
        assert!(is_refused("::1", &all));
    }

    #[test]
    fn what_is_no_network_is_told() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0/8",
            "localhost",
            "10.0.0.0/-1",
        ] {
            assert!(
                text.parse::<Network>().unwrap_err().contains("10.0.0.0/8"),
                "{text}"
            );
        }
    }
}
