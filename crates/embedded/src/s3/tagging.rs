//! Tags of an object (`?tagging`).

use std::collections::BTreeMap;

use s3s::S3Response;
use s3s::dto::*;

use super::convert::check_tags;
use super::{Answer, Backend, only_version};
use crate::index;

pub(super) async fn get(
    backend: &Backend,
    input: GetObjectTaggingInput,
) -> Answer<GetObjectTaggingOutput> {
    only_version(input.version_id.as_deref())?;
    let (record, _) = backend
        .read(move |snapshot| index::find_object(snapshot, &input.bucket, &input.key))
        .await?;
    let tag_set = record
        .facts
        .tags
        .into_iter()
        .map(|(key, value)| Tag {
            key: Some(key),
            value: Some(value),
        })
        .collect();
    Ok(S3Response::new(GetObjectTaggingOutput {
        tag_set,
        version_id: None,
    }))
}

pub(super) async fn put(
    backend: &Backend,
    input: PutObjectTaggingInput,
) -> Answer<PutObjectTaggingOutput> {
    only_version(input.version_id.as_deref())?;
    let tags = check_tags(
        input
            .tagging
            .tag_set
            .into_iter()
            .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())),
    )?;
    backend
        .committer
        .write(move |tables| index::set_tags(tables, &input.bucket, &input.key, tags))
        .await?;
    Ok(S3Response::new(PutObjectTaggingOutput::default()))
}

pub(super) async fn delete(
    backend: &Backend,
    input: DeleteObjectTaggingInput,
) -> Answer<DeleteObjectTaggingOutput> {
    only_version(input.version_id.as_deref())?;
    backend
        .committer
        .write(move |tables| index::set_tags(tables, &input.bucket, &input.key, BTreeMap::new()))
        .await?;
    Ok(S3Response::new(DeleteObjectTaggingOutput::default()))
}
