//! Files that are compiled into the program and served as they are: the client for browsers, and the console.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use valetkey_protocol::{Algorithm, Hasher};

/// The files of a folder, each with its path there and its text.
macro_rules! bundled {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../", $folder, "/", $path)))),*]
    };
}
pub(crate) use bundled;

/// Paths and texts.
pub(crate) type Files = &'static [(&'static str, &'static str)];

/// Files that belong together, and change together: one tag is for all of them.
pub(crate) struct Bundle {
    files: Files,
    etag: Option<HeaderValue>,
}

impl Bundle {
    pub(crate) fn new(files: Files) -> Self {
        let texts: String = files.iter().map(|(_, text)| *text).collect();
        let checksum = Hasher::digest(Algorithm::Crc64Nvme, texts.as_bytes());
        let etag = HeaderValue::try_from(format!("\"{}\"", checksum.to_base64())).ok();
        Self { files, etag }
    }

    /// The file at a path, or that whoever asks has it; nothing if there is none.
    ///
    /// A browser asks each time whether what it has is still right: a page must not mix two versions.
    pub(crate) fn answer(&self, path: &str, asked: &HeaderMap) -> Option<Response> {
        let (_, text) = self.files.iter().find(|(known, _)| *known == path)?;
        let mut tags = asked.get_all(header::IF_NONE_MATCH).iter();
        let mut response = match tags.any(|tag| self.etag.as_ref() == Some(tag)) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => text.into_response(),
        };
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static(media_type(path));
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(etag) = self.etag.clone() {
            headers.insert(header::ETAG, etag);
        }
        Some(response)
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}
