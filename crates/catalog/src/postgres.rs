//! The catalog in PostgreSQL, for any number of servers: tasks that write with group commit, each on a connection of
//! its own, and a few connections that read.
//!
//! One flush serves everything that was waiting when it began, as with SQLite, and one statement writes all of it:
//! values travel as arrays. Between servers rows are locked in one order, keys first, then uploads, accounts and the
//! outbox, so that nobody waits in a circle. What a connection that was lost did not confirm is never taken for
//! done, and never done twice.

mod account;
mod advance;
mod api_key;
mod backoff;
mod change;
mod count;
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
mod listen;
mod once;
mod open;
mod partition;
mod pool;
mod row;
mod session;
mod settings;
mod ticket;
mod tls;
mod webhook;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fail::fail_point;
use jiff::Timestamp;
use tokio::sync::watch;
use tracing::Instrument as _;
use valetkey_protocol::FileId;

use crate::{
    Backlog, Catalog, CatalogError, Claim, Due, DueList, Event, EventList, FileList, Insertion,
    Intent, Issue, Migrations, Once, Owner, Passage, Patch, Postponement, Record, Step, Task,
    Usage, Whose,
};
use backoff::Backoff;
use change::{Change, Changed, Updates};
use count::Counts;
use insert::{Draft, Insert, Inserts};
use listen::Listener;
use pool::Pool;
use row::{columns, records, uuid};
use session::Connector;
pub use settings::Settings;
use writer::Writer;

/// How long a call waits for the database before it is told that there is none: a client has its answer in five
/// seconds, of which storage may have taken some.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many keys are forgotten by one statement.
const KEYS_AT_ONCE: i64 = 5000;

const FIND: &str = concat!("SELECT ", columns!(), " FROM upload WHERE id = $1");

const FIND_ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM upload WHERE id = ANY ($1::uuid[])"
);

/// The catalog in PostgreSQL. Its connections are made anew when they are lost.
pub struct PostgresCatalog {
    settings: Settings,
    inserts: Writer<Inserts>,
    updates: Writer<Updates>,
    counts: Writer<Counts>,
    pool: Pool,
    listener: Listener,
}

impl PostgresCatalog {
    /// Connects, waiting a few seconds for a database that is just starting, and brings the tables up to date where
    /// needed; of servers that start together one does it. `seed` makes their pauses differ.
    ///
    /// # Errors
    /// [`CatalogError::Open`] when the database cannot be reached or used, or a newer version of this program left
    /// tables that this one cannot work with.
    pub async fn open(settings: &Settings, seed: u64) -> Result<Self, CatalogError> {
        let backoff = Backoff::new(seed);
        let connector = connector(settings)?;
        let session = open::connect(&connector, &backoff).await?;
        open::migrate(&connector, session).await?;
        let connector = Arc::new(connector);
        Ok(Self {
            settings: settings.clone(),
            inserts: Writer::start(Inserts, Arc::clone(&connector), backoff.clone()),
            updates: Writer::start(Updates::default(), Arc::clone(&connector), backoff.clone()),
            counts: Writer::start(Counts::default(), Arc::clone(&connector), backoff.clone()),
            listener: Listener::new(Arc::clone(&connector), backoff.clone()),
            pool: Pool::new(connector, backoff),
        })
    }

    /// Brings the tables up to date, and says what was missing.
    ///
    /// # Errors
    /// [`CatalogError::Open`], as for [`PostgresCatalog::open`].
    pub async fn migrate(settings: &Settings) -> Result<Migrations, CatalogError> {
        let before = Self::migrations(settings).await?;
        let connector = connector(settings)?;
        let session = open::connect(&connector, &Backoff::new(0)).await?;
        open::migrate(&connector, session).await?;
        Ok(before)
    }

    /// Says which migrations were made and which are missing, and changes nothing.
    ///
    /// # Errors
    /// [`CatalogError::Open`] when the database cannot be reached or used.
    pub async fn migrations(settings: &Settings) -> Result<Migrations, CatalogError> {
        let connector = connector(settings)?;
        let mut session = open::connect(&connector, &Backoff::new(0)).await?;
        open::look(&connector, &mut session).await
    }

