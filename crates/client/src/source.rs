//! A local file on its way out: what it was when it was opened, its checksum, and any range of it.

use std::io::{self, Read, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{Stream, TryStreamExt};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use valetkey_protocol::{Algorithm, Checksum, Hasher};

use crate::Error;

/// How much is read at a time; with it the memory of a transfer is bounded.
const CHUNK: usize = 256 * 1024;

/// A file as it was when the upload began.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
}

/// Some bytes of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Source {
    /// Looks at a file. Whatever is no file (a folder, a pipe) has no size to declare and is refused.
    pub(crate) async fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io(path, error);
        let metadata = tokio::fs::metadata(path).await.map_err(failed)?;
        if !metadata.is_file() {
            let message = "only files can be uploaded, and this is none";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        Ok(Self {
            path: path.to_owned(),
            size: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn whole(&self) -> Range {
        Range {
            offset: 0,
            size: self.size,
        }
    }

    /// Reads the file once, on a thread that may wait for the disk.
    pub(crate) async fn checksum(&self, algorithm: Algorithm) -> Result<Checksum, Error> {
        let source = self.clone();
        let hashed = tokio::task::spawn_blocking(move || {
            source
                .hash(algorithm)
                .map_err(|error| Error::io(&source.path, error))
        });
        let (checksum, read) = match hashed.await {
            Ok(result) => result?,
            Err(error) => return Err(Error::io(&self.path, io::Error::other(error))),
        };
        if read != self.size {
            return Err(self.changed());
        }
        Ok(checksum)
    }

    fn hash(&self, algorithm: Algorithm) -> io::Result<(Checksum, u64)> {
        let mut file = std::fs::File::open(&self.path)?;
        let mut hasher = Hasher::new(algorithm);
        let mut buffer = vec![0; 4 * CHUNK];
        let mut total = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok((hasher.finish(), total)),
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    total += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The bytes of a range as they are read from disk. They may end early if the file was cut meanwhile.
    pub(crate) async fn read(
        &self,
        range: Range,
    ) -> Result<impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static, Error> {
        let failed = |error| Error::io(&self.path, error);
        let mut file = tokio::fs::File::open(&self.path).await.map_err(failed)?;
        file.set_max_buf_size(CHUNK);
        file.seek(SeekFrom::Start(range.offset))
            .await
            .map_err(failed)?;
        Ok(ReaderStream::with_capacity(file.take(range.size), CHUNK).into_stream())
    }

    /// Checks that the file is still what it was.
    pub(crate) async fn check_unchanged(&self) -> Result<(), Error> {
        let now = Self::open(&self.path).await?;
        if (now.size, now.modified) == (self.size, self.modified) {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    fn changed(&self) -> Error {
        Error::Changed {
            path: self.path.clone(),
        }
    }
}
