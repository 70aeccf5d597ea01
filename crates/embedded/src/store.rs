//! Opening and closing a store.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use crate::blob::{self, Blobs};
use crate::clock::whole_seconds;
use crate::committer::Committer;
use crate::cors::Cors;
use crate::error::{Failure, OpenError};
use crate::gate;
use crate::index::{self, Index};
use crate::options::Options;
use crate::s3::Backend;
use crate::service::EmbeddedService;
use crate::sweep::{SweepThread, Sweeper, Swept};

/// An open store; clones share it. The folder is let go of when [`EmbeddedStore::close`] was called or the last
/// clone, service included, is gone.
#[derive(Clone)]
pub struct EmbeddedStore {
    service: EmbeddedService,
    machine: Arc<Machine>,
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
    /// ([`OpenError::InUse`]), when it cannot be used, or when a bucket's name is not allowed.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        if let Some(name) = options
            .buckets
            .iter()
            .find(|name| !s3s::path::check_bucket_name(name))
        {
            return Err(OpenError::BucketName { name: name.clone() });
        }
        let machine = Arc::new(Machine::start(&options)?);
        let backend = Backend {
            index: Arc::clone(&machine.index),
            blobs: Arc::clone(&machine.blobs),
            committer: Arc::clone(&machine.committer),
            clock: Arc::clone(&options.clock),
            region: options.region.clone(),
        };
        let s3 = gate::build(backend, options.access_key);
        let cors = Cors::new(&options.cors, Arc::clone(&machine.index));
        Ok(Self {
            service: EmbeddedService::new(s3, cors, options.region, options.clock),
            machine,
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
    fn start(options: &Options) -> Result<Self, OpenError> {
        let folder = &options.data_dir;
        let unusable = |source| OpenError::Folder {
            folder: folder.clone(),
            source,
        };
        fs::create_dir_all(folder).map_err(unusable)?;
        let index = Arc::new(Index::open(folder)?);
        let (reap, doomed) = mpsc::channel();
        let blobs = Arc::new(Blobs::open(folder, reap).map_err(unusable)?);
        prepare(&index, &blobs, options)?;
        let root = folder.clone();
        let reaper = thread::Builder::new()
            .name("embedded-reap".to_owned())
            .spawn(move || blob::reap(&root, &doomed))
            .map_err(OpenError::Thread)?;
        let committer =
            Committer::start(Arc::clone(&index), Arc::clone(&blobs)).map_err(OpenError::Thread)?;
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
