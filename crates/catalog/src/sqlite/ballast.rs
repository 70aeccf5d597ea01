//! The way out of a full disk: room that is held while there is enough, and given up when there is none, so that
//! what makes room, a removal, an abort, the sweep, can still be written down.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::open::{beside, private_file};
use crate::CatalogError;

/// How many bytes are held.
const HELD_BYTES: u64 = 8 * 1024 * 1024;

/// How much more must be free before they are held again: a disk at the brink is not worth coming back to.
const SPARE_BYTES: u64 = 8 * 1024 * 1024;

/// The held room, a file beside the catalog.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    held: AtomicBool,
}

impl Ballast {
    /// Takes the room, if there is enough.
    pub(super) fn take(catalog: &Path) -> Result<Self, CatalogError> {
        let path = beside(catalog, ".ballast");
        let file = private_file(&path)?;
        let whole = file.metadata().is_ok_and(|found| found.len() >= HELD_BYTES);
        let ballast = Self {
            path,
            held: AtomicBool::new(whole),
        };
        ballast.hold();
        Ok(ballast)
    }

    /// Whether the room is held, now or again.
    pub(super) fn hold(&self) -> bool {
        if self.held.load(Ordering::Relaxed) {
            return true;
        }
        let took = match self.fill() {
            Ok(()) => true,
            Err(error) if is_full(&error) => false,
            Err(error) => {
                // Not every file system can; the catalog works without.
                tracing::warn!(%error, "no room can be held for the case that the disk gets full");
                true
            }
        };
        self.held.store(took, Ordering::Relaxed);
        took
    }

    /// Gives the room up; says whether there was any.
    pub(super) fn give_up(&self) -> bool {
        let held = self.held.swap(false, Ordering::Relaxed);
        if held {
            tracing::error!(
                "the disk is full: only what makes room is written until there is some"
            );
        }
        let emptied = private_file(&self.path).is_ok_and(|file| file.set_len(0).is_ok());
        held && emptied
    }

    fn fill(&self) -> io::Result<()> {
        let file = File::options().write(true).open(&self.path)?;
        let disk = statvfs(&self.path)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < HELD_BYTES + SPARE_BYTES {
            return Err(ErrorKind::StorageFull.into());
        }
        fallocate(&file, FallocateFlags::empty(), 0, HELD_BYTES)?;
        file.sync_all()
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}
