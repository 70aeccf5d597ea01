//! Lists of available files, in pages along the ids. Every value is bound, never written into the SQL.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use valetkey_protocol::file::Order;
use valetkey_protocol::{FileId, Tenant};

use super::row::{all, checksum_text, columns};
use crate::{CatalogError, FileList, Record};

/// Lists available files.
pub(super) fn list(connection: &Connection, list: &FileList) -> Result<Vec<Record>, CatalogError> {
    let Query { sql, values } = query(list);
    all(connection, &sql, params_from_iter(values))
}

/// Records of every state, in order of their ids.
pub(super) fn scan(
    connection: &Connection,
    after: Option<FileId>,
    limit: u32,
) -> Result<Vec<Record>, CatalogError> {
    const SCAN: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM upload WHERE id > ?1 ORDER BY id LIMIT ?2"
    );
    // An empty blob sorts before every id.
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    all(connection, SCAN, params![after, limit])
}

/// A statement and what is bound to it, in order.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// Composes the statement. It names its index: without statistics SQLite would guess between two.
pub(super) fn query(list: &FileList) -> Query {
    let named = list.tenant.as_ref().is_some_and(|one| !one.is_default());
    let index = match (named, &list.owner, &list.bucket) {
        (true, Some(_), _) => " INDEXED BY upload_by_tenant_owner",
        (true, None, _) => " INDEXED BY upload_by_tenant",
        (false, Some(_), _) => " INDEXED BY upload_by_owner",
        (false, None, Some(_)) => " INDEXED BY upload_by_bucket",
        (false, None, None) => "",
    };
    let mut query = Query {
        sql: format!(
            "SELECT {} FROM upload{index} WHERE state = 'available'",
            columns!()
        ),
        values: Vec::new(),
    };
    let now = list.now.as_millisecond();
    query.and("(expires_at IS NULL OR expires_at > ?)", now);
    if let Some(tenant) = &list.tenant {
        query.and_tenant(tenant);
    }
    if let Some(owner) = &list.owner {
        query.and("owner = ?", owner.as_str().to_owned());
    }
    if let Some(bucket) = &list.bucket {
        query.and("bucket = ?", bucket.clone());
    }
    if let Some(path) = &list.path {
        query.and("path = ?", path.as_str().to_owned());
    }
    if let Some(pattern) = &list.content_type {
        query.and_type(pattern);
    }
    if let Some(checksum) = &list.checksum {
        query.and("checksum = ?", checksum_text(checksum));
    }
    let (beyond, order) = match list.order {
        Order::Newest => ("id < ?", " ORDER BY id DESC LIMIT ?"),
        Order::Oldest => ("id > ?", " ORDER BY id LIMIT ?"),
    };
    if let Some(after) = list.after {
        query.and(beyond, after.as_bytes().to_vec());
    }
    query.sql.push_str(order);
    query.values.push(list.limit.into());
    query
}

impl Query {
    pub(super) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    /// The indexes of tenants leave the default one out, which a value that is bound does not say.
    pub(super) fn and_tenant(&mut self, tenant: &Tenant) {
        self.and("tenant = ?", tenant.as_str().to_owned());
        if !tenant.is_default() {
            self.sql.push_str(" AND tenant <> ''");
        }
    }

    /// A stored type is `type/subtype` and perhaps `; parameters`; the pattern speaks of the first alone.
    fn and_type(&mut self, pattern: &str) {
        match pattern.strip_suffix("/*") {
            Some("*") => {}
            Some(kind) => self.and(
                "substr(content_type, 1, instr(content_type, '/') - 1) = ?",
                kind.to_owned(),
            ),
            None => self.and(
                "substr(content_type, 1, instr(content_type || ';', ';') - 1) = ?",
                pattern.to_owned(),
            ),
        }
    }
}
