//! `valetkey events`

use clap::{Args, ValueEnum};
use futures_util::future::Either;
use futures_util::stream::{Stream, TryStreamExt as _};
use serde_json::json;
use valetkey_protocol::FileId;
use valetkey_protocol::event::{Begin, Event, EventKind, ListEvents};

use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print};
use crate::walk::join;

/// The most events of one page.
const PAGE: u32 = 1000;

/// Show what happened to uploads and files, in order.
#[derive(Args)]
pub(crate) struct Events {
    /// Go on with what happens from now on; a connection that is lost is made anew, and nothing is left out
    #[arg(long, short)]
    follow: bool,
    /// Only these types, such as upload.completed,file.deleted
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    kinds: Vec<EventKind>,
    /// Only of this bucket
    #[arg(long)]
    bucket: Option<String>,
    /// Only of this upload or file
    #[arg(long, value_name = "ID")]
    file: Option<FileId>,
    /// Where to begin; when absent, with the oldest or, to follow, with now
    #[arg(long, value_enum)]
    from: Option<Start>,
    /// Print one JSON object for each event
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, ValueEnum)]
enum Start {
    Oldest,
    Now,
}

impl Events {
    /// Prints the events as they come.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let client = self.connection.client()?;
        let kinds: Vec<_> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        let query = ListEvents {
            kinds: (!kinds.is_empty()).then(|| kinds.join(",")),
            bucket: self.bucket,
            file_id: self.file.map(|id| id.to_string()),
            from: self.from.map(|from| match from {
                Start::Oldest => Begin::Oldest,
                Start::Now => Begin::Now,
            }),
            limit: (!self.follow).then_some(PAGE),
            ..ListEvents::default()
        };
        let events = match self.follow {
            true => Either::Left(client.follow_events(query)),
            false => Either::Right(client.all_events(query)),
        };
        show(events, self.json).await
    }
}

async fn show(
    events: impl Stream<Item = Result<Event, valetkey_client::Error>>,
    json: bool,
) -> Result<(), Error> {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await? {
        match json {
            true => print(&json!(event).to_string())?,
            false => print(&row(&event))?,
        }
    }
    Ok(())
}

/// When, what, and to which file.
fn row(event: &Event) -> String {
    let data = &event.data;
    let name = match (&data.path, &data.filename) {
        (Some(path), Some(name)) => join(path.as_str(), name.as_str()),
        _ => String::new(),
    };
    let row = format!(
        "{}  {:<16}  {}  {}",
        event.timestamp.strftime("%Y-%m-%d %H:%M:%SZ"),
        event.kind.as_str(),
        data.id,
        plain(&name)
    );
    row.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_when_what_and_of_which_file() {
        let id = "01936f3e-8b7a-7c3d-9e4f-0123456789ab";
        let mut event: Event = serde_json::from_value(json!({
            "id": "evt_01936f3e8b7a7c3d9e4f0123456789ab_2", "type": "file.deleted",
            "timestamp": "2026-05-01T08:09:10.123Z",
            "data": {"id": id, "path": "photos", "filename": "a b.jpg"},
        }))
        .unwrap();
        let expected = format!("2026-05-01 08:09:10Z  file.deleted      {id}  photos/a b.jpg");
        assert_eq!(row(&event), expected);
        event.data.filename = None;
        assert!(row(&event).ends_with(id));
    }
}
