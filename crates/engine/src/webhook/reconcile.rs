//! What the configuration says about endpoints, and the catalog then.

use valetkey_catalog::Endpoint;
use valetkey_protocol::webhook::Origin;

use super::manage::MOST;
use super::{ConfiguredEndpoint, Webhooks};
use crate::Error;

/// How often it is looked again when another server does the same at the same time.
const TRIES: u32 = 5;

impl Webhooks {
    /// Makes, changes and removes endpoints until those of the configuration are as it says. One that answered
    /// `410 Gone` is tried again.
    ///
    /// # Errors
    /// An id is taken by an endpoint that the API made, there are too many, or the catalog does not answer.
    pub async fn reconcile(&self) -> Result<(), Error> {
        for _ in 0..TRIES {
            if self.reconcile_once().await? {
                return Ok(());
            }
        }
        let why = "webhooks are being changed by others all the time; start again";
        Err(Error::Internal(why.to_owned()))
    }

    async fn reconcile_once(&self) -> Result<bool, Error> {
        let known = self.catalog().endpoints().await?;
        let wanted = |one: &Endpoint| self.configured.iter().any(|other| other.id == one.id);
        let ours = known.iter().filter(|one| one.origin == Origin::Config);
        for endpoint in ours.filter(|one| !wanted(one)) {
            tracing::info!(webhook = %endpoint.id, "a webhook is not configured any more and is removed");
            self.remove(endpoint.clone()).await?;
        }
        let mut settled = true;
        for configured in &self.configured {
            let found = known.iter().find(|one| one.id == configured.id);
            settled &= match found {
                None => self.insert(configured).await?,
                Some(found) => self.adapt(configured, found).await?,
            };
        }
        Ok(settled)
    }

    async fn insert(&self, configured: &ConfiguredEndpoint) -> Result<bool, Error> {
        let endpoint = Endpoint {
            id: configured.id.clone(),
            url: configured.url.clone(),
            kinds: configured.kinds.clone(),
            buckets: configured.buckets.clone(),
            origin: Origin::Config,
            disabled: None,
            generation: 0,
            old_secret_until: None,
            cursor: 0,
            created_at: self.now(),
            version: 0,
        };
        let inserted = self.catalog().insert_endpoint(endpoint, MOST).await?;
        if !inserted && self.catalog().endpoints().await?.len() >= MOST as usize {
            let why = format!("there are {MOST} webhooks already: delete some, or configure fewer");
            return Err(Error::Internal(why));
        }
        Ok(inserted)
    }

    async fn adapt(
        &self,
        configured: &ConfiguredEndpoint,
        found: &Endpoint,
    ) -> Result<bool, Error> {
        if found.origin == Origin::Api {
            let id = &configured.id;
            let why = format!(
                "there is a webhook {id} that the API made: call the configured one otherwise"
            );
            return Err(Error::Internal(why));
        }
        let wanted = Endpoint {
            url: configured.url.clone(),
            kinds: configured.kinds.clone(),
            buckets: configured.buckets.clone(),
            disabled: None,
            ..found.clone()
        };
        if wanted == *found {
            return Ok(true);
        }
        Ok(self.catalog().update_endpoint(wanted).await?)
    }
}
