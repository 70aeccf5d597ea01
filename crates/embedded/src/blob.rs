//! Bytes on the disk: plain files that are complete, named and fsynced before the index may speak of them.
//!
//! A [`Draft`] is written in `tmp/`; [`Draft::seal`] makes it durable and moves it to
//! `blobs/<two digits>/<id>`. Until the index adopts the result, dropping it removes the file; what a crash
//! leaves behind is removed by [`Blobs::sweep`] when the store is opened again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use jiff::Timestamp;

use crate::id::Id;

/// The folder of all blobs.
pub(crate) struct Blobs {
    root: PathBuf,
    reaper: Mutex<Option<mpsc::Sender<Vec<Id>>>>,
    pins: Mutex<HashMap<Id, Pins>>,
}

/// Readers of one body, and what to remove when the last one ends.
#[derive(Default)]
struct Pins {
    readers: usize,
    doomed: Vec<Id>,
}

impl Blobs {
    /// Makes the folders, durably. `reaper` gets the names of files to remove.
    pub(crate) fn open(root: &Path, reaper: mpsc::Sender<Vec<Id>>) -> io::Result<Self> {
        let blobs = root.join("blobs");
        fs::create_dir_all(root.join("tmp"))?;
        for shard in 0..=u8::MAX {
            fs::create_dir_all(blobs.join(crate::id::hex(&[shard])))?;
        }
        sync_folder(&blobs)?;
        sync_folder(root)?;
        Ok(Self {
            root: root.to_owned(),
            reaper: Mutex::new(Some(reaper)),
            pins: Mutex::default(),
        })
    }

    /// Starts a new file in `tmp/`.
    pub(crate) fn draft(self: &Arc<Self>, now: Timestamp) -> io::Result<Draft> {
        let id = Id::new(now)?;
        let path = self.root.join("tmp").join(id.to_string());
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Draft {
            blobs: Arc::clone(self),
            id,
            file,
            path: Some(path),
        })
    }

    /// Opens a blob for reading.
    pub(crate) fn read(&self, id: Id) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Keeps the files of a body while somebody reads it. Whoever pins must look into the index *again*
    /// afterwards: the body may have been released in between.
    pub(crate) fn pin(self: &Arc<Self>, body: Id) -> Pin {
        self.pins().entry(body).or_default().readers += 1;
        Pin {
            blobs: Arc::clone(self),
            body,
        }
    }

    /// Removes the files of a body the index no longer names, now or when its last reader ends.
    pub(crate) fn release(&self, body: Id, blobs: Vec<Id>) {
        if let Some(pins) = self.pins().get_mut(&body) {
            pins.doomed.extend(blobs);
            return;
        }
        self.remove(blobs);
    }

    /// Hands files to the reaper's thread. A reaper that has ended leaves them to the next sweep.
    pub(crate) fn remove(&self, blobs: Vec<Id>) {
        let reaper = self.reaper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reaper) = reaper.as_ref().filter(|_| !blobs.is_empty()) {
            let _ = reaper.send(blobs);
        }
    }

    /// Lets the reaper end when it has done what it was given.
    pub(crate) fn close(&self) {
        drop(
            self.reaper
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// Removes everything in `tmp/` and every blob that `is_known` denies; gives their number.
    pub(crate) fn sweep<E: From<io::Error>>(
        &self,
        mut is_known: impl FnMut(Id) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let mut removed = 0;
        for entry in fs::read_dir(self.root.join("tmp"))? {
            fs::remove_file(entry?.path())?;
            removed += 1;
        }
        for shard in fs::read_dir(self.root.join("blobs"))? {
            for entry in fs::read_dir(shard?.path())? {
                let entry = entry?;
                let id = entry.file_name().to_str().and_then(Id::parse);
                if let Some(id) = id
                    && is_known(id)?
                {
                    continue;
                }
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn path(&self, id: Id) -> PathBuf {
        blob_path(&self.root, id)
    }

    fn pins(&self) -> MutexGuard<'_, HashMap<Id, Pins>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reaper's work: removes files until every sender is gone. Large files take a while to unlink, so
/// nobody waits for it.
pub(crate) fn reap(root: &Path, doomed: &mpsc::Receiver<Vec<Id>>) {
    for blobs in doomed {
        for blob in blobs {
            fail::fail_point!("embedded.blob.before_removal");
            match fs::remove_file(blob_path(root, blob)) {
                Ok(()) => {}
                Err(source) if source.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    tracing::warn!(%blob, %source, "a blob could not be removed; the next start tries again");
                }
            }
        }
    }
}

/// A file being written.
pub(crate) struct Draft {
    blobs: Arc<Blobs>,
    id: Id,
    file: File,
    /// Taken when the file has moved to its place.
    path: Option<PathBuf>,
}

impl Draft {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Makes the bytes durable under their final name.
    pub(crate) fn seal(mut self) -> io::Result<Sealed> {
        fail::fail_point!("embedded.put.received");
        self.file.sync_data()?;
        fail::fail_point!("embedded.put.synced");
        let target = self.blobs.path(self.id);
        if let Some(path) = &self.path {
            fs::rename(path, &target)?;
        }
        self.path = None;
        let sealed = Sealed {
            blobs: Arc::clone(&self.blobs),
            id: self.id,
            adopted: false,
        };
        fail::fail_point!("embedded.put.named");
        if let Some(shard) = target.parent() {
            sync_folder(shard)?;
        }
        fail::fail_point!("embedded.put.sealed");
        Ok(sealed)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

/// A durable blob that the index does not name yet. Dropping it removes it.
pub(crate) struct Sealed {
    blobs: Arc<Blobs>,
    id: Id,
    adopted: bool,
}

impl Sealed {
    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// The index names it now, or may: only a sweep can tell, so the file stays.
    pub(crate) fn adopt(mut self) {
        self.adopted = true;
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        if !self.adopted {
            self.blobs.remove(vec![self.id]);
        }
    }
}

/// Somebody is reading a body.
pub(crate) struct Pin {
    blobs: Arc<Blobs>,
    body: Id,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut all = self.blobs.pins();
        let Some(pins) = all.get_mut(&self.body) else {
            return;
        };
        pins.readers -= 1;
        if pins.readers > 0 {
            return;
        }
        let doomed = std::mem::take(&mut pins.doomed);
        all.remove(&self.body);
        drop(all);
        self.blobs.remove(doomed);
    }
}

fn blob_path(root: &Path, id: Id) -> PathBuf {
    root.join("blobs").join(id.shard()).join(id.to_string())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
