//! What was accepted, written down: an oracle for tests. It is written after the index is durable and before
//! anybody is told, so whatever a client was told of is in it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::{CrcAlgorithm, Digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::blob::Blobs;
use crate::digest::{Algorithm, Checksum, Coverage};
use crate::record::Extent;

/// An object version or a part that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When, by the store's clock, in whole seconds.
    pub at: Timestamp,
    /// `PutObject`, `CopyObject`, `CompleteMultipartUpload` or `UploadPart`.
    pub operation: String,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The number of a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u16>,
    /// In bytes.
    pub size: u64,
    /// Without its quotes.
    pub etag: String,
    /// CRC-64/NVME of all its bytes, base64.
    pub crc64nvme: String,
}

/// The journal of an open store.
pub(crate) enum Journal {
    Memory(Mutex<Vec<JournalEntry>>),
    File { path: PathBuf, file: Mutex<File> },
}

/// Something that became durable, before its checksum is known.
pub(crate) struct Accepted {
    pub(crate) at: Timestamp,
    pub(crate) operation: &'static str,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) part: Option<u16>,
    pub(crate) etag: String,
    /// What is known already, if it happens to be the right one.
    pub(crate) checksum: Checksum,
    pub(crate) extents: Vec<Extent>,
}

impl Journal {
    pub(crate) fn memory() -> Self {
        Self::Memory(Mutex::default())
    }

    /// Goes on in a file.
    pub(crate) fn file(path: &Path) -> io::Result<Self> {
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Self::File {
            path: path.to_owned(),
            file: Mutex::new(file),
        })
    }

    /// Writes down what was accepted, in order. The files must still be there.
    pub(crate) fn append(&self, blobs: &Blobs, accepted: Vec<Accepted>) -> io::Result<()> {
        for one in accepted {
            let entry = one.entry(blobs)?;
            match self {
                Self::Memory(entries) => lock(entries).push(entry),
                Self::File { file, .. } => {
                    let mut line = serde_json::to_vec(&entry)?;
                    line.push(b'\n');
                    lock(file).write_all(&line)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn entries(&self) -> io::Result<Vec<JournalEntry>> {
        match self {
            Self::Memory(entries) => Ok(lock(entries).clone()),
            Self::File { path, .. } => BufReader::new(File::open(path)?)
                .lines()
                .map(|line| Ok(serde_json::from_str(&line?)?))
                .collect(),
        }
    }
}

impl Accepted {
    fn entry(self, blobs: &Blobs) -> io::Result<JournalEntry> {
        let is_known = self.checksum.algorithm == Algorithm::Crc64Nvme
            && self.checksum.coverage == Coverage::FullObject;
        let crc64nvme = if is_known {
            self.checksum.value
        } else {
            read_checksum(blobs, &self.extents)?
        };
        Ok(JournalEntry {
            at: self.at,
            operation: self.operation.to_owned(),
            bucket: self.bucket,
            key: self.key,
            part: self.part,
            size: self.extents.iter().map(|extent| extent.size).sum(),
            etag: self.etag,
            crc64nvme,
        })
    }
}

fn read_checksum(blobs: &Blobs, extents: &[Extent]) -> io::Result<String> {
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    let mut buffer = vec![0; 256 << 10];
    for extent in extents {
        let mut file = blobs.read(extent.blob)?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
        }
    }
    Ok(BASE64.encode(digest.finalize().to_be_bytes()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
