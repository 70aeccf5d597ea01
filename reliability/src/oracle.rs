//! The judge: after a run, when everything has settled, are all promises kept?

mod ledger;

use std::collections::{BTreeMap, BTreeSet};

use valetkey_catalog::Record;
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, Hasher};
use valetkey_store::ObjectStore;

use crate::error::{At, Outcome};
use crate::journal::{Entry, Journal, Step};
use crate::machine::Machine;
use crate::report::Tally;

/// Records and events read at once.
const PAGE: u32 = 1000;
/// Bytes read at once.
const CHUNK: u64 = 8 * 1024 * 1024;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Records looked at.
    pub records: u64,
    /// Files whose bytes were hashed again.
    pub files: u64,
    /// Objects in storage.
    pub objects: u64,
    /// Objects and multipart uploads in storage that no record accounts for.
    pub orphans: u64,
    /// Files whose object is not there.
    pub missing: u64,
    /// Lines of the audit log that were replayed.
    pub passages: u64,
    /// Events in the outbox.
    pub events: u64,
    /// Accounts that were counted again.
    pub accounts: u64,
    /// Everything that is not as promised.
    pub problems: Vec<String>,
}

impl Findings {
    /// Counts what was looked at, and takes over what is wrong.
    pub fn tell(self, tally: &mut Tally) {
        tally.count("files hashed again", self.files);
        tally.count("audit lines replayed", self.passages);
        tally.count("events matched", self.events);
        tally.count("accounts counted again", self.accounts);
        tally.broken.extend(self.problems);
    }

    fn wrong(&mut self, what: String) {
        self.problems.push(what);
    }
}

/// Looks at everything, after [`Machine::settle`].
///
/// # Errors
/// Something could not be looked at. What is wrong is among the findings.
pub async fn inspect(machine: &Machine, journal: &Journal) -> Outcome<Findings> {
    let mut findings = Findings::default();
    let records = records(machine).await?;
    findings.records = records.len() as u64;
    for record in records.values() {
        judge_record(machine, record, &mut findings).await?;
    }
    for entry in journal.all() {
        match records.get(&entry.id.parse()?) {
            Some(record) => judge_promise(&entry, record, &mut findings),
            None => findings.wrong(format!("{}: acknowledged and forgotten", entry.id)),
        }
    }
    compare(machine, &records, &mut findings).await?;
    for finding in machine.survey().await? {
        findings.wrong(format!("a second survey finds {finding:?}"));
    }
    ledger::check_history(machine, &records, &mut findings).await?;
    ledger::check_accounts(machine, &records, &mut findings).await?;
    Ok(findings)
}

