//! `/v1/uploads`: create, look, sign parts, complete, abort.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use valetkey_engine::Completion;
use valetkey_protocol::file::File;
use valetkey_protocol::upload::{
    CompleteResult, CompleteUpload, CompleteUploads, CreateResult, CreateUpload, CreateUploads,
    Results, SignParts, SignedParts, StillVerifying, Upload,
};

use super::{Answer, Shared, no_content};
use crate::failure::Failure;
use crate::json::{JsonBody, OptionalJsonBody, reply};
use crate::limits::Share;
use crate::parts::{Caller, IdInPath, IdempotencyKey};

/// How long to wait before asking about a verification again, in seconds.
const VERIFY_RETRY_AFTER: u64 = 1;

/// Create an upload: the answer holds the presigned requests that carry the bytes straight to storage.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "uploads", request_body = CreateUpload,
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "The same key and body within 24 hours get the same answer: a lost one can be asked for again"
    )),
    responses((
        status = 201, body = Upload, description = "The upload",
        headers(("location" = String, description = "Where to look at it"))
    ))
)]
pub(crate) async fn create_upload(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(create): JsonBody<CreateUpload>,
) -> Answer {
    let upload = match key {
        Some(key) => engine.create_upload_once(&who, &key, create).await?,
        None => engine.create_upload(&who, create).await?,
    };
    let mut response = reply(StatusCode::CREATED, &upload)?;
    let location = HeaderValue::try_from(format!("/v1/uploads/{}", upload.id))
        .map_err(|_| Failure::internal("an id is no header value"))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Create up to 100 uploads at once: each has a result of its own, in their order.
#[utoipa::path(
    post, path = "/v1/uploads/batch", tag = "uploads", request_body = CreateUploads,
    responses((status = 200, body = Results<CreateResult>, description = "One result for each"))
)]
pub(crate) async fn create_uploads(
    State(engine): State<Shared>,
    Caller(who): Caller,
    share: Share,
    JsonBody(batch): JsonBody<CreateUploads>,
) -> Answer {
    share.take(batch.uploads.len()).await?;
    reply(StatusCode::OK, &engine.create_uploads(&who, batch).await?)
}

/// Look at an upload: its state and, while a multipart upload is open, the parts storage has.
#[utoipa::path(
    get, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path, format = "uuid", description = "The id of the upload")),
    responses((status = 200, body = Upload, description = "The upload"))
)]
pub(crate) async fn get_upload(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    reply(StatusCode::OK, &engine.get_upload(&who, id).await?)
}

/// Sign parts of a multipart upload, again or for the first time.
#[utoipa::path(
    post, path = "/v1/uploads/{id}/parts", tag = "uploads", request_body = SignParts,
    params(("id" = String, Path, format = "uuid", description = "The id of the upload")),
    responses((status = 200, body = SignedParts, description = "Fresh presigned requests"))
)]
pub(crate) async fn sign_parts(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
    JsonBody(sign): JsonBody<SignParts>,
) -> Answer {
    reply(StatusCode::OK, &engine.sign_parts(&who, id, sign).await?)
}

/// Complete an upload: the bytes are checked, and from then on it is a file. Can be repeated safely.
#[utoipa::path(
    post, path = "/v1/uploads/{id}/complete", tag = "uploads", request_body = Option<CompleteUpload>,
    params(("id" = String, Path, format = "uuid", description = "The id of the upload")),
    responses(
        (status = 200, body = File, description = "The file"),
        (
            status = 202, body = StillVerifying, description = "It takes longer; ask again",
            headers(("retry-after" = u64, description = "Seconds to wait before asking again"))
        ),
    )
)]
pub(crate) async fn complete_upload(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
    OptionalJsonBody(complete): OptionalJsonBody<CompleteUpload>,
) -> Answer {
    match engine.complete_upload(&who, id, complete).await? {
        Completion::File(file) => reply(StatusCode::OK, &file),
        Completion::Verifying(still) => {
            let mut response = reply(StatusCode::ACCEPTED, &still)?;
            let seconds = HeaderValue::from(VERIFY_RETRY_AFTER);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            Ok(response)
        }
    }
}

/// Complete up to 100 uploads at once: each has a result of its own, in their order.
#[utoipa::path(
    post, path = "/v1/uploads/complete", tag = "uploads", request_body = CompleteUploads,
    responses((status = 200, body = Results<CompleteResult>, description = "One result for each"))
)]
pub(crate) async fn complete_uploads(
    State(engine): State<Shared>,
    Caller(who): Caller,
    share: Share,
    JsonBody(batch): JsonBody<CompleteUploads>,
) -> Answer {
    share.take(batch.ids.len()).await?;
    reply(StatusCode::OK, &engine.complete_uploads(&who, batch).await?)
}

/// Abort an upload: its bytes are removed and its requests are of no use any more.
#[utoipa::path(
    delete, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path, format = "uuid", description = "The id of the upload")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn abort_upload(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    engine.abort_upload(&who, id).await?;
    Ok(no_content())
}
