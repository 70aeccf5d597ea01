//! Downloads: presigned GETs, and content URLs for pages that cannot send a token.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use valetkey_catalog::{CatalogError, Issue, Record};
use valetkey_protocol::disposition::Disposition;
use valetkey_protocol::download::{CreateDownload, CreateDownloads, Download, DownloadResult};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::Results;
use valetkey_protocol::{Code, ContentType, FileId, Filename, ObjectKey, PresignedUrl};
use valetkey_store::{GetGrant, Validity};

use crate::engine::{seconds_until, validity};
use crate::policy::Deed;
use crate::seal::Purpose;
use crate::sniff::contradicts;
use crate::upload::check_batch;
use crate::{Bucket, Engine, Error, Principal, file};

/// What is asked for of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The bytes, with GET.
    Bytes,
    /// The headers alone, with HEAD: a signature is for one method. It counts as no download.
    Headers,
}

/// How many downloads of one batch are looked up at the same time.
const ISSUED_AT_ONCE: usize = 16;

impl Engine {
    /// Issues a download.
    ///
    /// # Errors
    /// It is no file, or `expires_in` is too long.
    pub async fn create_download(
        self: &Arc<Self>,
        who: &Principal,
        id: FileId,
        wish: CreateDownload,
    ) -> Result<Download, Error> {
        let record = self
            .find_or_complete(who, Deed::download(wish.expires_in), id)
            .await?;
        self.hand_out(&record, &wish).await
    }

    /// Issues a download of a file that was found, and counts it.
    pub(crate) async fn hand_out(
        &self,
        record: &Record,
        wish: &CreateDownload,
    ) -> Result<Download, Error> {
        let (download, issue) = self.issue(record, wish)?;
        self.count(vec![issue]).await?;
        Ok(download)
    }

    /// Issues up to 100 downloads with the same options; each has a result of its own.
    ///
    /// # Errors
    /// Too many items.
    pub async fn create_downloads(
        &self,
        who: &Principal,
        batch: CreateDownloads,
    ) -> Result<Results<DownloadResult>, Error> {
        check_batch(batch.ids.len())?;
        let wish = CreateDownload {
            expires_in: batch.expires_in,
            disposition: batch.disposition,
            filename: None,
        };
        let wish = &wish;
        let results: Vec<_> = stream::iter(batch.ids)
            .map(|text| async move {
                let issued = match text.parse() {
                    Ok(id) => {
                        self.find_file(who, Deed::download(wish.expires_in), id)
                            .await
                    }
                    Err(_) => Err(Error::NotFound),
                };
                let issued = issued.and_then(|record| self.issue(&record, wish));
                let (issued, issue) = match issued {
                    Ok((download, issue)) => (Ok(download), Some(issue)),
                    Err(error) => (Err(error), None),
                };
                (download_result(text, issued), issue)
            })
            .buffered(ISSUED_AT_ONCE)
            .collect()
            .await;
        let (results, issues): (Vec<_>, Vec<_>) = results.into_iter().unzip();
        let issues: Vec<Issue> = issues.into_iter().flatten().collect();
        if !issues.is_empty() {
            self.count(issues).await?;
        }
        Ok(Results { results })
    }

    /// The redirect of `/v1/files/{id}/content`.
    ///
    /// # Errors
    /// It is no file.
    pub async fn get_content(
        self: &Arc<Self>,
        who: &Principal,
        id: FileId,
        reading: Reading,
    ) -> Result<PresignedUrl, Error> {
        let record = self.find_or_complete(who, Action::Download, id).await?;
        self.redirect(&record, reading, None, None, None).await
    }

    /// The redirect of a content URL: whoever holds it may fetch, until it ends.
    ///
    /// # Errors
    /// The capability is not one of ours, is over, or its file is gone.
    pub async fn open_content(&self, token: &str, reading: Reading) -> Result<PresignedUrl, Error> {
        let Capability {
            id,
            expires_at,
            disposition,
            filename,
        } = self.content_capability(token)?;
        let record = self.catalog.find(id).await?.ok_or(Error::NotFound)?;
        self.check_available(&record)?;
        let filename = filename.as_ref();
        self.redirect(&record, reading, disposition, filename, Some(expires_at))
            .await
    }

    /// Checks the permission in a content URL, and not whether its file is still there.
    ///
    /// # Errors
    /// The capability is not one of ours, or is over.
    pub fn check_content(&self, token: &str) -> Result<(), Error> {
        self.content_capability(token).map(drop)
    }

