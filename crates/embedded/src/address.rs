//! Which bucket and key a request addresses: by its path, or by its host.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>.

use http::request::Parts;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use s3s::host::{S3Host, VirtualHost};
use s3s::path::{ParseS3PathError, S3Path, parse_virtual_hosted_style};
use s3s::{S3Result, s3_error};

/// The name below which each bucket has a name of its own, e.g. `s3.example`; in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Domain(Option<String>);

impl Domain {
    /// `None` when the name could not be in a `Host`: it is labels only, without a port.
    pub(crate) fn new(name: Option<&str>) -> Option<Self> {
        let fits = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        match name {
            Some(name) if !name.split('.').all(fits) => None,
            name => Some(Self(name.map(str::to_ascii_lowercase))),
        }
    }

    /// What a request is about. The name of the bucket and the length of the key are those S3 allows.
    pub(crate) fn locate(&self, parts: &Parts) -> S3Result<S3Path> {
        let path = percent_decode_str(parts.uri.path())
            .decode_utf8()
            .map_err(|_| s3_error!(InvalidURI, "Couldn't parse the specified URI."))?;
        let bucket = self.bucket(host(&parts.headers));
        parse_virtual_hosted_style(bucket.as_deref(), &path).map_err(|error| match error {
            ParseS3PathError::InvalidPath => {
                s3_error!(InvalidURI, "Couldn't parse the specified URI.")
            }
            ParseS3PathError::InvalidBucketName => {
                s3_error!(InvalidBucketName, "The specified bucket is not valid.")
            }
            ParseS3PathError::KeyTooLong => s3_error!(KeyTooLongError, "Your key is too long"),
        })
    }

    /// What stands where the name of the bucket does, whether or not it can be one.
    pub(crate) fn bucket_of(&self, headers: &HeaderMap, path: &str) -> String {
        self.bucket(host(headers)).unwrap_or_else(|| {
            let mut folders = path.trim_start_matches('/').split('/');
            folders.next().unwrap_or_default().to_owned()
        })
    }

    /// The bucket that a host names. Under any other name than the domain's, the path names it.
    fn bucket(&self, host: &str) -> Option<String> {
        let domain = self.0.as_deref()?;
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        let bucket = name.strip_suffix(domain)?.strip_suffix('.')?;
        Some(bucket.to_owned())
    }
}

/// What the client called the store; empty when it did not say.
pub(crate) fn host(headers: &HeaderMap) -> &str {
    let host = headers.get(header::HOST);
    host.and_then(|host| host.to_str().ok()).unwrap_or_default()
}

impl S3Host for Domain {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let address = VirtualHost::new(host);
        Ok(match self.bucket(host) {
            Some(bucket) => address.with_bucket(bucket),
            None => address,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_below_the_domain_names_a_bucket() {
        let domain = Domain::new(Some("S3.Example")).unwrap();
        for (host, bucket) in [
            ("files.s3.example", Some("files")),
            ("files.s3.example:9000", Some("files")),
            ("FILES.S3.EXAMPLE", Some("files")),
            ("my.files.s3.example", Some("my.files")),
            ("s3.example", None),
            ("s3.example:9000", None),
            ("filess3.example", None),
            ("files.s3.example.evil", None),
            ("127.0.0.1:9000", None),
            ("[::1]:9000", None),
            ("", None),
        ] {
            assert_eq!(domain.bucket(host).as_deref(), bucket, "{host}");
            let nameless = Domain::new(None).unwrap();
            assert_eq!(nameless.bucket(host), None);
        }
    }

    #[test]
    fn a_domain_is_labels() {
        for wrong in ["", "a..b", ".a", "a.", "a:9000", "http://a", "a/b"] {
            assert!(Domain::new(Some(wrong)).is_none(), "{wrong}");
        }
    }
}
