//! The worker: sweeps what is due, again and again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use valetkey_engine::{Engine, SweepReport};

/// How long from one sweep to the next.
const PERIOD: Duration = Duration::from_secs(30);

/// Sweeps at once and then every period, until it is told to stop. A sweep that is cut off is no loss: each
/// of its steps can be repeated.
pub(crate) async fn sweep(engine: Arc<Engine>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let endless = async {
        loop {
            ticks.tick().await;
            match engine.sweep().await {
                Ok(report) if report == SweepReport::default() => {}
                Ok(report) => tracing::info!(?report, "swept"),
                Err(error) => {
                    tracing::error!(error = chain(&error), "a sweep failed, trying again")
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = endless => {}
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
