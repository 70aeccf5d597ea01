//! The catalog in one SQLite file, for one server: a thread that writes with group commit, and a few
//! that read.
//!
//! Durable means `synchronous=FULL`: the write-ahead log is flushed to disk before anybody is answered. One
//! flush serves everything that was waiting when it began, which is what makes it cheap
//! (<https://sqlite.org/wal.html>, <https://sqlite.org/pragma.html#pragma_synchronous>).

mod account;
mod advance;
mod api_key;
mod ballast;
mod change;
mod delivery;
mod drop_link;
mod due;
mod endpoint;
mod error;
mod history;
mod insert;
mod late;
mod link;
mod list;
mod once;
mod open;
mod queue;
mod reader;
mod row;
mod ticket;
mod webhook;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use fail::fail_point;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;
use tracing::Instrument as _;
use valetkey_protocol::FileId;

use crate::{
    Backlog, Catalog, CatalogError, Claim, Due, DueList, Event, EventList, FileList, Insertion,
    Intent, Issue, Migrations, Once, Owner, Passage, Patch, Postponement, Record, Step, Task,
    Usage, Whose,
};
use ballast::Ballast;
use queue::Queue;

/// How many threads read. One alone would let a long list hold up every point read.
const READERS: usize = 2;

/// The catalog in one SQLite file. Dropping it waits for what is under way and closes the file cleanly.
#[derive(Debug)]
pub struct SqliteCatalog {
    writes: Arc<Queue>,
    ballast: Arc<Ballast>,
    reads: Arc<Queue>,
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
    /// Who waits for events.
    hints: watch::Sender<()>,
    /// Held for as long as this catalog lives; it ends with the process, however that ends.
    _lock: File,
}

impl SqliteCatalog {
    /// Opens the catalog, making the file (mode 0600) and bringing its tables up to date where needed.
    /// Its folder must exist. Beside it lie `-wal`, `-shm` and `.lock`.
    ///
    /// # Errors
    /// [`CatalogError::Open`] when the file cannot be used, is open in another server, or was written by a
    /// newer version.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        let lock = open::lock(path)?;
        let ballast = Arc::new(Ballast::take(path)?);
        // Its log and the index of that need room, of which there may be none but what is held.
        let writer = match open::writer(path) {
            Err(_) if ballast.give_up_if_full() => open::writer(path)?,
            opened => opened?,
        };
        let mut catalog = Self {
            writes: Arc::default(),
            ballast: Arc::clone(&ballast),
            reads: Arc::default(),
            readers: Vec::with_capacity(READERS),
            writer: None,
            hints: watch::Sender::default(),
            _lock: lock,
        };
        let queue = Arc::clone(&catalog.writes);
        catalog.writer = Some(open::spawn(path, "catalog-write", move || {
            writer::run(writer, &queue, &ballast);
        })?);
        for _ in 0..READERS {
            let reader = open::reader(path)?;
            let queue = Arc::clone(&catalog.reads);
            let thread = open::spawn(path, "catalog-read", move || reader::run(&reader, &queue))?;
            catalog.readers.push(thread);
        }
        Ok(catalog)
    }

    /// Brings the tables up to date, and says what was missing. No server may have the catalog open.
    ///
    /// # Errors
    /// [`CatalogError::Open`], as for [`SqliteCatalog::open`].
    pub fn migrate(path: &Path) -> Result<Migrations, CatalogError> {
        let before = Self::migrations(path)?;
        Self::open(path)?;
        Ok(before)
    }

    /// Says which migrations were made and which are missing, and changes nothing.
    ///
    /// # Errors
    /// [`CatalogError::Open`] when the file cannot be read.
    pub fn migrations(path: &Path) -> Result<Migrations, CatalogError> {
        open::look(path)
    }

    /// Does this in the next transaction of the writer, and answers once it is on disk; not while the disk is full.
    async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let ballast = Arc::clone(&self.ballast);
        let work = move |connection: &Connection| match ballast.hold() {
            true => work(connection),
            false => Err(error::no_room()),
        };
        self.commit(name, work).await
    }

    /// Does what makes room: also on a full disk, with the room that is held for it.
    async fn relieve<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Fn(&Connection) -> Result<T, CatalogError> + Clone + Send + 'static,
    ) -> Result<T, CatalogError> {
        match self.commit(name, work.clone()).await {
            Err(CatalogError::Full(_)) if self.ballast.give_up() => self.commit(name, work).await,
            done => done,
        }
    }

    async fn commit<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        fail_point!(format!("catalog.{name}.before").as_str());
        let span = tracing::debug_span!("catalog", transaction = name);
        let done = queue::ask(&self.writes, work).instrument(span).await;
        fail_point!(format!("catalog.{name}.after").as_str());
        done
    }

    /// Reads what was on disk when the reading began, or newer.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        queue::ask(&self.reads, work).await
    }
}

