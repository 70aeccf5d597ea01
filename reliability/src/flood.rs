//! Requests at a rate of their own, whatever comes of those before them, from one thread that does as little as it can: the
//! bytes are made once, and of an answer only its status, its length and its first bytes are looked at.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

use crate::clock::Stopwatch;
use crate::error::{At, Outcome};

/// How much of an answer is kept: its head, and an id right behind it.
const KEPT: usize = 1500;
/// How often it is looked which requests are due.
const TICK: Duration = Duration::from_millis(1);
/// How long the last answers are waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is sent, and how.
#[derive(Debug, Clone)]
pub struct Flood {
    /// Host and port.
    pub address: String,
    /// Requests, by turns.
    pub requests: Vec<Vec<u8>>,
    /// How many connections there are at most, each with one request at a time.
    pub sockets: usize,
    /// How many each second; when 0, each connection sends the next request as soon as it is answered.
    pub rate: f64,
    /// For how long.
    pub lasts: Duration,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Which of the requests it was.
    pub request: usize,
    /// The HTTP status; 0 when the connection broke.
    pub status: u16,
    /// From when it was due to the end of the answer, in milliseconds.
    pub millis: f64,
    /// Whether it said when to come back.
    pub retry_after: bool,
    /// The id at the beginning of its body.
    pub id: Option<String>,
}

/// What came of a flood.
#[derive(Debug, Default)]
pub struct Came {
    /// Every answer.
    pub answers: Vec<Answered>,
    /// How many were due when all connections were waiting for an answer, and were not sent.
    pub unsent: u64,
    /// How long it lasted, in seconds, without the wait for the last answers.
    pub seconds: f64,
    /// The processor time it took here, in seconds.
    pub cpu_seconds: f64,
}

impl Came {
    /// How many answers a second had such a status.
    pub fn rate_of(&self, has: impl Fn(u16) -> bool) -> f64 {
        let count = self.answers.iter().filter(|one| has(one.status)).count();
        count as f64 / self.seconds
    }

    /// A share of the answers with such a status took at most this, in milliseconds.
    pub fn millis(&self, has: impl Fn(u16) -> bool, share: f64) -> f64 {
        let answers = self.answers.iter().filter(|one| has(one.status));
        let mut millis: Vec<_> = answers.map(|one| one.millis).collect();
        millis.sort_by(f64::total_cmp);
        let last = millis.len().saturating_sub(1) as f64;
        millis.get((last * share) as usize).copied().unwrap_or(0.0)
    }
}

impl Flood {
    /// Sends it all from a thread of its own.
    ///
    /// # Errors
    /// There is no such thread.
    pub async fn run(self) -> Outcome<Came> {
        let (tell, told) = tokio::sync::oneshot::channel();
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let came = runtime.map(|runtime| LocalSet::new().block_on(&runtime, self.send()));
            // Nobody waits any more when the scenario was given up.
            let _ = tell.send(came);
        };
        std::thread::Builder::new()
            .name("flood".to_owned())
            .spawn(work)?;
        Ok(told.await.at("the flood")??)
    }

    async fn send(self) -> Came {
        let (cpu, watch) = (cpu_seconds(), Stopwatch::start());
        let state = Rc::new(State::new(&self));
        match self.rate {
            0.0 => self.closed(&state, watch).await,
            _ => self.open(&state, watch).await,
        }
        let seconds = watch.elapsed().as_secs_f64();
        let rest = Stopwatch::start();
        while state.away.get() > 0 && rest.elapsed() < PATIENCE {
            tokio::time::sleep(TICK).await;
        }
        let answers = state.answers.take();
        Came {
            unsent: state.unsent.get() + state.away.get() as u64,
            answers,
            seconds,
            cpu_seconds: cpu_seconds() - cpu,
        }
    }

    /// What is due is sent, if a connection is free.
    async fn open(&self, state: &Rc<State>, watch: Stopwatch) {
        let mut ticks = tokio::time::interval(TICK);
        let mut sent = 0_u64;
        while watch.elapsed() < self.lasts {
            ticks.tick().await;
            let due = (watch.elapsed().as_secs_f64() * self.rate) as u64;
            for number in sent..due {
                let at = Duration::from_secs_f64(number as f64 / self.rate);
                match state.away.get() < self.sockets {
                    true => state.send(number, watch, at),
                    false => state.unsent.set(state.unsent.get() + 1),
                }
            }
            sent = due;
        }
    }

    /// Every connection has a request under way.
    async fn closed(&self, state: &Rc<State>, watch: Stopwatch) {
        let mut number = 0;
        while watch.elapsed() < self.lasts {
            while state.away.get() < self.sockets {
                let at = watch.elapsed();
                state.send(number, watch, at);
                number += 1;
            }
            state.back.notified().await;
        }
    }
}

