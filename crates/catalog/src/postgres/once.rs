//! Uploads that are created once, however often a client asks: the key and the upload are one transaction. Of two
//! servers that see no key and both write it, the second is stopped by the key of the table, and looks again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::insert::Insert;
use super::row::{Columns, uuid};
use super::session::Session;
use super::writer::Failure;
use crate::owner::Holder;
use crate::value::integer;
use crate::{CatalogError, NewUpload, Once};

/// The constraint that stops the second.
pub(super) const KEY: &str = "idempotency_pkey";

const FIND: &str = "SELECT i.owner, i.key, i.request, i.upload_id, i.valid_for, i.created_at \
     FROM unnest($1::text[], $2::text[]) AS n (owner, key) \
     JOIN idempotency i ON i.owner = n.owner AND i.key = n.key ORDER BY i.owner, i.key";

/// A key that is too old to count may still lie there.
pub(super) const FORGET_OLD: &str = "DELETE FROM idempotency i \
     USING unnest($1::text[], $2::text[], $3::bigint[]) AS n (owner, key, created_at) \
     WHERE i.owner = n.owner AND i.key = n.key AND i.created_at = n.created_at";

pub(super) const REMEMBER: &str = "INSERT INTO idempotency (owner, key, request, upload_id, valid_for, created_at) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::bigint[], $6::bigint[]) \
     ORDER BY 1, 2";

/// Frees a key whose upload came to nothing, unless it stands for another one by now.
pub(super) const FORGET: &str =
    "DELETE FROM idempotency WHERE owner = $1 AND key = $2 AND upload_id = $3";

/// Forgets some of the keys used up to then.
pub(super) const FORGET_UNTIL: &str = "DELETE FROM idempotency WHERE (owner, key) IN \
     (SELECT owner, key FROM idempotency WHERE created_at <= $1 ORDER BY created_at LIMIT $2 \
      FOR UPDATE SKIP LOCKED)";

/// The keys of one transaction, by owner and key.
pub(super) struct Keys<'w>(BTreeMap<(Holder<'w>, &'w str), Key<'w>>);

/// What one key stands for.
#[derive(Default)]
struct Key<'w> {
    /// Before the transaction.
    stored: Option<(Once, i64)>,
    /// Within it.
    new: Option<(&'w NewUpload, &'w Once)>,
}

impl<'w> Keys<'w> {
    /// Those that are asked for.
    pub(super) fn of(works: &[&'w Insert]) -> Self {
        let keys = works.iter().filter_map(|work| match work {
            Insert::All(_) => None,
            Insert::Once(work) => {
                let (draft, once, _) = work.as_ref();
                let holder = Holder::of(&draft.intent.upload);
                Some(((holder, once.key.as_str()), Key::default()))
            }
        });
        Self(keys.collect())
    }

    /// Looks which of them are known.
    pub(super) async fn find(&mut self, session: &Session) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Ok(());
        }
        let names = self.0.keys().map(|(holder, key)| (holder.text(), *key));
        let (owners, keys): (Vec<_>, Vec<_>) = names.unzip();
        let rows = session.query(FIND, &[&owners, &keys]).await?;
        // Both are in the same order.
        let mut ours = self.0.iter_mut();
        for row in &rows {
            let mut columns = Columns::of(row);
            let found = read(&mut columns).map_err(Failure::All)?;
            let (owner, name) = found.0;
            let one = ours.find(|((holder, key), _)| holder.is(owner) && *key == name);
            if let Some((_, key)) = one {
                key.stored = Some(found.1);
            }
        }
        Ok(())
    }

    /// What a key stands for, if it was used later than then.
    pub(super) fn since(&self, upload: &NewUpload, key: &str, since: Timestamp) -> Option<Once> {
        let key = self.0.get(&(Holder::of(upload), key))?;
        let new = key
            .new
            .map(|(upload, once)| (once, upload.created_at.as_millisecond()));
        let stored = key.stored.as_ref().map(|(once, at)| (once, *at));
        let known = new.or(stored);
        let known = known.filter(|(_, at)| *at > since.as_millisecond());
        known.map(|(once, _)| once.clone())
    }

    /// Has a key stand for a new upload.
    pub(super) fn remember(&mut self, upload: &'w NewUpload, once: &'w Once) {
        let key = self.0.entry((Holder::of(upload), &once.key));
        key.or_default().new = Some((upload, once));
    }

    /// What is to be written of them, if anything is.
    pub(super) fn table(&self) -> Option<Table<'_>> {
        let mut table = Table::default();
        for ((holder, key), one) in &self.0 {
            let Some((upload, once)) = one.new else {
                continue;
            };
            if let Some((_, at)) = &one.stored {
                table.old.0.push(holder.text());
                table.old.1.push(key);
                table.old.2.push(*at);
            }
            table.owner.push(holder.text());
            table.key.push(key);
            table.request.push(&once.request);
            table.upload_id.push(uuid(once.upload));
            table
                .valid_for
                .push(i64::try_from(once.valid_for).unwrap_or(i64::MAX));
            table.created_at.push(upload.created_at.as_millisecond());
        }
        (!table.owner.is_empty()).then_some(table)
    }
}

/// Keys by their columns.
#[derive(Default)]
pub(super) struct Table<'k> {
    old: (Vec<Cow<'k, str>>, Vec<&'k str>, Vec<i64>),
    owner: Vec<Cow<'k, str>>,
    key: Vec<&'k str>,
    request: Vec<&'k [u8]>,
    upload_id: Vec<Uuid>,
    valid_for: Vec<i64>,
    created_at: Vec<i64>,
}

impl Table<'_> {
    /// In the order of [`FORGET_OLD`].
    pub(super) fn old(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![&self.old.0, &self.old.1, &self.old.2]
    }

    /// In the order of [`REMEMBER`].
    pub(super) fn rows(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.owner,
            &self.key,
            &self.request,
            &self.upload_id,
            &self.valid_for,
            &self.created_at,
        ]
    }
}

/// Checks what is to be written.
pub(super) fn check(once: &Once) -> Result<(), CatalogError> {
    integer("valid_for", once.valid_for).map(|_| ())
}

/// A row: the name of the key, what it stands for, and since when.
type Stored<'r> = ((&'r str, &'r str), (Once, i64));

fn read<'r>(columns: &mut Columns<'r>) -> Result<Stored<'r>, CatalogError> {
    let name: (&str, &str) = (columns.get()?, columns.get()?);
    let request: &[u8] = columns.get()?;
    let request = request.try_into().map_err(|_| CatalogError::Corrupt {
        what: "request: it has not 32 bytes".to_owned(),
    })?;
    let once = Once {
        key: name.1.to_owned(),
        request,
        upload: columns.id()?,
        valid_for: columns.number()?,
    };
    Ok((name, (once, columns.get()?)))
}
