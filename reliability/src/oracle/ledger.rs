//! The audit log replays to legal transitions only, each of them with its one event; the accounts are what
//! counting the rows gives.

use std::collections::{BTreeMap, BTreeSet};

use valetkey_catalog::{Event, EventKind, EventList, Owner, Passage, Record, Usage, Whose};
use valetkey_protocol::FileId;
use valetkey_protocol::upload::State;

use super::{Findings, PAGE};
use crate::error::Outcome;
use crate::machine::Machine;

/// The legal transitions. Written down once more, so that a mistake in the service's own table is seen.
fn is_legal(from: Option<State>, to: State) -> bool {
    use State::{Aborted, Available, Deleted, Deleting, Expired, Failed, Pending, Verifying};
    match from {
        None => to == Pending,
        Some(Pending) => matches!(to, Verifying | Aborted | Expired),
        Some(Verifying) => matches!(to, Verifying | Available | Failed | Pending),
        Some(Available) => matches!(to, Available | Deleting),
        Some(Deleting) => matches!(to, Deleting | Deleted),
        Some(Failed | Expired | Aborted | Deleted) => false,
    }
}

/// The event that a transition must have.
fn event_of(passage: &Passage) -> Option<EventKind> {
    match (passage.from?, passage.to) {
        (State::Verifying, State::Available) => Some(EventKind::UploadCompleted),
        (_, State::Failed) => Some(EventKind::UploadFailed),
        (_, State::Aborted) => Some(EventKind::UploadAborted),
        (_, State::Expired) => Some(EventKind::UploadExpired),
        (_, State::Deleted) => Some(EventKind::FileDeleted),
        _ => None,
    }
}

pub(super) async fn check_history(
    machine: &Machine,
    records: &BTreeMap<FileId, Record>,
    findings: &mut Findings,
) -> Outcome<()> {
    let mut events = events(machine, findings).await?;
    findings.events = events.values().map(|some| some.len() as u64).sum();
    for (id, record) in records {
        let passages = machine.catalog.history(*id).await?;
        findings.passages += passages.len() as u64;
        let told = events.remove(id).unwrap_or_default();
        for wrong in replay(record.state, record.epoch, &passages, &told) {
            findings.wrong(format!("{id}: {wrong}"));
        }
    }
    for id in events.keys() {
        findings.wrong(format!("{id}: an event of nothing"));
    }
    Ok(())
}

/// What is wrong with the history of one record.
fn replay(
    state: State,
    epoch: u64,
    passages: &[Passage],
    told: &[(u64, EventKind)],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut stand = None;
    for (number, passage) in passages.iter().enumerate() {
        if passage.seq != number as u64 || passage.from != stand {
            wrong.push(format!(
                "line {number} of its history does not follow: {passage:?}"
            ));
        }
        if !is_legal(passage.from, passage.to) {
            wrong.push(format!("an illegal transition: {passage:?}"));
        }
        stand = Some(passage.to);
    }
    if stand != Some(state) || passages.len() as u64 != epoch + 1 {
        wrong.push(format!(
            "its history ends at {stand:?} after {} lines, its record at {} in epoch {}",
            passages.len(),
            state.as_str(),
            epoch
        ));
    }
    let due = passages
        .iter()
        .filter_map(|passage| Some((passage.seq, event_of(passage)?)));
    let due: Vec<_> = due.collect();
    if due != told {
        wrong.push(format!("its events are {told:?} instead of {due:?}"));
    }
    wrong
}

/// Every event, by what it is about.
async fn events(
    machine: &Machine,
    findings: &mut Findings,
) -> Outcome<BTreeMap<FileId, Vec<(u64, EventKind)>>> {
    let mut all: BTreeMap<FileId, Vec<(u64, EventKind)>> = BTreeMap::new();
    let (mut after, mut positions) = (0, BTreeSet::new());
    loop {
        let page = machine
            .catalog
            .events(EventList::after(after, PAGE))
            .await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = last.position;
        for Event {
            id,
            seq,
            kind,
            position,
            ..
        } in page
        {
            if !positions.insert(position) {
                findings.wrong(format!(
                    "{id}: its event has the position {position} of another"
                ));
            }
            all.entry(id).or_default().push((seq, kind));
        }
    }
}

