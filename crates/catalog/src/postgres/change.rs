//! Changes of records: those that wait are taken by their records one after the other, with all rows locked, and
//! written by one statement for each table.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use uuid::Uuid;
use valetkey_protocol::FileId;
use valetkey_protocol::file::Integrity;

use super::account::{self, Changes};
use super::advance::Standing;
use super::error::shared;
use super::history::{self, Events, Lines};
use super::insert::{count, push};
use super::partition::Weeks;
use super::row::{Columns, columns, guarded, record, uuid};
use super::session::{Ending, Session};
use super::writer::{Answers, Failure, Lane};
use crate::account::Settlement;
use crate::value::{checksum_text, metadata_text, problem_text};
use crate::{CatalogError, Patch, Record, Step, Transfer};

/// Locks rows in one order, whoever asks.
const LOCK: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM upload WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"
);

const WRITE: &str = guarded!(
    "UPDATE upload u SET epoch = n.epoch, state = n.state, filename = n.filename, path = n.path, \
     metadata = n.metadata, checksum = n.checksum, multipart_id = n.multipart_id, source_etag = n.source_etag, \
     problem = n.problem, etag = n.etag, integrity = n.integrity, detected_type = n.detected_type, \
     lease_until = n.lease_until, expires_at = n.expires_at, settled_at = coalesce(n.settled_at, u.settled_at), \
     verified_at = n.verified_at, size = n.size, \
     urls_end_at = n.urls_end_at, attempts = n.attempts, postponed_until = n.postponed_until, leftovers = n.leftovers \
     FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], \
     $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::bigint[], $17::bigint[], \
     $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::boolean[]) \
     AS n (id, found_at, epoch, state, filename, path, metadata, checksum, multipart_id, source_etag, problem, etag, \
     integrity, detected_type, lease_until, expires_at, settled_at, verified_at, urls_end_at, attempts, \
     postponed_until, size, leftovers) \
     WHERE u.id = n.id AND u.epoch = n.found_at"
);

/// The transactions that change records.
#[derive(Default)]
pub(super) struct Updates {
    weeks: Weeks,
}

/// One change of one record.
pub(super) enum Change {
    /// Along an edge.
    Advance(Step),
    /// Of what people may change.
    Patch(Patch),
    /// Storage's name for a multipart upload.
    AttachMultipart(FileId, String),
    /// Until when upload URLs live.
    ExtendUrls(FileId, Timestamp),
    /// Until when a run is left alone.
    Renew(FileId, u64, Timestamp),
    /// That nothing is left besides the file.
    ForgetLeftovers(FileId, u64),
}

/// What came of a change.
pub(super) enum Changed {
    /// The record as it then is, if it was where it should be.
    Record(Option<Box<Record>>),
    /// Whether it was where it should be.
    Done(bool),
}

impl Changed {
    pub(super) fn record(self) -> Option<Record> {
        match self {
            Self::Record(record) => record.map(|record| *record),
            Self::Done(_) => None,
        }
    }

    pub(super) fn done(self) -> bool {
        match self {
            Self::Record(record) => record.is_some(),
            Self::Done(done) => done,
        }
    }
}

impl Change {
    fn id(&self) -> FileId {
        match self {
            Self::Advance(step) => step.id,
            Self::Patch(patch) => patch.id,
            Self::AttachMultipart(id, _)
            | Self::ExtendUrls(id, _)
            | Self::Renew(id, _, _)
            | Self::ForgetLeftovers(id, _) => *id,
        }
    }

    /// When the line it leaves in the audit log was written, if it leaves one.
    fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Advance(step) => Some(step.at),
            Self::Patch(patch) => Some(patch.at),
            _ => None,
        }
    }
}

impl Lane for Updates {
    type Work = Change;
    type Answer = Changed;

    async fn commit(
        &mut self,
        session: &Session,
        works: &[&Change],
    ) -> Result<Answers<Self>, Failure> {
        let instants = works.iter().filter_map(|work| work.at());
        self.weeks.provide(session, instants).await?;
        let committed = commit(session, works).await;
        if committed.is_err() {
            // Perhaps another server dropped one.
            self.weeks.forget();
        }
        committed
    }
}

