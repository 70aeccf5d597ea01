//! Runs the lifecycle rules of all buckets, in the background and on demand.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::{Clock, whole_seconds};
use crate::committer::Committer;
use crate::error::Failure;
use crate::index::{self, Index, Task};

/// How often rules are run. They speak of whole days, so an hour is soon.
const INTERVAL: Duration = Duration::from_secs(3600);

/// What one run of the lifecycle rules did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects that had expired and were removed.
    pub objects: usize,
    /// Multipart uploads that were never completed and were aborted.
    pub uploads: usize,
    /// Whether it came to its end: not so when the disk failed (the log says how) or the store was closed.
    pub finished: bool,
}

/// The one that sweeps.
#[derive(Clone)]
pub(crate) struct Sweeper {
    pub(crate) index: Arc<Index>,
    pub(crate) committer: Arc<Committer>,
    pub(crate) clock: Clock,
    pub(crate) ending: Arc<AtomicBool>,
}

/// A thread that sweeps at once and then every hour.
pub(crate) struct SweepThread {
    ending: Arc<AtomicBool>,
    alarm: Mutex<Option<mpsc::Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SweepThread {
    /// Starts it.
    pub(crate) fn start(sweeper: Sweeper) -> io::Result<Self> {
        let ending = Arc::clone(&sweeper.ending);
        let (alarm, wake) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("embedded-sweep".to_owned())
            .spawn(move || {
                loop {
                    sweeper.sweep();
                    // Nothing is ever sent: the sender's end is the signal to end.
                    if wake.recv_timeout(INTERVAL) != Err(mpsc::RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })?;
        Ok(Self {
            ending,
            alarm: Mutex::new(Some(alarm)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Ends it after the page it is at.
    pub(crate) fn stop(&self) {
        self.ending.store(true, Ordering::Relaxed);
        drop(take(&self.alarm));
        if let Some(thread) = take(&self.thread) {
            let _ = thread.join();
        }
    }
}

impl Sweeper {
    /// Runs every rule once. Blocks on the disk.
    pub(crate) fn sweep(&self) -> Swept {
        let mut swept = Swept::default();
        match self.run(&mut swept) {
            Ok(()) => swept.finished = !self.is_ending(),
            Err(_) if self.is_ending() => {}
            Err(failure) => {
                tracing::error!(cause = %failure, "the lifecycle rules could not be run; the next run tries again");
            }
        }
        let Swept {
            objects, uploads, ..
        } = swept;
        if objects + uploads > 0 {
            tracing::info!(objects, uploads, "lifecycle rules removed what had expired");
        }
        swept
    }

    fn run(&self, swept: &mut Swept) -> Result<(), Failure> {
        let now = whole_seconds((self.clock)());
        let tasks = self.index.read(|snapshot| index::tasks(snapshot, now))?;
        for task in tasks {
            swept.objects += self.objects(&task)?;
            swept.uploads += self.uploads(&task)?;
        }
        Ok(())
    }

    fn objects(&self, task: &Task) -> Result<usize, Failure> {
        let (mut from, mut removed) = (None, 0);
        loop {
            let page = self
                .index
                .read(|snapshot| index::expired_objects(snapshot, task, from.take()))?;
            if !page.due.is_empty() {
                let task = task.clone();
                removed += self.committer.write_blocking(move |tables| {
                    index::expire_objects(tables, &task, &page.due)
                })?;
            }
            from = page.next;
            if from.is_none() || self.is_ending() {
                return Ok(removed);
            }
        }
    }

    fn uploads(&self, task: &Task) -> Result<usize, Failure> {
        let (mut from, mut aborted) = (None, 0);
        loop {
            let page = self
                .index
                .read(|snapshot| index::stale_uploads(snapshot, task, from.take()))?;
            if !page.due.is_empty() {
                let task = task.clone();
                aborted += self
                    .committer
                    .write_blocking(move |tables| index::abort_uploads(tables, &task, &page.due))?;
            }
            from = page.next;
            if from.is_none() || self.is_ending() {
                return Ok(aborted);
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}
