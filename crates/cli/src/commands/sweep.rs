//! `valetkey sweep`

use clap::Args;
use serde_json::json;
use valetkey_protocol::sweep::{Action, Finding, FindingKind, Sweep as Request};

use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print};

/// Find and repair what is due or does not add up between catalog and storage.
///
/// The service sweeps by itself; this walks through everything at once and tells what it found. It needs a token
/// with the role admin.
#[derive(Args)]
pub(crate) struct Sweep {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Remove also what the catalog has never heard of, once it is a day old; look at a dry run first
    #[arg(long)]
    remove_unknown: bool,
    /// Print one JSON object for each finding
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Sweep {
    /// Prints findings as they come. Files that are not as they were verified make it fail, and so does what could not
    /// be looked at.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let client = self.connection.client()?;
        let mut request = Request {
            dry_run: self.dry_run,
            remove_unknown: self.remove_unknown,
            cursor: None,
        };
        let (mut looked_at, mut found) = (0, 0);
        let (mut lost, mut not_surveyed) = (0, 0);
        loop {
            let swept = client.sweep(&request).await?;
            looked_at += swept.looked_at;
            for finding in &swept.findings {
                found += 1;
                lost += usize::from(is_lost(finding));
                not_surveyed += usize::from(finding.kind == FindingKind::NotSurveyed);
                match self.json {
                    true => print(&json!(finding).to_string())?,
                    false => print(&row(finding))?,
                }
            }
            request.cursor = swept.next_cursor;
            if request.cursor.is_none() {
                break;
            }
        }
        if !self.json {
            print(&format!("looked at {looked_at}, found {found}"))?;
        }
        match (lost, not_surveyed) {
            (0, 0) => Ok(()),
            (0, not_surveyed) => Err(Error::NotSurveyed(not_surveyed)),
            (lost, _) => Err(Error::Lost(lost)),
        }
    }
}

/// Whether a file is not as it was verified.
fn is_lost(finding: &Finding) -> bool {
    matches!(
        finding.kind,
        FindingKind::MissingObject | FindingKind::ChangedObject
    )
}

/// What, what was done, and where.
fn row(finding: &Finding) -> String {
    let done = match finding.action {
        Action::Planned => "would be seen to",
        Action::Begun => "begun, goes on",
        action => action.as_str(),
    };
    let multipart = finding.multipart_id.as_deref().unwrap_or_default();
    let row = format!(
        "{:<17} {:<16}  {}/{} {}",
        finding.kind.as_str(),
        done,
        finding.bucket,
        plain(&finding.key),
        plain(multipart)
    );
    row.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_what_and_what_was_done_and_where() {
        let finding = Finding {
            kind: FindingKind::OrphanMultipart,
            action: Action::Planned,
            bucket: "files".to_owned(),
            key: "files/a/b\u{7}".to_owned(),
            id: None,
            multipart_id: Some("up-1".to_owned()),
            size: None,
        };
        let row = row(&finding);
        assert!(row.starts_with("orphan_multipart  would be seen to  files/files/a/b"));
        assert!(row.ends_with(" up-1") && !row.contains('\u{7}'), "{row}");
    }
}
