//! Sweep: finish what was left, end what is over, remove what nobody needs, and find what does not add up. Any
//! replica may do it, none must.
//!
//! What is *due* the catalog knows. What does *not add up* only a walk over both sides shows: the *survey*.

mod due;
mod judge;
mod survey;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::{Due, Record};
use valetkey_protocol::sweep::{Action, Finding, FindingKind, Sweep, Swept};
use valetkey_protocol::{Code, FileId};

use crate::seal::Purpose;
use crate::{ADMIN, Engine, Error, Principal};
pub use survey::Place;
use survey::Survey;

/// How many uploads without a file are forgotten at a time.
const FORGOTTEN_AT_ONCE: u32 = 1000;

/// How many findings of each kind a sweep had, and what was done about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport(BTreeMap<(FindingKind, Action), u64>);

impl Engine {
    /// One step of a sweep that an administrator asked for: first what is due, then the survey, page by page.
    ///
    /// # Errors
    /// The caller is no administrator, the cursor is none, or the catalog or storage do not answer.
    pub async fn sweep(self: &Arc<Self>, who: &Principal, sweep: Sweep) -> Result<Swept, Error> {
        if !who.has_role(ADMIN) {
            let detail = format!("only the role {ADMIN} may sweep");
            return Err(Error::refused(Code::Forbidden, detail));
        }
        let place = match &sweep.cursor {
            Some(text) => Some(self.open_place(text)?),
            None => None,
        };
        let Some(place) = place else {
            let findings = match sweep.dry_run {
                true => self.plan_due().await?,
                false => self.sweep_due().await?,
            };
            return Ok(Swept {
                looked_at: findings.len() as u64,
                findings,
                next_cursor: Some(self.seal_place(&Place::first())?),
            });
        };
        let survey = Survey {
            engine: self,
            dry_run: sweep.dry_run,
            remove_unknown: sweep.remove_unknown,
        };
        let page = survey.page(&place).await?;
        Ok(Swept {
            looked_at: page.looked_at,
            findings: page.findings,
            next_cursor: match page.next {
                Some(place) => Some(self.seal_place(&place)?),
                None => None,
            },
        })
    }

    /// Looks at one page of the survey, removes what the catalog knows to be left over, and says where to go on;
    /// `None` at the end of the walk.
    ///
    /// # Errors
    /// The catalog or storage do not answer.
    pub async fn survey(&self, place: &Place) -> Result<(Vec<Finding>, Option<Place>), Error> {
        let survey = Survey {
            engine: self,
            dry_run: false,
            remove_unknown: false,
        };
        let page = survey.page(place).await?;
        Ok((page.findings, page.next))
    }

    /// Forgets uploads that ended without a file, deleted files and events, once they are so old. Says how many
    /// uploads it forgot.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn forget_history(&self, older_than: SignedDuration) -> Result<u64, Error> {
        let now = self.clock.now();
        let then = now.checked_sub(older_than).unwrap_or(Timestamp::MIN);
        let forgotten = self.catalog.forget_history_until(then, FORGOTTEN_AT_ONCE);
        Ok(forgotten.await?)
    }

    fn seal_place(&self, place: &Place) -> Result<String, Error> {
        let bytes =
            serde_json::to_vec(place).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(self.sealer.seal(Purpose::Survey, &bytes))
    }

    fn open_place(&self, text: &str) -> Result<Place, Error> {
        let bytes = self.sealer.open(Purpose::Survey, text);
        let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        place.ok_or_else(|| {
            let detail = "cursor: this is none; take `next_cursor` of the step before";
            Error::refused(Code::MalformedRequest, detail)
        })
    }
}

impl SweepReport {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut report = Self::default();
        for finding in findings {
            *report.0.entry((finding.kind, finding.action)).or_default() += 1;
        }
        report
    }

    /// How many findings of a kind were dealt with so.
    pub fn count(&self, kind: FindingKind, action: Action) -> u64 {
        self.0.get(&(kind, action)).copied().unwrap_or_default()
    }

    /// Every count that is not zero.
    pub fn iter(&self) -> impl Iterator<Item = (FindingKind, Action, u64)> {
        self.0
            .iter()
            .map(|((kind, action), count)| (*kind, *action, *count))
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is due, as a finding.
fn kind_of(due: Due) -> FindingKind {
    match due {
        Due::SessionEnded => FindingKind::SessionEnded,
        Due::VerifyLost => FindingKind::VerifyLost,
        Due::RetentionEnded => FindingKind::RetentionEnded,
        Due::DeleteLost => FindingKind::DeleteLost,
        Due::LeftoversOver => FindingKind::LeftoversOver,
    }
}

/// A finding about a record.
fn about(record: &Record, kind: FindingKind, action: Action) -> Finding {
    let upload = &record.upload;
    Finding {
        kind,
        action,
        bucket: upload.bucket.clone(),
        key: upload.key.to_string(),
        id: Some(upload.id),
        multipart_id: None,
        size: Some(upload.size),
    }
}

/// The id a key of ours names: the segment before the last in a final key, the last one in quarantine.
fn id_in(key: &str, quarantined: bool) -> Option<FileId> {
    let mut segments = key.rsplit('/');
    let last = segments.next();
    let id = if quarantined { last } else { segments.next() };
    id?.parse().ok()
}
