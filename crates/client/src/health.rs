//! Whether something answers: for container runtimes and scripts that have no HTTP client of their own.

use std::time::Duration;

use reqwest::Url;

use crate::Error;
use crate::call;
use crate::client::plain;
use crate::error::Peer;

/// Longer than the five seconds within which `/readyz` answers.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Asks an address once. Whatever answers for itself, be it that somebody may not look there, is well; a status of 500
/// and above is not.
///
/// # Errors
/// What is wrong, or nobody answers.
pub async fn check(address: &str) -> Result<(), Error> {
    let url = Url::parse(address).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| Error::Address {
        address: address.to_owned(),
    })?;
    let failed = |error| Error::network(Peer::Service, error);
    let http = plain().timeout(TIMEOUT).build().map_err(failed)?;
    let answer = http.get(url).send().await.map_err(failed)?;
    match answer.status().is_server_error() {
        true => Err(call::problem(answer).await),
        false => Ok(()),
    }
}
