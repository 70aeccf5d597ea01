//! Walks: one that an administrator asked for, step by step through all buckets, and one for each bucket that goes on
//! for ever, a page at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument as _;
use valetkey_catalog::{Due, DueList, Record};
use valetkey_protocol::Code;
use valetkey_protocol::sweep::{Action, Finding, Sweep, Swept};

use super::place::{Place, Step, Told};
use super::survey::{Survey, Surveyed};
use super::{about, kind_of};
use crate::engine::from_now;
use crate::seal::Purpose;
use crate::{Bucket, Engine, Error, Principal};

/// How many records administrators' sweeps see to at the same time, all together.
const SEEN_TO_AT_ONCE: usize = 32;
/// How long a step waits for those it began: with all the rest its answer comes within 5 s.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// How many records a dry run tells in one step.
const TOLD_AT_ONCE: u32 = 1000;
/// How many postponed records are hastened in one transaction.
const HASTENED_AT_ONCE: u32 = 1000;
/// How long a page of a survey may take before it is taken for lost.
const PAGE: SignedDuration = SignedDuration::from_mins(5);

/// Lets so many records be seen to at the same time.
pub(crate) struct Sweepers(Arc<Semaphore>);

impl Default for Sweepers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SEEN_TO_AT_ONCE)))
    }
}

impl Engine {
    /// One step of a sweep that an administrator asked for: in each bucket first what is due, also what was postponed,
    /// and then the survey, page by page.
    ///
    /// # Errors
    /// The caller is no administrator, the cursor is none, or the catalog does not answer.
    pub async fn sweep(self: &Arc<Self>, who: &Principal, sweep: Sweep) -> Result<Swept, Error> {
        self.check_admin(who, "sweep")?;
        let place = match &sweep.cursor {
            Some(text) => self.open_place(text)?,
            None => self.begin(sweep.dry_run).await?,
        };
        let Some(bucket) = self.buckets.get(&place.bucket) else {
            // It was taken out of the configuration meanwhile.
            return self.swept(&place, 0, Vec::new(), None);
        };
        if let Step::Due { after } = &place.step {
            let (findings, next) = match sweep.dry_run {
                true => self.tell_due(bucket, place.began, after.as_ref()).await?,
                false => self.begin_due(bucket, place.began).await?,
            };
            let next = next.or_else(|| place.step.next(&bucket.rules.prefixes()));
            return self.swept(&place, findings.len() as u64, findings, next);
        }
        let survey = Survey {
            engine: self,
            bucket,
            dry_run: sweep.dry_run,
            remove_unknown: sweep.remove_unknown,
        };
        let page = survey.look(&place.step).await?;
        let next = page.next.filter(|_| !page.stuck);
        self.swept(&place, page.looked_at, page.findings, next)
    }

    /// Looks at the next page of a bucket's survey, removes what the catalog knows to be left over, and remembers where
    /// to go on. The next page is free after `period`; `None` when it is not yet, or when somebody else is at it.
    ///
    /// # Errors
    /// There is no such bucket, or the catalog does not answer.
    pub async fn survey_bucket(
        &self,
        name: &str,
        period: SignedDuration,
    ) -> Result<Option<Surveyed>, Error> {
        let bucket = self.requested_bucket(Some(name))?;
        let now = self.clock.now();
        let task = format!("survey/{name}");
        let Some(mut task) = self
            .catalog
            .take_task(task, now, from_now(now, PAGE))
            .await?
        else {
            return Ok(None);
        };
        let known = |place: String| serde_json::from_str(&place).ok();
        let first = || Step::first(&bucket.rules.prefixes());
        let step = task.place.take().and_then(known).unwrap_or_else(first);
        let survey = Survey {
            engine: self,
            bucket,
            dry_run: false,
            remove_unknown: false,
        };
        let page = survey.look(&step).await?;
        task.place = match &page.next {
            Some(next) => Some(text_of(next)?),
            None => None,
        };
        self.catalog.leave_task(task, from_now(now, period)).await?;
        Ok(Some(Surveyed {
            findings: page.findings,
            ended: page.next.is_none(),
        }))
    }

    /// Begins a walk; unless it is a dry run, what was postponed is tried at once.
    async fn begin(&self, dry_run: bool) -> Result<Place, Error> {
        while !dry_run && self.catalog.hasten(HASTENED_AT_ONCE).await? > 0 {}
        let bucket = self.buckets.keys().next().cloned().unwrap_or_default();
        Ok(Place {
            began: self.clock.now(),
            bucket,
            step: Step::Due { after: None },
        })
    }

