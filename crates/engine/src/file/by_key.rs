//! Files by their object keys, for clients that know nothing else of them, and by their public names.

use std::sync::Arc;

use valetkey_catalog::{NewUpload, Record};
use valetkey_protocol::download::{CreateDownload, Download};
use valetkey_protocol::file::{FilePage, ListFiles};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, ObjectKey, PresignedUrl};

use super::facts;
use crate::engine::seconds_until;
use crate::policy::{self, Deed};
use crate::upload::closed;
use crate::{Bucket, Engine, Error, Principal, Reading};

/// The longest that caches may keep the way to a public file, in seconds.
const LONGEST_KEPT: u64 = 300;

/// The way to a public file.
#[derive(Debug, Clone)]
pub struct PublicRead {
    /// Where its bytes are.
    pub url: PresignedUrl,
    /// For how many seconds everybody may keep this answer.
    pub max_age: u64,
}

impl Engine {
    /// Issues a download of the file under a key, and says for how many seconds it is good. An upload whose bytes are there
    /// is completed first.
    ///
    /// # Errors
    /// Nothing is there, or why what was sent is no file.
    pub async fn create_download_by_key(
        self: &Arc<Self>,
        who: &Principal,
        bucket: Option<&str>,
        key: &str,
    ) -> Result<(Download, u64), Error> {
        let mut record = self
            .find_by_key(who, Deed::download(None), bucket, key)
            .await?;
        let id = record.upload.id;
        if is_open(record.state) {
            record = self.complete_late(Some(&who.subject), id).await?;
        }
        if record.state == State::Failed {
            return Err(closed(&record));
        }
        self.check_available(&record)?;
        let wish = CreateDownload::default();
        let download = self.hand_out(&record, &wish).await?;
        let seconds = seconds_until(self.clock.now(), download.expires_at);
        Ok((download, seconds))
    }

    /// Deletes the file under a key, or gives up the upload that was to become one; what is gone already is fine.
    ///
    /// # Errors
    /// Nothing was ever there, or it is being verified.
    pub async fn delete_by_key(
        &self,
        who: &Principal,
        bucket: Option<&str>,
        key: &str,
    ) -> Result<(), Error> {
        let record = self.find_by_key(who, Action::Delete, bucket, key).await?;
        let id = record.upload.id;
        match record.state {
            State::Available | State::Deleting | State::Deleted => self.delete_file(who, id).await,
            State::Pending | State::Verifying | State::Failed | State::Expired | State::Aborted => {
                self.abort_upload(who, id).await
            }
        }
    }

    /// Lists files as [`Engine::list_files`] does, after completing the caller's newest late uploads.
    ///
    /// # Errors
    /// As [`Engine::list_files`].
    pub async fn list_files_late(
        self: &Arc<Self>,
        who: &Principal,
        query: ListFiles,
    ) -> Result<FilePage, Error> {
        self.complete_awaited(who, query.bucket.as_deref()).await?;
        self.list_files(who, query).await
    }

    /// The way to a file of a bucket that everybody may read. An upload whose bytes are there is completed first.
    ///
    /// # Errors
    /// There is no such file, or not everybody may read it.
    pub async fn open_public(
        self: &Arc<Self>,
        bucket: &str,
        name: &str,
        reading: Reading,
    ) -> Result<PublicRead, Error> {
        let bucket = self.buckets.get(bucket).ok_or(Error::NotFound)?;
        if !bucket.rules.public_read {
            return Err(Error::NotFound);
        }
        let mut record = self
            .find_public(bucket, name)
            .await?
            .ok_or(Error::NotFound)?;
        let id = record.upload.id;
        if is_open(record.state) {
            record = self.complete_late(None, id).await?;
        }
        self.check_available(&record)?;
        let url = self.redirect(&record, reading, None, None, None).await?;
        let half = bucket.rules.request_ttl_seconds / 2;
        let ends = facts(&record)?.expires_at;
        let left = ends.map_or(u64::MAX, |end| seconds_until(self.clock.now(), end));
        let max_age = LONGEST_KEPT.min(half).min(left);
        Ok(PublicRead { url, max_age })
    }

    /// Finds what lies, lay or is to lie under a key, if the caller may see it.
    async fn find_by_key(
        &self,
        who: &Principal,
        deed: impl Into<Deed>,
        bucket: Option<&str>,
        key: &str,
    ) -> Result<Record, Error> {
        let deed = deed.into();
        policy::check_may(who, deed.action)?;
        let bucket = self.requested_bucket(bucket)?;
        let record = self.find_keyed(bucket, key).await?;
        self.within_reach(who, deed, record).await
    }

