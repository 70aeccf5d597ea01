//! The operations, as `s3s` calls them.

mod bucket;
mod convert;
mod copy;
mod cors;
mod lifecycle;
mod list;
mod multipart;
mod object;
mod range;
mod tagging;

pub(crate) use convert::{check_tags, read_facts};
pub(crate) use object::{Publication, publish};

use std::sync::Arc;

use jiff::Timestamp;
use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result};
use tokio::task;

use crate::blob::Blobs;
use crate::clock::{Clock, whole_seconds};
use crate::committer::Committer;
use crate::error::Failure;
use crate::id::Id;
use crate::index::{Index, Snapshot};

/// Who owns every bucket: the account id of `x-amz-expected-bucket-owner`.
pub(crate) const OWNER: &str = "000000000000";

/// What the operations work on.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) index: Arc<Index>,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) committer: Arc<Committer>,
    pub(crate) clock: Clock,
    pub(crate) region: String,
}

impl Backend {
    /// Now, in whole seconds.
    fn now(&self) -> Timestamp {
        whole_seconds((self.clock)())
    }

    /// A new name, which keeps the fraction of the second so that names sort.
    fn new_id(&self) -> Result<Id, Failure> {
        Ok(Id::new((self.clock)())?)
    }

    /// Looks into the index on a blocking thread.
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Snapshot) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let index = Arc::clone(&self.index);
        task::spawn_blocking(move || index.read(look))
            .await
            .unwrap_or(Err(Failure::Broken("a reading thread ended early")))
    }
}

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait::async_trait]
impl S3 for Backend {
    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        object::put(self, req).await
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        object::get(self, req.input).await
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        object::head(self, req.input).await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        object::delete(self, req.input).await
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> Answer<DeleteObjectsOutput> {
        object::delete_many(self, req.input).await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        copy::copy(self, req).await
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        copy::copy_part(self, req.input).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        multipart::create(self, req).await
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        multipart::put_part(self, req).await
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        multipart::list_parts(self, req.input).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        multipart::complete(self, req.input).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        multipart::abort(self, req.input).await
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        list::uploads(self, req.input).await
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        list::objects_v1(self, req.input).await
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        list::objects_v2(self, req.input).await
    }

    async fn get_object_tagging(
        &self,
        req: S3Request<GetObjectTaggingInput>,
    ) -> Answer<GetObjectTaggingOutput> {
        tagging::get(self, req.input).await
    }

    async fn put_object_tagging(
        &self,
        req: S3Request<PutObjectTaggingInput>,
    ) -> Answer<PutObjectTaggingOutput> {
        tagging::put(self, req.input).await
    }

    async fn delete_object_tagging(
        &self,
        req: S3Request<DeleteObjectTaggingInput>,
    ) -> Answer<DeleteObjectTaggingOutput> {
        tagging::delete(self, req.input).await
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        bucket::create(self, req.input).await
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        bucket::head(self, req.input).await
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        bucket::list(self).await
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        bucket::delete(self, req.input.bucket).await
    }

    async fn put_bucket_cors(
        &self,
        req: S3Request<PutBucketCorsInput>,
    ) -> Answer<PutBucketCorsOutput> {
        cors::put(self, req.input).await
    }

    async fn get_bucket_cors(
        &self,
        req: S3Request<GetBucketCorsInput>,
    ) -> Answer<GetBucketCorsOutput> {
        cors::get(self, req.input).await
    }

    async fn delete_bucket_cors(
        &self,
        req: S3Request<DeleteBucketCorsInput>,
    ) -> Answer<DeleteBucketCorsOutput> {
        cors::delete(self, req.input).await
    }

    async fn put_bucket_lifecycle_configuration(
        &self,
        req: S3Request<PutBucketLifecycleConfigurationInput>,
    ) -> Answer<PutBucketLifecycleConfigurationOutput> {
        lifecycle::put(self, req.input).await
    }

    async fn get_bucket_lifecycle_configuration(
        &self,
        req: S3Request<GetBucketLifecycleConfigurationInput>,
    ) -> Answer<GetBucketLifecycleConfigurationOutput> {
        lifecycle::get(self, req.input).await
    }

    async fn delete_bucket_lifecycle(
        &self,
        req: S3Request<DeleteBucketLifecycleInput>,
    ) -> Answer<DeleteBucketLifecycleOutput> {
        lifecycle::delete(self, req.input).await
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        bucket::location(self, req.input.bucket).await
    }
}

/// The store keeps one version of each object, which S3 calls `null`.
fn only_version(version: Option<&str>) -> Result<(), S3Error> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(Failure::refuse(
            s3s::S3ErrorCode::NoSuchVersion,
            "The specified version does not exist.",
        )
        .into()),
    }
}