pub(super) async fn check_accounts(
    machine: &Machine,
    records: &BTreeMap<FileId, Record>,
    findings: &mut Findings,
) -> Outcome<()> {
    let mut counted: BTreeMap<Option<Owner>, BTreeMap<String, Usage>> = BTreeMap::new();
    counted.entry(None).or_default();
    for record in records.values() {
        let owner = Owner {
            tenant: record.upload.tenant.clone(),
            subject: record.upload.owner.clone(),
        };
        for owner in [None, Some(owner)] {
            let account = counted.entry(owner).or_default();
            count(
                account.entry(record.upload.bucket.clone()).or_default(),
                record,
            );
        }
    }
    for (owner, wanted) in counted {
        findings.accounts += 1;
        let kept = machine.catalog.usage(whose(owner.clone())).await?;
        let used = |usage: &Usage| *usage != Usage::default();
        let kept: BTreeMap<_, _> = kept.into_iter().filter(|(_, usage)| used(usage)).collect();
        let wanted: BTreeMap<_, _> = wanted
            .into_iter()
            .filter(|(_, usage)| used(usage))
            .collect();
        if kept != wanted {
            let owner = owner.map_or("everybody".to_owned(), |owner| owner.to_string());
            findings.wrong(format!("{owner} has {kept:?}, and the rows say {wanted:?}"));
        }
    }
    Ok(())
}

fn whose(owner: Option<Owner>) -> Whose {
    owner.map_or(Whose::Everybody, Whose::Owner)
}

/// What one record takes.
fn count(usage: &mut Usage, record: &Record) {
    match record.state {
        State::Pending | State::Verifying => {
            usage.open_uploads += 1;
            usage.reserved_bytes += record.upload.size;
        }
        State::Available | State::Deleting => {
            usage.files += 1;
            usage.stored_bytes += record.upload.size;
        }
        State::Failed | State::Expired | State::Aborted | State::Deleted => {}
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn passage(seq: u64, from: Option<State>, to: State) -> Passage {
        Passage {
            seq,
            from,
            to,
            at: Timestamp::UNIX_EPOCH,
            by: None,
        }
    }

    #[test]
    fn only_the_drawn_transitions_are_legal() {
        let legal = State::ALL
            .iter()
            .flat_map(|from| State::ALL.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| is_legal(Some(*from), *to));
        assert_eq!(legal.count(), 11);
        assert!(!is_legal(Some(State::Deleted), State::Available));
        assert!(!is_legal(Some(State::Pending), State::Available));
    }

    #[test]
    fn a_history_that_does_not_add_up_is_found() {
        use State::{Aborted, Available, Pending, Verifying};
        let good = [
            passage(0, None, Pending),
            passage(1, Some(Pending), Verifying),
            passage(2, Some(Verifying), Available),
        ];
        let told = [(2, EventKind::UploadCompleted)];
        let wrong = |passages: &[Passage], told: &[_]| replay(Available, 2, passages, told).len();
        assert_eq!(wrong(&good, &told), 0);
        // No event, one too many, and one for another edge.
        assert_eq!(wrong(&good, &[]), 1);
        assert_eq!(wrong(&good, &[told[0], told[0]]), 1);
        assert_eq!(wrong(&good, &[(1, EventKind::UploadCompleted)]), 1);
        // A line is missing, and the record stands elsewhere.
        assert!(wrong(&good[..2], &told) > 0);
        assert!(wrong(&[good[0].clone(), good[2].clone()], &told) > 0);
        assert!(!replay(Aborted, 2, &good, &told).is_empty());
        assert!(!replay(Available, 3, &good, &told).is_empty());
        // A leap that nobody may take.
        let leap = [good[0].clone(), passage(1, Some(Pending), Available)];
        assert!(!replay(Available, 1, &leap, &[]).is_empty());
    }

    #[test]
    fn an_event_belongs_to_each_transition_that_others_are_told_of() {
        let done = passage(2, Some(State::Verifying), State::Available);
        assert_eq!(event_of(&done), Some(EventKind::UploadCompleted));
        let renamed = passage(3, Some(State::Available), State::Available);
        assert_eq!(event_of(&renamed), None);
        let created = passage(0, None, State::Pending);
        assert_eq!(event_of(&created), None);
    }
}
