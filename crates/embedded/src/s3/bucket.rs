//! Buckets: create, head, list, delete, location.

use s3s::dto::*;
use s3s::{S3ErrorCode, S3Response};

use super::convert::timestamp;
use super::{Answer, Backend, OWNER};
use crate::error::Failure;
use crate::index;

pub(super) async fn create(
    backend: &Backend,
    input: CreateBucketInput,
) -> Answer<CreateBucketOutput> {
    let asked = input
        .create_bucket_configuration
        .and_then(|configuration| configuration.location_constraint);
    if let Some(region) = asked
        && region.as_str() != backend.region
    {
        return Err(Failure::refuse(
            S3ErrorCode::IllegalLocationConstraintException,
            format!(
                "The {} location constraint is incompatible for the region specific endpoint this request was sent to.",
                region.as_str()
            ),
        )
        .into());
    }
    let (bucket, now) = (input.bucket, backend.now());
    let location = format!("/{bucket}");
    backend
        .committer
        .write(move |tables| index::create_bucket(tables, &bucket, now))
        .await?;
    Ok(S3Response::new(CreateBucketOutput {
        location: Some(location),
    }))
}

pub(super) async fn head(backend: &Backend, input: HeadBucketInput) -> Answer<HeadBucketOutput> {
    backend
        .read(move |snapshot| index::require_bucket(snapshot, &input.bucket))
        .await?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(backend.region.clone()),
        ..HeadBucketOutput::default()
    }))
}

pub(super) async fn list(backend: &Backend) -> Answer<ListBucketsOutput> {
    let buckets = backend.read(index::list_buckets).await?;
    let buckets = buckets
        .into_iter()
        .map(|(name, record)| Bucket {
            name: Some(name),
            creation_date: Some(timestamp(record.created)),
            bucket_region: None,
        })
        .collect();
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(Owner {
            display_name: None,
            id: Some(OWNER.to_owned()),
        }),
        ..ListBucketsOutput::default()
    }))
}

pub(super) async fn delete(backend: &Backend, bucket: String) -> Answer<DeleteBucketOutput> {
    backend
        .committer
        .write(move |tables| index::delete_bucket(tables, &bucket))
        .await?;
    Ok(S3Response::new(DeleteBucketOutput::default()))
}

/// An empty constraint is how S3 spells `us-east-1`.
pub(super) async fn location(backend: &Backend, bucket: String) -> Answer<GetBucketLocationOutput> {
    backend
        .read(move |snapshot| index::require_bucket(snapshot, &bucket))
        .await?;
    let constraint = (backend.region != "us-east-1")
        .then(|| BucketLocationConstraint::from(backend.region.clone()));
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint: constraint,
    }))
}
