//! A disk that loses power.
//!
//! A store runs under `strace` while clients write to it. From the trace it is known what every file and folder
//! was told, when, and what had been fsynced by then. From that, disks are built as they may be found after a
//! power cut at a chosen moment: everything that was fsynced, and of the rest whatever the dice say, in any
//! combination, torn at any sector. On each a store is opened and asked for what was acknowledged.
//!
//! What it does not model: a disk that lies about fsync, sectors that rot, and file systems that keep a file's
//! bytes apart from its length. It is harsher than ext4 or XFS in that entries of a folder get lost one by one.
//!
//! `VALETKEY_POWER_CUTS` sets another number of cuts than 300, `VALETKEY_SEED` other dice.

mod clients;
mod disk;
mod trace;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use valetkey_embedded::CorsRules;

use crate::support::*;
use clients::History;
use disk::Dice;
use trace::Trace;

/// Not a test: what the others start under strace and kill. Its folder comes on the standard input.
#[tokio::test]
#[ignore = "started by the tests of power loss"]
async fn a_store_to_be_traced() {
    let mut folder = String::new();
    std::io::stdin().read_line(&mut folder).unwrap();
    let store = open(Path::new(folder.trim()), CorsRules::default()).unwrap();
    let (address, _server) = serve(store.service()).await;
    println!("\nserving {address}");
    let rest = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    rest.await.unwrap().unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs strace; scripts/test runs it"]
async fn what_was_acknowledged_survives_a_power_cut() {
    let mut dice = Dice::new(wanted("VALETKEY_SEED", 1) as u64);
    let folder = tempfile::tempdir().unwrap();
    let (trace, histories) = record(folder.path(), &mut dice).await;
    let cuts = wanted("VALETKEY_POWER_CUTS", 300);
    let answers = trace.acknowledgements();
    println!(
        "{} system calls, {} answers, {cuts} cuts",
        trace.length,
        answers.len()
    );
    for number in 0..cuts {
        // Half of the cuts come right when an answer leaves, and lose everything they may.
        let cut = if number % 2 == 0 {
            Cut {
                moment: answers[dice.below(answers.len())],
                kept: 0,
            }
        } else {
            Cut {
                moment: dice.below(trace.length),
                kept: [0, 50, 90, 100][dice.below(4)],
            }
        };
        let image = disk::image(&trace, cut.moment, cut.kept, &mut dice);
        check(image, &trace, &histories, &cut).await;
    }
}

/// Runs a store and its clients to the end.
async fn record(folder: &Path, dice: &mut Dice) -> (Trace, Vec<History>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let (mut strace, address) = start(folder, log.path());
    let clients: Vec<_> = (0..3)
        .map(|number| tokio::spawn(clients::run(address, number, dice.fork())))
        .collect();
    let mut histories = Vec::new();
    for client in clients {
        histories.push(client.await.unwrap());
    }
    drop(strace.stdin.take());
    assert!(strace.wait().unwrap().success());
    let trace = Trace::read(&fs::read_to_string(log.path()).unwrap(), folder);
    (trace, histories)
}

fn start(folder: &Path, log: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new("strace")
        .args([
            "--follow-forks",
            "--quiet=all",
            "--decode-fds=path",
            "--seccomp-bpf",
        ])
        .args([
            "--strings-in-hex=all",
            "--string-limit=16777216",
            "--trace",
            trace::CALLS,
        ])
        .arg("--output")
        .arg(log)
        .arg(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "power_loss::a_store_to_be_traced",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("strace cannot be started: {error}"));
    writeln!(child.stdin.as_mut().unwrap(), "{}", folder.display()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("serving ").map(str::to_owned))
        .unwrap();
    // Read to its end, so that the child never writes into a closed pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (child, address.parse().unwrap())
}

/// Opens what the power cut left and asks for everything.
async fn check(image: TempDir, trace: &Trace, histories: &[History], cut: &Cut) {
    let world = World::on(image).await;
    for (key, history) in histories.iter().flatten() {
        let allowed = history.allowed(|request| trace.acknowledged_by(request, cut.moment));
        let got = world.get(key).await;
        let found = match got.status {
            200 => Some(got.body),
            404 => None,
            status => panic!("{cut:?}: {key} is answered with {status}"),
        };
        let ends: Vec<_> = allowed
            .iter()
            .map(|state| state.as_ref().map(Vec::len))
            .collect();
        assert!(
            allowed.contains(&&found),
            "{cut:?}: {key} has {:?} bytes, may have {ends:?}",
            found.map(|found| found.len())
        );
    }
    let list = world
        .call("GET", &format!("/{BUCKET}"))
        .query("list-type", 2);
    for key in list.send().await.expect_status(200).tags("Key") {
        assert!(
            histories.iter().any(|history| history.contains_key(&key)),
            "{cut:?}: {key}"
        );
    }
    world.put("afterwards", b"it still works").await;
    world.close().await;
}

/// When the power went, and what of the unsynced was there nevertheless.
#[derive(Debug)]
struct Cut {
    moment: usize,
    /// In percent.
    kept: usize,
}
