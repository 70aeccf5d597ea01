//! Talking to storage with a presigned request: bytes up, bytes down, and nothing of ours besides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Method, Response, StatusCode, Url};
use valetkey_protocol::download::Download;
use valetkey_protocol::{PresignedRequest, PresignedUrl};

use crate::call::{self, retry_after};
use crate::error::Peer;
use crate::source::{Range, Source};
use crate::{Client, Error, Progress};

/// A transfer on which nothing moved for so long is given up.
pub(crate) const STALLED: Duration = Duration::from_secs(60);
/// While others move, one is given up sooner: its connection is dead and the network is not. With bytes left to send
/// after so long;
const STUCK: Duration = Duration::from_secs(20);
/// when all are with the system, which may still be sending, or storage may think, the first time after so long.
const ANSWER: Duration = Duration::from_secs(30);
/// What others must have moved meanwhile, in bytes.
const OTHERS: u64 = 256 * 1024;
/// How often a transfer is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// No error document of storage is longer, in bytes.
const MAX_ERROR: usize = 16 * 1024;

/// Sends a range of a file with a presigned PUT, for the time that `attempt` counts from 1. 412 means that these bytes are stored already: an earlier
/// attempt arrived, and only its answer was lost.
pub(crate) async fn put(
    client: &Client,
    request: &PresignedRequest,
    source: &Source,
    range: Range,
    progress: &Arc<dyn Progress>,
    attempt: u32,
) -> Result<(), Error> {
    let sent = Arc::new(AtomicU64::new(0));
    let counter = (
        Arc::clone(&sent),
        Arc::clone(&client.sent),
        Arc::clone(progress),
    );
    let bytes = source.read(range).await?.inspect_ok(move |chunk| {
        let (sent, by_all, progress) = &counter;
        sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        by_all.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        progress.moved(chunk.len() as u64);
    });
    let mut builder = client
        .storage
        .put(parse(&request.url)?)
        .header(CONTENT_LENGTH, range.size)
        .body(Body::wrap_stream(bytes));
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let outcome = tokio::select! {
        answer = builder.send() => accepted(answer).await,
        () = stands_still(&sent, range.size, &client.sent, attempt > 1) => Err(Error::Stalled),
    };
    let sent = sent.load(Ordering::Relaxed);
    match &outcome {
        Ok(()) => progress.moved(range.size.saturating_sub(sent)),
        Err(_) => progress.lost(sent),
    }
    outcome
}

/// Asks storage for a file; its bytes are the answer's body.
pub(crate) async fn get(client: &Client, download: &Download) -> Result<Response, Error> {
    let mut attempt = 1;
    loop {
        match get_once(client, download).await {
            Ok(answer) => return Ok(answer),
            Err(error) => client.pause(attempt, error).await?,
        }
        attempt += 1;
    }
}

async fn get_once(client: &Client, download: &Download) -> Result<Response, Error> {
    let mut builder = client.storage.request(Method::GET, parse(&download.url)?);
    for (name, value) in &download.headers {
        builder = builder.header(name, value);
    }
    let answer = tokio::time::timeout(STALLED, builder.send())
        .await
        .map_err(|_| Error::Stalled)?
        .map_err(|error| Error::network(Peer::Storage, error))?;
    match answer.status() {
        StatusCode::OK => Ok(answer),
        _ => Err(refusal(answer).await),
    }
}

async fn accepted(answer: Result<Response, reqwest::Error>) -> Result<(), Error> {
    let answer = answer.map_err(|error| Error::network(Peer::Storage, error))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        StatusCode::PRECONDITION_FAILED => Ok(()),
        _ => Err(refusal(answer).await),
    }
}

async fn refusal(answer: Response) -> Error {
    let status = answer.status().as_u16();
    let retry_after = retry_after(answer.headers());
    let body = call::beginning(answer, MAX_ERROR).await;
    Error::Storage {
        status,
        code: error_code(&String::from_utf8_lossy(&body)),
        retry_after,
    }
}

/// The `<Code>` of an error document, if it is a plain word.
fn error_code(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| code.to_owned())
}

fn parse(url: &PresignedUrl) -> Result<Url, Error> {
    Url::parse(url.expose()).map_err(|_| Error::Answer("a presigned URL is none"))
}

/// Ends when a transfer is to be given up; `again` when it was tried before.
async fn stands_still(sent: &AtomicU64, size: u64, by_all: &AtomicU64, again: bool) {
    let mut watch = Watch::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (sent, by_all) = (sent.load(Ordering::Relaxed), by_all.load(Ordering::Relaxed));
        let patience = match (sent < size, again) {
            (true, _) => STUCK,
            (false, false) => ANSWER,
            (false, true) => STALLED,
        };
        if watch.gives_up(sent, by_all, patience) {
            return;
        }
    }
}

/// What a transfer and all of them together had sent when it last moved, and how long ago that is.
#[derive(Default)]
struct Watch {
    before: Option<(u64, u64)>,
    still: Duration,
}

impl Watch {
    /// Looks again, a while later. The patience is for one that stands still while others move.
    fn gives_up(&mut self, sent: u64, by_all: u64, patience: Duration) -> bool {
        let Some((_, by_all_before)) = self.before.filter(|(before, _)| *before == sent) else {
            self.before = Some((sent, by_all));
            self.still = Duration::ZERO;
            return false;
        };
        self.still += LOOK_EVERY;
        let others_move = by_all.saturating_sub(by_all_before) > OTHERS;
        self.still >= if others_move { patience } else { STALLED }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_stands_still_is_given_up_and_sooner_when_others_move() {
        // After how many looks, while others move so many bytes from each to the next.
        let given_up = |others: u64, patience: Duration| {
            let mut watch = Watch::default();
            (0..200).find(|look| watch.gives_up(500, 1000 + look * others, patience))
        };
        assert_eq!(given_up(1_000_000, STUCK), Some(20));
        assert_eq!(given_up(1_000_000, ANSWER), Some(30));
        assert_eq!(given_up(0, STUCK), Some(60));
    }

    #[test]
    fn a_connection_that_moves_is_not_given_up() {
        let mut watch = Watch::default();
        let slowly = |look: &u64| watch.gives_up(look / 19, 1_000_000 * look, STUCK);
        assert_eq!((1..1000).find(slowly), None);
    }

    #[test]
    fn only_a_plain_word_is_taken_for_a_code() {
        let code = |text: &str| error_code(&format!("<Error><Code>{text}</Code></Error>"));
        assert_eq!(code("SlowDown").as_deref(), Some("SlowDown"));
        assert_eq!(code("https://b/?X-Amz-Signature=1"), None);
        assert_eq!(error_code("<html>"), None);
    }
}
