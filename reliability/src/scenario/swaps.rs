//! Bytes are swapped while they are verified, and upload URLs are used again: what a user sees never changes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use rustix::process::Signal;
use serde_json::{Value, json};
use valetkey_engine::Completion;
use valetkey_protocol::upload::{CompleteUpload, Upload};
use valetkey_protocol::{Clock, ContentType, FileId, Hasher, ObjectKey};
use valetkey_server::clock::SystemClock;
use valetkey_store::{CopyObject, ObjectStore, PutGrant, Validity};

use super::engine;
use crate::clock;
use crate::dice::Dice;
use crate::driver::{Driver, wish};
use crate::ensure;
use crate::error::{At, Outcome};
use crate::host::Host;
use crate::machine::{self, Machine, Opening, user};
use crate::oracle;
use crate::points::{Trap, Traps};
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::service::{Service, Setup};

/// How many swaps one upload gets.
const SWAPS_EACH: usize = 4;

/// Swaps the quarantined object for another of the same length, with the store's own credentials and with the
/// upload URL, while the upload is completed.
///
/// # Errors
/// The machine cannot be run at all.
pub async fn while_completing(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    let mut tally = Tally::default();
    for round in 0..setting.choose(50, 250) {
        let mut dice = Dice::part(setting.seed, round);
        swap(&machine, &mut dice, &mut tally)
            .await
            .at(format!("round {round}"))?;
    }
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &crate::journal::Journal::default()).await?;
    findings.tell(&mut tally);
    machine.close().await;
    Ok(tally)
}

/// An upload whose bytes are in quarantine, and the `ETag` they have there.
struct Quarantined {
    upload: Upload,
    bytes: Bytes,
    etag: String,
}

async fn quarantine(machine: &Machine, bytes: Vec<u8>, declared: bool) -> Outcome<Quarantined> {
    let mut wish = wish(&bytes);
    if !declared {
        wish["checksum"] = Value::Null;
    }
    let upload = engine::create_as(machine, "alice", wish).await?;
    engine::put(machine, &upload, &bytes).await?;
    let object = machine
        .store
        .head(&ObjectKey::quarantine(upload.id))
        .await?;
    Ok(Quarantined {
        upload,
        bytes: bytes.into(),
        etag: object.at("an object in quarantine")?.etag,
    })
}

async fn swap(machine: &Machine, dice: &mut Dice, tally: &mut Tally) -> Outcome<()> {
    let size = 1 + dice.below(5000);
    let good = dice.bytes(size);
    let is_declared = dice.percent(50);
    let target = quarantine(machine, good.clone(), is_declared).await?;
    // Two more in quarantine hold what is swapped in.
    let sources = [
        quarantine(machine, dice.bytes(size), false).await?,
        quarantine(machine, good, false).await?,
    ];
    let wait = Duration::from_micros(dice.below(4000) as u64);
    let alice = user("alice")?;
    let complete = async {
        tokio::time::sleep(wait).await;
        let complete = CompleteUpload::default();
        let complete = machine
            .engine
            .complete_upload(&alice, target.upload.id, complete);
        complete.await
    };
    let replays = dice.percent(50);
    let (completed, swapped) = join(complete, swap_in(machine, &target, &sources, replays)).await;
    swapped.at("swapping")?;
    tally.tried += SWAPS_EACH as u64;
    let id = target.upload.id;
    match completed {
        Ok(Completion::File(file)) => {
            let recorded = file.checksum.at("the checksum of a file")?;
            let bytes = download(machine, id).await?;
            if Hasher::digest(recorded.algorithm(), &bytes) != recorded {
                tally.wrong(format!("{id}: other bytes than recorded"));
            }
            if is_declared && bytes != target.bytes {
                tally.wrong(format!("{id}: other bytes than declared"));
            }
            tally.count("uploads completed", 1);
            let swapped = u64::from(bytes != target.bytes);
            tally.count(
                "of them with swapped bytes and their true record, as none was declared",
                swapped,
            );
        }
        Ok(Completion::Verifying(_)) => tally.wrong("a completion took too long"),
        Err(error) if error.problem().code.status() < 500 => tally.count("uploads refused", 1),
        Err(error) => tally.wrong(format!("{id}: {error}")),
    }
    Ok(())
}

/// Puts one source after the other in the place of the target, and at times uses its URL again.
async fn swap_in(
    machine: &Machine,
    target: &Quarantined,
    sources: &[Quarantined; 2],
    replays: bool,
) -> Outcome<()> {
    let content_type = ContentType::parse("text/plain")?;
    for number in 0..SWAPS_EACH {
        let source = &sources[number % 2];
        let copy = CopyObject {
            source: &ObjectKey::quarantine(source.upload.id),
            source_etag: &source.etag,
            target: &ObjectKey::quarantine(target.upload.id),
            content_type: &content_type,
        };
        machine.store.copy(&copy).await?;
        if replays {
            let request = target.upload.request.as_ref().at("the request")?;
            machine.put(request, source.bytes.clone()).await?;
        }
    }
    Ok(())
}

/// Downloads a file as its owner.
pub(super) async fn download(machine: &Machine, id: FileId) -> Outcome<Bytes> {
    let wish = serde_json::from_value(json!({}))?;
    let download = machine
        .engine
        .create_download(&user("alice")?, id, wish)
        .await?;
    let (status, bytes) = machine.fetch(download.url.expose()).await?;
    ensure!(status == 200, "storage answers {status}");
    Ok(bytes)
}

