//! Fetches the keys of an identity provider: over https, from the very address that is configured, in little time and
//! no more than a key set can have.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Url};
use tokio::time::timeout;

use super::remote::FetchKeys;
use crate::outbound;

/// How long the connection may take, and all of it together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of a key set.
const LARGEST: usize = 64 * 1024;

/// Reads the address of a key set: https, or http on this machine where that is allowed.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(crate) fn parse_jwks_url(text: &str, allow_loopback_http: bool) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url =
        url.ok_or("is no URL: write it like https://login.example.com/.well-known/jwks.json")?;
    match url.scheme() {
        "https" => {}
        "http" if allow_loopback_http && is_loopback(&url) => {}
        "http" => {
            return Err(
                "is not https: whoever can change the keys on the way can sign anything \
                 (`auth.allow_loopback_http` can allow http from this machine, for development)"
                    .to_owned(),
            );
        }
        _ => return Err("is not https".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("has a user, a password or a fragment: leave them out".to_owned());
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Fetches one key set.
pub(crate) struct HttpFetch {
    client: Client,
    url: Url,
}

impl HttpFetch {
    /// # Errors
    /// The client cannot be made.
    pub(crate) fn new(url: Url) -> Result<Self, reqwest::Error> {
        let client = outbound::client()
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT);
        Ok(Self {
            client: client.build()?,
            url,
        })
    }

    async fn exchange(&self) -> Result<Vec<u8>, String> {
        let answer = self.client.get(self.url.clone()).send().await;
        let mut answer = answer.map_err(|error| explain(&error))?;
        if answer.status() != 200 {
            return Err(format!("the answer is {}, not 200", answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| explain(&error))? {
            if bytes.len() + chunk.len() > LARGEST {
                return Err(format!("the answer has more than {LARGEST} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

#[async_trait]
impl FetchKeys for HttpFetch {
    async fn fetch(&self) -> Result<Vec<u8>, String> {
        let late = |_| Err(format!("there was no answer within {TIMEOUT:?}"));
        timeout(TIMEOUT, self.exchange()).await.unwrap_or_else(late)
    }
}

/// Why there is no answer: the innermost cause says it best.
fn explain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    format!("there is no answer: {cause}")
}

#[cfg(test)]
mod tests;
