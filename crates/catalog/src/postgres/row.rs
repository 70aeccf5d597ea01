//! A row and a record: how each value is written, and read back.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;
use valetkey_protocol::file::Integrity;
use valetkey_protocol::upload::State;
use valetkey_protocol::{Checksum, FileId};

use super::error::from_postgres;
use crate::value::{self, Unreadable};
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

/// A statement that fails, and its transaction with it, unless `$changes` changes as many rows as the first value
/// says. So a whole transaction can be sent at once, its end included.
macro_rules! guarded {
    ($changes:expr) => {
        concat!(
            "WITH done AS (",
            $changes,
            " RETURNING 1) SELECT 1 / (count(*) = $1)::int FROM done"
        )
    };
}
pub(super) use guarded;

/// An id as PostgreSQL has it.
pub(super) fn uuid(id: FileId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

/// An instant as it is remembered, to the millisecond.
pub(super) fn to_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// All records in these rows.
pub(super) fn records(rows: &[Row]) -> Result<Vec<Record>, CatalogError> {
    rows.iter()
        .map(|row| record(&mut Columns::of(row)))
        .collect()
}

/// The number in the one row.
pub(super) fn count(rows: &[Row]) -> Result<u64, CatalogError> {
    match rows.first() {
        Some(row) => Columns::of(row).number(),
        None => Ok(0),
    }
}

/// Reads a record from the columns of `columns!`, which come in the order of these fields.
pub(super) fn record(columns: &mut Columns<'_>) -> Result<Record, CatalogError> {
    let upload = upload(columns)?;
    let (size, checksum) = (upload.size, upload.checksum);
    Ok(Record {
        upload,
        state: columns.word(&State::ALL, State::as_str)?,
        epoch: columns.number()?,
        lease_until: columns.optional_instant()?,
        source_etag: columns.get()?,
        problem: columns.optional(value::problem)?,
        file: facts(columns, size, checksum)?,
        verified_at: columns.optional_instant()?,
        download_count: columns.number()?,
        leftovers: columns.get()?,
        attempts: columns.number()?,
        postponed_until: columns.read(postponement)?,
    })
}

fn upload(columns: &mut Columns<'_>) -> Result<NewUpload, CatalogError> {
    Ok(NewUpload {
        id: columns.id()?,
        bucket: columns.text()?,
        key: columns.text()?,
        tenant: columns.text()?,
        owner: columns.text()?,
        filename: columns.text()?,
        path: columns.text()?,
        content_type: columns.text()?,
        size: columns.number()?,
        checksum: columns.optional(value::checksum)?,
        metadata: columns.read(value::metadata)?,
        transfer: transfer(columns)?,
        created_at: columns.instant()?,
        session_ends_at: columns.instant()?,
        urls_end_at: columns.instant()?,
        retain_for: columns.optional_number()?,
        look_at: columns.optional_instant()?,
    })
}

fn transfer(columns: &mut Columns<'_>) -> Result<Transfer, CatalogError> {
    let part_size = columns.optional_number()?;
    let upload_id = columns.get()?;
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
    columns: &mut Columns<'_>,
    size: u64,
    checksum: Option<Checksum>,
) -> Result<Option<FileFacts>, CatalogError> {
    let etag: Option<String> = columns.get()?;
    let integrity =
        columns.optional(|text| value::word(text, &Integrity::ALL, Integrity::as_str))?;
    let detected_type = columns.get()?;
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
pub(super) struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r Row) -> Self {
        Self { row, next: 0 }
    }

    /// The next value, as it is.
    pub(super) fn get<T: FromSql<'r>>(&mut self) -> Result<T, CatalogError> {
        let index = self.next;
        self.next += 1;
        self.row
            .try_get(index)
            .map_err(|error| match std::error::Error::source(&error) {
                Some(why) => self.corrupt(index, why),
                None => from_postgres(error),
            })
    }

    /// The next value, made into something.
    pub(super) fn read<V: FromSql<'r>, T>(
        &mut self,
        read: impl FnOnce(V) -> Result<T, Unreadable>,
    ) -> Result<T, CatalogError> {
        let value = self.get()?;
        read(value).map_err(|why| self.corrupt(self.next - 1, &*why))
    }

    /// The next value, made into something if there is one.
    pub(super) fn optional<V: FromSql<'r>, T>(
        &mut self,
        read: impl FnOnce(V) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, CatalogError> {
        self.read(|value: Option<V>| value.map(read).transpose())
    }

    pub(super) fn id(&mut self) -> Result<FileId, CatalogError> {
        self.read(|id| Ok(FileId::from_uuid(id)?))
    }

    pub(super) fn text<T: FromStr<Err: Display>>(&mut self) -> Result<T, CatalogError> {
        self.read(|text: &str| {
            text.parse()
                .map_err(|error: T::Err| error.to_string().into())
        })
    }

    /// The value with the name in the next column.
    pub(super) fn word<T: Copy>(
        &mut self,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Result<T, CatalogError> {
        self.read(|text| value::word(text, all, name))
    }

    pub(super) fn number(&mut self) -> Result<u64, CatalogError> {
        self.read(number)
    }

    pub(super) fn optional_number(&mut self) -> Result<Option<u64>, CatalogError> {
        self.optional(number)
    }

    pub(super) fn instant(&mut self) -> Result<Timestamp, CatalogError> {
        self.read(instant)
    }

    pub(super) fn optional_instant(&mut self) -> Result<Option<Timestamp>, CatalogError> {
        self.optional(instant)
    }

    fn corrupt(&self, index: usize, why: &dyn Display) -> CatalogError {
        let column = self.row.columns().get(index);
        CatalogError::Corrupt {
            what: format!(
                "{}: {why}",
                column.map_or("a column", |column| column.name())
            ),
        }
    }
}

fn number(value: i64) -> Result<u64, Unreadable> {
    Ok(u64::try_from(value)?)
}

fn instant(value: i64) -> Result<Timestamp, Unreadable> {
    Ok(Timestamp::from_millisecond(value)?)
}

/// 0 is none.
fn postponement(value: i64) -> Result<Option<Timestamp>, Unreadable> {
    match value {
        0 => Ok(None),
        _ => instant(value).map(Some),
    }
}
