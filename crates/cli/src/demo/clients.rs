//! The clients: the same files, over each of the three ways, four transfers of each client at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::Request;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use valetkey_client::upload::{PutOptions, ToPut, put_files};
use valetkey_client::{Budget, Client, Silent};
use valetkey_protocol::FileId;

use super::error::DemoError;
use super::http::{Body, Peer, file, open};
use super::options::Load;
use super::storage::request;
use super::world::{Way, World};

/// How many transfers each client has under way: what our own client does unless told otherwise, and the others
/// shall have no less.
const TRANSFERS: usize = 4;
/// What stands between the parts of a form; it is not in the photos, which are made here.
const BOUNDARY: &str = "----valetkey-demo-7MA4YWxkTrZu0gW";

/// A file that arrived.
pub(super) struct Arrived {
    /// The object.
    pub(super) key: String,
    /// The file, if the service knows of it.
    pub(super) id: Option<FileId>,
}

/// The answer of the servers in between.
#[derive(Deserialize)]
struct Stored {
    key: String,
}

/// Clients that are ready to send, each with connections of its own, none of which is open.
pub(super) struct Clients(Vec<Errand>);

/// What one client sends, and how.
struct Errand {
    way: Way,
    url: String,
    size: u64,
    peer: Peer,
    direct: Client,
}

impl Clients {
    /// The clients of a load.
    pub(super) fn new(world: &World, way: Way, load: &Load) -> Result<Self, DemoError> {
        let url = world.url(way, load.link.is_some());
        let errand = |_| {
            Ok(Errand {
                way,
                url: url.to_owned(),
                size: load.size,
                peer: Peer::new(way.label(), url, None),
                direct: Client::new(url, &world.token)?,
            })
        };
        (0..load.clients)
            .map(errand)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Has each send all files, all at once, and gives what arrived.
    pub(super) async fn send(self, files: &[PathBuf]) -> Result<Vec<Arrived>, DemoError> {
        // What moves bytes are the connections, each in a task of its own, whichever the way.
        let arrived = try_join_all(self.0.iter().map(|client| client.send(files))).await?;
        Ok(arrived.into_iter().flatten().collect())
    }
}

impl Errand {
    async fn send(&self, files: &[PathBuf]) -> Result<Vec<Arrived>, DemoError> {
        match self.way {
            Way::Direct => self.send_directly(files).await,
            Way::Receive | Way::Stream => {
                stream::iter(files)
                    .map(|path| self.post(path))
                    .buffer_unordered(TRANSFERS)
                    .try_collect()
                    .await
            }
        }
    }

    async fn send_directly(&self, files: &[PathBuf]) -> Result<Vec<Arrived>, DemoError> {
        let budget = Budget::new(TRANSFERS);
        let files = files.iter().map(|path| ToPut {
            path: path.clone(),
            options: PutOptions::default(),
        });
        put_files(&self.direct, files.collect(), &budget, |_| Arc::new(Silent))
            .map(|(_, file)| {
                let file = file?;
                Ok(Arrived {
                    key: file.key.to_string(),
                    id: Some(file.id),
                })
            })
            .try_collect()
            .await
    }

    async fn post(&self, path: &Path) -> Result<Arrived, DemoError> {
        let request = match self.way {
            Way::Receive => self.form(path).await?,
            Way::Stream | Way::Direct => self.plain(path).await?,
        };
        let answer = self.peer.granted(request).await?;
        let stored: Stored = serde_json::from_slice(&answer.body)
            .map_err(|_| DemoError::Message("a server's answer is not its own".to_owned()))?;
        Ok(Arrived {
            key: stored.key,
            id: None,
        })
    }

    /// As a browser sends a form.
    async fn form(&self, path: &Path) -> Result<Request<Body>, DemoError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let before = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: image/jpeg\r\n\r\n"
        );
        let after = format!("\r\n--{BOUNDARY}--\r\n");
        let length = before.len() as u64 + self.size + after.len() as u64;
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let content_type = HeaderValue::try_from(content_type)
            .map_err(|_| DemoError::Message("the boundary cannot be sent".to_owned()))?;
        self.request(file(before, open(path).await?, after), length, content_type)
    }

    /// As a script sends a file: it is the body.
    async fn plain(&self, path: &Path) -> Result<Request<Body>, DemoError> {
        let body = file(String::new(), open(path).await?, String::new());
        self.request(body, self.size, HeaderValue::from_static("image/jpeg"))
    }

    fn request(
        &self,
        body: Body,
        length: u64,
        content_type: HeaderValue,
    ) -> Result<Request<Body>, DemoError> {
        let mut request = request("POST", &format!("{}/photos", self.url), body)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(CONTENT_TYPE, content_type);
        Ok(request)
    }
}

/// Checks that all of it is in the store, then removes it.
pub(super) async fn check_and_remove(
    world: &World,
    load: &Load,
    arrived: Vec<Arrived>,
) -> Result<(), DemoError> {
    let expected = usize::from(load.clients) * load.files as usize;
    if arrived.len() != expected {
        let told = format!("{} files arrived instead of {expected}", arrived.len());
        return Err(DemoError::Message(told));
    }
    let client = Client::new(world.url(Way::Direct, false), &world.token)?;
    let remove = async |file: Arrived| {
        world.storage.check(&file.key, load.size).await?;
        match file.id {
            Some(id) => Ok(client.delete_file(id).await?),
            None => world.storage.remove(&file.key).await,
        }
    };
    stream::iter(arrived)
        .map(remove)
        .buffer_unordered(2 * TRANSFERS)
        .try_collect()
        .await
}
