//! The bucket that all ways lead to, as the usual server speaks to it: with its own key, object by object.

use std::path::{Path, PathBuf};

use hyper::Request;
use hyper::header::{CONTENT_LENGTH, HeaderName};
use serde::Deserialize;
use valetkey_protocol::{Checksum, Secret};
use valetkey_sign::s3::{self, Method, Payload, Presigner, SERVICE, SigningKey};
use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

use super::clock;
use super::error::DemoError;
use super::http::{Body, Peer, whole};
use super::link::Link;

/// The bucket's name.
pub(super) const BUCKET: &str = "demo";
/// The region its signatures name.
pub(super) const REGION: &str = "us-east-1";
/// How long a presigned request lives, in seconds.
const LIFETIME: u32 = 900;

/// The store's bucket, the key to it, and connections.
pub(super) struct Storage {
    endpoint: Endpoint,
    credentials: Credentials,
    peer: Peer,
}

/// What the store writes for whoever may sign.
#[derive(Deserialize)]
pub(super) struct StoreKey {
    pub(super) access_key: String,
    pub(super) secret_key: Secret,
}

impl StoreKey {
    /// Reads it.
    pub(super) fn read(path: &Path) -> Result<Self, DemoError> {
        let text = std::fs::read(path).map_err(DemoError::folder("read", path))?;
        serde_json::from_slice(&text)
            .map_err(|_| DemoError::Message("the store's key is no key".to_owned()))
    }
}

/// Where the bucket is, for another process.
#[derive(clap::Args, Clone)]
pub(crate) struct Where {
    /// URL of the store
    #[arg(long)]
    pub(super) store: String,
    /// File of its key
    #[arg(long)]
    pub(super) key_file: PathBuf,
}

impl Storage {
    /// The bucket, reached over a link, if there is one.
    pub(super) fn open(place: &Where, link: Option<Link>) -> Result<Self, DemoError> {
        let key = StoreKey::read(&place.key_file)?;
        Ok(Self {
            endpoint: Endpoint::parse(&place.store, BUCKET, AddressingStyle::Path)?,
            credentials: Credentials::new(&key.access_key, key.secret_key.expose()),
            peer: Peer::new("store", &place.store, link),
        })
    }

    /// Puts an object whose bytes were hashed before, as the clients of cloud providers do.
    pub(super) async fn put_hashed(
        &self,
        key: &str,
        size: u64,
        hash: Checksum,
        body: Body,
    ) -> Result<(), DemoError> {
        let Checksum::Sha256(hash) = hash else {
            return Err(DemoError::Message("only SHA-256 is signed".to_owned()));
        };
        let now = clock::timestamp();
        let signed = s3::authorize(
            &self.key(now)?,
            &s3::Request {
                method: Method::Put,
                endpoint: &self.endpoint,
                key: key.as_bytes(),
                query: &[],
                headers: &[],
                payload: Payload::Sha256(hash),
            },
            now,
        )?;
        let mut request = request("PUT", &signed.url, body)?;
        request.headers_mut().insert(CONTENT_LENGTH, size.into());
        for (name, value) in signed.headers {
            let value = value
                .try_into()
                .map_err(|_| DemoError::Message(format!("the header {name} is none")))?;
            let name = HeaderName::from_static(name);
            request.headers_mut().insert(name, value);
        }
        self.peer.granted(request).await.map(drop)
    }

    /// Puts an object with a presigned URL, its bytes as they come.
    pub(super) async fn put_streamed(
        &self,
        key: &str,
        size: u64,
        body: Body,
    ) -> Result<(), DemoError> {
        let mut request = request("PUT", &self.presign(Method::Put, key)?, body)?;
        request.headers_mut().insert(CONTENT_LENGTH, size.into());
        self.peer.granted(request).await.map(drop)
    }

    /// Checks that an object is there, all of it.
    pub(super) async fn check(&self, key: &str, sent: u64) -> Result<(), DemoError> {
        let url = self.presign(Method::Head, key)?;
        let answer = self.peer.send(request("HEAD", &url, whole(""))?).await?;
        let size = answer.headers.get(CONTENT_LENGTH);
        let size = size.and_then(|size| size.to_str().ok()?.parse().ok());
        let stored = size.filter(|_| answer.status.is_success());
        if stored == Some(sent) {
            return Ok(());
        }
        Err(DemoError::Lost {
            key: key.to_owned(),
            stored,
            sent,
        })
    }

    /// Removes an object.
    pub(super) async fn remove(&self, key: &str) -> Result<(), DemoError> {
        let url = self.presign(Method::Delete, key)?;
        let request = request("DELETE", &url, whole(""))?;
        self.peer.granted(request).await.map(drop)
    }

    fn presign(&self, method: Method, key: &str) -> Result<String, DemoError> {
        let now = clock::timestamp();
        let presigner = Presigner::new(&self.endpoint, &self.key(now)?, now, LIFETIME)?;
        let mut url = String::new();
        presigner.presign(method, key.as_bytes(), &[], &[], &mut url)?;
        Ok(url)
    }

    fn key(&self, now: jiff::Timestamp) -> Result<SigningKey, DemoError> {
        Ok(SigningKey::derive(&self.credentials, now, REGION, SERVICE)?)
    }
}

/// A request to a URL of this machine.
pub(super) fn request(method: &str, url: &str, body: Body) -> Result<Request<Body>, DemoError> {
    let made = Request::builder().method(method).uri(url).body(body);
    made.map_err(|_| DemoError::Message("a URL of a server on this machine is none".to_owned()))
}
