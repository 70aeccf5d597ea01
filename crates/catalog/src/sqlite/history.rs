//! The audit log and the outbox: written with their edge, read in order.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};
use valetkey_protocol::FileId;
use valetkey_protocol::upload::State;

use super::change::changes;
use super::error::from_sqlite;
use super::list::Query;
use super::row::{self, Columns, collect, integer, word};
use crate::{CatalogError, Event, EventKind, EventList, NewUpload, Passage};

const ANNOUNCE: &str = "INSERT INTO outbox (upload_id, seq, kind, at, owner, bucket, tenant) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// The tenant of an event: what a program of the release before did not write down, the upload knows.
const TENANT: &str =
    "coalesce(tenant, (SELECT u.tenant FROM upload u WHERE u.id = outbox.upload_id))";

/// Writes one line of the audit log.
pub(super) fn write(
    connection: &Connection,
    id: FileId,
    passage: &Passage,
) -> Result<(), CatalogError> {
    let sql = "INSERT INTO audit (upload_id, seq, from_state, to_state, at, by_subject) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        id.as_bytes(),
        integer("seq", passage.seq)?,
        passage.from.map(State::as_str),
        passage.to.as_str(),
        passage.at.as_millisecond(),
        passage.by.as_ref().map(|by| by.as_str()),
    ];
    changes(connection, sql, values).map(|_| ())
}

/// Puts what happened to an upload into the outbox.
pub(super) fn announce(
    connection: &Connection,
    upload: &NewUpload,
    passage: &Passage,
    kind: EventKind,
) -> Result<(), CatalogError> {
    let values = params![
        upload.id.as_bytes(),
        integer("seq", passage.seq)?,
        kind.as_str(),
        passage.at.as_millisecond(),
        upload.owner.as_str(),
        upload.bucket,
        upload.tenant.as_str(),
    ];
    changes(connection, ANNOUNCE, values).map(|_| ())
}