impl Drop for SqliteCatalog {
    /// The writer closes last: only the last connection, if it may write, folds the log into the file.
    fn drop(&mut self) {
        self.reads.close();
        for reader in self.readers.drain(..) {
            // A thread that panicked has said so; there is nothing left to do about it.
            let _ = reader.join();
        }
        self.writes.close();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
        self.ballast.keep();
    }
}

#[async_trait]
impl Catalog for SqliteCatalog {
    async fn insert_uploads(&self, intents: Vec<Intent>) -> Result<Vec<Insertion>, CatalogError> {
        self.write("insert_uploads", move |connection| {
            insert::uploads(connection, &intents)
        })
        .await
    }

    async fn insert_once(
        &self,
        intent: Intent,
        once: Once,
        since: Timestamp,
    ) -> Result<Insertion, CatalogError> {
        self.write("insert_once", move |connection| {
            once::insert(connection, &intent, &once, since)
        })
        .await
    }

    async fn forget_key(
        &self,
        owner: Owner,
        key: String,
        upload: FileId,
    ) -> Result<(), CatalogError> {
        self.relieve("forget_key", move |connection| {
            once::forget(connection, &owner, &key, upload)
        })
        .await
    }

    async fn forget_keys_until(&self, then: Timestamp) -> Result<(), CatalogError> {
        self.relieve("forget_keys", move |connection| {
            once::forget_until(connection, then)
        })
        .await
    }

    async fn find(&self, id: FileId) -> Result<Option<Record>, CatalogError> {
        self.read(move |connection| row::find(connection, id)).await
    }

    async fn find_all(&self, ids: Vec<FileId>) -> Result<Vec<Option<Record>>, CatalogError> {
        self.read(move |connection| ids.iter().map(|id| row::find(connection, *id)).collect())
            .await
    }

    async fn attach_multipart(&self, id: FileId, upload_id: String) -> Result<bool, CatalogError> {
        self.write("attach_multipart", move |connection| {
            change::attach_multipart(connection, id, &upload_id)
        })
        .await
    }

    async fn extend_urls(&self, id: FileId, until: Timestamp) -> Result<bool, CatalogError> {
        self.write("extend_urls", move |connection| {
            change::extend_urls(connection, id, until)
        })
        .await
    }

    async fn advance(&self, step: Step) -> Result<Option<Record>, CatalogError> {
        let name = step.edge.name();
        let makes_room = step.edge.makes_room();
        let told = step.edge.event().is_some();
        let advance = move |connection: &Connection| advance::advance(connection, &step);
        let advanced = match makes_room {
            true => self.relieve(name, advance).await,
            false => self.write(name, advance).await,
        };
        if told && matches!(advanced, Ok(Some(_))) {
            self.hints.send_replace(());
        }
        advanced
    }