    fn content_capability(&self, token: &str) -> Result<Capability, Error> {
        let opened = self.sealer.open(Purpose::Content, token);
        let capability = opened.as_deref().and_then(Capability::read);
        let capability = capability.ok_or(Error::NotFound)?;
        if seconds_until(self.clock.now(), capability.expires_at) == 0 {
            return Err(Error::refused(
                Code::TokenExpired,
                "this content URL is over; ask for a new download",
            ));
        }
        Ok(capability)
    }

    fn issue(&self, record: &Record, wish: &CreateDownload) -> Result<(Download, Issue), Error> {
        let bucket = self.bucket_of(record)?;
        let seconds = bucket.rules.validity(wish.expires_in)?;
        let valid = period(bucket, record, self.clock.now(), seconds, None)?;
        let disposition = wish.disposition.unwrap_or_default();
        let shown = Shown::of(bucket, record, disposition, wish.filename.as_ref())?;
        let get = shown.grant(&record.upload.key);
        let request = bucket.store.presign_get(&get, valid)?;
        let capability = Capability {
            id: record.upload.id,
            expires_at: request.expires_at,
            disposition: wish.disposition,
            filename: wish.filename.clone(),
        };
        self.observer.issued_download(&bucket.name);
        let token = self.sealer.seal(Purpose::Content, &capability.write());
        let download = Download {
            url: request.url,
            headers: request.headers,
            expires_at: request.expires_at,
            content_url: PresignedUrl::new(format!("{}/c/{token}", self.public_url)),
        };
        Ok((download, self.issued(bucket, record)))
    }

    /// What is counted, and told where the bucket wants that.
    fn issued(&self, bucket: &Bucket, record: &Record) -> Issue {
        let now = || self.clock.now();
        Issue {
            id: record.upload.id,
            announced_at: bucket.rules.announce_downloads.then(now),
        }
    }

    /// Signs the way to a file's bytes, and counts it.
    pub(crate) async fn redirect(
        &self,
        record: &Record,
        reading: Reading,
        disposition: Option<Disposition>,
        filename: Option<&Filename>,
        ends: Option<Timestamp>,
    ) -> Result<PresignedUrl, Error> {
        let bucket = self.bucket_of(record)?;
        let seconds = bucket.rules.request_ttl_seconds;
        let valid = period(bucket, record, self.clock.now(), seconds, ends)?;
        // Pages show what may be shown; everything else is saved.
        let disposition = disposition.unwrap_or(Disposition::Inline);
        let shown = Shown::of(bucket, record, disposition, filename)?;
        let get = shown.grant(&record.upload.key);
        if reading == Reading::Headers {
            return Ok(bucket.store.presign_head(&get, valid)?);
        }
        let request = bucket.store.presign_get(&get, valid)?;
        self.observer.issued_download(&bucket.name);
        self.count(vec![self.issued(bucket, record)]).await?;
        Ok(request.url)
    }

    /// Signs the way to a file's bytes for whoever uses it at once: saved under its name, and for so many seconds, whatever
    /// window its bucket has. It outlives its file no more than others.
    pub(crate) fn sign_once(
        &self,
        record: &Record,
        reading: Reading,
        seconds: u64,
    ) -> Result<PresignedUrl, Error> {
        let bucket = self.bucket_of(record)?;
        let now = self.clock.now();
        let ends = file::facts(record)?.expires_at;
        let left = ends.map_or(seconds, |end| seconds.min(seconds_until(now, end)));
        let valid = validity(now, left.max(1));
        let shown = Shown::of(bucket, record, Disposition::Attachment, None)?;
        let get = shown.grant(&record.upload.key);
        Ok(match reading {
            Reading::Headers => bucket.store.presign_head(&get, valid)?,
            Reading::Bytes => bucket.store.presign_get(&get, valid)?.url,
        })
    }

    /// Counts one download that was signed so.
    pub(crate) async fn count_once(&self, record: &Record) -> Result<(), Error> {
        let bucket = self.bucket_of(record)?;
        self.observer.issued_download(&bucket.name);
        self.count(vec![self.issued(bucket, record)]).await
    }

    /// Counts issued downloads. On a full disk there is no room for that, and reading goes on all the same.
    async fn count(&self, issues: Vec<Issue>) -> Result<(), Error> {
        match self.catalog.count_downloads(issues).await {
            Err(error @ CatalogError::Full(_)) => {
                tracing::warn!(%error, "downloads were issued and could not be counted");
                Ok(())
            }
            counted => Ok(counted?),
        }
    }
}

