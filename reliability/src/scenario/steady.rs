//! Clients that go on whatever happens: what is told as an outage is asked again until it is done, and every answer
//! on the way is judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::clock::Stopwatch;
use crate::dice::Dice;
use crate::driver::{Driver, Reply, wish};
use crate::error::{At, Failure, Outcome};
use crate::report::Tally;

/// An answer must be there within this, in milliseconds: five seconds, and a little for a busy machine.
const ANSWER_MILLIS: f64 = 5500.0;
/// Longer than any outage, and any lease that is lost in one.
const GIVE_UP: Duration = Duration::from_secs(90);
/// How long a client pauses before it asks again.
const PAUSE: Duration = Duration::from_millis(100);

/// What may be answered besides what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Nothing.
    Nothing,
    /// 503 with `Retry-After`.
    Outages,
}

/// Clients at work.
pub struct Steady {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Tally>>,
}

impl Steady {
    /// Sets so many clients to work.
    pub fn start(driver: &Driver, allowed: Allowed, clients: u64, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::default());
        let begin = |number| {
            let client = Client {
                driver: driver.clone(),
                allowed,
                stop: stop.clone(),
                name: format!("{seed}-{number}"),
                tally: Tally::default(),
            };
            tokio::spawn(client.work(Dice::part(seed, 7_000_000 + number)))
        };
        Self {
            clients: (0..clients).map(begin).collect(),
            stop,
        }
    }

    /// Lets each of them come to the end of what it is at.
    ///
    /// # Errors
    /// One of them broke down.
    pub async fn end(self, tally: &mut Tally) -> Outcome<()> {
        self.stop.store(true, Ordering::Relaxed);
        for client in join_all(self.clients).await {
            tally.add(client?);
        }
        Ok(())
    }
}

struct Client {
    driver: Driver,
    allowed: Allowed,
    stop: Arc<AtomicBool>,
    name: String,
    tally: Tally,
}

/// What a client asks for.
enum Verb<'a> {
    /// An upload, under a key.
    Create(&'a str, &'a Value),
    Complete(&'a str),
    List,
    Delete(&'a str),
}

impl Verb<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Create(..) => "create",
            Self::Complete(_) => "complete",
            Self::List => "list",
            Self::Delete(_) => "delete",
        }
    }

    /// The answer that says it is done.
    fn done(&self) -> u16 {
        match self {
            Self::Create(..) => 201,
            Self::Complete(_) | Self::List => 200,
            Self::Delete(_) => 204,
        }
    }

    async fn ask(&self, driver: &Driver) -> Outcome<Reply> {
        match self {
            Self::Create(key, wish) => driver.post_once(key, wish).await,
            Self::Complete(id) => driver.complete(id).await,
            Self::List => driver.get("/v1/files?limit=10").await,
            Self::Delete(id) => driver.delete(id).await,
        }
    }
}

impl Client {
    async fn work(mut self, mut dice: Dice) -> Tally {
        let mut round = 0_u64;
        while !self.stop.load(Ordering::Relaxed) {
            let key = format!("{}-{round}", self.name);
            if let Err(error) = self.once(&key, &mut dice).await {
                self.tally.wrong(format!("{key}: {error}"));
            }
            round += 1;
        }
        self.tally
    }

    /// One file from its creation on, some of them to their deletion.
    async fn once(&mut self, key: &str, dice: &mut Dice) -> Outcome<()> {
        let driver = self.driver.clone();
        let bytes = Bytes::from(dice.bytes(1 + dice.clone().below(20_000)));
        let wish = wish(&bytes);
        let created = self.until(Verb::Create(key, &wish)).await?;
        let id = driver.remember(&created.json(), bytes);
        driver.put(&id).await?;
        self.until(Verb::Complete(&id)).await?;
        self.tally.count("files made", 1);
        if dice.percent(30) {
            self.until(Verb::List).await?;
        }
        if dice.percent(20) {
            self.until(Verb::Delete(&id)).await?;
        }
        Ok(())
    }

    /// Asks until it is done. A verification that goes on elsewhere is asked for again, like an outage.
    async fn until(&mut self, verb: Verb<'_>) -> Outcome<Reply> {
        let begun = Stopwatch::start();
        while begun.elapsed() < GIVE_UP {
            let watch = Stopwatch::start();
            let answer = verb.ask(&self.driver).await.at(verb.name())?;
            let (status, millis) = (answer.status, watch.millis());
            self.tally.tried += 1;
            self.tally.longest("longest answer", millis);
            if millis > ANSWER_MILLIS {
                let name = verb.name();
                let late = format!("{name}: {status} only after {millis:.0} ms");
                self.tally.wrong(late);
            }
            match status {
                _ if status == verb.done() => return Ok(answer),
                202 if matches!(verb, Verb::Complete(_)) => self.tally.count("answers 202", 1),
                503 if self.is_told(&answer) => self.tally.count("answers 503", 1),
                _ => {
                    let wrong = format!("{}: {status} {}", verb.name(), answer.code());
                    return Err(Failure::new(wrong));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Failure::new("it did not come to an end").at(verb.name()))
    }

    /// Whether it is an outage that may be, with when to come back.
    fn is_told(&self, answer: &Reply) -> bool {
        self.allowed == Allowed::Outages && answer.retry_after.is_some()
    }
}
