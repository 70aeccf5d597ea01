//! What administrators do with endpoints: make, look, change, remove, and change the secret.

use jiff::Timestamp;
use valetkey_catalog::{DeliveryList, Endpoint};
use valetkey_protocol::webhook::{
    CreateEndpoint, Delivery as DeliveryView, DeliveryPage, Endpoint as View, EndpointId,
    Endpoints, ListDeliveries, Origin, PatchEndpoint, RotateSecret,
};
use valetkey_protocol::{Code, Problem};

use super::Webhooks;
use crate::engine::{later, overlap};
use crate::{Error, Principal};

/// How many endpoints there may be: each may have its connections, so that this bounds all of them.
pub(super) const MOST: u32 = 100;

/// How many deliveries are removed with an endpoint at a time.
pub(super) const REMOVED_AT_ONCE: u32 = 2000;

/// How many deliveries a page has.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

/// Why an administrator's endpoint is disabled.
const BY_REQUEST: &str = "an administrator disabled it";

impl Webhooks {
    /// Makes an endpoint, which is told what happens from now on. The answer has its secret.
    ///
    /// # Errors
    /// The caller is no administrator, a field is wrong, there are too many, or the catalog does not answer.
    pub async fn create_endpoint(
        &self,
        who: &Principal,
        create: CreateEndpoint,
    ) -> Result<View, Error> {
        self.check_admin(who)?;
        self.check(Some(&create.url), &create.buckets).await?;
        let now = self.now();
        let endpoint = Endpoint {
            id: EndpointId::parse(&self.engine.ids.file_id(now).to_string())
                .map_err(|error| Error::Internal(error.to_string()))?,
            url: create.url,
            kinds: create.types,
            buckets: create.buckets,
            origin: Origin::Api,
            disabled: None,
            generation: 0,
            old_secret_until: None,
            cursor: 0,
            created_at: now,
            version: 0,
        };
        let inserted = self.catalog().insert_endpoint(endpoint.clone(), MOST);
        if !inserted.await? {
            let detail = format!("there are {MOST} webhooks, the most there may be; delete one");
            return Err(Error::refused(Code::Conflict, detail));
        }
        let secret = Some(self.secrets.made(&endpoint));
        Ok(View {
            secret,
            ..view(endpoint, now)
        })
    }

    /// Lists all endpoints.
    ///
    /// # Errors
    /// The caller is no administrator, or the catalog does not answer.
    pub async fn list_endpoints(&self, who: &Principal) -> Result<Endpoints, Error> {
        self.check_admin(who)?;
        let now = self.now();
        let endpoints = self.catalog().endpoints().await?.into_iter();
        Ok(Endpoints {
            webhooks: endpoints.map(|one| view(one, now)).collect(),
        })
    }