    async fn change(&self, name: &'static str, change: Change) -> Result<Changed, CatalogError> {
        written(name, self.updates.ask(change)).await
    }
}

impl fmt::Debug for PostgresCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresCatalog")
            .field(&self.settings)
            .finish()
    }
}

fn connector(settings: &Settings) -> Result<Connector, CatalogError> {
    Connector::new(settings.clone()).map_err(|why| CatalogError::Open {
        location: settings.to_string(),
        why,
    })
}

/// Does something that writes, in its span and between its fail points.
async fn written<T>(
    name: &'static str,
    work: impl Future<Output = Result<T, CatalogError>>,
) -> Result<T, CatalogError> {
    fail_point!(format!("catalog.{name}.before").as_str());
    let span = tracing::debug_span!("catalog", transaction = name);
    let done = work.instrument(span).await;
    fail_point!(format!("catalog.{name}.after").as_str());
    done
}

#[async_trait]
impl Catalog for PostgresCatalog {
    async fn insert_uploads(&self, intents: Vec<Intent>) -> Result<Vec<Insertion>, CatalogError> {
        let drafts = intents.into_iter().map(Draft::of);
        let drafts = drafts.collect::<Result<_, _>>()?;
        let work = self.inserts.ask(Insert::All(drafts));
        written("insert_uploads", work).await
    }

    async fn insert_once(
        &self,
        intent: Intent,
        once: Once,
        since: Timestamp,
    ) -> Result<Insertion, CatalogError> {
        once::check(&once)?;
        let work = Insert::Once(Box::new((Draft::of(intent)?, once, since)));
        let inserted = written("insert_once", self.inserts.ask(work)).await?;
        let first = inserted.into_iter().next();
        first.ok_or_else(|| error::unavailable("there is no answer"))
    }

