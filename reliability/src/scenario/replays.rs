//! Upload URLs are used again, after complete, after delete and after the sweep.

use bytes::Bytes;
use serde_json::Value;
use valetkey_protocol::upload::CompleteUpload;

use super::engine;
use super::histories::memory_folder;
use super::swaps::download;
use crate::clock;
use crate::dice::Dice;
use crate::driver::wish;
use crate::ensure;
use crate::error::{At, Outcome};
use crate::machine::{HORIZON_SECONDS, Machine, Opening, user};
use crate::oracle;
use crate::report::{Setting, Tally};

/// The upload URL is used again after complete, after delete, and after the sweep.
///
/// # Errors
/// The machine cannot be run at all.
pub async fn after_the_end(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    let mut tally = Tally::default();
    for round in 0..setting.choose(5, 100) {
        let mut dice = Dice::part(setting.seed, 300 + round);
        replay(&machine, &mut dice, &mut tally)
            .await
            .at(format!("round {round}"))?;
    }
    machine.close().await;
    Ok(tally)
}

async fn replay(machine: &Machine, dice: &mut Dice, tally: &mut Tally) -> Outcome<()> {
    let alice = user("alice")?;
    let (size, large) = (1 + dice.below(4000), super::script::ONE_PART);
    let before = oracle::holdings(machine).await?;
    for size in [size, large] {
        let bytes = dice.bytes(size);
        let mut wish = wish(&bytes);
        wish["checksum"] = Value::Null;
        let upload = engine::create_as(machine, "alice", wish).await?;
        engine::put(machine, &upload, &bytes).await?;
        let complete = machine
            .engine
            .complete_upload(&alice, upload.id, CompleteUpload::default());
        complete.await?;
        let mut again = async |place: &str, allowed: &[u16]| {
            let other = Bytes::from(dice.bytes(size));
            let request = match &upload.parts {
                Some(parts) => &parts[0].request,
                None => upload.request.as_ref().at("the request")?,
            };
            let status = machine.put(request, other).await?;
            ensure!(allowed.contains(&status), "after {place}: {status}");
            Ok::<_, crate::error::Failure>(())
        };
        again("complete", &[412, 404]).await?;
        ensure!(
            download(machine, upload.id).await? == bytes,
            "the file changed"
        );
        machine.engine.delete_file(&alice, upload.id).await?;
        again("delete", &[412, 404]).await?;
        let seen = machine.engine.get_file(&alice, upload.id).await;
        ensure!(seen.is_err(), "a deleted file came back");
        machine.sweep().await?;
        again("a sweep", &[412, 404]).await?;
        machine.forward(HORIZON_SECONDS);
        machine.sweep().await?;
        again("the last sweep", &[403]).await?;
        ensure!(
            machine.engine.get_file(&alice, upload.id).await.is_err(),
            "it came back"
        );
        tally.tried += 4;
    }
    let after = oracle::holdings(machine).await?;
    let left = after.objects.len() + after.multiparts.len();
    ensure!(
        left == before.objects.len() + before.multiparts.len(),
        "{after:?} is left"
    );
    tally.count("objects left in storage", left as u64);
    Ok(())
}