/// A worker is stopped (SIGSTOP) before its copy; meanwhile the upload URL is used again and the object is swapped
/// behind its back; then it goes on.
///
/// # Errors
/// The service cannot be run at all.
pub async fn behind_a_stopped_worker(setting: &Setting) -> Outcome<Tally> {
    let mut tally = Tally::default();
    for round in 0..setting.choose(1, 8) {
        for attack in [Attack::Replay, Attack::Swap, Attack::RemoveAndReplay] {
            let mut dice = Dice::part(setting.seed, round);
            stopped(setting, attack, &mut dice, &mut tally)
                .await
                .at(format!("{attack:?}"))?;
            tally.tried += 1;
        }
    }
    Ok(tally)
}

/// What happens while the worker is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    /// The upload URL is used again.
    Replay,
    /// The object is replaced with the store's own credentials.
    Swap,
    /// The object is removed with the store's own credentials, and the upload URL is used again.
    RemoveAndReplay,
}

/// The part of a configuration that points a bucket at a store in this process.
pub fn bucket_at(endpoint: &str, host: &Host) -> String {
    format!(
        "provider = \"s3\"\nendpoint = \"{endpoint}\"\npublic_endpoint = \"{}\"\n\
         access_key_id = \"{}\"\nsecret_access_key = \"{}\"",
        host.url, host.key.access_key, host.key.secret_key
    )
}

async fn stopped(
    setting: &Setting,
    attack: Attack,
    dice: &mut Dice,
    tally: &mut Tally,
) -> Outcome<()> {
    let folder = memory_folder()?;
    let host = Host::open(&folder.path().join("apart"), Arc::new(SystemClock)).await?;
    let mut setup = Setup::new(&setting.program, folder.path());
    setup.bucket = bucket_at(&host.url, &host);
    let mut service = Service::new(&setup)?;
    let traps = Traps {
        stop: Some(Trap {
            point: "store.copy.before".to_owned(),
            nth: 1,
        }),
        ..Traps::default()
    };
    service.start(&traps).await?;
    let driver = Driver::new(&service.api, "alice")?;
    let (good, evil) = (dice.bytes(4000), Bytes::from(dice.bytes(4000)));
    let mut wish = wish(&good);
    wish["checksum"] = Value::Null;
    let id = driver.create_as(&wish, good.clone().into()).await?;
    driver.put(&id).await?;
    let completing = tokio::spawn({
        let (driver, id) = (driver.clone(), id.clone());
        async move { driver.complete(&id).await }
    });
    wait_until_stopped(&service).await?;
    strike(attack, &driver, &host, &id, evil).await?;
    service.signal(Signal::CONT)?;
    let answer = completing.await??;
    let wanted = match attack {
        Attack::Replay => 200,
        Attack::Swap | Attack::RemoveAndReplay => 409,
    };
    if answer.status != wanted {
        tally.wrong(format!(
            "{attack:?}: complete is answered {}",
            answer.status
        ));
    }
    match answer.status {
        200 => {
            driver.check_file(&id).await?;
            tally.count("went on and made the file of the recorded bytes", 1);
        }
        _ => {
            let seen = driver.get(&format!("/v1/files/{id}")).await?;
            ensure!(seen.status == 404, "a file is seen: {}", seen.status);
            tally.count("refused, and no file is seen", 1);
        }
    }
    service.stop().await?;
    host.close().await;
    Ok(())
}

async fn strike(
    attack: Attack,
    driver: &Driver,
    host: &Host,
    id: &str,
    evil: Bytes,
) -> Outcome<()> {
    let (request, _) = driver.journal.find(id).at("the upload")?.requests[&1].clone();
    let object = ObjectKey::quarantine(id.parse()?);
    match attack {
        Attack::Replay => {
            let answer = driver.send(&request, evil).await?;
            ensure!(
                answer.status == 412,
                "a replay is answered {}",
                answer.status
            );
        }
        Attack::Swap => overwrite(host, &object, &evil).await?,
        Attack::RemoveAndReplay => {
            let store = machine::store_at(host, Arc::new(SystemClock))?;
            store.delete(&object).await?;
            let answer = driver.send(&request, evil).await?;
            ensure!(
                answer.status == 200,
                "a replay is answered {}",
                answer.status
            );
        }
    }
    Ok(())
}

pub(super) async fn wait_until_stopped(service: &Service) -> Outcome<()> {
    for _ in 0..1000 {
        if service.is_stopped()? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(crate::error::Failure::new(
        "the worker did not come to where it is stopped",
    ))
}

/// Puts these bytes over an object with the store's own credentials, as somebody who has them would.
async fn overwrite(host: &Host, key: &ObjectKey, bytes: &Bytes) -> Outcome<()> {
    let store = machine::store_at(host, Arc::new(SystemClock))?;
    let stash = ObjectKey::parse("stash/object")?;
    let content_type = ContentType::parse("text/plain")?;
    let put = PutGrant {
        key: &stash,
        size: Some(bytes.len() as u64),
        content_type: Some(&content_type),
        checksum: None,
    };
    let valid = Validity {
        now: SystemClock.now(),
        seconds: 60,
    };
    let request = serde_json::to_value(store.presign_put(&put, valid)?)?;
    let sender = Driver::new("", "nobody")?;
    sender.send(&request, bytes.clone()).await?.expect(200)?;
    let etag = store.head(&stash).await?.at("the stash")?.etag;
    let copy = CopyObject {
        source: &stash,
        source_etag: &etag,
        target: key,
        content_type: &content_type,
    };
    Ok(store.copy(&copy).await?)
}
