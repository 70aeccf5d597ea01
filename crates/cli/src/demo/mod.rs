//! The headline of direct upload on this machine: the same files through a server that receives and then sends, through
//! one that streams, and directly, in turn; and what each takes.

mod clients;
mod clock;
mod error;
mod http;
mod link;
mod options;
mod processes;
mod report;
mod servers;
mod storage;
mod svg;
mod table;
mod world;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

pub(crate) use error::DemoError;
pub(crate) use options::Options;
pub(crate) use servers::DemoServer;

use crate::error::Error;
use crate::text::print;
use clients::Clients;
use options::{Load, Rate};
use report::{Report, Row, Run};
use world::{Way, World};

/// Measures, and tells what was measured.
///
/// # Errors
/// A server cannot be started, something did not arrive, or the picture cannot be written.
pub(crate) async fn run(options: Options) -> Result<(), Error> {
    let loads = options.loads().map_err(DemoError::Message)?;
    let report = measure(&options, &loads).await?;
    if let Some(path) = &options.svg {
        let written = std::fs::write(path, svg::svg(&report));
        written.map_err(|source| Error::Local {
            path: path.clone(),
            source,
        })?;
    }
    match options.json {
        true => print(&serde_json::json!(report).to_string()),
        false => print(&table::table(&report)),
    }
}

async fn measure(options: &Options, loads: &[Load]) -> Result<Report, DemoError> {
    let Rate(link) = options.link;
    tell("starting");
    let world = World::start(link).await?;
    let mut rows = Vec::new();
    for (number, load) in loads.iter().enumerate() {
        let files = make_files(&world, load)?;
        warm_up(&world, load, &files).await?;
        let mut rounds = Vec::new();
        for round in 1..=options.rounds {
            tell(&format!(
                "load {} of {}, round {round} of {}",
                number + 1,
                loads.len(),
                options.rounds
            ));
            let receive = measured(&world, Way::Receive, load, &files).await?;
            let stream = measured(&world, Way::Stream, load, &files).await?;
            let direct = measured(&world, Way::Direct, load, &files).await?;
            rounds.push([receive, stream, direct]);
        }
        rows.push(Row::new(load, &rounds));
    }
    tell("");
    Ok(Report {
        rounds: options.rounds,
        rows,
    })
}

/// One client sends one file each way, so that no first run pays for connections and caches.
async fn warm_up(world: &World, load: &Load, files: &[PathBuf]) -> Result<(), DemoError> {
    let one = Load {
        clients: 1,
        files: 1,
        ..*load
    };
    let first = &files[..files.len().min(1)];
    for way in Way::ALL {
        let arrived = Clients::new(world, way, &one)?.send(first).await?;
        clients::check_and_remove(world, &one, arrived).await?;
    }
    Ok(())
}

async fn measured(
    world: &World,
    way: Way,
    load: &Load,
    files: &[PathBuf],
) -> Result<Run, DemoError> {
    let server = world.process(way, load.link.is_some());
    let clients = Clients::new(world, way, load)?;
    server.forget_peak();
    let before = server.processor_time();
    let start = clock::now();
    let arrived = clients.send(files).await?;
    let seconds = start.elapsed().as_secs_f64();
    let after = server.processor_time();
    let cpu = after
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    let run = Run {
        seconds,
        cpu_seconds: cpu.map(|cpu| cpu.as_secs_f64()),
        peak_bytes: server.peak(),
    };
    clients::check_and_remove(world, load, arrived).await?;
    Ok(run)
}

/// The files of a load, each different; all clients send the same.
fn make_files(world: &World, load: &Load) -> Result<Vec<PathBuf>, DemoError> {
    let folder = world.folder().join(format!("files-{}", load.size));
    std::fs::create_dir_all(&folder).map_err(DemoError::folder("make", &folder))?;
    let make = |number| {
        let path = folder.join(format!("photo-{number}.jpg"));
        make_file(&path, load.size, number).map_err(DemoError::folder("write", &path))?;
        Ok(path)
    };
    (0..load.files).map(make).collect()
}

/// Bytes as irregular as those of photos, from a xorshift generator (Marsaglia, 2003).
fn make_file(path: &Path, size: u64, seed: u32) -> std::io::Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (u64::from(seed) << 32);
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let mut left = size;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bytes = state.to_le_bytes();
        let part = &bytes[..left.min(8) as usize];
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    file.flush()
}

/// Says on a terminal how far it is; an empty text takes that away.
fn tell(progress: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        write!(stderr, "\r\x1b[K{progress}").ok();
        stderr.flush().ok();
    }
}