    async fn renew(
        &self,
        id: FileId,
        epoch: u64,
        lease_until: Timestamp,
    ) -> Result<bool, CatalogError> {
        self.relieve("renew", move |connection| {
            change::renew(connection, id, epoch, lease_until)
        })
        .await
    }

    async fn patch(&self, patch: Patch) -> Result<Option<Record>, CatalogError> {
        self.write("patch", move |connection| {
            advance::patch(connection, &patch)
        })
        .await
    }

    async fn count_downloads(&self, issues: Vec<Issue>) -> Result<(), CatalogError> {
        let told = issues.iter().any(|issue| issue.announced_at.is_some());
        let count = move |connection: &Connection| change::count_downloads(connection, &issues);
        self.write("count_downloads", count).await?;
        if told {
            self.hints.send_replace(());
        }
        Ok(())
    }

    async fn list(&self, list: FileList) -> Result<Vec<Record>, CatalogError> {
        self.read(move |connection| list::list(connection, &list))
            .await
    }

    async fn scan(&self, after: Option<FileId>, limit: u32) -> Result<Vec<Record>, CatalogError> {
        self.read(move |connection| list::scan(connection, after, limit))
            .await
    }

    async fn claim_due(&self, claim: Claim) -> Result<Vec<(Due, Record)>, CatalogError> {
        self.relieve("claim_due", move |connection| {
            due::claim(connection, &claim)
        })
        .await
    }

    async fn postpone(&self, postponements: Vec<Postponement>) -> Result<(), CatalogError> {
        self.relieve("postpone", move |connection| {
            due::postpone(connection, &postponements)
        })
        .await
    }

    async fn hasten(&self, limit: u32) -> Result<u64, CatalogError> {
        self.relieve("hasten", move |connection| due::hasten(connection, limit))
            .await
    }

    async fn list_due(&self, list: DueList) -> Result<Vec<Record>, CatalogError> {
        self.read(move |connection| due::list(connection, &list))
            .await
    }

    async fn take_task(
        &self,
        name: String,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Task>, CatalogError> {
        self.relieve("take_task", move |connection| {
            due::take_task(connection, &name, now, until)
        })
        .await
    }

    async fn leave_task(&self, task: Task, free_at: Timestamp) -> Result<bool, CatalogError> {
        self.relieve("leave_task", move |connection| {
            due::leave_task(connection, &task, free_at)
        })
        .await
    }

    async fn forget_leftovers(&self, id: FileId, epoch: u64) -> Result<bool, CatalogError> {
        self.relieve("forget_leftovers", move |connection| {
            change::forget_leftovers(connection, id, epoch)
        })
        .await
    }

    async fn history(&self, id: FileId) -> Result<Vec<Passage>, CatalogError> {
        self.read(move |connection| history::of(connection, id))
            .await
    }

    async fn events(&self, list: EventList) -> Result<Vec<Event>, CatalogError> {
        self.read(move |connection| history::events(connection, &list))
            .await
    }

    async fn event_span(&self) -> Result<[u64; 2], CatalogError> {
        self.read(history::span).await
    }

    fn hints(&self) -> watch::Receiver<()> {
        self.hints.subscribe()
    }

    async fn forget_history_until(&self, then: Timestamp, limit: u32) -> Result<u64, CatalogError> {
        self.relieve("forget_history", move |connection| {
            history::forget_until(connection, then, limit)
        })
        .await
    }

    async fn usage(&self, whose: Whose) -> Result<Vec<(String, Usage)>, CatalogError> {
        self.read(move |connection| account::list(connection, &whose))
            .await
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, CatalogError> {
        let waiting = self.writes.len() as u64;
        self.read(move |connection| due::backlog(connection, now, waiting))
            .await
    }

    /// Both kinds of thread must answer; a transaction that writes nothing costs no flush.
    async fn ping(&self) -> Result<(), CatalogError> {
        self.commit("ping", |_| Ok(())).await?;
        self.read(row::probe).await
    }
}
