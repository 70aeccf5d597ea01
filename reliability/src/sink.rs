//! Sinks for webhooks: one that notes what it is told, and others that fail, hang, dawdle or hang up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::clock::{self, Stopwatch};
use crate::driver::Driver;
use crate::error::{At, Outcome};
use crate::report::Tally;
use crate::service::{Service, Setup};

/// What every endpoint here is signed for: `whsec_` and 24 bytes.
const SECRET: &str = "whsec_dGhpcyBpcyBub3QgYSBzZWNyZXQhISEh";
/// Longer than any lease on a delivery, and the first pauses between attempts.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a sink does when it is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It answers 200 at once.
    Good,
    /// It answers 200 after a while.
    Slow(Duration),
    /// It answers 500.
    Failing,
    /// It reads, and never answers.
    Hanging,
    /// It hangs up before it answers.
    Resetting,
}

/// One message, as it came in.
#[derive(Debug, Clone)]
struct Told {
    id: String,
    lag_millis: f64,
}

/// An endpoint on loopback.
#[derive(Debug)]
pub struct Sink {
    name: String,
    url: String,
    told: Arc<Mutex<Vec<Told>>>,
    task: JoinHandle<()>,
}

impl Sink {
    /// Listens.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn open(name: &str, manner: Manner) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let told = Arc::<Mutex<Vec<Told>>>::default();
        Ok(Self {
            name: name.to_owned(),
            url,
            told: told.clone(),
            task: tokio::spawn(listen(listener, manner, told)),
        })
    }

    /// A service, which does not run yet, and a good sink that it tells everything.
    ///
    /// # Errors
    /// There is no free port, or the folder cannot be written.
    pub async fn beside(program: &Path, folder: &Path) -> Outcome<(Service, Self)> {
        let sink = Self::open("sink", Manner::Good).await?;
        let mut setup = Setup::new(program, folder);
        setup.tables = Self::config(&[&sink]);
        Ok((Service::new(&setup)?, sink))
    }

    /// The table that makes a service tell these sinks everything.
    pub fn config(sinks: &[&Self]) -> String {
        let mut text =
            "[webhooks]\nallow_http = true\nallow_addresses = [\"127.0.0.0/8\"]\n".to_owned();
        for Self { name, url, .. } in sinks {
            text.push_str(&format!(
                "[[webhooks.endpoints]]\nid = \"{name}\"\nurl = \"{url}\"\nsecret = \"{SECRET}\"\n"
            ));
        }
        text
    }

    /// How long after it happened each message was here, in milliseconds, the shortest first.
    pub fn lags(&self) -> Vec<f64> {
        let mut lags: Vec<f64> = self.told().iter().map(|told| told.lag_millis).collect();
        lags.sort_by(f64::total_cmp);
        lags
    }

    /// How many messages came.
    pub fn count(&self) -> usize {
        self.told().len()
    }

    /// Waits until everything that happened to this user's files was told, and judges what was: no other event than
    /// those, and the first tellings of each file's in their order.
    ///
    /// # Errors
    /// The events cannot be asked for.
    pub async fn judge(&self, driver: &Driver, tally: &mut Tally) -> Outcome<()> {
        let watch = Stopwatch::start();
        let missing = loop {
            // What was told before it is asked what happened must be among that, and what happened before it is asked
            // what was told must have been told.
            let before = self.ids();
            let happened = events(driver).await?;
            if let Some(strange) = before.difference(&happened).next() {
                tally.wrong(format!("{}: {strange} never happened", self.name));
            }
            let missing: Vec<String> = happened.difference(&self.ids()).cloned().collect();
            if missing.is_empty() || watch.elapsed() > PATIENCE {
                break missing;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        if let Some(one) = missing.first() {
            let count = missing.len();
            tally.wrong(format!("{}: {count} were never told, as {one}", self.name));
        }
        self.judge_order(tally)
    }

    fn judge_order(&self, tally: &mut Tally) -> Outcome<()> {
        let (mut known, mut last) = (BTreeSet::new(), BTreeMap::new());
        for Told { id, .. } in self.told().iter() {
            if !known.insert(id.clone()) {
                continue;
            }
            let (file, seq) = id.rsplit_once('_').at("an event's id")?;
            let seq: u64 = seq.parse()?;
            if let Some(before) = last.insert(file.to_owned(), seq)
                && before >= seq
            {
                tally.wrong(format!("{}: {id} came after {before}", self.name));
            }
        }
        let (all, events) = (self.count() as u64, known.len() as u64);
        tally.count("events told", events);
        tally.count("told twice under one id", all - events);
        Ok(())
    }

    fn ids(&self) -> BTreeSet<String> {
        self.told().iter().map(|told| told.id.clone()).collect()
    }

    fn told(&self) -> MutexGuard<'_, Vec<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The ids of everything that happened to this user's files.
async fn events(driver: &Driver) -> Outcome<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    let mut place = "from=oldest".to_owned();
    loop {
        let path = format!("/v1/events?limit=1000&{place}");
        let page = driver.call(Method::GET, &path, &Value::Null).await?;
        let page = page.expect(200)?;
        let events = page["events"].as_array().at("a page of events")?;
        ids.extend(
            events
                .iter()
                .filter_map(|one| Some(one["id"].as_str()?.to_owned())),
        );
        if page["has_more"] != true {
            return Ok(ids);
        }
        let cursor = page["next_cursor"].as_str().at("a cursor")?;
        place = format!("cursor={cursor}");
    }
}

async fn listen(listener: TcpListener, manner: Manner, told: Arc<Mutex<Vec<Told>>>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, manner, told.clone()));
        }
    }
}

async fn serve(stream: TcpStream, manner: Manner, told: Arc<Mutex<Vec<Told>>>) {
    let service = service_fn(move |request| hear(request, manner, told.clone()));
    // A connection that breaks is what the sender is for.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Notes a message when it is taken, and answers, or not.
async fn hear(
    request: Request<Incoming>,
    manner: Manner,
    told: Arc<Mutex<Vec<Told>>>,
) -> std::io::Result<Response<Full<Bytes>>> {
    let body = request.into_body().collect().await;
    let body = body.map_err(std::io::Error::other)?.to_bytes();
    let status = match manner {
        Manner::Good => StatusCode::OK,
        Manner::Slow(pause) => {
            tokio::time::sleep(pause).await;
            StatusCode::OK
        }
        Manner::Failing => StatusCode::INTERNAL_SERVER_ERROR,
        Manner::Hanging => std::future::pending().await,
        Manner::Resetting => return Err(std::io::Error::other("hung up")),
    };
    if status.is_success()
        && let Some(one) = read(&body)
    {
        told.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(one);
    }
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    Ok(answer)
}

fn read(body: &[u8]) -> Option<Told> {
    let event: Value = serde_json::from_slice(body).ok()?;
    let happened: Timestamp = event["timestamp"].as_str()?.parse().ok()?;
    Some(Told {
        id: event["id"].as_str()?.to_owned(),
        lag_millis: clock::now().duration_since(happened).as_secs_f64() * 1000.0,
    })
}