    /// Says what was due in a bucket when the walk began, and does nothing about it.
    async fn tell_due(
        &self,
        bucket: &Bucket,
        began: Timestamp,
        after: Option<&Told>,
    ) -> Result<(Vec<Finding>, Option<Step>), Error> {
        let told = |reason: Due| after.is_some_and(|told| told.kind == kind_of(reason));
        let rest = Due::ALL.into_iter();
        let rest = rest.skip_while(|reason| after.is_some() && !told(*reason));
        for reason in rest {
            let after = after.filter(|_| told(reason));
            let list = DueList {
                bucket: bucket.name.clone(),
                reason,
                now: began,
                after: after.map(|told| (told.since, told.id)),
                limit: TOLD_AT_ONCE,
            };
            let due = self.catalog.list_due(list).await?;
            let Some(last) = due.last() else { continue };
            let next = Step::Due {
                after: Some(Told {
                    kind: kind_of(reason),
                    since: reason.since(last).unwrap_or(began),
                    id: last.upload.id,
                }),
            };
            let planned = |record| about(record, kind_of(reason), Action::Planned);
            return Ok((due.iter().map(planned).collect(), Some(next)));
        }
        Ok((Vec::new(), None))
    }

    /// Sees to some of what was due in a bucket when the walk began, on tasks of their own: what takes longer than an
    /// answer may wait goes on without it. The step is over when nothing is left to be claimed.
    async fn begin_due(
        self: &Arc<Self>,
        bucket: &Bucket,
        began: Timestamp,
    ) -> Result<(Vec<Finding>, Option<Step>), Error> {
        let again = Step::Due { after: None };
        let sweepers = &self.sweepers.0;
        let first = timeout(MAX_WAIT, Arc::clone(sweepers).acquire_owned()).await;
        let Ok(Ok(first)) = first else {
            return Ok((Vec::new(), Some(again)));
        };
        let more = std::iter::from_fn(|| Arc::clone(sweepers).try_acquire_owned().ok());
        let permits: Vec<_> = std::iter::once(first).chain(more).collect();
        let limit = u32::try_from(permits.len()).unwrap_or(u32::MAX);
        let claimed = self.claim(bucket, began, limit).await?;
        if claimed.is_empty() {
            return Ok((Vec::new(), None));
        }
        let begun = claimed.into_iter().zip(permits);
        let begun = begun.map(|((why, record), permit)| self.begin_one(why, record, permit));
        Ok((finished(begun.collect()).await, Some(again)))
    }

    /// Sees to a record on a task of its own; the finding that it was begun, and what it comes to.
    fn begin_one(
        self: &Arc<Self>,
        why: Due,
        record: Record,
        permit: OwnedSemaphorePermit,
    ) -> Begun {
        let finding = about(&record, kind_of(why), Action::Begun);
        let engine = Arc::clone(self);
        let seeing = async move {
            let finding = engine.see_to(why, record).await;
            drop(permit);
            finding
        };
        Begun {
            finding,
            run: tokio::spawn(seeing.in_current_span()),
        }
    }

    /// The answer to one step; without a next one in its bucket, the next bucket is.
    fn swept(
        &self,
        place: &Place,
        looked_at: u64,
        findings: Vec<Finding>,
        next: Option<Step>,
    ) -> Result<Swept, Error> {
        let further = || {
            let mut names = self.buckets.keys();
            let bucket = names.find(|name| **name > place.bucket)?.clone();
            let step = Step::Due { after: None };
            Some((bucket, step))
        };
        let next = next.map(|step| (place.bucket.clone(), step));
        let next_cursor = match next.or_else(further) {
            Some((bucket, step)) => Some(self.seal_place(&Place {
                began: place.began,
                bucket,
                step,
            })?),
            None => None,
        };
        Ok(Swept {
            looked_at,
            findings,
            next_cursor,
        })
    }

    fn seal_place(&self, place: &Place) -> Result<String, Error> {
        let text = text_of(place)?;
        Ok(self.sealer.seal(Purpose::Survey, text.as_bytes()))
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

/// A record that is seen to on a task of its own.
struct Begun {
    finding: Finding,
    run: tokio::task::JoinHandle<Finding>,
}

/// What they came to by the time the answer has to go.
async fn finished(begun: Vec<Begun>) -> Vec<Finding> {
    let waits = begun.into_iter().map(|begun| async move {
        match timeout(MAX_WAIT, begun.run).await {
            Ok(Ok(finding)) => finding,
            // It goes on, or it panicked, which was told, and is tried again.
            _ => begun.finding,
        }
    });
    waits.collect::<FuturesUnordered<_>>().collect().await
}

fn text_of(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}