async fn commit(session: &Session, works: &[&Change]) -> Result<Answers<Updates>, Failure> {
    let mut plan = Plan {
        standings: lock(session, works).await?,
        ..Plan::default()
    };
    let answers = works.iter().map(|work| plan.take(work)).collect();
    plan.commit(session).await?;
    Ok(answers)
}

/// The records that are there; one that cannot be read stands in nobody's way but its own.
type Standings = BTreeMap<FileId, Result<Standing, CatalogError>>;

/// Begins the transaction, with the rows locked.
async fn lock(session: &Session, works: &[&Change]) -> Result<Standings, Failure> {
    let ids: Vec<_> = works.iter().map(|work| uuid(work.id())).collect();
    let lock = session.statement(LOCK).await?;
    let client = session.client();
    let (begun, locked) =
        futures_util::future::join(client.batch_execute("BEGIN"), client.query(&lock, &[&ids]))
            .await;
    begun?;
    let mut standings = Standings::new();
    for row in locked? {
        let id = Columns::of(&row).id().map_err(Failure::All)?;
        let record = record(&mut Columns::of(&row));
        standings.insert(id, record.map(Standing::of));
    }
    Ok(standings)
}

/// What is written.
#[derive(Default)]
struct Plan {
    standings: Standings,
    lines: Lines,
    events: Events,
    settlements: Vec<(FileId, Settlement)>,
}

impl Plan {
    fn take(&mut self, work: &Change) -> Result<Changed, CatalogError> {
        let standing = match self.standings.entry(work.id()) {
            Entry::Vacant(_) => None,
            Entry::Occupied(found) => match found.into_mut() {
                Ok(standing) => Some(standing),
                Err(error) => return Err(shared(error)),
            },
        };
        let size = standing.as_ref().map(|one| one.record.upload.size);
        let passage = match work {
            Change::Advance(step) => standing.and_then(|one| Some((one.advance(step)?, one))),
            Change::Patch(patch) => standing.and_then(|one| Some((one.patch(patch)?, one))),
            work => return Ok(Changed::Done(standing.is_some_and(|one| apply(one, work)))),
        };
        let Some((passage, standing)) = passage else {
            return Ok(Changed::Record(None));
        };
        let id = work.id();
        if let Change::Advance(step) = work {
            if let Some(kind) = step.edge.event() {
                self.events.push(&standing.record.upload, &passage, kind);
            }
            let settlement = Settlement::of(&step.edge, size.unwrap_or_default());
            self.settlements.extend(settlement.map(|one| (id, one)));
        }
        self.lines.push(id, passage);
        Ok(Changed::Record(Some(Box::new(standing.record.clone()))))
    }

    async fn commit(self, session: &Session) -> Result<(), Failure> {
        let changed = self.standings.values().flatten().filter(|one| one.changed);
        let changed: Vec<_> = changed.collect();
        let table = Table::of(&changed).map_err(Failure::All)?;
        let mut changes = Changes::default();
        for (id, settlement) in &self.settlements {
            if let Some(Ok(standing)) = self.standings.get(id) {
                changes.settle(&standing.record.upload, *settlement);
            }
        }
        let accounts = changes.accounts();
        let (names, deltas) = (account::Names::of(&accounts), changes.columns());
        let (written, settled) = (count(changed.len()), count(accounts.len()));
        let mut ending = Ending::of(session);
        if settled > 0 {
            ending.push(
                session.statement(account::LOCK).await?,
                names.lock().to_vec(),
            );
            let mut values: Vec<&(dyn ToSql + Sync)> = vec![&settled];
            values.extend(names.lock());
            values.extend(deltas.iter().map(|column| column as &(dyn ToSql + Sync)));
            ending.push(session.statement(account::CHANGE).await?, values);
        }
        if written > 0 {
            ending.push(session.statement(WRITE).await?, table.values(&written));
        }
        if self.lines.count > 0 {
            ending.push(
                session.statement(history::WRITE).await?,
                self.lines.values(),
            );
        }
        if self.events.count > 0 {
            ending.push(session.statement(history::QUEUE_UP).await?, Vec::new());
            ending.push(
                session.statement(history::ANNOUNCE).await?,
                self.events.values(),
            );
        }
        ending.commit().await
    }
}