    async fn forget_key(
        &self,
        owner: Owner,
        key: String,
        upload: FileId,
    ) -> Result<(), CatalogError> {
        let (owner, upload) = (owner.holder().text(), uuid(upload));
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&owner, &key, &upload];
        let work = self.pool.repeat(once::FORGET, &values);
        written("forget_key", work).await.map(|_| ())
    }

    async fn forget_keys_until(&self, then: Timestamp) -> Result<(), CatalogError> {
        let then = then.as_millisecond();
        written("forget_keys", async {
            let full = u64::try_from(KEYS_AT_ONCE).unwrap_or(u64::MAX);
            while self
                .pool
                .repeat(once::FORGET_UNTIL, &[&then, &KEYS_AT_ONCE])
                .await?
                >= full
            {}
            Ok(())
        })
        .await
    }

    async fn find(&self, id: FileId) -> Result<Option<Record>, CatalogError> {
        let rows = self.pool.read(FIND, &[&uuid(id)]).await?;
        Ok(records(&rows)?.pop())
    }

    async fn find_all(&self, ids: Vec<FileId>) -> Result<Vec<Option<Record>>, CatalogError> {
        let wanted: Vec<_> = ids.iter().map(|id| uuid(*id)).collect();
        let found = records(&self.pool.read(FIND_ALL, &[&wanted]).await?)?;
        let find = |id| found.iter().find(|record| record.upload.id == id).cloned();
        Ok(ids.into_iter().map(find).collect())
    }

    async fn attach_multipart(&self, id: FileId, upload_id: String) -> Result<bool, CatalogError> {
        let change = Change::AttachMultipart(id, upload_id);
        Ok(self.change("attach_multipart", change).await?.done())
    }

    async fn extend_urls(&self, id: FileId, until: Timestamp) -> Result<bool, CatalogError> {
        let change = Change::ExtendUrls(id, until);
        Ok(self.change("extend_urls", change).await?.done())
    }

    async fn advance(&self, step: Step) -> Result<Option<Record>, CatalogError> {
        let name = step.edge.name();
        Ok(self.change(name, Change::Advance(step)).await?.record())
    }

    async fn renew(
        &self,
        id: FileId,
        epoch: u64,
        lease_until: Timestamp,
    ) -> Result<bool, CatalogError> {
        let change = Change::Renew(id, epoch, lease_until);
        Ok(self.change("renew", change).await?.done())
    }

    async fn patch(&self, patch: Patch) -> Result<Option<Record>, CatalogError> {
        Ok(self.change("patch", Change::Patch(patch)).await?.record())
    }

    async fn count_downloads(&self, issues: Vec<Issue>) -> Result<(), CatalogError> {
        written("count_downloads", self.counts.ask(issues)).await
    }

    async fn list(&self, list: FileList) -> Result<Vec<Record>, CatalogError> {
        let query = list::query(&list);
        records(&self.pool.read(&query.sql, &query.values()).await?)
    }

    async fn scan(&self, after: Option<FileId>, limit: u32) -> Result<Vec<Record>, CatalogError> {
        let (after, limit) = (list::place(after), i64::from(limit));
        records(&self.pool.read(list::SCAN, &[&after, &limit]).await?)
    }

    async fn claim_due(&self, claim: Claim) -> Result<Vec<(Due, Record)>, CatalogError> {
        written("claim_due", due::claim(&self.pool, &claim)).await
    }

    async fn postpone(&self, postponements: Vec<Postponement>) -> Result<(), CatalogError> {
        written("postpone", due::postpone(&self.pool, &postponements)).await
    }

    async fn hasten(&self, limit: u32) -> Result<u64, CatalogError> {
        written("hasten", due::hasten(&self.pool, limit)).await
    }

    async fn list_due(&self, list: DueList) -> Result<Vec<Record>, CatalogError> {
        due::list(&self.pool, &list).await
    }

    async fn take_task(
        &self,
        name: String,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Task>, CatalogError> {
        written("take_task", due::take_task(&self.pool, name, now, until)).await
    }

    async fn leave_task(&self, task: Task, free_at: Timestamp) -> Result<bool, CatalogError> {
        written("leave_task", due::leave_task(&self.pool, &task, free_at)).await
    }

    async fn forget_leftovers(&self, id: FileId, epoch: u64) -> Result<bool, CatalogError> {
        let change = Change::ForgetLeftovers(id, epoch);
        Ok(self.change("forget_leftovers", change).await?.done())
    }

    async fn history(&self, id: FileId) -> Result<Vec<Passage>, CatalogError> {
        match self.find(id).await? {
            Some(record) => history::of(&self.pool, record).await,
            None => Ok(Vec::new()),
        }
    }

    async fn events(&self, list: EventList) -> Result<Vec<Event>, CatalogError> {
        history::events(&self.pool, &list).await
    }

    async fn event_span(&self) -> Result<[u64; 2], CatalogError> {
        history::span(&self.pool).await
    }

    fn hints(&self) -> watch::Receiver<()> {
        self.listener.hints()
    }

    async fn forget_history_until(&self, then: Timestamp, limit: u32) -> Result<u64, CatalogError> {
        let work = history::forget_until(&self.pool, then, limit);
        written("forget_history", work).await
    }

    async fn usage(&self, whose: Whose) -> Result<Vec<(String, Usage)>, CatalogError> {
        let (sql, name) = account::query(&whose);
        account::list(&self.pool.read(sql, &[&name]).await?)
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, CatalogError> {
        let waiting = self.inserts.waiting() + self.updates.waiting() + self.counts.waiting();
        due::backlog(&self.pool, now, waiting as u64).await
    }

    /// Writers and readers must answer; works without anything to do cost no flush.
    async fn ping(&self) -> Result<(), CatalogError> {
        self.inserts.ask(Insert::All(Vec::new())).await?;
        self.find_all(Vec::new()).await.map(|_| ())
    }
}
