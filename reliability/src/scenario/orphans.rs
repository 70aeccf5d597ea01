//! Uploads abandoned at every step: when their time is over, storage has nothing that the catalog does not
//! account for, and the catalog nothing that storage does not have.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};

use super::engine;
use super::script::{ONE_PART, TWO_PARTS};
use crate::clock;
use crate::dice::Dice;
use crate::driver::wish;
use crate::error::{At, Outcome};
use crate::journal::Journal;
use crate::machine::{Machine, Opening, user};
use crate::oracle;
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;

/// The steps at which a client vanishes.
const STEPS: u64 = 10;

/// Abandons uploads at every step and counts what is left.
///
/// # Errors
/// The machine cannot be run at all.
pub async fn abandoned(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    let mut tally = Tally::default();
    let count = setting.choose(100, 1000);
    let mut abandoned = stream::iter(0..count)
        .map(|number| {
            let (machine, mut dice) = (&machine, Dice::part(setting.seed, number));
            async move { abandon(machine, number % STEPS, &mut dice).await }
        })
        .buffer_unordered(4);
    while let Some(one) = abandoned.next().await {
        one.at("abandoning")?;
        tally.tried += 1;
    }
    drop(abandoned);
    let before = oracle::holdings(&machine).await?;
    tally.count("objects before the horizon", before.objects.len() as u64);
    tally.count(
        "open multipart uploads before it",
        before.multiparts.len() as u64,
    );
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &Journal::default()).await?;
    tally.count("objects after it", findings.objects);
    tally.count("files", findings.files);
    tally.count("in storage and not in the catalog", findings.orphans);
    tally.count("in the catalog and not in storage", findings.missing);
    findings.tell(&mut tally);
    machine.close().await;
    Ok(tally)
}

async fn abandon(machine: &Machine, step: u64, dice: &mut Dice) -> Outcome<()> {
    let alice = user("alice")?;
    let small = 1 + dice.below(5000);
    let create = async |bytes: &[u8]| {
        let mut wish = wish(bytes);
        wish["checksum"] = Value::Null;
        engine::create_as(machine, "alice", wish).await
    };
    match step {
        // Nothing is sent.
        0 => drop(create(&dice.bytes(small)).await?),
        1 => drop(create(&dice.bytes(ONE_PART)).await?),
        // Half of a body is sent.
        2 => {
            let bytes = dice.bytes(small + 1);
            let request = create(&bytes).await?.request.at("the request")?;
            crate::ensure!(send_half(&request, &bytes).await, "half a body is taken");
        }
        // One of two parts is sent.
        3 => {
            let bytes = dice.bytes(TWO_PARTS);
            let upload = create(&bytes).await?;
            let part = &upload.parts.at("the parts")?[1];
            let begin = usize::try_from(part.offset)?;
            machine
                .put(&part.request, Bytes::copy_from_slice(&bytes[begin..]))
                .await?;
        }
        // Everything is sent, and nobody completes: it becomes a file.
        4 | 5 => {
            let bytes = dice.bytes(if step == 4 { small } else { ONE_PART });
            let upload = create(&bytes).await?;
            engine::put(machine, &upload, &bytes).await?;
        }
        // Given up with its bytes.
        6 | 7 => {
            let bytes = dice.bytes(if step == 6 { small } else { ONE_PART });
            let upload = create(&bytes).await?;
            engine::put(machine, &upload, &bytes).await?;
            machine.engine.abort_upload(&alice, upload.id).await?;
        }
        // Completed, and then deleted; or not, for its checksum is another one.
        _ => {
            let bytes = dice.bytes(small);
            let upload = create(&bytes).await?;
            engine::put(machine, &upload, &bytes).await?;
            let checksum = match step {
                8 => Value::Null,
                _ => wish(b"something else")["checksum"].clone(),
            };
            let complete = serde_json::from_value(json!({ "checksum": checksum }))?;
            let completed = machine.engine.complete_upload(&alice, upload.id, complete);
            let is_file = completed.await.is_ok();
            crate::ensure!(is_file == (step == 8), "completed: {is_file}");
            if is_file {
                machine.engine.delete_file(&alice, upload.id).await?;
            }
        }
    }
    Ok(())
}

/// Sends half of what was promised and hangs up; whether storage did not take it for the whole.
async fn send_half(request: &valetkey_protocol::PresignedRequest, bytes: &[u8]) -> bool {
    let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
    let body = stream::iter([Ok(half), Err(std::io::Error::other("the client is gone"))]);
    let mut put = reqwest::Client::new()
        .put(request.url.expose())
        .header("content-length", bytes.len())
        .body(reqwest::Body::wrap_stream(body));
    for (name, value) in &request.headers {
        put = put.header(name, value);
    }
    !matches!(put.send().await, Ok(answer) if answer.status().is_success())
}
