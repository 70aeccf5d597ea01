//! The audit log and the outbox: written with their edge, read in order.

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;
use valetkey_protocol::FileId;
use valetkey_protocol::upload::State;

use super::list::Query;
use super::partition;
use super::pool::{Pool, patiently};
use super::row::{Columns, guarded, uuid};
use crate::{CatalogError, Event, EventKind, EventList, NewUpload, Passage, Record};

pub(super) const WRITE: &str = guarded!(
    "INSERT INTO audit (upload_id, seq, from_state, to_state, at, by_subject) \
     SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[])"
);

/// Whoever writes to the outbox holds this until its transaction is over, so that positions are given in the order
/// in which they become visible: a reader that has seen one has seen all before it.
/// Servers that listen are woken by its commit.
pub(super) const QUEUE_UP: &str = "SELECT pg_advisory_xact_lock('outbox'::regclass::oid::int, 0), \
     pg_notify('valetkey_outbox', '')";

pub(super) const ANNOUNCE: &str = guarded!(
    "INSERT INTO outbox (position, upload_id, seq, kind, at, owner, bucket, tenant) \
     SELECT nextval('outbox_position'), n.* \
     FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[]) AS n"
);

/// What a server of the release before did not write down, the upload knows.
const EVENTS: &str = "SELECT position, upload_id, seq, kind, at, \
     coalesce(owner, (SELECT u.owner FROM upload u WHERE u.id = outbox.upload_id)), \
     coalesce(tenant, (SELECT u.tenant FROM upload u WHERE u.id = outbox.upload_id)), \
     coalesce(bucket, (SELECT u.bucket FROM upload u WHERE u.id = outbox.upload_id)) FROM outbox WHERE ";

const OWNER_BEFORE: &str = "(SELECT u.owner FROM upload u WHERE u.id = outbox.upload_id) = ?";
const TENANT_BEFORE: &str = "(SELECT u.tenant FROM upload u WHERE u.id = outbox.upload_id) = ?";
const IN_BUCKET: &str =
    "coalesce(bucket, (SELECT u.bucket FROM upload u WHERE u.id = outbox.upload_id)) = ?";

const SPAN: &str = "SELECT coalesce(min(position), 0), coalesce(max(position), 0) FROM outbox";

/// Only the weeks since it was created, as some server's clock had it.
const PASSAGES: &str = "SELECT seq, from_state, to_state, at, by_subject FROM audit \
     WHERE upload_id = $1 AND at >= $2 ORDER BY seq";

const SETTLED: &str = "DELETE FROM upload WHERE id IN (SELECT id FROM upload \
     WHERE settled_at IS NOT NULL AND NOT leftovers AND settled_at <= $1 ORDER BY settled_at LIMIT $2 \
     FOR UPDATE SKIP LOCKED)";

/// How far clocks of servers may be apart.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// Lines of the audit log by their columns.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) count: i64,
    upload_id: Vec<Uuid>,
    seq: Vec<i64>,
    from: Vec<&'static str>,
    to: Vec<&'static str>,
    at: Vec<i64>,
    by: Vec<Option<String>>,
}

impl Lines {
    pub(super) fn push(&mut self, id: FileId, passage: Passage) {
        self.count += 1;
        self.upload_id.push(uuid(id));
        self.seq.push(sequence(&passage));
        self.from.push(passage.from.map_or("", State::as_str));
        self.to.push(passage.to.as_str());
        self.at.push(passage.at.as_millisecond());
        self.by.push(passage.by.map(|by| by.as_str().to_owned()));
    }

    /// In the order of [`WRITE`].
    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.count,
            &self.upload_id,
            &self.seq,
            &self.from,
            &self.to,
            &self.at,
            &self.by,
        ]
    }
}

/// Events by their columns.
#[derive(Default)]
pub(super) struct Events {
    pub(super) count: i64,
    upload_id: Vec<Uuid>,
    seq: Vec<i64>,
    kind: Vec<&'static str>,
    at: Vec<i64>,
    owner: Vec<String>,
    bucket: Vec<String>,
    tenant: Vec<String>,
}

impl Events {
    pub(super) fn push(&mut self, upload: &NewUpload, passage: &Passage, kind: EventKind) {
        self.count += 1;
        self.upload_id.push(uuid(upload.id));
        self.seq.push(sequence(passage));
        self.kind.push(kind.as_str());
        self.at.push(passage.at.as_millisecond());
        self.owner.push(upload.owner.as_str().to_owned());
        self.bucket.push(upload.bucket.clone());
        self.tenant.push(upload.tenant.as_str().to_owned());
    }

    /// In the order of [`ANNOUNCE`].
    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.count,
            &self.upload_id,
            &self.seq,
            &self.kind,
            &self.at,
            &self.owner,
            &self.bucket,
            &self.tenant,
        ]
    }
}

/// It was read from such a column and went on by one.
fn sequence(passage: &Passage) -> i64 {
    i64::try_from(passage.seq).unwrap_or(i64::MAX)
}

