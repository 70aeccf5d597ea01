//! The classic routes: those of well-known guides to presigned URLs, so that their clients work as they are. No size is
//! declared and nothing is completed: whoever reads first, lists, or the sweep completes what was sent.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use valetkey_engine::{LateGrant, LateUpload};
use valetkey_protocol::classic::{
    ClassicDeleted, ClassicFile, ClassicFiles, ListClassic, PresignImage, PresignedImage,
    RequestUpload, RequestedDownload, RequestedUpload,
};
use valetkey_protocol::file::ListFiles;
use valetkey_protocol::{Code, ContentType, Filename, InvalidValue};

use crate::api::{Answer, Shared};
use crate::config::Config;
use crate::failure::Failure;
use crate::json::{JsonBody, reply};
use crate::parts::{Caller, FileKeyInPath, StrictQuery};

/// Their paths: where whoever has no token may act as somebody, if the configuration says so.
pub(crate) const ROUTES: &[&str] = &[
    "/request-upload",
    "/request-download/{*file_key}",
    "/files",
    "/files/{*file_key}",
    "/api/images/presigned",
];

/// How many files a list shows when nobody asks otherwise.
const LISTED: u32 = 1000;

/// What the configuration says of these routes.
#[derive(Debug, Clone)]
pub(crate) struct Classic {
    /// Whether they are there.
    pub(crate) enabled: bool,
    /// Where files go.
    pub(crate) bucket: String,
    /// Where images go, which everybody may read then; nowhere when absent.
    pub(crate) images_bucket: Option<String>,
}

impl Classic {
    /// As the configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let classic = &config.compat.classic;
        let images = &classic.images_bucket;
        Self {
            enabled: classic.enabled,
            bucket: classic.bucket(&config.default_bucket).to_owned(),
            images_bucket: (!images.is_empty()).then(|| images.clone()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Classic {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let found = Extension::<Arc<Self>>::from_request_parts(parts, state).await;
        let Ok(Extension(classic)) = found else {
            return Err(Failure::internal("the classic routes are not wired"));
        };
        if classic.enabled {
            return Ok(Self::clone(&classic));
        }
        let detail = "the classic routes are switched off here; the operator switches them on with \
             `compat.classic.enabled`";
        Err(Failure::new(Code::NotFound, detail))
    }
}

/// Get a URL to PUT a file to.
#[utoipa::path(
    post, path = "/request-upload", tag = "classic", request_body = RequestUpload,
    responses((status = 200, body = RequestedUpload, description = "Where to send it, and its key"))
)]
pub(crate) async fn request_upload(
    State(engine): State<Shared>,
    Caller(who): Caller,
    classic: Classic,
    JsonBody(request): JsonBody<RequestUpload>,
) -> Answer {
    let late = LateUpload {
        bucket: Some(classic.bucket),
        filename: request.filename,
        content_type: request.content_type,
    };
    let grant = engine.create_late_upload(&who, late).await?;
    let answer = RequestedUpload {
        upload_url: grant.request.url,
        file_key: grant.key,
        expires_in: grant.expires_in,
        headers: grant.request.headers,
    };
    reply(StatusCode::OK, &answer)
}

/// Get a URL to GET a file from.
#[utoipa::path(
    get, path = "/request-download/{*file_key}", tag = "classic",
    params(("file_key" = String, Path, description = "Its key, with its slashes")),
    responses((status = 200, body = RequestedDownload, description = "Where its bytes are"))
)]
pub(crate) async fn request_download(
    State(engine): State<Shared>,
    Caller(who): Caller,
    classic: Classic,
    FileKeyInPath(key): FileKeyInPath,
) -> Answer {
    let bucket = Some(classic.bucket.as_str());
    let (download, expires_in) = engine.create_download_by_key(&who, bucket, &key).await?;
    let answer = RequestedDownload {
        download_url: download.url,
        expires_in,
    };
    reply(StatusCode::OK, &answer)
}

