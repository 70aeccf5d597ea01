//! Events: who follows them.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is counted about events.
pub(super) struct Events {
    pub(super) streams: Gauge,
}

impl Events {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let events = Self {
            streams: Gauge::default(),
        };
        registry.register(
            "valetkey_event_streams",
            "Open streams of events",
            events.streams.clone(),
        );
        events
    }
}
