//! Events: what happened, told to whoever may know.

mod feed;
mod follow;
mod list;

use std::collections::BTreeMap;

use valetkey_catalog::{Event, Record};
use valetkey_protocol::FileId;
use valetkey_protocol::event::{Event as EventBody, EventData, EventKind};

use crate::{Engine, Error, file};

pub(crate) use feed::Feed;
pub use follow::{Follower, Told};

impl Engine {
    /// What others are told of events, one for each in their order. Their uploads are looked up together.
    ///
    /// # Errors
    /// The catalog does not answer, or a receipt cannot be signed.
    pub async fn tell(&self, events: &[Event]) -> Result<Vec<EventBody>, Error> {
        let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let records = self.catalog.find_all(ids).await?.into_iter().flatten();
        let records: BTreeMap<FileId, Record> =
            records.map(|record| (record.upload.id, record)).collect();
        let tell = |event: &Event| self.body(event, records.get(&event.id));
        events.iter().map(tell).collect()
    }

    fn body(&self, event: &Event, record: Option<&Record>) -> Result<EventBody, Error> {
        let mut data = match record {
            None => {
                let tenant = event.tenant.clone().unwrap_or_default();
                let owner = (tenant, event.owner.clone());
                EventData::bare(event.id, owner, event.bucket.clone())
            }
            Some(record) if record.file.is_none() => upload_data(record),
            Some(record) if event.kind == EventKind::UploadCompleted => {
                EventData::of_file(self.receipted(record.clone())?)
            }
            Some(record) => EventData::of_file(file::view(record.clone())?),
        };
        match event.kind {
            EventKind::DownloadIssued => data.download_count = Some(event.seq),
            EventKind::UploadFailed => data.problem = record.and_then(|one| one.problem.clone()),
            _ => {}
        }
        Ok(EventBody {
            id: id_of(event),
            kind: event.kind,
            timestamp: event.at,
            data,
        })
    }
}

/// Downloads are counted by themselves, so that their numbers may be those of edges too.
pub(crate) fn id_of(event: &Event) -> String {
    let counted = match event.kind {
        EventKind::DownloadIssued => "d",
        _ => "",
    };
    let file = event.id.to_string().replace('-', "");
    format!("evt_{file}_{counted}{}", event.seq)
}

/// An upload that became no file, as it was declared.
fn upload_data(record: &Record) -> EventData {
    let upload = record.upload.clone();
    let owner = (upload.tenant, Some(upload.owner));
    EventData {
        key: Some(upload.key),
        filename: Some(upload.filename),
        path: Some(upload.path),
        content_type: Some(upload.content_type),
        size: record.known_size(),
        checksum: upload.checksum,
        metadata: Some(upload.metadata),
        created_at: Some(upload.created_at),
        ..EventData::bare(upload.id, owner, Some(upload.bucket))
    }
}