    async fn find_public(&self, bucket: &Bucket, name: &str) -> Result<Option<Record>, Error> {
        if name.contains('/') {
            return self.find_keyed(bucket, name).await;
        }
        let Some(id) = id_in_public_name(name) else {
            return Ok(None);
        };
        let named = |upload: &NewUpload| {
            upload.bucket == bucket.name && public_name(id, &upload.key) == name
        };
        let record = self.catalog.find(id).await?;
        Ok(record.filter(|record| named(&record.upload)))
    }

    /// Whatever has this key, of whomever it is.
    async fn find_keyed(&self, bucket: &Bucket, key: &str) -> Result<Option<Record>, Error> {
        let ids = ids_in(key);
        if ids.is_empty() {
            return Ok(None);
        }
        let records = self.catalog.find_all(ids).await?;
        let mut records = records.into_iter().flatten();
        Ok(records.find(|record| has_key(record, &bucket.name, key)))
    }
}

/// Whether it may be a file in a moment: also while somebody else is verifying it.
fn is_open(state: State) -> bool {
    matches!(state, State::Pending | State::Verifying)
}

/// Whether a record has this key in this bucket.
pub(crate) fn has_key(record: &Record, bucket: &str, key: &str) -> bool {
    record.upload.bucket == bucket && record.upload.key.as_str() == key
}

/// Every id that a key of ours may have been made of: templates change, and names may look like ids.
pub(crate) fn ids_in(key: &str) -> Vec<FileId> {
    const LENGTH: usize = 36;
    let mut ids = Vec::new();
    let mut rest = key.as_bytes();
    while let Some(window) = rest.get(..LENGTH) {
        let text = str::from_utf8(window).ok();
        let id = text.and_then(|text| text.parse::<FileId>().ok());
        // No two overlap: hyphens would stand where digits do.
        let step = id.map_or(1, |_| LENGTH);
        ids.extend(id);
        rest = &rest[step..];
    }
    ids
}

/// What a file is called below `/public/{bucket}/`: its id, which says nothing of whose it is, and the end of its name.
pub(crate) fn public_name(id: FileId, key: &ObjectKey) -> String {
    let end = key.as_str().rsplit('/').next().unwrap_or_default();
    let plain = |end: &&str| {
        (1..=10).contains(&end.len()) && end.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match end.rsplit_once('.').map(|(_, end)| end).filter(plain) {
        Some(end) => format!("{id}.{end}"),
        None => id.to_string(),
    }
}

/// The id in a public name.
fn id_in_public_name(name: &str) -> Option<FileId> {
    name.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_name_is_the_id_and_the_end_of_the_name() {
        let id: FileId = "01936f3e-8b7a-7c3d-9e4f-0123456789ab".parse().unwrap();
        for (name, end) in [
            ("a.png", ".png"),
            ("a.tar.gz", ".gz"),
            (".profile", ".profile"),
            ("a", ""),
            ("a.", ""),
            ("a.b_c", ""),
            ("a.abcdefghijk", ""),
        ] {
            let key = ObjectKey::parse(&format!("files/alice/{id}/{name}")).unwrap();
            let public = public_name(id, &key);
            assert_eq!(public, format!("{id}{end}"));
            assert_eq!(id_in_public_name(&public), Some(id));
            assert_eq!(ids_in(key.as_str()), [id]);
        }
        assert_eq!(id_in_public_name("a.png"), None);
    }

    #[test]
    fn ids_are_found_wherever_a_template_has_them() {
        let ids = [
            "01936f3e-8b7a-7c3d-9e4f-0123456789ab",
            "01936f3e-8b7a-7c3d-9e4f-0123456789ac",
        ];
        let [one, other] = ids.map(|id| id.parse::<FileId>().unwrap());
        for (key, expected) in [
            (format!("files/{one}.png"), vec![one]),
            (format!("files/{one}{other}"), vec![one, other]),
            (
                format!("files/{one}/{other}/é-{one}-x"),
                vec![one, other, one],
            ),
            (format!("files/0{one}0"), vec![one]),
            (format!("files/{}", &one.to_string()[1..]), vec![]),
            ("é".repeat(40), vec![]),
            (String::new(), vec![]),
        ] {
            assert_eq!(ids_in(&key), expected, "{key}");
        }
    }
}
