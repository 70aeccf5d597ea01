//! Gauges that the catalog is asked for when somebody scrapes. They are made afresh each time, so that none is
//! ever an old one.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use valetkey_engine::Vitals;

use super::webhooks::WebhookLabels;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BucketLabels {
    bucket: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkLabels {
    work: &'static str,
}

/// The gauges of this moment; without vitals, only that they are missing.
pub(super) fn registry(vitals: Option<&Vitals>) -> Registry {
    let mut registry = Registry::default();
    let incomplete: Gauge = Gauge::default();
    incomplete.set(i64::from(vitals.is_none()));
    registry.register(
        "valetkey_scrape_incomplete",
        "1 when the catalog did not answer in time, and its gauges are left out",
        incomplete,
    );
    if let Some(vitals) = vitals {
        buckets(&mut registry, vitals);
        backlog(&mut registry, vitals);
        webhooks(&mut registry, vitals);
    }
    registry
}

fn buckets(registry: &mut Registry, vitals: &Vitals) {
    let family = || Family::<BucketLabels, Gauge>::default();
    let (open, reserved, files, stored) = (family(), family(), family(), family());
    let quota = family();
    for bucket in &vitals.buckets {
        let labels = BucketLabels {
            bucket: bucket.name.clone(),
        };
        let usage = &bucket.usage;
        for (gauges, value) in [
            (&open, Some(usage.open_uploads)),
            (&reserved, Some(usage.reserved_bytes)),
            (&files, Some(usage.files)),
            (&stored, Some(usage.stored_bytes)),
            (&quota, bucket.quota),
        ] {
            if let Some(value) = value {
                gauges.get_or_create(&labels).set(whole(value));
            }
        }
    }
    for (name, help, gauges) in [
        (
            "valetkey_open_uploads",
            "Uploads pending or being verified",
            open,
        ),
        (
            "valetkey_reserved_bytes",
            "Bytes that open uploads declared",
            reserved,
        ),
        (
            "valetkey_files",
            "Files, those being removed included",
            files,
        ),
        ("valetkey_stored_bytes", "Bytes of files", stored),
        (
            "valetkey_quota_bytes",
            "Bytes a bucket may hold, where it has a limit",
            quota,
        ),
    ] {
        registry.register(name, help, gauges);
    }
}

fn backlog(registry: &mut Registry, vitals: &Vitals) {
    let backlog = &vitals.backlog;
    let due = Family::<ReasonLabels, Gauge>::default();
    for (reason, count) in &backlog.due {
        let reason = reason.as_str();
        due.get_or_create(&ReasonLabels { reason })
            .set(whole(*count));
    }
    registry.register("valetkey_due", "Records with work due", due);
    let postponed: Gauge = Gauge::default();
    postponed.set(whole(backlog.postponed));
    registry.register(
        "valetkey_postponed",
        "Records with work due that a sweep is at or could not do, and tries again later",
        postponed,
    );
    let leases = Family::<WorkLabels, Gauge>::default();
    for (work, count) in [
        ("verifying", backlog.verifying),
        ("deleting", backlog.deleting),
    ] {
        leases.get_or_create(&WorkLabels { work }).set(whole(count));
    }
    registry.register("valetkey_leases", "Runs in progress", leases);
    let outbox: Gauge = Gauge::default();
    outbox.set(whole(backlog.outbox));
    registry.register("valetkey_outbox", "Events that are remembered", outbox);
    let waiting: Gauge = Gauge::default();
    waiting.set(whole(backlog.waiting));
    registry.register(
        "valetkey_catalog_waiting",
        "Changes that wait to be written to the catalog",
        waiting,
    );
}

fn webhooks(registry: &mut Registry, vitals: &Vitals) {
    let family = || Family::<WebhookLabels, Gauge>::default();
    let (enabled, waiting, dead) = (family(), family(), family());
    let oldest = Family::<WebhookLabels, Gauge<f64, AtomicU64>>::default();
    for webhook in &vitals.webhooks {
        let labels = WebhookLabels {
            webhook: webhook.endpoint.as_str().to_owned(),
        };
        for (gauges, value) in [
            (&enabled, u64::from(webhook.enabled)),
            (&waiting, webhook.waiting),
            (&dead, webhook.dead),
        ] {
            gauges.get_or_create(&labels).set(whole(value));
        }
        let age = webhook
            .oldest
            .map(|oldest| vitals.at.duration_since(oldest));
        let age = age.map_or(0.0, |age| age.as_secs_f64().max(0.0));
        oldest.get_or_create(&labels).set(age);
    }
    for (name, help, gauges) in [
        (
            "valetkey_webhook_enabled",
            "Whether anything is sent to a webhook",
            enabled,
        ),
        (
            "valetkey_webhook_waiting",
            "Events a webhook is still to be told",
            waiting,
        ),
        (
            "valetkey_webhook_dead",
            "Events a webhook was not told, and that are tried no more",
            dead,
        ),
    ] {
        registry.register(name, help, gauges);
    }
    registry.register(
        "valetkey_webhook_oldest_age_seconds",
        "How long ago the first event happened that a webhook is still to be told; 0 when there is none",
        oldest,
    );
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