/// Counts a download, and puts it into the outbox if the file is available.
pub(super) fn announce_download(
    connection: &Connection,
    id: FileId,
    at: Timestamp,
) -> Result<(), CatalogError> {
    const COUNT: &str = "UPDATE upload SET download_count = download_count + 1 \
         WHERE id = ?1 AND state = 'available' RETURNING download_count, owner, bucket, tenant";
    let mut statement = connection.prepare_cached(COUNT).map_err(from_sqlite)?;
    let counted: Option<(i64, String, String, String)> = statement
        .query_row([id.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()
        .map_err(from_sqlite)?;
    let Some((seq, owner, bucket, tenant)) = counted else {
        return Ok(());
    };
    let kind = EventKind::DownloadIssued.as_str();
    let at = at.as_millisecond();
    let values = params![id.as_bytes(), seq, kind, at, owner, bucket, tenant];
    changes(connection, ANNOUNCE, values).map(|_| ())
}

/// All that happened to one upload. Its creation is what its own row says.
pub(super) fn of(connection: &Connection, id: FileId) -> Result<Vec<Passage>, CatalogError> {
    let Some(record) = row::find(connection, id)? else {
        return Ok(Vec::new());
    };
    let mut passages = vec![Passage {
        seq: 0,
        from: None,
        to: State::Pending,
        at: record.upload.created_at,
        by: Some(record.upload.owner),
    }];
    let sql = "SELECT seq, from_state, to_state, at, by_subject FROM audit WHERE upload_id = ?1 ORDER BY seq";
    passages.extend(collect(connection, sql, [id.as_bytes()], passage)?);
    Ok(passages)
}

/// Events, in order.
pub(super) fn events(
    connection: &Connection,
    list: &EventList,
) -> Result<Vec<Event>, CatalogError> {
    let Query { sql, values } = query(list)?;
    collect(connection, &sql, params_from_iter(values), event)
}

/// Composes the statement. It names its index: without statistics SQLite would guess between two.
fn query(list: &EventList) -> Result<Query, CatalogError> {
    let named = list.tenant.as_ref().filter(|one| !one.is_default());
    let index = match (named, &list.owner) {
        (Some(_), Some(_)) => " INDEXED BY outbox_by_tenant_owner",
        (Some(_), None) => " INDEXED BY outbox_by_tenant",
        (None, Some(_)) => " INDEXED BY outbox_by_owner",
        (None, None) => "",
    };
    let mut query = Query {
        sql: format!(
            "SELECT position, upload_id, seq, kind, at, owner, {TENANT}, bucket FROM outbox{index} \
             WHERE position > ?"
        ),
        values: vec![integer("after", list.after)?.into()],
    };
    match (named, &list.tenant) {
        (Some(tenant), _) => query.and_tenant(tenant),
        (None, Some(default)) => query.and(&format!("{TENANT} = ?"), default.as_str().to_owned()),
        (None, None) => {}
    }
    if let Some(owner) = &list.owner {
        query.and("owner = ?", owner.as_str().to_owned());
    }
    if let Some(bucket) = &list.bucket {
        query.and("bucket = ?", bucket.clone());
    }
    if let Some(id) = list.id {
        query.and("upload_id = ?", id.as_bytes().to_vec());
    }
    if !list.kinds.is_empty() {
        let marks = vec!["?"; list.kinds.len()].join(", ");
        query.sql.push_str(&format!(" AND kind IN ({marks})"));
        let kinds = list.kinds.iter().map(|kind| kind.as_str().to_owned());
        query.values.extend(kinds.map(Value::from));
    }
    query.sql.push_str(" ORDER BY position LIMIT ?");
    query.values.push(list.limit.into());
    Ok(query)
}

/// The positions of the first and of the last event.
pub(super) fn span(connection: &Connection) -> Result<[u64; 2], CatalogError> {
    let sql = "SELECT coalesce((SELECT min(position) FROM outbox), 0), coalesce((SELECT max(position) FROM outbox), 0)";
    let read = |columns: &mut Columns<'_, '_>| Ok([columns.number()?, columns.number()?]);
    let found = collect(connection, sql, [], read)?;
    Ok(found.first().copied().unwrap_or_default())
}

/// Forgets settled uploads that left nothing, with their lines, and the first events, both up to then. An event that
/// is younger ends it: those behind it are later ones, and looking at them all would take ever longer.
pub(super) fn forget_until(
    connection: &Connection,
    then: Timestamp,
    limit: u32,
) -> Result<u64, CatalogError> {
    let then = then.as_millisecond();
    let sql = "SELECT id FROM upload INDEXED BY upload_by_settling \
         WHERE settled_at IS NOT NULL AND leftovers = 0 AND settled_at <= ?1 ORDER BY settled_at LIMIT ?2";
    let settled = collect(connection, sql, params![then, limit], |columns| {
        columns.read(row::id)
    })?;
    for id in &settled {
        let id = id.as_bytes();
        changes(connection, "DELETE FROM audit WHERE upload_id = ?1", [id])?;
        changes(connection, "DELETE FROM upload WHERE id = ?1", [id])?;
    }
    if let Some(last) = last_old_event(connection, then, limit)? {
        changes(
            connection,
            "DELETE FROM outbox WHERE position <= ?1 AND position <= \
                 coalesce((SELECT min(cursor) FROM webhook_endpoint WHERE disabled IS NULL), ?1)",
            [last],
        )?;
    }
    Ok(settled.len() as u64)
}

/// The last of the first events, `limit` of them at most, that are all of up to then.
fn last_old_event(
    connection: &Connection,
    then: i64,
    limit: u32,
) -> Result<Option<i64>, CatalogError> {
    let sql = "SELECT position, at FROM outbox ORDER BY position LIMIT ?1";
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let rows = statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)));
    let mut last = None;
    for row in rows.map_err(from_sqlite)? {
        let (position, at): (i64, i64) = row.map_err(from_sqlite)?;
        if at > then {
            break;
        }
        last = Some(position);
    }
    Ok(last)
}

fn passage(columns: &mut Columns<'_, '_>) -> Result<Passage, CatalogError> {
    Ok(Passage {
        seq: columns.number()?,
        from: columns.optional(|text| word(text, &State::ALL, State::as_str))?,
        to: columns.read(|text| word(text, &State::ALL, State::as_str))?,
        at: columns.read(row::instant)?,
        by: columns.optional(|text| Ok(text.as_str()?.parse()?))?,
    })
}

pub(super) fn event(columns: &mut Columns<'_, '_>) -> Result<Event, CatalogError> {
    Ok(Event {
        position: columns.number()?,
        id: columns.read(row::id)?,
        seq: columns.number()?,
        kind: columns.read(|text| word(text, &EventKind::ALL, EventKind::as_str))?,
        at: columns.read(row::instant)?,
        owner: columns.optional(|text| Ok(text.as_str()?.parse()?))?,
        tenant: columns.optional(|text| Ok(text.as_str()?.parse()?))?,
        bucket: columns.optional_text()?,
    })
}
