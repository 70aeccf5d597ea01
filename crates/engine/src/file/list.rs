//! List: pages by key, each file of a scan exactly once.

use valetkey_catalog::FileList;
use valetkey_protocol::ContentType;
use valetkey_protocol::file::{FilePage, ListFiles, Order};
use valetkey_protocol::policy::PolicyAction as Action;

use super::view;
use crate::page::{cut, page_limit};
use crate::policy;
use crate::{Engine, Error, Principal};

impl Engine {
    /// Lists the caller's files, or everybody's for whoever may list all. What policies do not let them read is left out, so
    /// that a page may have fewer files than were asked for.
    ///
    /// # Errors
    /// A filter or a cursor that is none.
    pub async fn list_files(&self, who: &Principal, query: ListFiles) -> Result<FilePage, Error> {
        policy::check_may(who, Action::Read)?;
        let limit = page_limit(query.limit)?;
        let bucket = query.bucket.as_deref();
        let bucket = bucket
            .map(|name| self.requested_bucket(Some(name)))
            .transpose()?;
        let owner = self.listed_owner(who, bucket);
        let checksum = query
            .checksum
            .as_deref()
            .map(ListFiles::parse_checksum)
            .transpose();
        let order = query.order.unwrap_or_default();
        let list = FileList {
            tenant: self.listed_tenant(who),
            owner,
            bucket: query.bucket,
            path: query.path,
            content_type: query.content_type.as_deref().map(pattern).transpose()?,
            checksum: checksum.map_err(|error| ("checksum", error))?,
            order,
            after: self.open_page(who, order_mark(order), query.cursor.as_deref())?,
            limit: limit + 1,
            now: self.clock.now(),
        };
        let mut records = self.catalog.list(list).await?;
        let last = cut(&mut records, limit);
        let next_cursor =
            last.map(|record| self.seal_page(who, order_mark(order), record.upload.id));
        self.keep_readable(who, &mut records);
        Ok(FilePage {
            next_cursor,
            files: records.into_iter().map(view).collect::<Result<_, _>>()?,
        })
    }
}

/// Its list, in the word of its cursors.
fn order_mark(order: Order) -> &'static str {
    match order {
        Order::Newest => "n",
        Order::Oldest => "o",
    }
}

/// `image/png` or `image/*`, in lower case.
fn pattern(text: &str) -> Result<String, Error> {
    let kind = text.strip_suffix("/*").map(|kind| format!("{kind}/any"));
    let parsed = ContentType::parse(kind.as_deref().unwrap_or(text));
    let parsed = parsed
        .map_err(|_| Error::invalid("content_type", "must be like 'image/png' or 'image/*'"))?;
    let essence = parsed.essence();
    Ok(match kind {
        Some(_) => format!("{}/*", essence.trim_end_matches("/any")),
        None => essence.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_patterns_are_checked_and_lowered() {
        assert_eq!(pattern("Image/*").unwrap(), "image/*");
        assert_eq!(pattern("image/PNG").unwrap(), "image/png");
        for wrong in ["", "*/*", "image", "a/*/b"] {
            assert!(pattern(wrong).is_err(), "{wrong}");
        }
    }
}
