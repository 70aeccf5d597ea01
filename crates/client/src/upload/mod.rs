//! From a file on disk to a verified file: hash, create, send, complete.

mod many;
mod parts;
mod single;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use valetkey_protocol::file::File;
use valetkey_protocol::upload::{CompleteUpload, CreateUpload, Strategy, Upload};
use valetkey_protocol::{
    Algorithm, ContentType, Filename, FolderPath, InvalidValue, Metadata, PresignedRequest,
};

pub use many::{ToPut, put_files};

use crate::source::Source;
use crate::{Budget, Client, Completion, Error, Progress};

/// What is said about a file besides its bytes.
#[derive(Debug, Clone, Default)]
pub struct PutOptions {
    /// Where it goes; the default bucket when absent.
    pub bucket: Option<String>,
    /// Its logical folder.
    pub path: Option<FolderPath>,
    /// Its media type; guessed from its extension when absent.
    pub content_type: Option<ContentType>,
    /// The application's own notes.
    pub metadata: Option<Metadata>,
    /// Its name; its own when absent.
    pub filename: Option<Filename>,
}

/// Uploads a file and gives what the service made of it. The bytes are read twice, once for the checksum that
/// is always declared, and never held. A failure aborts the upload.
///
/// # Errors
/// The file cannot be read or changes meanwhile, the service or storage refuses it, or no connection lasts.
pub async fn put_file(
    client: &Client,
    path: &Path,
    options: PutOptions,
    budget: &Budget,
    progress: Arc<dyn Progress>,
) -> Result<File, Error> {
    let source = Source::open(path).await?;
    let intent = declare(client, path, &source, options).await?;
    let mut session = Session {
        upload: client.create_upload(&intent).await?,
        client,
        source,
        intent,
        budget,
        progress,
    };
    match session.run().await {
        Ok(file) => Ok(file),
        Err(error) => Err(session.give_up(error).await),
    }
}

/// An upload and all that it needs to go on.
struct Session<'a> {
    client: &'a Client,
    source: Source,
    intent: CreateUpload,
    upload: Upload,
    budget: &'a Budget,
    progress: Arc<dyn Progress>,
}

impl Session<'_> {
    async fn run(&mut self) -> Result<File, Error> {
        self.send().await?;
        self.complete().await
    }

    /// Sends the bytes, which are those that were hashed.
    async fn send(&mut self) -> Result<(), Error> {
        match self.upload.strategy {
            Strategy::Single => self.put_single().await?,
            Strategy::Multipart => self.put_parts().await?,
        }
        self.source.check_unchanged().await
    }

    /// Aborts the upload, and says what went wrong.
    async fn give_up(&self, error: Error) -> Error {
        // What cannot be aborted expires by itself.
        self.client.abort_upload(self.upload.id).await.ok();
        // A file that changed under our hands explains whatever went wrong.
        self.source.check_unchanged().await.err().unwrap_or(error)
    }

    /// Asks until the bytes are checked; the service itself bounds how long that takes.
    async fn complete(&self) -> Result<File, Error> {
        let body = CompleteUpload {
            checksum: self.intent.checksum,
        };
        loop {
            match self.client.complete_upload(self.upload.id, &body).await? {
                Completion::File(file) => return Ok(*file),
                Completion::Verifying { retry_after } => {
                    tokio::time::sleep(retry_after.max(Duration::from_millis(100))).await;
                }
            }
        }
    }
}

/// Whether a request is so near its end that it should be signed again before it is sent.
fn is_stale(request: &PresignedRequest, now: Timestamp) -> bool {
    request.expires_at.duration_since(now) < SignedDuration::from_secs(30)
}

async fn declare(
    client: &Client,
    path: &Path,
    source: &Source,
    options: PutOptions,
) -> Result<CreateUpload, Error> {
    let invalid = |what, source| Error::Invalid {
        what,
        path: path.to_owned(),
        source,
    };
    let filename = match options.filename {
        Some(filename) => filename,
        None => own_name(path).map_err(|error| invalid("name", error))?,
    };
    let bucket = client.bucket(options.bucket.as_deref()).await?;
    let algorithm = bucket.map_or(Algorithm::Crc64Nvme, |bucket| bucket.checksum_algorithm);
    Ok(CreateUpload {
        content_type: match options.content_type {
            Some(content_type) => content_type,
            None => guess(&filename).map_err(|error| invalid("type", error))?,
        },
        filename,
        size: source.size(),
        checksum: Some(source.checksum(algorithm).await?),
        bucket: options.bucket,
        path: options.path.filter(|path| !path.as_str().is_empty()),
        metadata: options.metadata,
        expires_in: None,
        retain_for: None,
    })
}

fn own_name(path: &Path) -> Result<Filename, InvalidValue> {
    let name = path.file_name().unwrap_or_default();
    let name = name
        .to_str()
        .ok_or_else(|| InvalidValue::new("is not UTF-8: rename it"))?;
    Filename::parse(name)
}

fn guess(filename: &Filename) -> Result<ContentType, InvalidValue> {
    let guessed = mime_guess::from_path(filename.as_str()).first_raw();
    ContentType::parse(guessed.unwrap_or(ContentType::OCTET_STREAM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_tells_the_type() {
        let guessed = |name: &str| guess(&Filename::parse(name).unwrap()).unwrap().to_string();
        assert_eq!(guessed("a photo.JPG"), "image/jpeg");
        assert_eq!(guessed("notes.txt"), "text/plain");
        assert_eq!(guessed("core"), "application/octet-stream");
    }
}
