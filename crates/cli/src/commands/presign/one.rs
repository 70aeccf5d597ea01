//! One request, from flags.

use std::path::PathBuf;

use clap::Args;
use valetkey_server::config::{Addressing, BucketConfig, Config, Provider};
use valetkey_sign::stable_window;

use super::PresignError;
use super::answer::Answer;
use super::line::{Ask, S3Line, S3Signer, Style};
use super::signers::{Signers, now};
use crate::commands::token::seconds;
use crate::error::Error;
use crate::text::print;

/// What to sign, and with whose key.
#[derive(Args)]
#[group(id = "one", multiple = true)]
pub(super) struct One {
    /// The object's key, exactly as it is
    #[arg(required_unless_present = "jsonl")]
    key: Option<String>,
    /// GET, HEAD, PUT, POST or DELETE
    #[arg(long, default_value = "GET")]
    method: String,
    /// How long the URL holds: seconds, or a number with s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = seconds)]
    expires_in: u64,
    /// Make the same URL for so long, for caches; it holds that much longer
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    stable_window: Option<u64>,
    /// A header that must be sent with exactly this value; may be given more than once
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// A query parameter, not encoded; may be given more than once
    #[arg(long = "query", value_name = "NAME=VALUE", value_parser = parameter)]
    query: Vec<(String, String)>,
    /// Sign keys with `.` and `..` segments, which browsers resolve
    #[arg(long)]
    allow_dot_segments: bool,
    /// Take the bucket's address and key from this configuration
    #[arg(long, value_name = "FILE", conflicts_with_all = ["endpoint", "region", "path_style", "access_key", "secret_key", "session_token"])]
    config: Option<PathBuf>,
    /// The bucket: storage's name for it, or with --config the configuration's
    #[arg(long)]
    bucket: Option<String>,
    /// Where storage is reached; AWS when absent
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The region the signature names
    #[arg(long, env = "AWS_REGION")]
    region: Option<String>,
    /// Name the bucket in the path, not in the host
    #[arg(long)]
    path_style: bool,
    /// The id of the key that signs
    #[arg(long, env = "AWS_ACCESS_KEY_ID", value_name = "ID")]
    access_key: Option<String>,
    /// Its secret; better in the environment, where others cannot read it
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    secret_key: Option<String>,
    /// The token of temporary credentials
    #[arg(
        long,
        env = "AWS_SESSION_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    session_token: Option<String>,
}

/// Where a bucket is, and who signs for it.
struct Place {
    bucket: String,
    endpoint: Option<String>,
    style: Style,
    signer: S3Signer,
}

impl One {
    /// Prints the URL.
    pub(super) fn run(self) -> Result<(), Error> {
        let place = match &self.config {
            Some(path) => self.configured(&Config::load(path, None)?)?,
            None => self.given()?,
        };
        let line = self.line(place)?;
        match super::s3::sign(&mut Signers::default(), &line)? {
            Answer::Url(url) => print(&url),
            Answer::Form { .. } | Answer::Cookies(_) => {
                Err(PresignError::Wrong("forms and cookies are signed with --jsonl").into())
            }
        }
    }

    fn line(self, place: Place) -> Result<S3Line, PresignError> {
        let too_long = |_| PresignError::Wrong("--expires-in is longer than seven days");
        let expires_in = u32::try_from(self.expires_in).map_err(too_long)?;
        let (at, expires_in) = match self.stable_window {
            None => (now(), expires_in),
            Some(window) => {
                let window = u32::try_from(window).map_err(too_long)?;
                let window = stable_window(now(), window, expires_in)?;
                (window.signed_at, window.expires_in_seconds)
            }
        };
        Ok(S3Line {
            ask: Ask {
                method: Some(self.method),
                endpoint: place.endpoint,
                bucket: place.bucket,
                key: self.key.unwrap_or_default(),
                style: Some(place.style),
                at: Some(at.strftime("%Y%m%dT%H%M%SZ").to_string()),
                expires_in,
                headers: self.headers,
                query: self.query,
                allow_dot_segments: self.allow_dot_segments,
                form: None,
            },
            signer: place.signer,
        })
    }

    /// A bucket of the configuration, at the address that clients use.
    fn configured(&self, config: &Config) -> Result<Place, PresignError> {
        let name = self.bucket.as_ref().unwrap_or(&config.default_bucket);
        let bucket = config.buckets.get(name);
        let bucket = bucket.ok_or_else(|| PresignError::NoBucket { name: name.clone() })?;
        if bucket.provider == Provider::Embedded {
            return Err(PresignError::Embedded { name: name.clone() });
        }
        Ok(place_of(name, bucket))
    }

    fn given(&self) -> Result<Place, PresignError> {
        let needed = |value: &Option<String>, what| {
            let value = value.clone().filter(|text| !text.is_empty());
            value.ok_or(PresignError::Wrong(what))
        };
        Ok(Place {
            bucket: needed(&self.bucket, "give --bucket, or --config")?,
            endpoint: self.endpoint.clone(),
            style: if self.path_style {
                Style::Path
            } else {
                Style::Virtual
            },
            signer: S3Signer {
                region: needed(&self.region, "give --region or AWS_REGION")?,
                access_key: needed(&self.access_key, "give --access-key or AWS_ACCESS_KEY_ID")?,
                secret_key: needed(
                    &self.secret_key,
                    "give AWS_SECRET_ACCESS_KEY or --secret-key",
                )?,
                session_token: self.session_token.clone().filter(|text| !text.is_empty()),
            },
        })
    }
}

fn place_of(name: &str, bucket: &BucketConfig) -> Place {
    let or = |value: &str, other: &str| match value {
        "" => other.to_owned(),
        _ => value.to_owned(),
    };
    Place {
        bucket: or(&bucket.bucket, name),
        endpoint: Some(or(&bucket.public_endpoint, &bucket.endpoint)),
        style: match bucket.addressing {
            Addressing::Path => Style::Path,
            Addressing::Virtual => Style::Virtual,
        },
        signer: S3Signer {
            region: bucket.region.clone(),
            access_key: bucket.access_key_id.clone(),
            secret_key: bucket.secret_access_key.expose().to_owned(),
            session_token: Some(bucket.session_token.expose().to_owned())
                .filter(|token| !token.is_empty()),
        },
    }
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text
        .split_once(':')
        .ok_or("must be like 'content-type: image/png'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be like partNumber=1")?;
    Ok((name.to_owned(), value.to_owned()))
}
