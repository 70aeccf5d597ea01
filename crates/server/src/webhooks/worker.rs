//! The worker: hands on what happened, and sends what is due. Every replica has one, and none must.
//!
//! Each endpoint has connections of its own, a few at a time; so a slow one waits for itself alone. How many there are
//! altogether is bounded by how many endpoints there may be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use valetkey_catalog::{Delivery, Endpoint};
use valetkey_engine::{Error, Webhooks};
use valetkey_protocol::webhook::EndpointId;

use crate::clock::Stopwatch;
use crate::metrics::Metrics;
use crate::worker::chain;

/// How long until the catalog is looked at without a hint: for what falls due, and what another server made.
const POLL: Duration = Duration::from_secs(1);

/// How long what is under way may take once the service is to stop; what is not done by then is sent again.
const DRAIN: Duration = Duration::from_secs(6);

/// How often what is old is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// What the worker works with.
pub(crate) struct WebhookWorker {
    webhooks: Arc<Webhooks>,
    metrics: Arc<Metrics>,
    /// How many deliveries of one endpoint are under way at a time.
    concurrency: u32,
}

/// What is under way.
#[derive(Default)]
struct Flight {
    tasks: JoinSet<EndpointId>,
    count: BTreeMap<EndpointId, u32>,
}

impl WebhookWorker {
    pub(crate) fn new(webhooks: Arc<Webhooks>, metrics: &Arc<Metrics>, concurrency: u32) -> Self {
        Self {
            webhooks,
            metrics: Arc::clone(metrics),
            concurrency,
        }
    }

    /// Works until it is told to stop, and lets what is under way come to its end.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut flight = Flight::default();
        tokio::select! {
            () = self.work(&mut flight, &stop) => {}
            () = self.forget() => {}
        }
        let landing = async { while flight.tasks.join_next().await.is_some() {} };
        if timeout(DRAIN, landing).await.is_err() {
            tracing::info!("webhooks that did not answer in time are sent again later");
        }
    }

    /// Hands on and sends, again and again: at every hint, whenever a delivery ended, and every second.
    async fn work(&self, flight: &mut Flight, stop: &CancellationToken) {
        let mut hints = self.webhooks.hints();
        let mut look = true;
        while !stop.is_cancelled() {
            // What comes from here on is a reason to look again.
            hints.mark_unchanged();
            let more = match self.step(flight, look).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "webhooks wait for the catalog");
                    false
                }
            };
            look = true;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(if more { Duration::ZERO } else { POLL }) => {}
                changed = hints.changed() => if changed.is_err() {
                    return;
                },
                Some(ended) = flight.tasks.join_next() => {
                    flight.land(ended.ok());
                    look = more;
                }
            }
            while let Some(ended) = flight.tasks.try_join_next() {
                flight.land(ended.ok());
            }
        }
    }

    /// Hands on a page, if it is to look for one, and takes up what is due; says whether there is more to hand on.
    async fn step(&self, flight: &mut Flight, look: bool) -> Result<bool, Error> {
        let more = look && self.webhooks.fan_out().await?;
        for endpoint in self.webhooks.targets().await? {
            let count = flight.count.get(&endpoint.id).copied().unwrap_or_default();
            let free = self.concurrency.saturating_sub(count);
            if free == 0 {
                continue;
            }
            for delivery in self.webhooks.claim(&endpoint.id, free).await? {
                *flight.count.entry(endpoint.id.clone()).or_default() += 1;
                flight
                    .tasks
                    .spawn(self.send(Arc::clone(&endpoint), delivery));
            }
        }
        Ok(more)
    }

    /// Sends one delivery, and says whose it was.
    fn send(
        &self,
        endpoint: Arc<Endpoint>,
        delivery: Delivery,
    ) -> impl Future<Output = EndpointId> + Send + use<> {
        let (webhooks, metrics) = (Arc::clone(&self.webhooks), Arc::clone(&self.metrics));
        let span = tracing::info_span!("webhook", endpoint = %endpoint.id);
        let sending = async move {
            let watch = Stopwatch::start();
            match webhooks.deliver(&endpoint, delivery).await {
                Ok(outcome) => metrics.delivered(&endpoint.id, outcome, watch.elapsed()),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "a webhook is sent again later");
                }
            }
            endpoint.id.clone()
        };
        sending.instrument(span)
    }

    async fn forget(&self) {
        loop {
            if let Err(error) = self.webhooks.forget().await {
                tracing::warn!(
                    error = chain(&error),
                    "could not forget old webhook deliveries"
                );
            }
            tokio::time::sleep(FORGET_EVERY).await;
        }
    }
}

impl Flight {
    /// One of an endpoint has ended; which one is not known only when it panicked.
    fn land(&mut self, endpoint: Option<EndpointId>) {
        match endpoint {
            None => self.count.clear(),
            Some(endpoint) => {
                if let Some(count) = self.count.get_mut(&endpoint) {
                    *count = count.saturating_sub(1);
                }
                self.count.retain(|_, count| *count > 0);
            }
        }
    }
}