/// Every record there is.
async fn records(machine: &Machine) -> Outcome<BTreeMap<FileId, Record>> {
    let mut all = BTreeMap::new();
    let mut after = None;
    loop {
        let page = machine.catalog.scan(after, PAGE).await?;
        after = page.last().map(|record| record.upload.id);
        all.extend(page.into_iter().map(|record| (record.upload.id, record)));
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// A record by itself: it has come to an end and, if it is a file, its bytes are its bytes.
async fn judge_record(machine: &Machine, record: &Record, findings: &mut Findings) -> Outcome<()> {
    let id = record.upload.id;
    match record.state {
        State::Pending | State::Verifying | State::Deleting => {
            findings.wrong(format!(
                "{id}: still {} after the horizon",
                record.state.as_str()
            ));
        }
        State::Available => {
            findings.files += 1;
            match reread(machine, record).await {
                Ok(None) => {}
                Ok(Some(wrong)) => findings.wrong(format!("{id}: {wrong}")),
                Err(error) => findings.wrong(format!("{id}: its object cannot be read: {error}")),
            }
        }
        State::Failed | State::Expired | State::Aborted | State::Deleted => {}
    }
    Ok(())
}

/// Reads a file's object and holds it against its record.
async fn reread(machine: &Machine, record: &Record) -> Outcome<Option<String>> {
    let file = record.file.as_ref().at("the facts of a file")?;
    let recorded = file.checksum.at("the checksum of a file")?;
    let mut hasher = Hasher::new(recorded.algorithm());
    let mut offset = 0;
    while offset < record.upload.size {
        let length = CHUNK.min(record.upload.size - offset);
        let key = &record.upload.key;
        let bytes = machine.store.read(key, &file.etag, offset, length).await?;
        if bytes.is_empty() {
            return Ok(Some("shorter than its record".to_owned()));
        }
        offset += bytes.len() as u64;
        hasher.update(&bytes);
    }
    let same = hasher.finish() == recorded;
    Ok((!same).then(|| "its bytes do not hash to its record".to_owned()))
}

/// What a client was told, against what became of it.
fn judge_promise(entry: &Entry, record: &Record, findings: &mut Findings) {
    let state = record.state;
    let sent = Hasher::digest(valetkey_protocol::Algorithm::Crc64Nvme, &entry.bytes);
    let known = record.file.as_ref().and_then(|file| file.checksum);
    let may_be_gone = entry.deleted >= Step::Done || entry.deleted == Step::Asked;
    let wrong = match () {
        () if entry.deleted == Step::Done && state != State::Deleted => "deleted, acknowledged",
        () if entry.aborted == Step::Done && state != State::Aborted => "aborted, acknowledged",
        () if entry.completed == Step::Done && !may_be_gone && state != State::Available => {
            "completed, acknowledged"
        }
        () if must_be_file(entry) && !may_be_gone && state != State::Available => {
            "all bytes were stored and acknowledged"
        }
        () if entry.completed == Step::Refused && state == State::Available => {
            "its bytes were refused"
        }
        () if known.is_some_and(|known| known != sent) => "it has other bytes than were sent",
        () => return,
    };
    findings.wrong(format!(
        "{}: {}, although {wrong}",
        entry.id,
        state.as_str()
    ));
}

/// A client that vanished after its last byte still gets its file.
fn must_be_file(entry: &Entry) -> bool {
    let given_up = matches!(entry.aborted, Step::Asked | Step::Done);
    entry.is_whole() && !given_up && !entry.spoiled && entry.completed != Step::Refused
}

/// Both ways: what storage has and the catalog does not know of, and the reverse.
async fn compare(
    machine: &Machine,
    records: &BTreeMap<FileId, Record>,
    findings: &mut Findings,
) -> Outcome<()> {
    let wanted: BTreeSet<String> = records
        .values()
        .filter(|record| record.state == State::Available)
        .map(|record| record.upload.key.as_str().to_owned())
        .collect();
    let holdings = holdings(machine).await?;
    findings.objects = holdings.objects.len() as u64;
    for key in holdings.objects.difference(&wanted) {
        findings.orphans += 1;
        let about = records
            .values()
            .find(|record| key.contains(&record.upload.id.to_string()));
        let about = about.map(|one| (one.state, one.leftovers, one.upload.owner.as_str()));
        findings.wrong(format!("the object {key} belongs to nothing: {about:?}"));
    }
    for name in &holdings.multiparts {
        findings.orphans += 1;
        findings.wrong(format!("the multipart upload {name} belongs to nothing"));
    }
    for key in wanted.difference(&holdings.objects) {
        findings.missing += 1;
        findings.wrong(format!("the object {key} of a file is missing"));
    }
    Ok(())
}

/// What storage holds.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// The keys of its objects.
    pub objects: BTreeSet<String>,
    /// Its open multipart uploads.
    pub multiparts: BTreeSet<String>,
}

/// Lists all that storage holds.
///
/// # Errors
/// It cannot be listed.
pub async fn holdings(machine: &Machine) -> Outcome<Holdings> {
    let mut holdings = Holdings::default();
    let mut after = None;
    loop {
        let page = machine.store.list_objects("", after.as_deref()).await?;
        holdings
            .objects
            .extend(page.items.into_iter().map(|one| one.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = machine.store.list_multiparts("", after.as_deref()).await?;
        let names = page.items.into_iter();
        holdings
            .multiparts
            .extend(names.map(|one| format!("{} ({})", one.key, one.upload_id)));
        after = page.next;
        if after.is_none() {
            return Ok(holdings);
        }
    }
}