fn apply(standing: &mut Standing, work: &Change) -> bool {
    match work {
        Change::AttachMultipart(_, name) => standing.attach_multipart(name),
        Change::ExtendUrls(_, until) => standing.extend_urls(*until),
        Change::Renew(_, epoch, until) => standing.renew(*epoch, *until),
        Change::ForgetLeftovers(_, epoch) => standing.forget_leftovers(*epoch),
        Change::Advance(_) | Change::Patch(_) => false,
    }
}

/// Changed records by their columns.
#[derive(Default)]
struct Table<'a> {
    id: Vec<Uuid>,
    /// Where it was found, and where it is.
    epochs: [Vec<i64>; 2],
    texts: [Vec<&'a str>; 3],
    metadata: Vec<std::borrow::Cow<'static, str>>,
    written: [Vec<Option<String>>; 2],
    optional_texts: [Vec<Option<&'a str>>; 5],
    optional_instants: [Vec<Option<i64>>; 4],
    numbers: [Vec<i64>; 4],
    leftovers: Vec<bool>,
}

impl<'a> Table<'a> {
    fn of(standings: &[&'a Standing]) -> Result<Self, CatalogError> {
        let mut table = Self::default();
        for standing in standings {
            table.push(standing)?;
        }
        Ok(table)
    }

    fn push(&mut self, standing: &'a Standing) -> Result<(), CatalogError> {
        let record = &standing.record;
        let (upload, file) = (&record.upload, record.file.as_ref());
        let integer = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let milliseconds = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
        self.id.push(uuid(standing.id()));
        push(
            &mut self.epochs,
            [standing.found_at, record.epoch].map(integer),
        );
        push(
            &mut self.texts,
            [
                record.state.as_str(),
                upload.filename.as_str(),
                upload.path.as_str(),
            ],
        );
        self.metadata.push(metadata_text(&upload.metadata)?);
        let problem = record.problem.as_ref().map(problem_text).transpose()?;
        let checksum = upload.checksum.as_ref().map(checksum_text);
        push(&mut self.written, [checksum, problem]);
        let multipart_id = match &upload.transfer {
            Transfer::Multipart { upload_id, .. } => upload_id.as_deref(),
            Transfer::Single => None,
        };
        let texts = [
            multipart_id,
            record.source_etag.as_deref(),
            file.map(|file| file.etag.as_str()),
            file.map(|file| Integrity::as_str(file.integrity)),
            file.and_then(|file| file.detected_type.as_deref()),
        ];
        push(&mut self.optional_texts, texts);
        let expires_at = file.and_then(|file| file.expires_at);
        let (settled_at, verified_at) = (standing.settled_at, record.verified_at);
        let instants = [record.lease_until, expires_at, settled_at, verified_at];
        push(&mut self.optional_instants, instants.map(milliseconds));
        let numbers = [
            upload.urls_end_at.as_millisecond(),
            integer(record.attempts),
            milliseconds(record.postponed_until).unwrap_or(0),
            integer(upload.size),
        ];
        push(&mut self.numbers, numbers);
        self.leftovers.push(record.leftovers);
        Ok(())
    }

    /// In the order of [`WRITE`].
    fn values<'t>(&'t self, count: &'t i64) -> Vec<&'t (dyn ToSql + Sync)> {
        let [found_at, epoch] = &self.epochs;
        let [state, filename, path] = &self.texts;
        let [checksum, problem] = &self.written;
        let [multipart_id, source_etag, etag, integrity, detected_type] = &self.optional_texts;
        let [lease_until, expires_at, settled_at, verified_at] = &self.optional_instants;
        let [urls_end_at, attempts, postponed_until, size] = &self.numbers;
        vec![
            count,
            &self.id,
            found_at,
            epoch,
            state,
            filename,
            path,
            &self.metadata,
            checksum,
            multipart_id,
            source_etag,
            problem,
            etag,
            integrity,
            detected_type,
            lease_until,
            expires_at,
            settled_at,
            verified_at,
            urls_end_at,
            attempts,
            postponed_until,
            size,
            &self.leftovers,
        ]
    }
}
