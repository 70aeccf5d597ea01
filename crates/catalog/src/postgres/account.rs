//! Accounts: two rows for each upload, its owner's and its bucket's, locked in one order by every server and changed
//! in the transaction of its edge.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::row::{Columns, guarded};
use crate::account::Settlement;
use crate::owner::Holder;
use crate::{CatalogError, NewUpload, Usage, Whose};

const LIST: &str = "SELECT bucket, open_uploads, reserved_bytes, files, stored_bytes FROM usage \
     WHERE owner = $1 ORDER BY bucket";

macro_rules! list_tenant {
    ($which:literal) => {
        concat!(
            "SELECT bucket, sum(open_uploads)::bigint, sum(reserved_bytes)::bigint, sum(files)::bigint, \
             sum(stored_bytes)::bigint FROM usage WHERE tenant = $1 AND ",
            $which,
            " GROUP BY bucket ORDER BY bucket"
        )
    };
}

const LIST_TENANT: &str = list_tenant!("tenant <> ''");

/// What is not the accounts of everybody is the default tenant's.
const LIST_DEFAULT: &str = list_tenant!("owner <> ''");

/// Locks accounts in their order, and reads them.
pub(super) const LOCK: &str = "SELECT u.owner, u.bucket, u.open_uploads, u.reserved_bytes, u.files, u.stored_bytes \
     FROM unnest($1::text[], $2::text[]) AS n (owner, bucket) \
     JOIN usage u ON u.owner = n.owner AND u.bucket = n.bucket ORDER BY u.owner, u.bucket FOR UPDATE OF u";

/// Makes accounts that are not there.
pub(super) const MAKE: &str = "INSERT INTO usage (owner, bucket, tenant, open_uploads, reserved_bytes, files, stored_bytes) \
     SELECT owner, bucket, tenant, 0, 0, 0, 0 FROM unnest($1::text[], $2::text[], $3::text[]) AS n (owner, bucket, tenant) \
     ORDER BY owner, bucket ON CONFLICT DO NOTHING";

pub(super) const CHANGE: &str = guarded!(
    "UPDATE usage u SET open_uploads = u.open_uploads + n.open_uploads, \
     reserved_bytes = u.reserved_bytes + n.reserved_bytes, files = u.files + n.files, \
     stored_bytes = u.stored_bytes + n.stored_bytes \
     FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[]) \
     AS n (owner, bucket, open_uploads, reserved_bytes, files, stored_bytes) \
     WHERE u.owner = n.owner AND u.bucket = n.bucket"
);

/// The accounts of an upload: its owner's and everybody's.
pub(super) fn of(upload: &NewUpload) -> [Account<'_>; 2] {
    [Holder::of(upload), Holder::EVERYBODY].map(|holder| Account {
        holder,
        bucket: &upload.bucket,
    })
}

/// The statement that lists accounts, and whose it lists.
pub(super) fn query(whose: &Whose) -> (&'static str, Cow<'_, str>) {
    match whose {
        Whose::Everybody => (LIST, Holder::EVERYBODY.text()),
        Whose::Owner(owner) => (LIST, owner.holder().text()),
        Whose::Tenant(tenant) if tenant.is_default() => (LIST_DEFAULT, "".into()),
        Whose::Tenant(tenant) => (LIST_TENANT, tenant.as_str().into()),
    }
}

/// Which account. The order is that in which they are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Account<'a> {
    holder: Holder<'a>,
    bucket: &'a str,
}

/// The names of accounts by their columns.
pub(super) struct Names<'a> {
    owner: Vec<Cow<'a, str>>,
    bucket: Vec<&'a str>,
    tenant: Vec<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn of(accounts: &BTreeSet<Account<'a>>) -> Self {
        Self {
            owner: accounts.iter().map(|one| one.holder.text()).collect(),
            bucket: accounts.iter().map(|one| one.bucket).collect(),
            tenant: accounts.iter().map(|one| one.holder.tenant).collect(),
        }
    }

    /// In the order of [`LOCK`], and of [`CHANGE`] behind its count.
    pub(super) fn lock(&self) -> [&(dyn ToSql + Sync); 2] {
        [&self.owner, &self.bucket]
    }

    /// In the order of [`MAKE`].
    pub(super) fn make(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.owner, &self.bucket, &self.tenant]
    }
}

/// What accounts hold, by what [`LOCK`] gives.
pub(super) fn read<'a>(
    rows: &[Row],
    accounts: &BTreeSet<Account<'a>>,
) -> Result<BTreeMap<Account<'a>, Usage>, CatalogError> {
    let mut held = BTreeMap::new();
    // Both are in the same order.
    let mut accounts = accounts.iter();
    for row in rows {
        let mut columns = Columns::of(row);
        let (owner, bucket): (&str, &str) = (columns.get()?, columns.get()?);
        let account = accounts.find(|one| one.bucket == bucket && one.holder.is(owner));
        if let Some(account) = account {
            held.insert(*account, usage(&mut columns)?);
        }
    }
    Ok(held)
}

/// What is held in each bucket, by what the statement of [`query`] gives.
pub(super) fn list(rows: &[Row]) -> Result<Vec<(String, Usage)>, CatalogError> {
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.get()?, usage(&mut columns)?))
        })
        .collect()
}

fn usage(columns: &mut Columns<'_>) -> Result<Usage, CatalogError> {
    Ok(Usage {
        open_uploads: columns.number()?,
        reserved_bytes: columns.number()?,
        files: columns.number()?,
        stored_bytes: columns.number()?,
    })
}

/// By how much accounts change.
#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<Account<'a>, Change>);

/// By how much one account changes.
#[derive(Default, Clone, Copy)]
struct Change {
    open_uploads: i64,
    reserved_bytes: i64,
    files: i64,
    stored_bytes: i64,
}

impl<'a> Changes<'a> {
    /// Reserves the size of a new upload.
    pub(super) fn reserve(&mut self, upload: &'a NewUpload) {
        let size = bytes(upload.size);
        self.add(upload, |change| {
            change.open_uploads += 1;
            change.reserved_bytes += size;
        });
    }

    /// Settles what an upload reserved, or a file took.
    pub(super) fn settle(&mut self, upload: &'a NewUpload, settlement: Settlement) {
        self.add(upload, |change| match settlement {
            Settlement::Store { reserved, stored } => {
                change.open_uploads -= 1;
                change.reserved_bytes -= bytes(reserved);
                change.files += 1;
                change.stored_bytes += bytes(stored);
            }
            Settlement::Release(size) => {
                change.open_uploads -= 1;
                change.reserved_bytes -= bytes(size);
            }
            Settlement::Remove(size) => {
                change.files -= 1;
                change.stored_bytes -= bytes(size);
            }
        });
    }

    pub(super) fn accounts(&self) -> BTreeSet<Account<'a>> {
        self.0.keys().copied().collect()
    }

    /// The values of [`CHANGE`], behind its accounts.
    pub(super) fn columns(&self) -> [Vec<i64>; 4] {
        let column = |value: fn(&Change) -> i64| self.0.values().map(value).collect();
        [
            column(|change| change.open_uploads),
            column(|change| change.reserved_bytes),
            column(|change| change.files),
            column(|change| change.stored_bytes),
        ]
    }

    fn add(&mut self, upload: &'a NewUpload, change: impl Fn(&mut Change)) {
        for account in of(upload) {
            change(self.0.entry(account).or_default());
        }
    }
}

/// A size as the database has it. No account has room for more, so no upload of more was let in.
fn bytes(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
