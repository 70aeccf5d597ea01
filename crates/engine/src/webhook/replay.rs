//! Again: everything since an instant, or what was given up.

use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::EventList;
use valetkey_protocol::webhook::{EndpointId, Replay, Replayed};

use super::Webhooks;
use crate::{Error, Principal};

/// How far clocks of servers may be apart: events of one instant lie within it.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How many dead deliveries begin anew at a time.
const REVIVED_AT_ONCE: u32 = 1000;

impl Webhooks {
    /// Sends again what happened since then, or what was given up. What was delivered before is delivered a second time,
    /// with the same `webhook-id`.
    ///
    /// # Errors
    /// The caller is no administrator, there is no such endpoint, the body asks for neither or both, or the catalog does
    /// not answer.
    pub async fn replay(
        &self,
        who: &Principal,
        id: &EndpointId,
        replay: Replay,
    ) -> Result<Replayed, Error> {
        self.check_admin(who)?;
        let endpoint = self.endpoint(id).await?;
        match (replay.from, replay.dead) {
            (Some(from), false) => {
                let from = from.checked_sub(SKEW).unwrap_or(Timestamp::MIN);
                let position = self.position_before(from).await?;
                let rewound = self.catalog().rewind_endpoint(endpoint.id, position);
                match rewound.await? {
                    true => Ok(Replayed { revived: 0 }),
                    false => Err(Error::NotFound),
                }
            }
            (None, true) => Ok(Replayed {
                revived: self.revive(&endpoint.id).await?,
            }),
            _ => Err(Error::invalid(
                "from",
                "send either an instant `from`, or `dead` as true",
            )),
        }
    }

    async fn revive(&self, id: &EndpointId) -> Result<u64, Error> {
        let (mut revived, now) = (0, self.now());
        loop {
            let catalog = self.catalog();
            let count = catalog.revive_deliveries(id.clone(), now, REVIVED_AT_ONCE);
            let count = count.await?;
            revived += count;
            if count < u64::from(REVIVED_AT_ONCE) {
                return Ok(revived);
            }
        }
    }

    /// A position with nothing before it that happened then or later: events lie almost in the order of their instants.
    async fn position_before(&self, then: Timestamp) -> Result<u64, Error> {
        let [first, last] = self.catalog().event_span().await?;
        let (mut low, mut high) = (first.saturating_sub(1), last);
        while low < high {
            let middle = low.midpoint(high);
            let next = self.catalog().events(EventList::after(middle, 1)).await?;
            match next.first() {
                Some(event) if event.at < then => low = event.position,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}
