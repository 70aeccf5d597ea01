//! What an answer says about limits: the fields of draft-ietf-httpapi-ratelimit-headers-11.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use valetkey_engine::Owner;
use valetkey_protocol::upload::MAX_BATCH;
use valetkey_protocol::{Code, Problem};

use super::layer::Limits;
use crate::failure::Failure;

/// The limits there are: `"principal";q=100;w=10`.
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of them: `"principal";r=99;t=1`.
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How somebody stands with a limit. It is never that of all together: how much the service can do is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) policy: &'static str,
    /// What may be taken at once.
    pub(super) quota: u32,
    /// After how many seconds all of it is back.
    pub(super) window: u64,
    pub(super) left: u32,
    /// Within how many seconds no more than that may be taken.
    pub(super) seconds: u64,
}

/// How the sender of one request stands, for the answer; shared with the handler, which may take more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Option<Arc<Mutex<Option<Standing>>>>);

impl Told {
    /// Remembers how things stand now.
    pub(super) fn say(&mut self, standing: Standing) {
        let told = self.0.get_or_insert_default();
        *lock(told) = Some(standing);
    }

    /// Writes the fields, if a limit was asked.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Some(standing) = self.0.as_ref().and_then(|told| *lock(told)) else {
            return;
        };
        let Standing {
            policy,
            quota,
            window,
            left,
            seconds,
        } = standing;
        let limits = format!("\"{policy}\";q={quota};w={window}");
        let rest = format!("\"{policy}\";r={left};t={seconds}");
        for (name, text) in [(RATELIMIT_POLICY, limits), (RATELIMIT, rest)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

fn lock(told: &Mutex<Option<Standing>>) -> MutexGuard<'_, Option<Standing>> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the sender of a batch has left: each item counts as a request, the first by the request itself.
pub(crate) struct Share(Option<Holder>);

/// Whose share it is. Only the door puts it beside a request, and only where there is a limit.
#[derive(Clone)]
pub(super) struct Holder {
    pub(super) limits: Arc<Limits>,
    pub(super) who: Owner,
    pub(super) told: Told,
}

impl Share {
    /// Takes what a batch of so many items needs.
    ///
    /// # Errors
    /// `rate_limited` when it has to wait, `batch_too_large` when no waiting would help.
    pub(crate) async fn take(self, items: usize) -> Result<(), Failure> {
        // More than any batch may have is refused by the engine, and an empty one has nothing.
        let counts = (2..=MAX_BATCH).contains(&items);
        if let Self(Some(mut holder)) = self
            && counts
        {
            let items = u32::try_from(items).unwrap_or(u32::MAX);
            holder
                .limits
                .items(&holder.who, items, &mut holder.told)
                .await?;
        }
        Ok(())
    }
}

impl<S: Sync> FromRequestParts<S> for Share {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(parts.extensions.remove::<Holder>()))
    }
}

/// The problem of a batch with more items than are ever let through at once.
pub(super) fn never(items: u32, burst: u32) -> Problem {
    let detail = format!(
        "{items} items count as {items} requests, and no more than {burst} are let through at once: send at most {burst} items in one batch"
    );
    Problem::new(Code::BatchTooLarge, detail).with("limit", burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_structured_as_the_draft_has_them() {
        let (mut told, mut headers) = (Told::default(), HeaderMap::new());
        told.write(&mut headers);
        assert!(headers.is_empty());
        let shared = {
            told.say(Standing {
                policy: "principal",
                quota: 100,
                window: 10,
                left: 99,
                seconds: 1,
            });
            told.clone()
        };
        shared.write(&mut headers);
        assert_eq!(headers[RATELIMIT_POLICY], "\"principal\";q=100;w=10");
        assert_eq!(headers[RATELIMIT], "\"principal\";r=99;t=1");
    }
}
