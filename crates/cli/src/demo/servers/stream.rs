//! A streaming proxy at its best: the file is the body, nothing is parsed, hashed or held, and each piece goes to
//! storage as it comes.

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body as _, Incoming};

use super::super::error::DemoError;
use super::super::link::Link;
use super::super::storage::{Storage, Where};
use super::serve::{Handler, Keys};

/// The server.
pub(super) struct Stream {
    storage: Storage,
    keys: Keys,
}

impl Stream {
    /// A server in front of a bucket.
    pub(super) fn new(place: &Where, link: Option<Link>) -> Result<Self, DemoError> {
        Ok(Self {
            storage: Storage::open(place, link)?,
            keys: Keys::new("streamed"),
        })
    }
}

impl Handler for Stream {
    async fn store(&self, request: Request<Incoming>) -> Result<String, DemoError> {
        let body = request.into_body();
        let size = body.size_hint().exact();
        let size =
            size.ok_or_else(|| DemoError::Message("Content-Length is missing".to_owned()))?;
        let key = self.keys.next();
        let body = body.map_err(Into::into).boxed_unsync();
        self.storage.put_streamed(&key, size, body).await?;
        Ok(key)
    }
}
