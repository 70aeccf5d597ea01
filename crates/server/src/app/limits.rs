//! Which limits there are, and who counts.

use std::sync::Arc;

use super::Wiring;
use crate::ServeError;
use crate::config::LimitsConfig;
use crate::limits::{Limits, LocalLimiter, RateLimiter, Rates, SharedLimiter};

/// Who counts: this server alone, or one place for all servers, which is given back to be looked after.
pub(super) async fn open(
    config: &LimitsConfig,
    wiring: &Wiring<'_>,
) -> Result<(Limits, Option<Arc<SharedLimiter>>), ServeError> {
    let (metrics, uptime) = (wiring.metrics.limits(), Arc::clone(&wiring.uptime));
    let local = LocalLimiter::new(&Rates::new(config), uptime.clone(), &metrics);
    let shared = match config.shared_address()? {
        None => return Ok((Limits::new(config, Arc::new(local), uptime, metrics), None)),
        Some(address) => {
            let shared = metrics.shared(config.when_away.as_str());
            SharedLimiter::open(config, &address, local, shared).await?
        }
    };
    let limiter: Arc<dyn RateLimiter> = shared.clone();
    Ok((Limits::new(config, limiter, uptime, metrics), Some(shared)))
}
