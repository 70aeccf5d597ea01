//! The worker: sweeps what is due, again and again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use valetkey_engine::{Engine, SweepReport};
use valetkey_protocol::Clock as _;

use crate::clock::{Stopwatch, SystemClock};
use crate::metrics::Metrics;

/// How long from one sweep to the next.
const PERIOD: Duration = Duration::from_secs(30);

/// Sweeps at once and then every period, until it is told to stop. A sweep that is cut off is no loss: each
/// of its steps can be repeated.
pub(crate) async fn sweep(engine: Arc<Engine>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let endless = async {
        loop {
            ticks.tick().await;
            let span = tracing::info_span!("sweep");
            sweep_once(&engine, &metrics).instrument(span).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = endless => {}
    }
}

async fn sweep_once(engine: &Arc<Engine>, metrics: &Metrics) {
    let watch = Stopwatch::start();
    match engine.sweep().await {
        Ok(report) => {
            metrics.swept(&report, SystemClock.now(), watch.elapsed());
            if report != SweepReport::default() {
                tracing::info!(?report, "swept");
            }
        }
        Err(error) => {
            metrics.sweep_failed();
            tracing::error!(error = chain(&error), "a sweep failed, trying again");
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
