//! Uploads and downloads, by bucket.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use valetkey_protocol::upload::State;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    bucket: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BucketLabels {
    bucket: String,
}

/// What is counted about uploads and downloads.
pub(super) struct Uploads {
    entered: Family<StateLabels, Counter>,
    verified_bytes: Family<BucketLabels, Counter>,
    downloads: Family<BucketLabels, Counter>,
}

impl Uploads {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let uploads = Self {
            entered: Family::default(),
            verified_bytes: Family::default(),
            downloads: Family::default(),
        };
        registry.register(
            "valetkey_uploads",
            "Uploads that entered a state",
            uploads.entered.clone(),
        );
        registry.register(
            "valetkey_verified_bytes",
            "Bytes of uploads that became files",
            uploads.verified_bytes.clone(),
        );
        registry.register(
            "valetkey_downloads",
            "Downloads issued",
            uploads.downloads.clone(),
        );
        uploads
    }

    /// Counts an upload that entered a state.
    pub(super) fn entered(&self, bucket: &str, state: State, bytes: u64) {
        let bucket = bucket.to_owned();
        if state == State::Available {
            let labels = BucketLabels {
                bucket: bucket.clone(),
            };
            self.verified_bytes.get_or_create(&labels).inc_by(bytes);
        }
        let labels = StateLabels {
            bucket,
            state: state.as_str(),
        };
        self.entered.get_or_create(&labels).inc();
    }

    /// Counts a download that was issued.
    pub(super) fn issued_download(&self, bucket: &str) {
        let bucket = bucket.to_owned();
        self.downloads.get_or_create(&BucketLabels { bucket }).inc();
    }
}
