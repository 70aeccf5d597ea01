//! How the service speaks to others over HTTP: to the address it was told and no other.

use reqwest::{Client, ClientBuilder, redirect};

/// A client that follows no redirect, uses no proxy of the environment and does not say where it was before.
pub(crate) fn client() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("valetkey/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .http1_only()
}