/// From when on and how long a download holds: for the seconds asked for, or for a whole window and these; but it
/// outlives neither its file nor the permission that `ends`.
fn period(
    bucket: &Bucket,
    record: &Record,
    now: Timestamp,
    seconds: u64,
    ends: Option<Timestamp>,
) -> Result<Validity, Error> {
    let asked = validity(now, seconds);
    let window = u32::try_from(bucket.rules.stable_window).unwrap_or(u32::MAX);
    let mut valid = Validity::stable(now, window, asked.seconds)?;
    let limits = [file::facts(record)?.expires_at, ends];
    if let Some(end) = limits.into_iter().flatten().min() {
        // A signature must hold for a moment, and from the window's start everybody counts the same seconds.
        let least = seconds_until(valid.now, now) + 1;
        let left = seconds_until(valid.now, end).max(least);
        valid.seconds = valid.seconds.min(u32::try_from(left).unwrap_or(u32::MAX));
    }
    Ok(valid)
}

/// How storage is to answer.
struct Shown<'a> {
    content_type: &'a str,
    content_disposition: String,
}

impl<'a> Shown<'a> {
    /// What browsers may not show, or is not what it was declared to be, is saved, and as bytes of no type: then nothing
    /// runs in the bucket's origin.
    fn of(
        bucket: &Bucket,
        record: &'a Record,
        disposition: Disposition,
        filename: Option<&Filename>,
    ) -> Result<Self, Error> {
        let upload = &record.upload;
        let detected = file::facts(record)?.detected_type.as_deref();
        let honest = detected.is_none_or(|detected| !contradicts(detected, &upload.content_type));
        let (content_type, disposition) = match honest && bucket.rules.shows(&upload.content_type) {
            true => (upload.content_type.as_str(), disposition),
            false => (ContentType::OCTET_STREAM, Disposition::Attachment),
        };
        let filename = filename.unwrap_or(&upload.filename);
        Ok(Self {
            content_type,
            content_disposition: disposition.header_value(filename),
        })
    }

    fn grant<'g>(&'g self, key: &'g ObjectKey) -> GetGrant<'g> {
        GetGrant {
            key,
            content_type: self.content_type,
            content_disposition: &self.content_disposition,
        }
    }
}

fn download_result(id: String, issued: Result<Download, Error>) -> DownloadResult {
    match issued {
        Ok(download) => DownloadResult {
            status: 200,
            id,
            download: Some(download),
            problem: None,
        },
        Err(error) => {
            let problem = crate::error::logged(&error);
            DownloadResult {
                status: problem.code.status(),
                id,
                download: None,
                problem: Some(problem),
            }
        }
    }
}

/// The permission to fetch one file until an instant: what a content URL carries, sealed.
#[derive(Debug, Clone, PartialEq)]
struct Capability {
    id: FileId,
    expires_at: Timestamp,
    disposition: Option<Disposition>,
    filename: Option<Filename>,
}

impl Capability {
    /// `id`, milliseconds, `-`, `a` or `i`, and the filename, with spaces between.
    fn write(&self) -> Vec<u8> {
        let mark = match self.disposition {
            None => '-',
            Some(Disposition::Attachment) => 'a',
            Some(Disposition::Inline) => 'i',
        };
        let name = self.filename.as_ref().map_or("", Filename::as_str);
        format!(
            "{} {} {mark} {name}",
            self.id,
            self.expires_at.as_millisecond()
        )
        .into_bytes()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = std::str::from_utf8(bytes).ok()?.splitn(4, ' ');
        Some(Self {
            id: fields.next()?.parse().ok()?,
            expires_at: Timestamp::from_millisecond(fields.next()?.parse().ok()?).ok()?,
            disposition: match fields.next()? {
                "a" => Some(Disposition::Attachment),
                "i" => Some(Disposition::Inline),
                _ => None,
            },
            filename: Some(fields.next()?)
                .filter(|name| !name.is_empty())
                .map(Filename::parse)
                .transpose()
                .ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_reads_as_it_was_written() {
        for (disposition, filename) in [
            (None, None),
            (Some(Disposition::Inline), Some("a b.png")),
            (Some(Disposition::Attachment), Some("é")),
        ] {
            let capability = Capability {
                id: "01936f3e-8b7a-7c3d-9e4f-0123456789ab".parse().unwrap(),
                expires_at: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
                disposition,
                filename: filename.map(|name| Filename::parse(name).unwrap()),
            };
            assert_eq!(Capability::read(&capability.write()), Some(capability));
        }
    }
}
