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

/// How many bytes are kept over a restart when the disk is full: enough to open the catalog with.
const KEPT_BYTES: u64 = 1024 * 1024;

/// With less than so many bytes free, the log is folded in early: what it holds has to find room in the file, and then
/// there may be none.
const TIGHT_BYTES: u64 = 256 * 1024 * 1024;

/// After how many pages of 4 KiB the log is folded in, when there is room, when it is tight, and when the disk is full:
/// then the log uses the same room again and again, and the held one lasts.
const LOG_PAGES: u32 = 4000;
const LOG_PAGES_TIGHT: u32 = 256;
const LOG_PAGES_FULL: u32 = 1;

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
        if self.held.swap(false, Ordering::Relaxed) {
            tracing::error!(
                "the disk is full: only what makes room is written until there is some"
            );
        }
        private_file(&self.path).is_ok_and(|file| {
            let held = file.metadata().is_ok_and(|found| found.len() > 0);
            held && file.set_len(0).is_ok()
        })
    }

    /// Gives the room up if the disk is full; says whether there was any.
    pub(super) fn give_up_if_full(&self) -> bool {
        self.free().is_ok_and(|free| free < SPARE_BYTES) && self.give_up()
    }

    /// Keeps some room for the next start, where the disk is full and the rest was given up.
    pub(super) fn keep(&self) {
        if self.held.load(Ordering::Relaxed) {
            return;
        }
        let keep = || -> io::Result<()> {
            let file = File::options().write(true).open(&self.path)?;
            let bytes = self.free()?.min(KEPT_BYTES);
            if file.metadata()?.len() < bytes {
                fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
            }
            Ok(())
        };
        if let Err(error) = keep() {
            tracing::warn!(%error, "no room could be kept on the full disk for the next start");
        }
    }

    /// After how many pages the log is to be folded in.
    pub(super) fn log_pages(&self) -> u32 {
        if !self.held.load(Ordering::Relaxed) {
            return LOG_PAGES_FULL;
        }
        match self.free() {
            Ok(free) if free < TIGHT_BYTES => LOG_PAGES_TIGHT,
            _ => LOG_PAGES,
        }
    }

    fn fill(&self) -> io::Result<()> {
        let file = File::options().write(true).open(&self.path)?;
        if self.free()? < HELD_BYTES + SPARE_BYTES {
            return Err(ErrorKind::StorageFull.into());
        }
        fallocate(&file, FallocateFlags::empty(), 0, HELD_BYTES)?;
        file.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let disk = statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}
