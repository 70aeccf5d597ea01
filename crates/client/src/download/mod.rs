//! From a verified file to a file on disk: fetched under another name, checked, then renamed.

mod name;
mod temporary;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};
use valetkey_protocol::download::CreateDownload;
use valetkey_protocol::file::File;
use valetkey_protocol::{FileId, Hasher};

use crate::error::Peer;
use crate::{Client, Error, Progress, storage};

pub use name::local_name;
use temporary::Temporary;

/// What happens to a file that is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is fetched.
    Keep,
    /// The fetched file takes its place, once it is whole.
    Replace,
}

/// A fetched file.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// What the service knows of it.
    pub file: File,
    /// Where it is now.
    pub path: PathBuf,
}

/// Fetches a file to `out`, or into it under the file's own name when it is a folder. Until its size and
/// checksum are right the bytes have a temporary name beside it; a failure leaves nothing.
///
/// # Errors
/// The service or storage refuses it, a file is in the way, the bytes are wrong, or the disk fails.
pub async fn get_file(
    client: &Client,
    id: FileId,
    out: &Path,
    existing: Existing,
    progress: Arc<dyn Progress>,
) -> Result<Saved, Error> {
    let file = client.get_file(id).await?;
    let path = match tokio::fs::metadata(out).await {
        Ok(found) if found.is_dir() => out.join(local_name(&file.filename)),
        _ => out.to_owned(),
    };
    let check = || match existing {
        Existing::Keep if path.symlink_metadata().is_ok() => {
            Err(Error::Exists { path: path.clone() })
        }
        _ => Ok(()),
    };
    check()?;
    let (temporary, output) = Temporary::create(&path, id).await?;
    fetch(client, &file, output, temporary.path(), &progress)
        .await?
        .sync_all()
        .await
        .map_err(|error| Error::io(temporary.path(), error))?;
    check()?;
    temporary.rename(&path).await?;
    Ok(Saved { file, path })
}

/// Fetches a file into a stream. Its checksum is known only after its last byte was written: on an error
/// what was written must not be used.
///
/// # Errors
/// The service or storage refuses it, the bytes are wrong, or the stream fails.
pub async fn write_file<W: AsyncWrite + Unpin>(
    client: &Client,
    id: FileId,
    output: W,
    progress: Arc<dyn Progress>,
) -> Result<File, Error> {
    let file = client.get_file(id).await?;
    fetch(client, &file, output, Path::new("output"), &progress).await?;
    Ok(file)
}

/// Streams the bytes to `output` and checks them; `path` is its name in errors.
async fn fetch<W: AsyncWrite + Unpin>(
    client: &Client,
    file: &File,
    output: W,
    path: &Path,
    progress: &Arc<dyn Progress>,
) -> Result<W, Error> {
    let download = client
        .create_download(file.id, &CreateDownload::default())
        .await?;
    let mut answer = storage::get(client, &download).await?;
    let mut output = BufWriter::with_capacity(1024 * 1024, output);
    let mut hasher = file.checksum.map(|it| Hasher::new(it.algorithm()));
    let mut received = 0;
    loop {
        let chunk = tokio::time::timeout(storage::STALLED, answer.chunk())
            .await
            .map_err(|_| Error::Stalled)?
            .map_err(|error| Error::network(Peer::Storage, error))?;
        let Some(chunk) = chunk else { break };
        received += chunk.len() as u64;
        if received > file.size {
            break;
        }
        if let Some(hasher) = &mut hasher {
            hasher.update(&chunk);
        }
        let written = output.write_all(&chunk).await;
        written.map_err(|error| Error::io(path, error))?;
        progress.moved(chunk.len() as u64);
    }
    let flushed = output.flush().await;
    flushed.map_err(|error| Error::io(path, error))?;
    check(file, received, hasher)?;
    Ok(output.into_inner())
}

fn check(file: &File, received: u64, hasher: Option<Hasher>) -> Result<(), Error> {
    if received != file.size {
        return Err(Error::Size {
            expected: file.size,
            received,
        });
    }
    if hasher.map(Hasher::finish) != file.checksum {
        return Err(Error::Checksum);
    }
    Ok(())
}
