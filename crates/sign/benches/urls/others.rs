//! The other signers, and the bare hashing.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_smithy_runtime_api::client::identity::Identity;
use rusty_s3::{Bucket, Credentials as RustyCredentials, UrlStyle};
use sha2::block_api::compress256;

pub(crate) const AT: &str = "2026-11-23T20:36:01Z";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const BUCKET: &str = "photos";
pub(crate) const HOST: &str = "photos.s3.eu-central-1.amazonaws.com";
pub(crate) const KEY: &str = "quarantine/0199c2f0-7f6e-7bb4-8d1c-2f60b1f2a9c3";
pub(crate) const EXPIRES_IN: u32 = 900;

/// What rusty-s3 keeps between requests.
pub(crate) struct Rusty {
    pub(crate) bucket: Bucket,
    pub(crate) credentials: RustyCredentials,
    pub(crate) at: jiff_of_rusty_s3::Timestamp,
}

impl Rusty {
    pub(crate) fn new(token: Option<&str>) -> Self {
        let endpoint = "https://s3.eu-central-1.amazonaws.com".parse().unwrap();
        let bucket = Bucket::new(endpoint, UrlStyle::VirtualHost, BUCKET, REGION).unwrap();
        let credentials = match token {
            None => RustyCredentials::new(ID, SECRET),
            Some(token) => RustyCredentials::new_with_token(ID, SECRET, token.to_owned()),
        };
        Self {
            bucket,
            credentials,
            at: AT.parse().unwrap(),
        }
    }
}

/// What aws-sigv4 keeps between requests.
pub(crate) struct Aws {
    identity: Identity,
    settings: SigningSettings,
    at: SystemTime,
}

impl Aws {
    pub(crate) fn new(token: Option<&str>) -> Self {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(u64::from(EXPIRES_IN)));
        let token = token.map(str::to_owned);
        let at: jiff::Timestamp = AT.parse().unwrap();
        Self {
            identity: AwsCredentials::new(ID, SECRET, token, None, "bench").into(),
            settings,
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(at.as_second().unsigned_abs()),
        }
    }

    /// The URL of a request; the parameters are put behind it as they come.
    pub(crate) fn url(&self, uri: &str, headers: &[(&str, &str)]) -> String {
        let parameters = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&self.identity)
            .region(REGION)
            .name("s3")
            .time(self.at)
            .settings(self.settings.clone())
            .build()
            .unwrap()
            .into();
        let request = SignableRequest::new(
            "PUT",
            uri,
            headers.iter().copied(),
            SignableBody::UnsignedPayload,
        );
        let (instructions, _) = sign(request.unwrap(), &parameters).unwrap().into_parts();
        let mut url = uri.to_owned();
        for (name, value) in instructions.params() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
        url
    }
}

/// The signature in a URL.
pub(crate) fn signature(url: &str) -> &str {
    let (_, rest) = url.split_once("X-Amz-Signature=").unwrap();
    &rest[..64]
}

/// Hashes so many blocks of a request, then the two of the string to sign and the last one of the HMAC.
pub(crate) fn bare(blocks: &[[u8; 64]]) -> usize {
    let mut state = [1_u32; 8];
    compress256(&mut state, blocks);
    let mut inner = [state[0]; 8];
    compress256(&mut inner, &blocks[..2]);
    compress256(&mut inner, &blocks[..1]);
    inner[0] as usize
}

/// Blocks for a text that is this long, with the end that SHA-256 adds.
pub(crate) fn blocks_of(len: usize) -> Vec<[u8; 64]> {
    vec![[7; 64]; (len + 9).div_ceil(64)]
}
