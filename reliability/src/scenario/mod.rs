//! The promises, one file each, and how they are put to the test.

pub mod broken;
pub mod chance;
pub mod clocks;
pub mod database;
pub mod disk;
pub mod engine;
pub mod histories;
pub mod kills;
pub mod load;
pub mod order;
pub mod orphans;
pub mod overload;
pub mod races;
pub mod replays;
pub mod replicas;
pub mod script;
pub mod sinks;
pub mod steady;
pub mod storage;
pub mod swaps;
pub mod transfers;

use std::pin::Pin;

use crate::error::Outcome;
use crate::report::{Setting, Tally};

/// A scenario that runs.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome<Tally>> + 'a>>;

/// A promise and what puts it to the test.
pub struct Promise {
    /// Its name on the command line and in results.
    pub name: &'static str,
    /// What is promised.
    pub text: &'static str,
    /// What is counted as one try.
    pub tries: &'static str,
    /// How many pieces the long run has.
    pub pieces: u64,
    /// What puts it to the test.
    pub run: for<'a> fn(&'a Setting) -> Running<'a>,
}

macro_rules! promises {
    ($($name:literal $pieces:literal $run:path, $text:literal, $tries:literal;)+) => {
        /// Every promise, in the order of the report.
        pub const PROMISES: &[Promise] = &[$(Promise {
            name: $name,
            text: $text,
            tries: $tries,
            pieces: $pieces,
            run: |setting| Box::pin($run(setting)),
        }),+];
    };
}

promises! {
    "histories" 10 histories::beside_a_model,
        "Whatever clients do, storage does to them and clocks jump: every answer, list and download is what an \
         executable model says; audit log, events and accounts agree with the rows", "histories of 40 steps";
    "kills" 10 kills::at_every_point,
        "Killed (-9) at any fail point, while serving or sweeping: nothing acknowledged is lost, and it is ready \
         again within 2 s", "kills";
    "chance" 5 chance::random_kills,
        "Killed at any moment under load: the same", "kills";
    "restart" 1 chance::many_open_uploads,
        "Ready again within 2 s with 10,000 open uploads", "restarts after a kill";
    "order" 1 order::flushed_before_the_answer,
        "What is acknowledged was flushed to disk before the answer leaves (read off the system calls)",
        "acknowledgements";
    "swaps" 1 swaps::while_completing,
        "Bytes swapped while an upload is completed: refused, or the file is what its record says", "swaps";
    "stopped" 1 swaps::behind_a_stopped_worker,
        "A worker stopped (SIGSTOP) before its copy, and woken after the bytes were swapped or the upload URL used \
         again, promotes nothing but what it recorded", "stops";
    "replays" 1 replays::after_the_end,
        "An upload URL used again after complete, delete and the sweep changes nothing anybody sees and leaves \
         nothing", "replays";
    "crowds" 1 races::crowds,
        "Fifty who complete at once: one transition, one event, fifty equal answers", "crowds of fifty";
    "races" 1 races::complete_expire_delete,
        "Complete, expire and delete at once: one winner", "races";
    "sweeps" 1 races::sweeps_against_clients,
        "Two sweeps, complete and delete at once: each upload has one end, which fits its answers", "races";
    "orphans" 1 orphans::abandoned,
        "Uploads abandoned at every step: when their time is over, storage and catalog account for each other",
        "abandoned uploads";
    "late" 1 transfers::late,
        "A transfer that begins a second before its URL ends and ends after it: a file once it is verified and never \
         before, or, when nobody waits for it any more, gone by the horizon", "late transfers";
    "cuts" 1 transfers::broken_connections,
        "Connections that break in the middle of a part: our client sends at most that part again", "large files";
    "answers" 1 storage::lost_answers,
        "Storage does what it is told and its answer is lost: it becomes a file within 30 s, once", "uploads";
    "outages" 1 storage::outages,
        "Storage fails, stalls or is gone: the API answers within 5 s, with 503 and Retry-After where it cannot do \
         its work, and all goes on afterwards", "answers during outages";
    "clocks" 1 clocks::moved,
        "Clocks of service and store less than five minutes apart: all goes on; farther apart: nothing is signed, the \
         answer is clock_skew, and it heals with the clocks; never does an upload end early", "clocks";
    "shifted" 1 clocks::shifted,
        "The server process 15 minutes before or behind its storage (faketime): clock_skew, and nothing is lost",
        "shifted lives";
    "disk" 1 disk::full,
        "A full disk (32 MiB): writes are refused as storage_full, reads go on, and it heals without a restart",
        "full disks";
    "broken" 1 broken::disk,
        "A disk that fails (EIO on fsync or on writing, always or now and then): what is acknowledged is kept, all \
         else is told as an outage, reads of the catalog go on, and it heals without a restart", "failing disks";
    "ends" 1 load::ends,
        "SIGTERM under load: no acknowledgement is lost, and it ends within 10 s", "ends";
    "idlers" 1 load::idlers,
        "Ten thousand idle and slow connections, with 512 files and with enough: health answers within 100 ms, memory \
         stays below 256 MiB, and all are closed by the header timeout", "health checks";
    "overload" 1 overload::flooded,
        "Ten times what it can do: what is let in is answered within the deadline of the line and the time it takes, all \
         else is told at once to come back; nothing acknowledged is lost, memory stays below 256 MiB, health and metrics \
         answer, and within 2 s it is as before", "requests";
    "sinks" 1 sinks::unharmed,
        "Webhooks that fail, hang, hang up or are slow lose nothing and keep no other one waiting; each file's events \
         come in order", "files";
    "kills-postgres" 4 kills::on_postgres,
        "On PostgreSQL, a server killed (-9) at any fail point, while serving or sweeping: the same as with SQLite",
        "kills";
    "falls" 2 database::falls,
        "PostgreSQL killed (-9) at any fail point of the server: nothing acknowledged is lost, and it heals within \
         10 s", "kills";
    "restarts" 2 database::restarts,
        "PostgreSQL restarted (pg_ctl restart -m immediate) again and again under load: every answer is right, or 503 \
         with Retry-After within 5 s; it heals within 10 s, and nothing acknowledged is lost", "answers";
    "takeovers" 1 database::takeovers,
        "A synchronous standby is promoted after its primary was killed (-9) under load: the same", "answers";
    "replicas" 1 replicas::races,
        "Two and four servers at the same uploads and deliveries, with sweeps everywhere, one of them stopped (SIGSTOP) \
         for longer than the leases it holds: each thing happens once and is told under one id, in order, and the \
         accounts hold", "rounds of races";
    "rolling" 1 replicas::rolling,
        "Two servers restarted in turn (SIGTERM) under load: no request fails, but for connections that are refused \
         and asked for at the other", "answers";
}
