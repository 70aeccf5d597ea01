//! Who holds an API key or a drop link, and which content URLs hold: what the door asks the engine.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use valetkey_engine::{Engine, Principal};
use valetkey_protocol::{Clock as _, Subject};

use crate::clock::SystemClock;
use crate::failure::Failure;

/// How long what goes on, such as a stream of events, goes on without the key being looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Whoever knows API keys.
#[async_trait]
pub(crate) trait KeyRing: Send + Sync + 'static {
    /// Finds out who holds a secret, and for how long that may be relied on.
    async fn holder(
        &self,
        secret: &str,
        behalf: Option<Subject>,
    ) -> Result<(Principal, Duration), Failure>;

    /// Checks the permission in a content URL, without a look at the file.
    fn content(&self, token: &str) -> Result<(), Failure>;
    /// Finds out who somebody with a drop link acts as, and for how long that may be relied on.
    async fn dropper(&self, token: &str) -> Result<(Principal, Duration), Failure>;
}

#[async_trait]
impl KeyRing for Engine {
    async fn holder(
        &self,
        secret: &str,
        behalf: Option<Subject>,
    ) -> Result<(Principal, Duration), Failure> {
        let (holder, ends) = Engine::holder(self, secret, behalf).await?;
        Ok((holder, ends.map_or(LOOK_AGAIN, relied_on)))
    }

    async fn dropper(&self, token: &str) -> Result<(Principal, Duration), Failure> {
        let (holder, ends) = self.drop_holder(token).await?;
        Ok((holder, relied_on(ends)))
    }

    fn content(&self, token: &str) -> Result<(), Failure> {
        Ok(self.check_content(token)?)
    }
}

fn relied_on(ends: Timestamp) -> Duration {
    let left = ends.duration_since(SystemClock.now());
    let left = Duration::try_from(left.max(SignedDuration::ZERO));
    left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN))
}
