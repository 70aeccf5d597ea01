//! Listeners: bytes and connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::listen::ListenerCounters;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabels {
    listener: &'static str,
    direction: &'static str,
}

/// What is counted about listeners.
pub(super) struct Listeners {
    bytes: Family<DirectionLabels, Counter>,
    connections: Family<ListenerLabels, Gauge>,
}

impl Listeners {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let listeners = Self {
            bytes: Family::default(),
            connections: Family::default(),
        };
        registry.register(
            "valetkey_listener_bytes",
            "Bytes through each listener",
            listeners.bytes.clone(),
        );
        registry.register(
            "valetkey_listener_connections",
            "Open connections of each listener",
            listeners.connections.clone(),
        );
        listeners
    }

    /// The counters of one listener, by its name.
    pub(super) fn counters(&self, listener: &'static str) -> ListenerCounters {
        let bytes = |direction| {
            self.bytes.get_or_create_owned(&DirectionLabels {
                listener,
                direction,
            })
        };
        ListenerCounters {
            received: bytes("received"),
            sent: bytes("sent"),
            open: self
                .connections
                .get_or_create_owned(&ListenerLabels { listener }),
        }
    }
}
