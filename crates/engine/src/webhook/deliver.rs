//! One delivery: claimed, signed, sent, and what follows from the answer.

use jiff::SignedDuration;
use serde_json::json;
use valetkey_catalog::{Attempt, Delivery, DeliveryClaim, Endpoint, Event, Fate, Settlement};
use valetkey_protocol::Code;
use valetkey_protocol::webhook::{EndpointId, TEST_TYPE, Tested};

use super::schedule::{chance, pause};
use super::{WebhookAnswer, WebhookMessage, Webhooks, secret};
use crate::engine::from_now;
use crate::{Error, Principal};

/// For how long a claimed delivery is left alone: longer than an attempt may take, so that nobody sends it a second time
/// while it is still under way.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// The answer that says an endpoint is gone for good.
const GONE: u16 = 410;

/// What an attempt led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivered {
    /// It arrived.
    Done,
    /// It is tried again.
    Again,
    /// It was tried often enough.
    Dead,
    /// The endpoint said that it is gone, and is disabled.
    Gone,
    /// Another one took the delivery up meanwhile.
    Lost,
}

impl Delivered {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Done, Self::Again, Self::Dead, Self::Gone, Self::Lost];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::Dead => "dead",
            Self::Gone => "gone",
            Self::Lost => "lost",
        }
    }
}

impl Webhooks {
    /// Takes up deliveries of an endpoint that are due.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn claim(&self, id: &EndpointId, limit: u32) -> Result<Vec<Delivery>, Error> {
        let now = self.now();
        let claim = DeliveryClaim {
            endpoint: id.clone(),
            now,
            until: from_now(now, LEASE),
            limit,
        };
        Ok(self.catalog().claim_deliveries(claim).await?)
    }

    /// Sends a claimed delivery, and remembers what came of it.
    ///
    /// # Errors
    /// The catalog does not answer: the delivery is free again when its lease is over.
    pub async fn deliver(
        &self,
        endpoint: &Endpoint,
        delivery: Delivery,
    ) -> Result<Delivered, Error> {
        let position = delivery.event.position;
        let (id, body) = self.body(&delivery.event).await?;
        let message = self.message(endpoint, id, body);
        let answer = self.sender.send(message).await;
        let now = self.now();
        let (status, problem) = judge(&answer);
        let gone = status == Some(GONE);
        let wish = answer.as_ref().ok().and_then(|answer| answer.retry_after);
        let chance = chance(endpoint.id.as_str(), position);
        let (fate, outcome) = match (&problem, pause(delivery.attempts + 1, chance, wish)) {
            (None, _) => (Fate::Done, Delivered::Done),
            (Some(_), Some(pause)) => {
                let then = from_now(now, pause);
                (Fate::Again(then), Delivered::Again)
            }
            (Some(_), None) => (Fate::Dead, Delivered::Dead),
        };
        let settlement = Settlement {
            endpoint: endpoint.id.clone(),
            position,
            fence: delivery.fence,
            attempt: Attempt {
                at: now,
                status,
                problem,
            },
            fate,
        };
        if !self.catalog().settle_delivery(settlement).await? {
            return Ok(Delivered::Lost);
        }
        if gone {
            self.disable(endpoint).await?;
            return Ok(Delivered::Gone);
        }
        Ok(outcome)
    }

    /// Sends an event of the type `webhook.test` at once, and says what came of it.
    ///
    /// # Errors
    /// There is no such endpoint, this server does not have its secret, or the catalog does not answer.
    pub async fn test_endpoint(&self, who: &Principal, id: &EndpointId) -> Result<Tested, Error> {
        self.check_admin(who)?;
        let endpoint = self.endpoint(id).await?;
        let now = self.now();
        if self.secrets.of(&endpoint, now).is_empty() {
            let detail = "the configuration of this server does not have this webhook's secret; add it to \
                 [[webhooks.endpoints]] here as on the others";
            return Err(Error::refused(Code::Conflict, detail));
        }
        let event_id = format!("evt_test_{}", self.engine.ids.file_id(now));
        let event = json!({
            "id": event_id,
            "type": TEST_TYPE,
            "timestamp": now,
            "data": {"webhook": endpoint.id},
        });
        let message = self.message(&endpoint, event_id.clone(), event.to_string().into_bytes());
        let (status, problem) = judge(&self.sender.send(message).await);
        Ok(Tested {
            delivered: problem.is_none(),
            event_id,
            status,
            problem,
        })
    }

    /// The event as others are told it, under its id.
    async fn body(&self, event: &Event) -> Result<(String, Vec<u8>), Error> {
        let told = self.engine.tell(std::slice::from_ref(event)).await?.pop();
        let told = told.ok_or_else(|| Error::Internal("an event was not told".to_owned()))?;
        let body = serde_json::to_vec(&told);
        let body = body.map_err(|error| Error::Internal(error.to_string()))?;
        Ok((told.id, body))
    }

    fn message(&self, endpoint: &Endpoint, id: String, body: Vec<u8>) -> WebhookMessage {
        let now = self.now();
        let timestamp = now.as_second();
        let keys = self.secrets.of(endpoint, now);
        WebhookMessage {
            endpoint: endpoint.id.clone(),
            url: endpoint.url.clone(),
            signature: secret::sign(&keys, &id, timestamp, &body),
            id,
            timestamp,
            body,
        }
    }

    /// Sends nothing more to an endpoint that is gone, unless somebody changed it since.
    async fn disable(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let mut gone = endpoint.clone();
        let why = "it answered 410 Gone: change its url, or enable it again when it is back";
        gone.disabled = Some(why.to_owned());
        if self.catalog().update_endpoint(gone).await? {
            tracing::warn!(webhook = %endpoint.id, "a webhook answered 410 Gone and is disabled");
        }
        Ok(())
    }
}

/// The status of an answer, and what is wrong with it.
fn judge(answer: &Result<WebhookAnswer, String>) -> (Option<u16>, Option<String>) {
    match answer {
        Err(why) => (None, Some(why.clone())),
        Ok(answer) => {
            let problem = match answer.status {
                200..=299 => None,
                300..=399 => Some(format!(
                    "it answered {}: redirects are not followed; set the url to where it leads",
                    answer.status
                )),
                GONE => Some("it answered 410 Gone".to_owned()),
                status => Some(format!("it answered {status}; 200 to 299 is needed")),
            };
            (Some(answer.status), problem)
        }
    }
}
