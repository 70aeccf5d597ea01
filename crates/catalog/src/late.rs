//! Late uploads: those of clients that say neither how many bytes they send nor when they have sent them.

use crate::{CatalogError, Owner, Postponement, Record};
use async_trait::async_trait;

/// What is remembered of uploads whose bytes are looked for: those with [`look_at`](crate::NewUpload::look_at).
#[async_trait]
pub trait LateUploads: Send + Sync + 'static {
    /// Looks for the bytes of a claimed upload again then, if nobody claimed it again and it is still pending. With
    /// that it got on, as along an edge.
    async fn look_later(&self, later: Postponement) -> Result<(), CatalogError>;

    /// Gives the pending ones of an owner in a bucket, the newest first.
    async fn list_awaited(
        &self,
        owner: Owner,
        bucket: String,
        limit: u32,
    ) -> Result<Vec<Record>, CatalogError>;
}
