//! The index: one ordered, transactional file (`index.redb`) that says what exists.

mod body;
mod bucket;
mod complete;
mod list;
mod object;
mod sweep;
mod table;
mod upload;

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{Database, DatabaseError, Durability, ReadableDatabase};

use crate::error::{Failure, OpenError};

pub(crate) use bucket::{
    change_bucket, create_bucket, delete_bucket, find_bucket, list_buckets, require_bucket,
};
pub(crate) use complete::{Completion, PartClaim, complete_upload};
pub(crate) use list::{Listing, ListingItem, Query, list_objects};
pub(crate) use object::{
    Copy, CopyFacts, NewObject, WriteCondition, copy_object, delete_object, find_object, has_body,
    put_object, set_tags,
};
pub(crate) use sweep::{
    Task, abort_uploads, expire_objects, expired_objects, stale_uploads, tasks,
};
pub(crate) use table::{Effects, Snapshot, Tables, has_blob};
pub(crate) use upload::{
    NewPart, UploadItem, UploadQuery, abort_upload, create_upload, find_upload, list_parts,
    list_uploads, put_part,
};

/// Pages of the index kept in memory, in bytes.
const CACHE: usize = 16 << 20;

/// The open index.
pub(crate) struct Index {
    path: PathBuf,
    database: RwLock<State>,
    /// Whether writes say what they accepted.
    journaling: bool,
}

enum State {
    Open(Database),
    /// After an I/O error the database refuses everything until it is opened afresh, which may fail as well.
    Failed,
    Closed,
}

impl Index {
    /// Opens or makes `index.redb` in `folder` and every table of it.
    pub(crate) fn open(folder: &Path, journaling: bool) -> Result<Self, OpenError> {
        let path = folder.join("index.redb");
        let database = open_file(&path).map_err(|source| match source {
            DatabaseError::DatabaseAlreadyOpen => OpenError::InUse {
                folder: folder.to_owned(),
            },
            source => OpenError::Index {
                folder: folder.to_owned(),
                source: source.into(),
            },
        })?;
        let index = Self {
            path,
            database: RwLock::new(State::Open(database)),
            journaling,
        };
        Ok(index)
    }

    /// Looks at the index as it is now.
    pub(crate) fn read<T>(
        &self,
        look: impl FnOnce(&Snapshot) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.with(|database| look(&Snapshot::new(database.begin_read()?)))
    }

    /// Runs `steps` in one transaction and makes it durable; gives what is to be done then.
    ///
    /// Blobs that a step adopted stay on the disk whether or not the commit succeeds: after a failed one only
    /// the index itself can say whether it names them, and the next sweep asks it.
    pub(crate) fn write(
        &self,
        steps: impl FnOnce(&mut Tables<'_>) -> Result<(), Failure>,
    ) -> Result<Effects, Failure> {
        let result = self.with(|database| self.try_write(database, steps));
        if matches!(result, Err(Failure::Index(_))) {
            self.fail();
            self.revive();
        }
        result
    }

    /// Closes the file and lets go of its lock.
    pub(crate) fn close(&self) {
        *self.exclusively() = State::Closed;
    }

    /// Works with the database, which is opened afresh if it has failed.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut state = self.shared();
        if matches!(*state, State::Failed) {
            drop(state);
            self.revive();
            state = self.shared();
        }
        match &*state {
            State::Open(database) => work(database),
            State::Failed => Err(FAILED),
            State::Closed => Err(CLOSED),
        }
    }

    fn try_write(
        &self,
        database: &Database,
        steps: impl FnOnce(&mut Tables<'_>) -> Result<(), Failure>,
    ) -> Result<Effects, Failure> {
        let mut transaction = database.begin_write()?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(|_| Failure::Broken("the index cannot be made durable"))?;
        let mut tables = Tables::open(&transaction, self.journaling)?;
        let outcome = steps(&mut tables);
        let effects = tables.into_effects();
        match outcome {
            Ok(()) if effects.changed => {
                fail::fail_point!("embedded.index.before_commit");
                transaction.commit()?;
                fail::fail_point!("embedded.index.after_commit");
            }
            Ok(()) => transaction.abort()?,
            Err(failure) => {
                let _ = transaction.abort();
                return Err(failure);
            }
        }
        Ok(effects)
    }

    fn fail(&self) {
        let mut state = self.exclusively();
        if matches!(*state, State::Open(_)) {
            *state = State::Failed;
        }
    }

    /// Opens the database again if it has failed. What its last commit left unfinished is undone then.
    fn revive(&self) {
        let mut state = self.exclusively();
        if !matches!(*state, State::Failed) {
            return;
        }
        match open_file(&self.path) {
            Ok(opened) => *state = State::Open(opened),
            Err(source) => tracing::error!(%source, "the index could not be opened again"),
        }
    }

    fn shared(&self) -> RwLockReadGuard<'_, State> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusively(&self) -> RwLockWriteGuard<'_, State> {
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

const FAILED: Failure = Failure::Broken("the index could not be opened again");
const CLOSED: Failure = Failure::Broken("the index is closed");

fn open_file(path: &Path) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE).create(path)
}
