//! How many durable inserts a second, and for each second of CPU: `insert_rate [TASKS [SECONDS [FOLDER | URL]]]`.
//!
//! With a folder it measures SQLite; with the URL of an empty database, PostgreSQL, whose own CPU is not counted.
//! Each task inserts one upload after another and waits for the answer. With one task every insert is a
//! transaction of its own; with many they share one. The figures are printed for both, and for reads.
#![expect(
    clippy::disallowed_methods,
    reason = "it measures: time and arguments are its business"
)]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;
use valetkey_catalog::postgres::{PostgresCatalog, Settings};
use valetkey_catalog::sqlite::SqliteCatalog;
use valetkey_catalog::{Catalog, Intent, Limits, NewUpload, Transfer};
use valetkey_protocol::{FileId, Metadata, Tenant};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let tasks = arguments.next().map_or(Ok(128), |text| text.parse())?;
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let place = arguments.next();
    let time = Duration::from_secs(seconds);
    for tasks in [1, tasks] {
        match &place {
            Some(url) if url.starts_with("postgres") => {
                let settings = Settings::parse(url, None)?;
                let catalog = PostgresCatalog::open(&settings, 0).await?;
                measure(Arc::new(catalog), tasks, time).await?;
            }
            home => {
                let home = home.as_ref().map_or_else(std::env::temp_dir, PathBuf::from);
                let folder = tempfile::tempdir_in(&home)?;
                let catalog = SqliteCatalog::open(&folder.path().join("catalog.db"))?;
                measure(Arc::new(catalog), tasks, time).await?;
            }
        }
    }
    Ok(())
}

async fn measure(catalog: Arc<dyn Catalog>, tasks: usize, time: Duration) -> Result<(), Failure> {
    let inserted = race("inserts", tasks, time, {
        let catalog = Arc::clone(&catalog);
        move || {
            let catalog = Arc::clone(&catalog);
            async move {
                let upload = upload()?;
                let id = upload.id;
                let limits = Limits::default();
                catalog
                    .insert_uploads(vec![Intent {
                        upload,
                        limits,
                        ticket: None,
                    }])
                    .await?;
                Ok(id)
            }
        }
    });
    let ids = Arc::new(inserted.await?);
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let found = race("finds", tasks, time, move || {
        let (catalog, ids, next) = (Arc::clone(&catalog), Arc::clone(&ids), Arc::clone(&next));
        async move {
            let turn = next.fetch_add(7919, std::sync::atomic::Ordering::Relaxed);
            let id = ids[turn % ids.len()];
            let found = catalog.find(id).await?.ok_or("an insert was lost")?;
            Ok(found.upload.id)
        }
    });
    found.await.map(|_| ())
}

/// Has so many tasks do it again and again for so long, and prints how often they did.
async fn race<F>(
    what: &str,
    tasks: usize,
    time: Duration,
    once: impl Fn() -> F + Clone + Send + 'static,
) -> Result<Vec<FileId>, Failure>
where
    F: Future<Output = Result<FileId, Failure>> + Send,
{
    let (begin, cpu) = (Instant::now(), cpu_seconds()?);
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let once = once.clone();
            tokio::spawn(async move {
                let mut done = Vec::new();
                while begin.elapsed() < time {
                    done.push(once().await?);
                }
                Ok::<_, Failure>(done)
            })
        })
        .collect();
    let mut done = Vec::new();
    for task in running {
        done.extend(task.await??);
    }
    let (wall, cpu) = (begin.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let count = f64::from(u32::try_from(done.len())?);
    println!(
        "{tasks:4} tasks: {:6.0} {what}/s, {:6.0} per CPU second ({:.1} µs CPU each)",
        count / wall,
        count / cpu,
        cpu / count * 1e6,
    );
    Ok(done)
}

/// What this process has used of the CPUs: fields 14 and 15 of proc_pid_stat(5), in hundredths.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u32>()?;
    }
    Ok(f64::from(ticks) / 100.0)
}

fn upload() -> Result<NewUpload, Failure> {
    let now = Timestamp::now();
    let id = FileId::from_uuid(Uuid::now_v7())?;
    Ok(NewUpload {
        id,
        bucket: "default".to_owned(),
        key: format!("user-0123456789/{id}/holiday-photo-0042.jpg").parse()?,
        tenant: Tenant::default(),
        owner: "user-0123456789".parse()?,
        filename: "holiday photo 0042.jpg".parse()?,
        path: "photos/2026".parse()?,
        content_type: "image/jpeg".parse()?,
        size: 4_194_304,
        checksum: None,
        metadata: Metadata::default(),
        transfer: Transfer::Single,
        created_at: now,
        session_ends_at: now,
        urls_end_at: now,
        retain_for: None,
        look_at: None,
    })
}