/// All that happened to one upload. Its creation is what its own row says.
pub(super) async fn of(pool: &Pool, record: Record) -> Result<Vec<Passage>, CatalogError> {
    let upload = record.upload;
    let since = upload
        .created_at
        .checked_sub(SKEW)
        .unwrap_or(Timestamp::MIN);
    let mut passages = vec![Passage {
        seq: 0,
        from: None,
        to: State::Pending,
        at: upload.created_at,
        by: Some(upload.owner),
    }];
    let rows = pool
        .read(PASSAGES, &[&uuid(upload.id), &since.as_millisecond()])
        .await?;
    for row in rows {
        passages.push(passage(&row)?);
    }
    Ok(passages)
}

/// Events, in order.
pub(super) async fn events(pool: &Pool, list: &EventList) -> Result<Vec<Event>, CatalogError> {
    let query = query(list)?;
    let rows = pool.read(&query.sql, &query.values()).await?;
    let read = |row| event(&mut Columns::of(row));
    rows.iter().map(read).collect()
}

/// Composes the statement. What is some owner's or tenant's is read by their index, and what does not say whose it is by an
/// index of that.
fn query(list: &EventList) -> Result<Query, CatalogError> {
    let mut query = Query::default();
    if list.owner.is_none() && list.tenant.is_none() {
        add(&mut query, list, |_| {})?;
        return Ok(query);
    }
    query.sql.push('(');
    add(&mut query, list, |query| written(query, list))?;
    query.sql.push_str(") UNION ALL (");
    add(&mut query, list, |query| written_before(query, list))?;
    query.sql.push(')');
    query.add(" ORDER BY position LIMIT ?", i64::from(list.limit));
    Ok(query)
}

/// Of whom it is asked.
fn written(query: &mut Query, list: &EventList) {
    if let Some(owner) = &list.owner {
        query.and("owner = ?", owner.as_str().to_owned());
    }
    if let Some(tenant) = &list.tenant {
        query.and_tenant(tenant);
    }
}

/// The same, of what a server of the release before wrote.
fn written_before(query: &mut Query, list: &EventList) {
    query.sql.push_str(match (&list.owner, &list.tenant) {
        (_, None) => " AND owner IS NULL",
        (None, _) => " AND tenant IS NULL",
        _ => " AND (owner IS NULL OR tenant IS NULL)",
    });
    if let Some(owner) = &list.owner {
        query.and(OWNER_BEFORE, owner.as_str().to_owned());
    }
    if let Some(tenant) = &list.tenant {
        query.and(TENANT_BEFORE, tenant.as_str().to_owned());
    }
}

fn add(
    query: &mut Query,
    list: &EventList,
    owned: impl FnOnce(&mut Query),
) -> Result<(), CatalogError> {
    query.sql.push_str(EVENTS);
    query.add("position > ?", crate::value::integer("after", list.after)?);
    owned(query);
    if let Some(bucket) = &list.bucket {
        query.and(IN_BUCKET, bucket.clone());
    }
    if let Some(id) = list.id {
        query.and("upload_id = ?", uuid(id));
    }
    if !list.kinds.is_empty() {
        let kinds: Vec<_> = list.kinds.iter().map(|kind| kind.as_str()).collect();
        query.and("kind = ANY (?)", kinds);
    }
    query.add(" ORDER BY position LIMIT ?", i64::from(list.limit));
    Ok(())
}

/// The positions of the first and of the last event.
pub(super) async fn span(pool: &Pool) -> Result<[u64; 2], CatalogError> {
    let rows = pool.read(SPAN, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok([0; 2]);
    };
    let mut columns = Columns::of(row);
    Ok([columns.number()?, columns.number()?])
}

/// Forgets settled uploads that left nothing, and the weeks that were over by then.
pub(super) async fn forget_until(
    pool: &Pool,
    then: Timestamp,
    limit: u32,
) -> Result<u64, CatalogError> {
    let limit = i64::from(limit);
    let forgotten = pool
        .repeat(SETTLED, &[&then.as_millisecond(), &limit])
        .await?;
    patiently(async {
        let mut loan = pool.borrow().await?;
        partition::drop_until(loan.begin(), then).await?;
        loan.end();
        Ok(())
    })
    .await?;
    Ok(forgotten)
}

fn passage(row: &Row) -> Result<Passage, CatalogError> {
    let mut columns = Columns::of(row);
    Ok(Passage {
        seq: columns.number()?,
        from: Some(columns.word(&State::ALL, State::as_str)?),
        to: columns.word(&State::ALL, State::as_str)?,
        at: columns.instant()?,
        by: columns.optional(|text: &str| Ok(text.parse()?))?,
    })
}

pub(super) fn event(columns: &mut Columns<'_>) -> Result<Event, CatalogError> {
    Ok(Event {
        position: columns.number()?,
        id: columns.id()?,
        seq: columns.number()?,
        kind: columns.word(&EventKind::ALL, EventKind::as_str)?,
        at: columns.instant()?,
        owner: columns.optional(|text: &str| Ok(text.parse()?))?,
        tenant: columns.optional(|text: &str| Ok(text.parse()?))?,
        bucket: columns.get()?,
    })
}
