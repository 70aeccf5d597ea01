//! Takes a step with the service and with the model, and holds the two against each other.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Value, json};
use valetkey_engine::{Completion, Error, Principal};
use valetkey_protocol::Clock;
use valetkey_protocol::upload::{CompleteUpload, State};

use super::model::{Modelled, PutAnswer, Stand};
use super::step::{Step, rules};
use crate::dice::Dice;
use crate::driver::wish;
use crate::ensure;
use crate::error::{At, Outcome};
use crate::machine::{HORIZON_SECONDS, Machine, user};
use crate::scenario::engine;

/// One history that is being played.
pub(super) struct Play<'a> {
    machine: &'a Machine,
    owner: String,
    who: Principal,
    uploads: Vec<Modelled>,
    /// Whether storage misbehaves during this step.
    trouble: bool,
    counts: BTreeMap<&'static str, u64>,
}

impl<'a> Play<'a> {
    pub(super) fn new(machine: &'a Machine, seed: u64) -> Outcome<Self> {
        let owner = format!("history-{seed}");
        Ok(Self {
            machine,
            who: user(&owner)?,
            owner,
            uploads: Vec::new(),
            trouble: false,
            counts: BTreeMap::new(),
        })
    }

    pub(super) fn uploads(&self) -> usize {
        self.uploads.len()
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(name, count)| (*name, *count))
    }

    /// Takes one step.
    pub(super) async fn step(&mut self, step: &Step, dice: &mut Dice) -> Outcome<()> {
        if let Step::Trouble { fault, times } = step {
            self.machine.host.fault(rules(fault, *times))?;
            self.trouble = true;
            return Ok(());
        }
        match step {
            Step::Create {
                size,
                declared,
                retain,
            } => self.create(*size, *declared, *retain, dice).await?,
            Step::Put {
                upload,
                part,
                other,
            } => self.put(*upload, *part, *other, dice).await?,
            Step::Complete { upload } => self.complete(*upload).await?,
            Step::CompleteUnseen { upload } => self.complete_unseen(*upload).await?,
            Step::Abort { upload } => self.abort(*upload).await?,
            Step::Delete { upload } => self.delete(*upload).await?,
            Step::Rename { upload } => self.rename(*upload, dice).await?,
            Step::Download { upload } => self.download(*upload).await?,
            Step::Sweep => self.sweep().await?,
            Step::Forward { seconds } => self.machine.forward(*seconds),
            Step::Trouble { .. } => {}
        }
        if self.trouble && !matches!(step, Step::Forward { .. }) {
            self.quiet()?;
        }
        self.compare().await
    }

    /// Lets all time pass; everything must come to its end.
    pub(super) async fn settle(&mut self) -> Outcome<()> {
        self.quiet()?;
        for _ in 0..2 {
            self.machine.forward(HORIZON_SECONDS);
            self.machine.sweep().await?;
            let now = self.machine.now();
            self.uploads.iter_mut().for_each(|one| one.sweep(now));
        }
        let found = self.machine.survey().await?;
        *self
            .counts
            .entry("orphans that a survey removed")
            .or_default() += found.len() as u64;
        self.compare().await?;
        for index in 0..self.uploads.len() {
            self.download(index).await?;
        }
        Ok(())
    }

    fn quiet(&mut self) -> Outcome<()> {
        let struck = self.machine.host.plan()?.struck();
        *self.counts.entry("faults that struck").or_default() += struck.iter().sum::<u64>();
        self.trouble = false;
        self.machine.host.fault(Vec::new())
    }

    async fn create(
        &mut self,
        size: usize,
        declared: bool,
        retain: Option<u64>,
        dice: &mut Dice,
    ) -> Outcome<()> {
        let bytes = Bytes::from(dice.bytes(size));
        let mut wish = wish(&bytes);
        if !declared {
            wish["checksum"] = Value::Null;
        }
        wish["retain_for"] = json!(retain);
        let created = engine::create_as(self.machine, &self.owner, wish).await;
        let upload = match created {
            Ok(upload) => upload,
            // Nobody knows its id, so it can only be swept.
            Err(_) if self.trouble => return Ok(()),
            Err(error) => return Err(error.at("create")),
        };
        self.uploads.push(Modelled {
            upload,
            bytes,
            stored: BTreeMap::new(),
            declared,
            retain,
            ends_at: None,
            stand: Stand::Open,
            unblocked: false,
            postponed_until: None,
            name: "notes.txt".to_owned(),
        });
        Ok(())
    }

    async fn put(
        &mut self,
        index: usize,
        part: usize,
        other: bool,
        dice: &mut Dice,
    ) -> Outcome<()> {
        let (now, trouble) = (self.machine.now(), self.trouble);
        let one = &self.uploads[index];
        let part = part % one.parts();
        let bytes = match other {
            true => Bytes::from(dice.bytes(one.slice(part).len())),
            false => one.slice(part),
        };
        // With its declared checksum a large file cannot be spoiled for good by one bad part: it fails.
        let spoils = other && one.declared && one.upload.parts.is_some();
        if spoils {
            return Ok(());
        }
        let request = one.request(part).at("the request of a part")?.clone();
        let wanted = one.put(part, other, now);
        let mut answer = self.machine.put(&request, bytes.clone()).await;
        if trouble {
            // Its client sends it again until storage answers as it should.
            self.quiet()?;
            let first = answer.as_ref().is_ok_and(|status| *status == 200);
            if !first {
                answer = self.machine.put(&request, bytes.clone()).await;
            }
        }
        let status = answer.at("put")?;
        let one = &mut self.uploads[index];
        let right = match (wanted, status) {
            (PutAnswer::Stored, 200) => true,
            // The first try was applied before its answer was lost.
            (PutAnswer::Stored, 412) => trouble,
            (PutAnswer::BadDigest, 400)
            | (PutAnswer::Expired, 403)
            | (PutAnswer::Blocked, 412)
            | (PutAnswer::Gone, 404) => true,
            // Bytes with another checksum are refused for one reason or the other.
            (PutAnswer::BadDigest, 412) => one.stand != Stand::Open || one.is_whole(),
            (PutAnswer::Blocked | PutAnswer::Gone, 200) => one.unblocked,
            _ => false,
        };
        ensure!(right, "a PUT is answered {status}, not as {wanted:?}");
        if wanted == PutAnswer::Stored {
            one.stored.insert(part, bytes);
        }
        Ok(())
    }

    async fn complete(&mut self, index: usize) -> Outcome<()> {
        let (now, trouble) = (self.machine.now(), self.trouble);
        let id = self.uploads[index].upload.id;
        let completed = self
            .machine
            .engine
            .complete_upload(&self.who, id, CompleteUpload::default())
            .await;
        let one = &mut self.uploads[index];
        ensure!(!one.is_spoiled(), "{id} is spoiled");
        let right = match (&completed, one.stand) {
            (Ok(Completion::File(file)), Stand::Open) => {
                let size = one.content().len() as u64;
                let right = one.is_whole() && file.size == size;
                one.finish(now);
                right
            }
            (Ok(Completion::File(_)), Stand::File) => true,
            (Ok(Completion::File(_)), _) | (Ok(Completion::Verifying(_)), _) => false,
            (Err(_), Stand::Open) => trouble || !one.is_whole(),
            (Err(_), Stand::File) => trouble,
            (Err(error), _) => trouble || error.problem().code.status() < 500,
        };
        ensure!(right, "complete: {completed:?} from {:?}", one.stand);
        *self.counts.entry("completions").or_default() += u64::from(completed.is_ok());
        if completed.is_err() && trouble && one.is_whole() {
            self.adopt(index, Stand::File).await?;
        }
        Ok(())
    }

    async fn complete_unseen(&mut self, index: usize) -> Outcome<()> {
        let id = self.uploads[index].upload.id;
        let complete =
            self.machine
                .engine
                .complete_upload(&self.who, id, CompleteUpload::default());
        drop(complete.await);
        if self.uploads[index].is_whole() {
            self.adopt(index, Stand::File).await?;
        }
        Ok(())
    }

    async fn abort(&mut self, index: usize) -> Outcome<()> {
        let trouble = self.trouble;
        let id = self.uploads[index].upload.id;
        let aborted = self.machine.engine.abort_upload(&self.who, id).await;
        let one = &mut self.uploads[index];
        let right = match (&aborted, one.stand) {
            (Ok(()), Stand::Open) => {
                one.stand = Stand::Aborted;
                one.unblocked |= trouble;
                true
            }
            (Ok(()), Stand::Aborted | Stand::Expired) => true,
            (Err(_), Stand::File | Stand::Deleted) => true,
            _ => false,
        };
        ensure!(right, "abort: {aborted:?} from {:?}", one.stand);
        Ok(())
    }

    async fn delete(&mut self, index: usize) -> Outcome<()> {
        let trouble = self.trouble;
        let id = self.uploads[index].upload.id;
        let deleted = self.machine.engine.delete_file(&self.who, id).await;
        let one = &mut self.uploads[index];
        let right = match (&deleted, one.stand) {
            (Ok(()), Stand::File) => {
                one.stand = Stand::Deleted;
                one.unblocked |= trouble;
                true
            }
            (Ok(()), Stand::Deleted) => true,
            (Err(Error::NotFound), Stand::Open | Stand::Aborted | Stand::Expired) => true,
            _ => false,
        };
        ensure!(right, "delete: {deleted:?} from {:?}", one.stand);
        *self.counts.entry("deletions").or_default() += u64::from(deleted.is_ok());
        Ok(())
    }

    async fn rename(&mut self, index: usize, dice: &mut Dice) -> Outcome<()> {
        let now = self.machine.now();
        let name = format!("{}.txt", dice.below(1000));
        let patch = serde_json::from_value(json!({ "filename": name }))?;
        let one = &mut self.uploads[index];
        let renamed = self
            .machine
            .engine
            .patch_file(&self.who, one.upload.id, patch)
            .await;
        ensure!(
            renamed.is_ok() == one.is_visible(now),
            "rename: {renamed:?} from {:?}",
            one.stand
        );
        if renamed.is_ok() {
            one.name = name;
        }
        Ok(())
    }

    async fn download(&mut self, index: usize) -> Outcome<()> {
        if self.trouble {
            return Ok(());
        }
        let now = self.machine.now();
        let one = &mut self.uploads[index];
        // Whoever reads what is all there completes it.
        if one.stand == Stand::Open && one.is_whole() {
            one.finish(now);
        }
        let one = &self.uploads[index];
        let wish = serde_json::from_value(json!({}))?;
        let download = self
            .machine
            .engine
            .create_download(&self.who, one.upload.id, wish)
            .await;
        match download {
            Ok(download) => {
                ensure!(one.is_visible(now), "a download of what is {:?}", one.stand);
                let (status, bytes) = self.machine.fetch(download.url.expose()).await?;
                ensure!(status == 200, "a download is answered {status}");
                ensure!(bytes == one.content(), "a download gives other bytes");
                *self.counts.entry("downloads compared").or_default() += 1;
            }
            Err(error) => ensure!(!one.is_visible(now), "download: {error}"),
        }
        Ok(())
    }

    async fn sweep(&mut self) -> Outcome<()> {
        let (now, trouble) = (self.machine.now(), self.trouble);
        self.machine.engine.sweep_due().await.at("sweep")?;
        for index in 0..self.uploads.len() {
            let mut after = self.uploads[index].clone();
            after.sweep(now);
            match self.uploads[index].is_postponed(now, trouble) {
                true => {
                    self.uploads[index].unblocked = true;
                    self.adopt(index, after.stand).await?;
                }
                false => self.uploads[index] = after,
            }
        }
        Ok(())
    }

    /// After trouble: it is as it was before the step, or as the step leaves it.
    async fn adopt(&mut self, index: usize, after: Stand) -> Outcome<()> {
        let now = self.machine.now();
        let state = self.state(index).await?;
        let one = &mut self.uploads[index];
        let before = one.stand;
        ensure!(
            one.adopt(state, after, now),
            "{}: {} is neither {before:?} nor {after:?}",
            one.upload.id,
            state.as_str()
        );
        Ok(())
    }

    async fn state(&self, index: usize) -> Outcome<State> {
        let id = self.uploads[index].upload.id;
        Ok(self.machine.catalog.find(id).await?.at("a record")?.state)
    }

    /// The list shows every file and nothing else, and every record says what the model says.
    async fn compare(&mut self) -> Outcome<()> {
        let now = self.machine.now();
        let query = serde_json::from_value(json!({"limit": 1000}))?;
        let page = self.machine.engine.list_files(&self.who, query).await?;
        let listed: BTreeSet<_> = page
            .files
            .iter()
            .map(|file| (file.id, file.filename.as_str().to_owned()))
            .collect();
        let visible = self.uploads.iter().filter(|one| one.is_visible(now));
        let wanted: BTreeSet<_> = visible
            .map(|one| (one.upload.id, one.name.clone()))
            .collect();
        ensure!(listed == wanted, "listed {listed:?} instead of {wanted:?}");
        for index in 0..self.uploads.len() {
            let state = self.state(index).await?;
            let one = &self.uploads[index];
            ensure!(
                one.fits(state),
                "{}: {} instead of {:?}",
                one.upload.id,
                state.as_str(),
                one.stand
            );
        }
        Ok(())
    }
}
