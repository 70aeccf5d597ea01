//! Transfers that do not go well: begun in time and ended late, and broken in the middle.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::CONTENT_LENGTH;
use tokio::sync::oneshot;
use valetkey_client::upload::{PutOptions, put_file};
use valetkey_client::{Budget, Client, RetryPolicy, Silent};
use valetkey_protocol::PresignedRequest;
use valetkey_protocol::upload::{CompleteUpload, State, Upload};
use valetkey_server::clock::SystemClock;

use super::engine;
use crate::clock;
use crate::dice::Dice;
use crate::ensure;
use crate::error::{At, Failure, Outcome};
use crate::host::Host;
use crate::journal::Journal;
use crate::machine::{Machine, Opening, user};
use crate::oracle;
use crate::points::Traps;
use crate::proxy::{Mode, Proxy};
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::service::{Service, Setup};
use crate::token;

/// A URL of the machine lives so long, in seconds.
const URL_SECONDS: i64 = 900;
/// A session lasts so long, in seconds.
const SESSION_SECONDS: i64 = 86_400;
/// The parts of the service's own multipart uploads, in bytes.
const PART: u64 = 5 * 1024 * 1024;
/// What a PUT takes besides its bytes, at the most.
const HEAD: u64 = 4096;

/// What happens while the last bytes are on their way.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    /// The URL runs out.
    UrlEnds,
    /// The client gives up, and the URL runs out.
    Abort,
    /// The session is over, and everything was swept.
    SessionEnds,
}

/// A PUT that begins a second before its URL ends, and ends after it.
///
/// # Errors
/// The machine cannot be run at all.
pub async fn late(setting: &Setting) -> Outcome<Tally> {
    let mut tally = Tally::default();
    for round in 0..setting.choose(1, 10) {
        for meanwhile in [Meanwhile::UrlEnds, Meanwhile::Abort, Meanwhile::SessionEnds] {
            let mut dice = Dice::part(setting.seed, 50 + round);
            end_late(meanwhile, &mut dice, &mut tally)
                .await
                .at(format!("{meanwhile:?}"))?;
            tally.tried += 1;
        }
    }
    Ok(tally)
}

async fn end_late(meanwhile: Meanwhile, dice: &mut Dice, tally: &mut Tally) -> Outcome<()> {
    let folder = memory_folder()?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    let alice = user("alice")?;
    let bytes = dice.bytes(50_000);
    let upload = engine::create(&machine, "alice", &bytes).await?;
    machine.forward(URL_SECONDS - 1);
    let (rest, put) = begin(&upload, bytes).await?;
    match meanwhile {
        Meanwhile::UrlEnds => machine.forward(60),
        Meanwhile::Abort => {
            machine.engine.abort_upload(&alice, upload.id).await?;
            machine.forward(60);
        }
        Meanwhile::SessionEnds => {
            machine.forward(SESSION_SECONDS);
            machine.sweep().await?;
        }
    }
    rest.send(()).ok().at("a transfer under way")?;
    tally.count("transfers that ended late", u64::from(put.await? == 200));
    let listed = machine
        .engine
        .list_files(&alice, serde_json::from_str("{}")?);
    ensure!(listed.await?.files.is_empty(), "it is listed unverified");
    let completed = machine
        .engine
        .complete_upload(&alice, upload.id, CompleteUpload::default());
    let completed = completed.await.is_ok();
    let begun_in_time = matches!(meanwhile, Meanwhile::UrlEnds);
    ensure!(
        completed == begun_in_time,
        "completing afterwards says {completed}"
    );
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &Journal::default()).await?;
    let record = machine.engine.get_upload(&alice, upload.id).await;
    let made = record.is_ok_and(|upload| upload.state == State::Available);
    ensure!(made == begun_in_time, "in the end it is a file: {made}");
    tally.count("files", findings.files);
    tally.count("objects after the horizon", findings.objects);
    findings.tell(tally);
    machine.close().await;
    Ok(())
}

