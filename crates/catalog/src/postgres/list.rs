//! Lists of available files, in pages along the ids. Every value is bound, never written into the SQL.

use tokio_postgres::types::ToSql;
use uuid::Uuid;
use valetkey_protocol::file::Order;
use valetkey_protocol::{FileId, Tenant};

use super::row::{columns, uuid};
use crate::FileList;
use crate::value::checksum_text;

/// Records of every state, in order of their ids.
pub(super) const SCAN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM upload WHERE id > $1 ORDER BY id LIMIT $2"
);

/// Where a scan begins. No `UUIDv7` is nil.
pub(super) fn place(after: Option<FileId>) -> Uuid {
    after.map_or(Uuid::nil(), uuid)
}

/// A statement and what is bound to it, in order.
#[derive(Default)]
pub(super) struct Query {
    pub(super) sql: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

/// Composes the statement that lists files.
pub(super) fn query(list: &FileList) -> Query {
    let mut query = Query {
        sql: concat!(
            "SELECT ",
            columns!(),
            " FROM upload WHERE state = 'available'"
        )
        .to_owned(),
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
        query.and(beyond, uuid(after));
    }
    query.add(order, i64::from(list.limit));
    query
}

impl Query {
    /// What is bound, as it is asked for.
    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as _).collect()
    }

    pub(super) fn and(&mut self, condition: &str, value: impl ToSql + Sync + Send + 'static) {
        self.sql.push_str(" AND ");
        self.add(condition, value);
    }

    /// Its one `?` becomes the number of the value.
    pub(super) fn add(&mut self, text: &str, value: impl ToSql + Sync + Send + 'static) {
        self.values.push(Box::new(value));
        let number = format!("${}", self.values.len());
        self.sql.push_str(&text.replace('?', &number));
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
            Some(kind) => self.and("split_part(content_type, '/', 1) = ?", kind.to_owned()),
            None => self.and("split_part(content_type, ';', 1) = ?", pattern.to_owned()),
        }
    }
}
