//! A row and a record: how each value is written, and read back.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row};
use uuid::Uuid;
use valetkey_protocol::file::Integrity;
use valetkey_protocol::upload::State;
use valetkey_protocol::{Checksum, FileId};

use super::error::from_sqlite;
use crate::value::{self, Unreadable};
pub(super) use crate::value::{checksum_text, integer, metadata_text, problem_text};
use crate::{CatalogError, FileFacts, NewUpload, Record, Transfer};

/// The columns of a record, in the order [`record`] reads them.
macro_rules! columns {
    () => {
        "id, bucket, key, tenant, owner, filename, path, content_type, size, checksum, metadata, part_size, \
         multipart_id, created_at, session_ends_at, urls_end_at, retain_for, look_at, state, epoch, lease_until, \
         source_etag, problem, etag, integrity, detected_type, expires_at, verified_at, download_count, \
         leftovers, attempts, postponed_until"
    };
}
pub(super) use columns;

/// The records of a usual page, and one to see whether there are more: room for them from the first.
const USUAL_PAGE: usize = 101;

/// Finds what one id is.
pub(super) fn find(connection: &Connection, id: FileId) -> Result<Option<Record>, CatalogError> {
    const FIND: &str = concat!("SELECT ", columns!(), " FROM upload WHERE id = ?1");
    first(connection, FIND, [id.as_bytes()])
}

/// Reads something, to see that it can be read.
pub(super) fn probe(connection: &Connection) -> Result<(), CatalogError> {
    first(
        connection,
        concat!("SELECT ", columns!(), " FROM upload LIMIT 0"),
        [],
    )
    .map(|_| ())
}

/// The first record a statement gives, if any.
pub(super) fn first(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Option<Record>, CatalogError> {
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let mut rows = statement.query(params).map_err(from_sqlite)?;
    let row = rows.next().map_err(from_sqlite)?;
    row.map(|row| record(&mut Columns::of(row))).transpose()
}

/// All records a statement gives.
pub(super) fn all(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Vec<Record>, CatalogError> {
    collect(connection, sql, params, record)
}

/// What is read of all rows a statement gives.
pub(super) fn collect<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&mut Columns<'_, '_>) -> Result<T, CatalogError>,
) -> Result<Vec<T>, CatalogError> {
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let mut rows = statement.query(params).map_err(from_sqlite)?;
    let mut found = Vec::with_capacity(USUAL_PAGE);
    while let Some(row) = rows.next().map_err(from_sqlite)? {
        found.push(read(&mut Columns::of(row))?);
    }
    Ok(found)
}

/// Reads a record from the columns of `columns!`, which come in the order of these fields.
fn record(columns: &mut Columns<'_, '_>) -> Result<Record, CatalogError> {
    let upload = upload(columns)?;
    let (size, checksum) = (upload.size, upload.checksum);
    Ok(Record {
        upload,
        state: columns.read(|text| word(text, &State::ALL, State::as_str))?,
        epoch: columns.number()?,
        lease_until: columns.optional_instant()?,
        source_etag: columns.optional_text()?,
        problem: columns.optional(|value| value::problem(value.as_str()?))?,
        file: facts(columns, size, checksum)?,
        verified_at: columns.optional_instant()?,
        download_count: columns.number()?,
        leftovers: columns.read(|value| Ok(value.as_i64()? != 0))?,
        attempts: columns.number()?,
        postponed_until: columns.read(postponement)?,
    })
}

fn upload(columns: &mut Columns<'_, '_>) -> Result<NewUpload, CatalogError> {
    Ok(NewUpload {
        id: columns.read(id)?,
        bucket: columns.text()?,
        key: columns.text()?,
        tenant: columns.text()?,
        owner: columns.text()?,
        filename: columns.text()?,
        path: columns.text()?,
        content_type: columns.text()?,
        size: columns.number()?,
        checksum: columns.optional(|value| value::checksum(value.as_str()?))?,
        metadata: columns.read(|value| value::metadata(value.as_str()?))?,
        transfer: transfer(columns)?,
        created_at: columns.read(instant)?,
        session_ends_at: columns.read(instant)?,
        urls_end_at: columns.read(instant)?,
        retain_for: columns.optional(number)?,
        look_at: columns.optional_instant()?,
    })
}

fn transfer(columns: &mut Columns<'_, '_>) -> Result<Transfer, CatalogError> {
    let part_size = columns.optional(number)?;
    let upload_id = columns.optional_text()?;
    Ok(match part_size {
        None => Transfer::Single,
        Some(part_size) => Transfer::Multipart {
            part_size,
            upload_id,
        },
    })
}

/// Facts are there once there is an `ETag`; size and checksum are the upload's own columns.
fn facts(
    columns: &mut Columns<'_, '_>,
    size: u64,
    checksum: Option<Checksum>,
) -> Result<Option<FileFacts>, CatalogError> {
    let etag = columns.optional_text()?;
    let integrity = columns.optional(|text| word(text, &Integrity::ALL, Integrity::as_str))?;
    let detected_type = columns.optional_text()?;
    let expires_at = columns.optional_instant()?;
    Ok(etag.zip(integrity).map(|(etag, integrity)| FileFacts {
        size,
        etag,
        checksum,
        integrity,
        detected_type,
        expires_at,
    }))
}

/// The columns of one row, read from the first to the last.
pub(super) struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    pub(super) fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }
}

impl Columns<'_, '_> {
    pub(super) fn read<T>(
        &mut self,
        read: impl FnOnce(ValueRef<'_>) -> Result<T, Unreadable>,
    ) -> Result<T, CatalogError> {
        let index = self.next;
        self.next += 1;
        let value = self.row.get_ref(index).map_err(from_sqlite)?;
        read(value).map_err(|error| CatalogError::Corrupt {
            what: match self.row.as_ref().column_name(index) {
                Ok(name) => format!("{name}: {error}"),
                Err(_) => error.to_string(),
            },
        })
    }

    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(ValueRef<'_>) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, CatalogError> {
        self.read(|value| match value {
            ValueRef::Null => Ok(None),
            value => read(value).map(Some),
        })
    }

    pub(super) fn text<T: FromStr<Err: Display>>(&mut self) -> Result<T, CatalogError> {
        self.read(|value| {
            value
                .as_str()?
                .parse()
                .map_err(|error: T::Err| error.to_string().into())
        })
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<String>, CatalogError> {
        self.optional(|value| Ok(value.as_str()?.to_owned()))
    }

    pub(super) fn number(&mut self) -> Result<u64, CatalogError> {
        self.read(number)
    }

    fn optional_instant(&mut self) -> Result<Option<Timestamp>, CatalogError> {
        self.optional(instant)
    }
}

pub(super) fn id(value: ValueRef<'_>) -> Result<FileId, Unreadable> {
    Ok(FileId::from_uuid(Uuid::from_slice(value.as_blob()?)?)?)
}

fn number(value: ValueRef<'_>) -> Result<u64, Unreadable> {
    Ok(u64::try_from(value.as_i64()?)?)
}

pub(super) fn instant(value: ValueRef<'_>) -> Result<Timestamp, Unreadable> {
    Ok(Timestamp::from_millisecond(value.as_i64()?)?)
}

/// 0 is none.
fn postponement(value: ValueRef<'_>) -> Result<Option<Timestamp>, Unreadable> {
    match value.as_i64()? {
        0 => Ok(None),
        _ => instant(value).map(Some),
    }
}

/// The value with this name.
pub(super) fn word<T: Copy>(
    value: ValueRef<'_>,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, Unreadable> {
    value::word(value.as_str()?, all, name)
}
