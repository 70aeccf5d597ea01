//! The usual server: it receives the whole form, then sends the file to storage.
//!
//! Files of more than 500 kB wait in a temporary file meanwhile, as they do with Werkzeug (Flask) and Django's default
//! (2.5 MB there), and storage's client hashes them before it signs, which takes another look at the bytes.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use bytes::BytesMut;
use futures_util::TryStreamExt;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use multer::{Field, Multipart};
use tempfile::{SpooledData, SpooledTempFile};
use tokio::task::block_in_place;
use valetkey_protocol::{Algorithm, Checksum, Hasher};

use super::super::error::DemoError;
use super::super::http::{Body, file, whole};
use super::super::link::Link;
use super::super::storage::{Storage, Where};
use super::serve::{Handler, Keys};

/// From here on a file is no longer held in memory, in bytes: Werkzeug's `default_stream_factory`.
const IN_MEMORY: usize = 500 * 1024;
/// How much is written and read at a time.
const CHUNK: usize = 256 * 1024;

/// The server.
pub(super) struct Receive {
    storage: Storage,
    keys: Keys,
}

impl Receive {
    /// A server in front of a bucket.
    pub(super) fn new(place: &Where, link: Option<Link>) -> Result<Self, DemoError> {
        Ok(Self {
            storage: Storage::open(place, link)?,
            keys: Keys::new("received"),
        })
    }
}

impl Handler for Receive {
    async fn store(&self, request: Request<Incoming>) -> Result<String, DemoError> {
        let mut received = receive(request).await?;
        let (hash, size) = block_in_place(|| hash(&mut received)).map_err(spool)?;
        let key = self.keys.next();
        let body = body(received)?;
        self.storage.put_hashed(&key, size, hash, body).await?;
        Ok(key)
    }
}

/// The file of a form.
async fn receive(request: Request<Incoming>) -> Result<SpooledTempFile, DemoError> {
    let form = |error: multer::Error| DemoError::Message(format!("the form is broken: {error}"));
    let content_type = request.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(form)?;
    let mut parts = Multipart::new(request.into_body().into_data_stream(), boundary);
    let mut found = None;
    while let Some(field) = parts.next_field().await.map_err(form)? {
        if field.name() == Some("file") {
            found = Some(spooled(field).await?);
        }
    }
    found.ok_or_else(|| DemoError::Message("the form has no field `file`".to_owned()))
}

async fn spooled(mut field: Field<'_>) -> Result<SpooledTempFile, DemoError> {
    let mut spooled = SpooledTempFile::new(IN_MEMORY);
    let mut waiting = BytesMut::with_capacity(2 * CHUNK);
    while let Some(chunk) = field
        .try_next()
        .await
        .map_err(|error| DemoError::Message(format!("the form ended early: {error}")))?
    {
        waiting.extend_from_slice(&chunk);
        if waiting.len() >= CHUNK {
            block_in_place(|| spooled.write_all(&waiting)).map_err(spool)?;
            waiting.clear();
        }
    }
    block_in_place(|| spooled.write_all(&waiting)).map_err(spool)?;
    Ok(spooled)
}

fn hash(file: &mut SpooledTempFile) -> io::Result<(Checksum, u64)> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    file.seek(SeekFrom::Start(0))?;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            file.seek(SeekFrom::Start(0))?;
            return Ok((hasher.finish(), size));
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
}

fn body(received: SpooledTempFile) -> Result<Body, DemoError> {
    match received.into_inner() {
        SpooledData::InMemory(bytes) => Ok(whole(Cursor::into_inner(bytes))),
        SpooledData::OnDisk(on_disk) => {
            let on_disk = tokio::fs::File::from_std(on_disk);
            Ok(file(String::new(), on_disk, String::new()))
        }
    }
}

fn spool(source: io::Error) -> DemoError {
    DemoError::folder("spool in", std::env::temp_dir())(source)
}
