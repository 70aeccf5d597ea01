//! The hosts of S3 itself.
//!
//! <https://docs.aws.amazon.com/general/latest/gr/s3.html>

use super::{AddressingStyle, EndpointError};

/// Which of a region's hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AwsHost {
    /// `s3.{region}.amazonaws.com`, and for `us-east-1` the host from before there were regions,
    /// `s3.amazonaws.com`: what AWS's own clients use.
    #[default]
    Default,
    /// `s3.{region}.amazonaws.com`, for `us-east-1` too.
    Regional,
    /// `s3.dualstack.{region}.amazonaws.com`, with IPv6.
    DualStack,
    /// `s3-fips.{region}.amazonaws.com`.
    Fips,
    /// `s3-fips.dualstack.{region}.amazonaws.com`.
    FipsDualStack,
    /// `s3-accelerate.amazonaws.com`, near the client; the bucket must allow it.
    Accelerate,
    /// `s3-accelerate.dualstack.amazonaws.com`.
    AccelerateDualStack,
}

/// Regions whose names start like this, and the domain of their hosts; the rest of the world is
/// `amazonaws.com`.
const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// `https://` and a host.
pub(super) fn origin(
    region: &str,
    style: AddressingStyle,
    host: AwsHost,
) -> Result<String, EndpointError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !(1..=63).contains(&region.len()) || !region.bytes().all(plain) {
        return Err(EndpointError::Region {
            region: region.to_owned(),
        });
    }
    if region == "auto" {
        return Err(EndpointError::NoRegion);
    }
    let accelerates = matches!(host, AwsHost::Accelerate | AwsHost::AccelerateDualStack);
    if accelerates && style != AddressingStyle::VirtualHost {
        return Err(EndpointError::AccelerateStyle);
    }
    let partition = PARTITIONS
        .iter()
        .find(|(start, _)| region.starts_with(start));
    let domain = partition.map_or("amazonaws.com", |(_, domain)| domain);
    let name = match host {
        AwsHost::Default if region == "us-east-1" => "s3".to_owned(),
        AwsHost::Default | AwsHost::Regional => format!("s3.{region}"),
        AwsHost::DualStack => format!("s3.dualstack.{region}"),
        AwsHost::Fips => format!("s3-fips.{region}"),
        AwsHost::FipsDualStack => format!("s3-fips.dualstack.{region}"),
        AwsHost::Accelerate => "s3-accelerate".to_owned(),
        AwsHost::AccelerateDualStack => "s3-accelerate.dualstack".to_owned(),
    };
    Ok(format!("https://{name}.{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    fn host(region: &str, bucket: &str, style: AddressingStyle, host: AwsHost) -> String {
        let endpoint = Endpoint::aws(region, bucket, style, host).unwrap();
        format!("{}{}", endpoint.authority(), endpoint.path_prefix())
    }

    #[test]
    fn every_partition_has_its_own_domain() {
        for (region, expected) in [
            ("us-east-1", "b.s3.amazonaws.com"),
            ("eu-central-1", "b.s3.eu-central-1.amazonaws.com"),
            ("us-gov-west-1", "b.s3.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "b.s3.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "b.s3.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", "b.s3.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "b.s3.us-isob-east-1.sc2s.sgov.gov"),
        ] {
            let style = AddressingStyle::VirtualHost;
            assert_eq!(host(region, "b", style, AwsHost::Default), expected);
        }
    }

    #[test]
    fn the_other_hosts_of_a_region_and_dotted_buckets() {
        use AddressingStyle::{Path, VirtualHost};
        for (bucket, style, kind, expected) in [
            (
                "b",
                VirtualHost,
                AwsHost::Regional,
                "b.s3.us-east-1.amazonaws.com",
            ),
            ("a.b", Path, AwsHost::Default, "s3.amazonaws.com/a.b"),
            ("a.b", VirtualHost, AwsHost::Default, "a.b.s3.amazonaws.com"),
            (
                "b",
                VirtualHost,
                AwsHost::DualStack,
                "b.s3.dualstack.us-east-1.amazonaws.com",
            ),
            (
                "b",
                Path,
                AwsHost::Fips,
                "s3-fips.us-east-1.amazonaws.com/b",
            ),
            (
                "b",
                VirtualHost,
                AwsHost::Accelerate,
                "b.s3-accelerate.amazonaws.com",
            ),
            (
                "b",
                VirtualHost,
                AwsHost::FipsDualStack,
                "b.s3-fips.dualstack.us-east-1.amazonaws.com",
            ),
            (
                "b",
                VirtualHost,
                AwsHost::AccelerateDualStack,
                "b.s3-accelerate.dualstack.amazonaws.com",
            ),
        ] {
            assert_eq!(host("us-east-1", bucket, style, kind), expected);
        }
    }

    #[test]
    fn what_makes_no_host_is_refused() {
        for region in ["", "us east", "evil.example/", "US-EAST-1"] {
            let refused = Endpoint::aws(region, "b", AddressingStyle::Path, AwsHost::Default);
            let region = region.to_owned();
            assert_eq!(refused, Err(EndpointError::Region { region }));
        }
        let path = |region, host| Endpoint::aws(region, "b", AddressingStyle::Path, host);
        for host in [AwsHost::Accelerate, AwsHost::AccelerateDualStack] {
            assert_eq!(path("us-east-1", host), Err(EndpointError::AccelerateStyle));
        }
        let refused = path("auto", AwsHost::Default);
        assert_eq!(refused, Err(EndpointError::NoRegion));
    }
}