/// List your files, the newest first, with what was just sent.
#[utoipa::path(
    get, path = "/files", tag = "classic", params(ListClassic),
    responses((status = 200, body = ClassicFiles, description = "The files"))
)]
pub(crate) async fn list_classic_files(
    State(engine): State<Shared>,
    Caller(who): Caller,
    classic: Classic,
    StrictQuery(list): StrictQuery<ListClassic>,
) -> Answer {
    let query = ListFiles {
        bucket: Some(classic.bucket),
        limit: Some(list.limit.unwrap_or(LISTED)),
        cursor: list.cursor,
        ..ListFiles::default()
    };
    let page = engine.list_files_late(&who, query).await?;
    let files = page.files.into_iter().map(|file| ClassicFile {
        key: file.key,
        size: file.size,
        last_modified: file.created_at,
    });
    let answer = ClassicFiles {
        files: files.collect(),
        next_cursor: page.next_cursor,
    };
    reply(StatusCode::OK, &answer)
}

/// Delete a file, for ever.
#[utoipa::path(
    delete, path = "/files/{*file_key}", tag = "classic",
    params(("file_key" = String, Path, description = "Its key, with its slashes")),
    responses((status = 200, body = ClassicDeleted, description = "It is gone"))
)]
pub(crate) async fn delete_classic_file(
    State(engine): State<Shared>,
    Caller(who): Caller,
    classic: Classic,
    FileKeyInPath(key): FileKeyInPath,
) -> Answer {
    engine
        .delete_by_key(&who, Some(&classic.bucket), &key)
        .await?;
    let message = format!("{key} was deleted");
    reply(StatusCode::OK, &ClassicDeleted { message })
}

/// Get a URL to PUT an image to that everybody may then read.
#[utoipa::path(
    post, path = "/api/images/presigned", tag = "classic", request_body = PresignImage,
    responses((status = 200, body = PresignedImage, description = "Where to send it, and its name"))
)]
pub(crate) async fn presign_image(
    State(engine): State<Shared>,
    Caller(who): Caller,
    classic: Classic,
    JsonBody(image): JsonBody<PresignImage>,
) -> Answer {
    let Some(bucket) = classic.images_bucket else {
        let detail = "there is no bucket for images here; the operator names one with `compat.classic.images_bucket`";
        return Err(Failure::new(Code::NotFound, detail));
    };
    let name = image_name(&image.content_type);
    let late = LateUpload {
        bucket: Some(bucket),
        filename: name.map_err(|error| Failure::internal(error.to_string()))?,
        content_type: Some(image.content_type),
    };
    let LateGrant {
        request,
        public_name,
        ..
    } = engine.create_late_upload(&who, late).await?;
    let answer = PresignedImage {
        presigned_url: request.url,
        file_name: public_name,
    };
    reply(StatusCode::OK, &answer)
}

/// A name for an image that came without one, with the end that its type usually has.
fn image_name(content_type: &ContentType) -> Result<Filename, InvalidValue> {
    let subtype = content_type.essence().split('/').next_back();
    let subtype = subtype.unwrap_or_default();
    let end = match subtype.split('+').next().unwrap_or_default() {
        "jpeg" | "pjpeg" => "jpg",
        "x-icon" | "vnd.microsoft.icon" => "ico",
        "plain" => "txt",
        end => end,
    };
    let plain = (1..=10).contains(&end.len()) && end.bytes().all(|b| b.is_ascii_alphanumeric());
    match plain {
        true => Filename::parse(&format!("image.{end}")),
        false => Filename::parse("image"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_called_after_its_type() {
        for (content_type, name) in [
            ("image/png", "image.png"),
            ("image/jpeg", "image.jpg"),
            ("image/svg+xml", "image.svg"),
            ("image/vnd.microsoft.icon", "image.ico"),
            ("image/x.very-special", "image"),
            ("text/plain; charset=utf-8", "image.txt"),
        ] {
            let content_type = ContentType::parse(content_type).unwrap();
            assert_eq!(image_name(&content_type).unwrap().as_str(), name);
        }
    }
}
