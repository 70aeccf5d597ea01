//! Opening and closing a store.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use crate::address::Domain;
use crate::blob::{self, Blobs};
use crate::clock::whole_seconds;
use crate::committer::Committer;
use crate::cors::Cors;
use crate::error::{Failure, OpenError};
use crate::fault::{FaultPlan, Faults, JournalPlace};
use crate::gate;
use crate::index::{self, Index};
use crate::journal::Journal;
use crate::options::Options;
use crate::post::PostDesk;
use crate::s3::Backend;
use crate::service::EmbeddedService;
use crate::sweep::{SweepThread, Sweeper, Swept};

/// An open store; clones share it. The folder is let go of when [`EmbeddedStore::close`] was called or the last
/// clone is gone: keep one for as long as the service is to answer.
#[derive(Clone)]
pub struct EmbeddedStore {
    service: EmbeddedService,
    machine: Arc<Machine>,
    faults: Option<FaultPlan>,
}

/// What runs behind the service.
struct Machine {
    index: Arc<Index>,
    blobs: Arc<Blobs>,
    committer: Arc<Committer>,
    reaper: Mutex<Option<JoinHandle<()>>>,
    sweeper: Sweeper,
    sweeps: SweepThread,
}

impl EmbeddedStore {
    /// Opens the folder, removes what a crash left behind, and creates the buckets that are missing.
    ///
    /// Blocks on the disk: seconds for millions of objects. Fails when another process has the folder
    /// ([`OpenError::InUse`]), when it cannot be used, or when the name of a bucket or the domain is not allowed.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        Self::start(options, None)
    }

    /// [`EmbeddedStore::open`] for a store that does wrong on purpose: never for files anybody needs.
    ///
    /// Fails also when the journal's file cannot be used.
    pub fn open_with_faults(options: Options, faults: Faults) -> Result<Self, OpenError> {
        tracing::warn!(
            rules = faults.rules.len(),
            journal = ?faults.journal,
            "THIS STORE HAS FAULTS: it was told to fail on purpose, for tests, and must not keep anything of value"
        );
        Self::start(options, Some(faults))
    }

    /// The faults, if it was opened with them.
    pub fn faults(&self) -> Option<&FaultPlan> {
        self.faults.as_ref()
    }

    fn start(options: Options, faults: Option<Faults>) -> Result<Self, OpenError> {
        if let Some(name) = options
            .buckets
            .iter()
            .find(|name| !s3s::path::check_bucket_name(name))
        {
            return Err(OpenError::BucketName { name: name.clone() });
        }
        let domain = options.domain.as_deref();
        let domain = Domain::new(domain).ok_or_else(|| OpenError::Domain {
            name: domain.unwrap_or_default().to_owned(),
        })?;
        let place = faults.as_ref().map(|faults| &faults.journal);
        let journal = place.map(open_journal).transpose()?.flatten();
        let machine = Arc::new(Machine::start(&options, journal.clone())?);
        let backend = Backend {
            index: Arc::clone(&machine.index),
            blobs: Arc::clone(&machine.blobs),
            committer: Arc::clone(&machine.committer),
            clock: Arc::clone(&options.clock),
            region: options.region.clone(),
        };
        let key = options.access_key;
        let s3 = gate::build(backend.clone(), key.clone(), &domain, faults.is_some());
        let faults =
            faults.map(|faults| FaultPlan::new(faults.rules, journal, key.clone(), domain.clone()));
        let desk = PostDesk {
            backend,
            key,
            domain,
        };
        let cors = Cors::new(&options.cors, Arc::clone(&machine.index));
        Ok(Self {
            service: EmbeddedService::new(s3, cors, desk, faults.clone()),
            machine,
            faults,
        })
    }

    /// The HTTP service, to be put behind a listener.
    pub fn service(&self) -> EmbeddedService {
        self.service.clone()
    }

    /// Runs the lifecycle rules of all buckets now. A thread of the store does so at the start and every hour.
    pub async fn sweep(&self) -> Swept {
        let sweeper = self.machine.sweeper.clone();
        tokio::task::spawn_blocking(move || sweeper.sweep())
            .await
            .unwrap_or_default()
    }

    /// Finishes the writes that wait, removes files that are due, and lets go of the folder. Requests that come
    /// later are answered with an internal error.
    pub async fn close(&self) {
        let machine = Arc::clone(&self.machine);
        // The join only fails when the runtime ends, and then there is nobody left to serve.
        let _ = tokio::task::spawn_blocking(move || machine.stop()).await;
    }
}

impl Machine {
    fn start(options: &Options, journal: Option<Arc<Journal>>) -> Result<Self, OpenError> {
        let folder = &options.data_dir;
        let unusable = |source| OpenError::Folder {
            folder: folder.clone(),
            source,
        };
        fs::create_dir_all(folder).map_err(unusable)?;
        let index = Arc::new(Index::open(folder, journal.is_some())?);
        let (reap, doomed) = mpsc::channel();
        let blobs = Arc::new(Blobs::open(folder, reap).map_err(unusable)?);
        prepare(&index, &blobs, options)?;
        let root = folder.clone();
        let reaper = thread::Builder::new()
            .name("embedded-reap".to_owned())
            .spawn(move || blob::reap(&root, &doomed))
            .map_err(OpenError::Thread)?;
        let committer = Committer::start(Arc::clone(&index), Arc::clone(&blobs), journal)
            .map_err(OpenError::Thread)?;
        let committer = Arc::new(committer);
        let sweeper = Sweeper {
            index: Arc::clone(&index),
            committer: Arc::clone(&committer),
            clock: Arc::clone(&options.clock),
            ending: Arc::default(),
        };
        let sweeps = SweepThread::start(sweeper.clone()).map_err(OpenError::Thread)?;
        Ok(Self {
            index,
            blobs,
            committer,
            reaper: Mutex::new(Some(reaper)),
            sweeper,
            sweeps,
        })
    }

    fn stop(&self) {
        self.sweeps.stop();
        self.committer.stop();
        self.index.close();
        self.blobs.close();
        let reaper = self
            .reaper
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(reaper) = reaper {
            let _ = reaper.join();
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open_journal(place: &JournalPlace) -> Result<Option<Arc<Journal>>, OpenError> {
    let journal = match place {
        JournalPlace::None => return Ok(None),
        JournalPlace::Memory => Journal::memory(),
        JournalPlace::File(path) => Journal::file(path).map_err(|source| OpenError::Journal {
            path: path.clone(),
            source,
        })?,
    };
    Ok(Some(Arc::new(journal)))
}

/// Makes the tables and the buckets, then removes leftovers.
fn prepare(index: &Index, blobs: &Blobs, options: &Options) -> Result<(), OpenError> {
    let failed = |failure: Failure| match failure {
        Failure::Io(source) => OpenError::Folder {
            folder: options.data_dir.clone(),
            source: source.kind().into(),
        },
        failure => OpenError::Index {
            folder: options.data_dir.clone(),
            source: redb::Error::Corrupted(failure.to_string()),
        },
    };
    let now = whole_seconds((options.clock)());
    index
        .write(|tables| {
            tables.changed();
            for name in &options.buckets {
                match index::create_bucket(tables, name, now) {
                    Ok(()) | Err(Failure::Refused(_)) => {}
                    Err(failure) => return Err(failure),
                }
            }
            Ok(())
        })
        .map_err(failed)?;
    let removed = index
        .read(|snapshot| blobs.sweep(|id| index::has_blob(snapshot, id)))
        .map_err(failed)?;
    if removed > 0 {
        tracing::info!(
            removed,
            "leftover files were removed from the embedded store"
        );
    }
    Ok(())
}