/// Sends the head and half of the bytes; the rest goes when it is told to. Gives the status then.
async fn begin(
    upload: &Upload,
    bytes: Vec<u8>,
) -> Outcome<(
    oneshot::Sender<()>,
    impl Future<Output = Outcome<u16>> + use<>,
)> {
    let request: &PresignedRequest = upload.request.as_ref().at("a request")?;
    let (go, wait) = oneshot::channel::<()>();
    let (begun, half_sent) = oneshot::channel::<()>();
    let size = bytes.len();
    let bytes = Bytes::from(bytes);
    let (first, second) = (bytes.slice(..size / 2), bytes.slice(size / 2..));
    let chunks = [first, second].into_iter().zip([None, Some((begun, wait))]);
    let body = stream::unfold(chunks, |mut chunks| async move {
        let (chunk, gate) = chunks.next()?;
        if let Some((begun, wait)) = gate {
            // This is asked for when the first half was taken.
            let _ = begun.send(());
            let _ = wait.await;
        }
        Some((Ok::<_, std::io::Error>(chunk), chunks))
    });
    let mut put = reqwest::Client::new()
        .put(request.url.expose())
        .header(CONTENT_LENGTH, size)
        .body(reqwest::Body::wrap_stream(body));
    for (name, value) in &request.headers {
        put = put.header(name, value);
    }
    let sent = tokio::spawn(put.send());
    half_sent
        .await
        .map_err(|_| Failure::new("the transfer ended early"))?;
    // The store has to have seen the head before its clock moves on.
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok((go, async move {
        let answer = sent.await?.map_err(reqwest::Error::without_url)?;
        Ok(answer.status().as_u16())
    }))
}

/// Our client sends a large file over connections that break, and what went over them is counted.
///
/// # Errors
/// The service cannot be run at all.
pub async fn broken_connections(setting: &Setting) -> Outcome<Tally> {
    let mut tally = Tally::default();
    let folder = memory_folder()?;
    let host = Host::open(&folder.path().join("apart"), Arc::new(SystemClock)).await?;
    let proxy = Proxy::start(
        host.url.trim_start_matches("http://").parse()?,
        setting.seed,
    )
    .await?;
    let mut setup = Setup::new(&setting.program, folder.path());
    setup.bucket = format!(
        "provider = \"s3\"\nendpoint = \"{}\"\npublic_endpoint = \"{}\"\n\
         access_key_id = \"{}\"\nsecret_access_key = \"{}\"",
        host.url, proxy.url, host.key.access_key, host.key.secret_key
    );
    let mut service = Service::new(&setup)?;
    service.start(&Traps::default()).await?;
    let retries = RetryPolicy {
        attempts: 30,
        first: Duration::from_millis(5),
        ..RetryPolicy::default()
    };
    let client = Client::new(&service.api, &token::make("alice")?)?.with_retries(retries);
    let mut dice = Dice::part(setting.seed, 61);
    let path = folder.path().join("large");
    for _ in 0..setting.choose(2, 20) {
        let size = 5 * PART + dice.below(1_000_000) as u64;
        std::fs::write(&path, dice.bytes(usize::try_from(size)?))?;
        send_broken(&client, &proxy, (&path, size), &mut tally).await?;
    }
    service.stop().await?;
    host.close().await;
    Ok(tally)
}

/// Sends one file and compares what went over the proxy with its size.
async fn send_broken(
    client: &Client,
    proxy: &Proxy,
    (path, size): (&Path, u64),
    tally: &mut Tally,
) -> Outcome<()> {
    let (struck, sent) = (proxy.struck(), proxy.uploaded());
    proxy.set(Mode::CutSome { within: PART });
    let (options, budget) = (PutOptions::default(), Budget::new(4));
    let file = put_file(client, path, options, &budget, Arc::new(Silent)).await;
    proxy.set(Mode::Pass);
    let file = file.map_err(|error| Failure::new(error.to_string()))?;
    ensure!(
        file.size == size,
        "a file of {size} bytes has {}",
        file.size
    );
    let (struck, sent) = (proxy.struck() - struck, proxy.uploaded() - sent);
    let heads = (struck + 16) * HEAD;
    let again = sent.saturating_sub(size);
    if again > struck * PART + heads {
        tally.wrong(format!(
            "{again} bytes were sent again after {struck} broken connections"
        ));
    }
    tally.count("connections that broke", struck);
    tally.count("bytes of files", size);
    tally.count("bytes sent again", again);
    tally.tried += 1;
    Ok(())
}