    /// Looks at an endpoint.
    ///
    /// # Errors
    /// The caller is no administrator, there is none, or the catalog does not answer.
    pub async fn get_endpoint(&self, who: &Principal, id: &EndpointId) -> Result<View, Error> {
        self.check_admin(who)?;
        Ok(view(self.endpoint(id).await?, self.now()))
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// The caller is no administrator, there is none, the configuration made it, a field is wrong, somebody else changed it
    /// at the same time, or the catalog does not answer.
    pub async fn patch_endpoint(
        &self,
        who: &Principal,
        id: &EndpointId,
        patch: PatchEndpoint,
    ) -> Result<View, Error> {
        self.check_admin(who)?;
        let mut endpoint = self.own(id).await?;
        let buckets = patch.buckets.as_deref().unwrap_or_default();
        self.check(patch.url.as_deref(), buckets).await?;
        endpoint.url = patch.url.unwrap_or(endpoint.url);
        endpoint.kinds = patch.types.unwrap_or(endpoint.kinds);
        endpoint.buckets = patch.buckets.unwrap_or(endpoint.buckets);
        match patch.enabled {
            Some(true) => endpoint.disabled = None,
            Some(false) => {
                endpoint.disabled.get_or_insert(BY_REQUEST.to_owned());
            }
            None => {}
        }
        self.write(endpoint).await
    }

    /// Removes an endpoint, and everything it is owed.
    ///
    /// # Errors
    /// The caller is no administrator, there is none, the configuration made it, or the catalog does not answer.
    pub async fn delete_endpoint(&self, who: &Principal, id: &EndpointId) -> Result<(), Error> {
        self.check_admin(who)?;
        let endpoint = self.own(id).await?;
        self.remove(endpoint).await
    }

    /// Gives an endpoint another secret; the one so far signs as well for a while. The answer has the new one.
    ///
    /// # Errors
    /// As for [`Self::patch_endpoint`].
    pub async fn rotate_secret(
        &self,
        who: &Principal,
        id: &EndpointId,
        rotate: RotateSecret,
    ) -> Result<View, Error> {
        self.check_admin(who)?;
        let overlap = overlap(rotate.overlap)?;
        let mut endpoint = self.own(id).await?;
        endpoint.generation += 1;
        endpoint.old_secret_until = (overlap > 0).then(|| later(self.now(), overlap));
        let secret = Some(self.secrets.made(&endpoint));
        Ok(View {
            secret,
            ..self.write(endpoint).await?
        })
    }

    /// Lists what an endpoint is owed and was sent, the latest event first.
    ///
    /// # Errors
    /// The caller is no administrator, there is none, the query is wrong, or the catalog does not answer.
    pub async fn list_deliveries(
        &self,
        who: &Principal,
        id: &EndpointId,
        list: ListDeliveries,
    ) -> Result<DeliveryPage, Error> {
        self.check_admin(who)?;
        let limit = list.limit.unwrap_or(PAGE);
        if !(1..=LARGEST_PAGE).contains(&limit) {
            return Err(Error::invalid("limit", format!("is 1 to {LARGEST_PAGE}")));
        }
        let before = list.cursor.as_deref().map(str::parse::<u64>).transpose();
        let wrong = |_| {
            let detail = "cursor: send the `next_cursor` of the page before, as it is";
            Error::refused(Code::MalformedRequest, detail)
        };
        let wanted = DeliveryList {
            endpoint: self.endpoint(id).await?.id,
            state: list.state,
            before: before.map_err(wrong)?,
            limit: limit + 1,
        };
        let mut found = self.catalog().list_deliveries(wanted).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().map(|one| one.event.position.to_string());
        Ok(DeliveryPage {
            next_cursor: last.filter(|_| more),
            deliveries: found.into_iter().map(delivery_view).collect(),
        })
    }

    /// Removes an endpoint piece by piece. Disabled first, it is owed nothing more.
    pub(super) async fn remove(&self, mut endpoint: Endpoint) -> Result<(), Error> {
        let id = endpoint.id.clone();
        endpoint.disabled.get_or_insert(BY_REQUEST.to_owned());
        self.catalog().update_endpoint(endpoint).await?;
        while !self
            .catalog()
            .remove_endpoint(id.clone(), REMOVED_AT_ONCE)
            .await?
        {}
        Ok(())
    }

    /// An endpoint that may be changed here.
    async fn own(&self, id: &EndpointId) -> Result<Endpoint, Error> {
        let endpoint = self.endpoint(id).await?;
        match endpoint.origin {
            Origin::Api => Ok(endpoint),
            Origin::Config => {
                let detail = "the configuration made this webhook, and only there it can be changed: edit \
                     [[webhooks.endpoints]] and restart the service";
                Err(Error::Refused(
                    Problem::new(Code::Conflict, detail).with("origin", Origin::Config.as_str()),
                ))
            }
        }
    }

    async fn write(&self, endpoint: Endpoint) -> Result<View, Error> {
        if !self.catalog().update_endpoint(endpoint.clone()).await? {
            let detail =
                "somebody else changed this webhook at the same time; look at it and try again";
            return Err(Error::refused(Code::Conflict, detail));
        }
        Ok(view(endpoint, self.now()))
    }

    async fn check(&self, url: Option<&str>, buckets: &[String]) -> Result<(), Error> {
        for bucket in buckets {
            if !self.engine.buckets.contains_key(bucket) {
                let detail = "there is no such bucket; GET /v1/buckets lists them";
                return Err(Error::invalid("buckets", detail));
            }
        }
        let Some(url) = url else {
            return Ok(());
        };
        let checked = self.sender.check(url).await;
        checked.map_err(|why| Error::invalid("url", why))
    }
}

fn view(endpoint: Endpoint, now: Timestamp) -> View {
    View {
        id: endpoint.id,
        url: endpoint.url,
        types: endpoint.kinds,
        buckets: endpoint.buckets,
        enabled: endpoint.disabled.is_none(),
        disabled_because: endpoint.disabled,
        origin: endpoint.origin,
        old_secret_until: endpoint.old_secret_until.filter(|until| now < *until),
        created_at: endpoint.created_at,
        secret: None,
    }
}

fn delivery_view(delivery: valetkey_catalog::Delivery) -> DeliveryView {
    let last = delivery.last;
    DeliveryView {
        event_id: crate::event::id_of(&delivery.event),
        kind: delivery.event.kind,
        file_id: delivery.event.id,
        timestamp: delivery.event.at,
        state: delivery.state,
        attempts: delivery.attempts,
        next_attempt_at: delivery.due_at,
        last_attempt_at: last.as_ref().map(|last| last.at),
        status: last.as_ref().and_then(|last| last.status),
        problem: last.and_then(|last| last.problem),
    }
}
