//! The judge sees what is wrong: each of its findings is provoked once.

use std::collections::{BTreeMap, BTreeSet};

use valetkey_protocol::ObjectKey;
use valetkey_protocol::upload::{CompleteUpload, Upload};
use valetkey_reliability::clock;
use valetkey_reliability::error::Outcome;
use valetkey_reliability::journal::{Entry, Journal, Step};
use valetkey_reliability::machine::{Machine, Opening, user};
use valetkey_reliability::oracle::{self, Findings};
use valetkey_reliability::scenario::engine;
use valetkey_store::ObjectStore as _;

const BYTES: &[u8] = b"the bytes of a file";

/// A machine with one file, and what a client knows of it.
async fn machine_with_a_file() -> Outcome<(tempfile::TempDir, Machine, Upload, Entry)> {
    let folder = tempfile::tempdir()?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    let upload = engine::create(&machine, "alice", BYTES).await?;
    engine::put(&machine, &upload, BYTES).await?;
    let complete = CompleteUpload::default();
    let alice = user("alice")?;
    machine
        .engine
        .complete_upload(&alice, upload.id, complete)
        .await?;
    machine.settle().await?;
    let entry = Entry {
        id: upload.id.to_string(),
        bytes: BYTES.into(),
        requests: BTreeMap::new(),
        stored: BTreeSet::from([1]),
        parts: 1,
        spoiled: false,
        completed: Step::Done,
        aborted: Step::Never,
        deleted: Step::Never,
        file: None,
    };
    Ok((folder, machine, upload, entry))
}

/// What the judge finds when a client knows this.
async fn judged(machine: &Machine, entry: Option<Entry>) -> Outcome<Findings> {
    let journal = Journal::default();
    if let Some(entry) = entry {
        journal.created(entry);
    }
    oracle::inspect(machine, &journal).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_was_told_is_held_against_what_is_there() -> Outcome<()> {
    let (_folder, machine, _, entry) = machine_with_a_file().await?;
    let problems = async |change: fn(&mut Entry)| {
        let mut entry = entry.clone();
        change(&mut entry);
        Ok::<_, valetkey_reliability::error::Failure>(judged(&machine, Some(entry)).await?.problems)
    };
    assert_eq!(problems(|_| {}).await?, Vec::<String>::new());
    let said = |problems: Vec<String>, what: &str| {
        assert!(
            problems.iter().any(|one| one.contains(what)),
            "{problems:?}"
        );
    };
    let lost = |entry: &mut Entry| entry.id = entry.id.replace('0', "1");
    said(problems(lost).await?, "acknowledged and forgotten");
    let deleted = |entry: &mut Entry| entry.deleted = Step::Done;
    said(problems(deleted).await?, "although deleted, acknowledged");
    let aborted = |entry: &mut Entry| entry.aborted = Step::Done;
    said(problems(aborted).await?, "although aborted, acknowledged");
    let refused = |entry: &mut Entry| entry.completed = Step::Refused;
    said(problems(refused).await?, "although its bytes were refused");
    let other = |entry: &mut Entry| entry.bytes = b"other bytes".as_slice().into();
    said(problems(other).await?, "other bytes than were sent");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_storage_has_is_held_against_the_records() -> Outcome<()> {
    let (_folder, machine, upload, _) = machine_with_a_file().await?;
    let stray = ObjectKey::parse("files/nobody/stray")?;
    machine.store.put_empty(&stray).await?;
    let findings = judged(&machine, None).await?;
    assert_eq!((findings.orphans, findings.missing), (1, 0));
    machine.store.delete(&stray).await?;
    assert_eq!(judged(&machine, None).await?.problems, Vec::<String>::new());
    // Other bytes in the place of the file's.
    machine.store.put_empty(&upload.key).await?;
    assert!(!judged(&machine, None).await?.problems.is_empty());
    machine.store.delete(&upload.key).await?;
    let findings = judged(&machine, None).await?;
    assert_eq!((findings.orphans, findings.missing), (0, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_come_to_an_end_is_found() -> Outcome<()> {
    let (_folder, machine, _, _) = machine_with_a_file().await?;
    engine::create(&machine, "alice", BYTES).await?;
    let findings = judged(&machine, None).await?;
    assert!(
        findings.problems[0].contains("still pending"),
        "{:?}",
        findings.problems
    );
    Ok(())
}
