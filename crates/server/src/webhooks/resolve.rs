//! Names become addresses here and nowhere else, and only addresses that may be used come out: what a name means when it
//! is registered and what it means when a message is sent may differ.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{self, Forbidden, Network};

/// Whoever knows the addresses of names.
#[async_trait]
pub(crate) trait Lookup: Send + Sync + 'static {
    /// All addresses of a name.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own way.
pub(crate) struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Why a name cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It has no address, or nobody knows.
    Unknown {
        /// The name.
        name: String,
        /// Why.
        why: String,
    },
    /// One of its addresses is forbidden; then so are the others.
    Forbidden {
        /// The name.
        name: String,
        /// The address.
        address: Forbidden,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, why } => write!(f, "the host {name} has no address: {why}"),
            Self::Forbidden { name, address } => write!(f, "the host {name} leads to {address}"),
        }
    }
}

impl std::error::Error for Unusable {}

/// Looks names up, and lets none through that leads where nothing may be sent. Connections are made to the very addresses
/// that it gave: there is no second look.
#[derive(Clone)]
pub(crate) struct Guard {
    lookup: Arc<dyn Lookup>,
    allowed: Arc<[Network]>,
}

impl Guard {
    pub(crate) fn new(lookup: Arc<dyn Lookup>, allowed: &[Network]) -> Self {
        Self {
            lookup,
            allowed: allowed.into(),
        }
    }

    /// All addresses of a name, if every one may be used.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Unusable> {
        let unknown = |why: String| Unusable::Unknown {
            name: name.to_owned(),
            why,
        };
        let found = self.lookup.lookup(name).await;
        let found = found.map_err(|error| unknown(error.to_string()))?;
        if found.is_empty() {
            return Err(unknown("there is none".to_owned()));
        }
        for address in &found {
            self.check(*address)
                .map_err(|address| Unusable::Forbidden {
                    name: name.to_owned(),
                    address,
                })?;
        }
        Ok(found)
    }

    /// Lets an address through that may be used.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        address::check(address, &self.allowed)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.addresses(name.as_str()).await?.into_iter();
            // Port 0 is that of the URL.
            let addresses = addresses.map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