struct State {
    address: String,
    requests: Vec<Vec<u8>>,
    idle: RefCell<Vec<TcpStream>>,
    answers: RefCell<Vec<Answered>>,
    /// What bodies are read into and forgotten.
    scratch: RefCell<Vec<u8>>,
    /// How many requests wait for their answer.
    away: Cell<usize>,
    unsent: Cell<u64>,
    back: tokio::sync::Notify,
}

impl State {
    fn new(flood: &Flood) -> Self {
        Self {
            address: flood.address.clone(),
            requests: flood.requests.clone(),
            idle: RefCell::default(),
            answers: RefCell::default(),
            scratch: RefCell::new(vec![0; 64 * 1024]),
            away: Cell::new(0),
            unsent: Cell::new(0),
            back: tokio::sync::Notify::new(),
        }
    }

    /// Has one request sent.
    fn send(self: &Rc<Self>, number: u64, watch: Stopwatch, due: Duration) {
        self.away.set(self.away.get() + 1);
        let state = Rc::clone(self);
        spawn_local(async move { one(&state, number, watch, due).await });
    }
}

/// Sends one request and waits for its answer.
async fn one(state: &State, number: u64, watch: Stopwatch, due: Duration) {
    let request = usize::try_from(number).unwrap_or(0) % state.requests.len();
    let answer = exchange(state, request).await;
    let millis = (watch.elapsed() - due).as_secs_f64() * 1000.0;
    let head = answer.unwrap_or_default();
    let answered = read(&head, request, millis);
    state.answers.borrow_mut().push(answered);
    state.away.set(state.away.get() - 1);
    state.back.notify_one();
}

/// What was kept of an answer, after all of it was read.
async fn exchange(state: &State, request: usize) -> io::Result<Vec<u8>> {
    let known = state.idle.borrow_mut().pop();
    let mut stream = match known {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(&state.address).await?;
            stream.set_nodelay(true)?;
            stream
        }
    };
    stream.write_all(&state.requests[request]).await?;
    let mut kept = Vec::with_capacity(KEPT);
    let (mut got, mut whole) = (0_usize, usize::MAX);
    while got < whole {
        stream.readable().await?;
        let mut scratch = state.scratch.borrow_mut();
        let read = match stream.try_read(&mut scratch[..]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            read => read?,
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        got += read;
        if kept.len() < KEPT {
            kept.extend_from_slice(&scratch[..read.min(KEPT - kept.len())]);
            whole = length(&kept).unwrap_or(usize::MAX);
        }
    }
    if header(&kept, "connection: close").is_none() {
        state.idle.borrow_mut().push(stream);
    }
    Ok(kept)
}

/// The length of an answer, head and body, once its head is there.
fn length(kept: &[u8]) -> Option<usize> {
    let head = kept.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let body = header(kept, "content-length: ").and_then(|value| value.parse().ok());
    Some(head + body.unwrap_or(0_usize))
}

/// What stands behind the beginning of a line of the head.
fn header<'a>(kept: &'a [u8], begins: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(kept).unwrap_or_else(|error| {
        std::str::from_utf8(&kept[..error.valid_up_to()]).unwrap_or_default()
    });
    let head = text.split("\r\n\r\n").next()?;
    head.split("\r\n")
        .find_map(|line| line.strip_prefix(begins))
}

fn read(kept: &[u8], request: usize, millis: f64) -> Answered {
    let status = header(kept, "HTTP/1.1 ").and_then(|line| line.get(..3)?.parse().ok());
    let text = String::from_utf8_lossy(kept);
    let id = text.split_once("\r\n\r\n{\"id\":\"");
    let id = id.and_then(|(_, rest)| rest.split('"').next());
    Answered {
        request,
        status: status.unwrap_or(0),
        millis,
        retry_after: header(kept, "retry-after: ").is_some(),
        id: id.map(str::to_owned),
    }
}

/// The processor time of this thread so far, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split_whitespace().next();
    nanos
        .and_then(|nanos| nanos.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_answer_its_status_its_length_and_its_id_are_read() {
        let text = "HTTP/1.1 201 Created\r\ncontent-length: 11\r\n\r\n{\"id\":\"ab\"}";
        let answer = read(text.as_bytes(), 3, 1.5);
        assert_eq!((answer.request, answer.status), (3, 201));
        assert_eq!(answer.id.as_deref(), Some("ab"));
        assert!(!answer.retry_after);
        assert_eq!(length(text.as_bytes()), Some(text.len()));
        assert_eq!(length(&text.as_bytes()[..30]), None);
        let busy = "HTTP/1.1 503 Busy\r\nretry-after: 2\r\n\r\n";
        let answer = read(busy.as_bytes(), 0, 1.0);
        assert_eq!((answer.status, answer.retry_after), (503, true));
        assert_eq!(read(&[], 0, 1.0).status, 0);
    }
}
