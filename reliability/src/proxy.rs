//! A TCP proxy that misbehaves: by one rule for all connections, or by a script that a seed writes for each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::dice::Dice;
use crate::error::Outcome;

/// What is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Pass,
    /// Every chunk waits.
    Delay {
        /// In milliseconds.
        millis: u64,
    },
    /// Bytes come slowly, in both directions.
    Limit {
        /// So many of them in a second.
        bytes_per_second: u64,
    },
    /// It is reset as soon as the client has said something.
    Reset,
    /// What the client says never ends, and no answer comes: its sending side is closed towards the server.
    HalfClose,
    /// Everything is taken, and nothing comes back.
    Blackhole,
    /// It is reset after so many bytes of the answer.
    CutAfter {
        /// Bytes that still come through.
        bytes: u64,
    },
    /// It is reset after so many bytes of the request.
    CutRequestAfter {
        /// Bytes that still come through.
        bytes: u64,
    },
    /// Some connections, as the seed says, are reset before so many bytes of the request.
    CutSome {
        /// The most that still comes through.
        within: u64,
    },
    /// Each connection gets one of the others, as the seed says.
    Chance,
}

/// A proxy before one address.
#[derive(Debug)]
pub struct Proxy {
    /// Where it is reached.
    pub url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    mode: Mutex<Mode>,
    target: SocketAddr,
    seed: u64,
    connections: AtomicU64,
    struck: AtomicU64,
    uploaded: AtomicU64,
}

impl Proxy {
    /// Stands before a server's address.
    ///
    /// # Errors
    /// There is no port for it.
    pub async fn start(target: SocketAddr, seed: u64) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            mode: Mutex::new(Mode::Pass),
            target,
            seed,
            connections: AtomicU64::new(0),
            struck: AtomicU64::new(0),
            uploaded: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { url, shared, task })
    }

    /// Changes what happens, also to connections that are open.
    pub fn set(&self, mode: Mode) {
        *self
            .shared
            .mode
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// How many connections did not go as they should.
    pub fn struck(&self) -> u64 {
        self.shared.struck.load(Ordering::Relaxed)
    }

    /// How many bytes clients sent.
    pub fn uploaded(&self) -> u64 {
        self.shared.uploaded.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// What happens to a connection at this moment.
    fn mode(&self, dice: &Dice) -> Mode {
        let mode = *self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        match mode {
            Mode::Chance => script(&mut dice.clone()),
            Mode::CutSome { within } => cut(&mut dice.clone(), within),
            mode => mode,
        }
    }
}

/// One connection in three is cut.
fn cut(dice: &mut Dice, within: u64) -> Mode {
    let within = usize::try_from(within).unwrap_or(usize::MAX);
    match dice.below(3) {
        0 => Mode::CutRequestAfter {
            bytes: dice.below(within) as u64,
        },
        _ => Mode::Pass,
    }
}

/// What the dice write for one connection.
fn script(dice: &mut Dice) -> Mode {
    match dice.below(10) {
        0 => Mode::Delay {
            millis: 50 + dice.below(400) as u64,
        },
        1 => Mode::Limit {
            bytes_per_second: 2000 + dice.below(100_000) as u64,
        },
        2 => Mode::Reset,
        3 => Mode::HalfClose,
        4 => Mode::CutAfter {
            bytes: dice.below(400) as u64,
        },
        _ => Mode::Pass,
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        let dice = Dice::part(shared.seed, number);
        tokio::spawn(carry(client, Arc::clone(&shared), dice));
    }
}

/// Carries bytes both ways until one side, or the mode, ends it.
async fn carry(mut client: TcpStream, shared: Arc<Shared>, dice: Dice) {
    if shared.mode(&dice) != Mode::Pass {
        shared.struck.fetch_add(1, Ordering::Relaxed);
    }
    let Ok(mut server) = TcpStream::connect(shared.target).await else {
        return;
    };
    for socket in [&client, &server] {
        let _ = socket.set_nodelay(true);
    }
    let reset = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = pump(from_client, to_server, &shared, &dice, true);
        let down = pump(from_server, to_client, &shared, &dice, false);
        tokio::pin!(up, down);
        // One direction that has ended lets the other go on; a reset is for both.
        tokio::select! {
            reset = &mut up => reset || down.await,
            reset = &mut down => reset || up.await,
        }
    };
    if reset {
        for socket in [&client, &server] {
            // Nothing lingers, so that closing is abrupt.
            let _ = socket.set_zero_linger();
        }
    }
}

/// Carries one direction; tells whether the connection is to be reset.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
    dice: &Dice,
    is_request: bool,
) -> bool {
    let mut buffer = vec![0; CHUNK];
    let mut carried = 0_u64;
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            let _ = to.shutdown().await;
            return false;
        }
        if is_request {
            shared.uploaded.fetch_add(read as u64, Ordering::Relaxed);
        }
        let mut chunk = &buffer[..read];
        match shared.mode(dice) {
            Mode::Pass | Mode::Chance | Mode::CutSome { .. } => {}
            Mode::Delay { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
            Mode::Limit { bytes_per_second } => {
                let millis = read as u64 * 1000 / bytes_per_second.max(1);
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            Mode::Reset => return true,
            Mode::HalfClose if is_request => {
                let _ = to.shutdown().await;
                continue;
            }
            Mode::HalfClose => {}
            Mode::Blackhole => continue,
            Mode::CutAfter { bytes } if !is_request => chunk = cut_off(chunk, bytes, carried),
            Mode::CutRequestAfter { bytes } if is_request => {
                chunk = cut_off(chunk, bytes, carried);
            }
            Mode::CutAfter { .. } | Mode::CutRequestAfter { .. } => {}
        }
        carried += chunk.len() as u64;
        let cut = chunk.len() < read;
        if to.write_all(chunk).await.is_err() || cut {
            return cut;
        }
    }
}

/// What of a chunk still comes through.
fn cut_off(chunk: &[u8], bytes: u64, carried: u64) -> &[u8] {
    let left = usize::try_from(bytes.saturating_sub(carried)).unwrap_or(0);
    &chunk[..chunk.len().min(left)]
}
