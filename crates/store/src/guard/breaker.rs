//! When to stop asking: a circuit breaker, as a state machine without a clock.
//!
//! <https://martinfowler.com/bliki/CircuitBreaker.html>

use std::time::Duration;

use crate::backoff::Backoff;

/// How many of the latest calls count.
const WATCHED: u32 = 20;
/// How many of them without an answer open the breaker.
const TOO_MANY: u32 = WATCHED / 2;

/// The ceilings of the time the breaker stays open: the first one, and the highest after probes that failed.
const OPEN_BASE: Duration = Duration::from_secs(4);
const OPEN_CAP: Duration = Duration::from_secs(15);

/// Whether storage is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// It is.
    Closed,
    /// It is not, but for a probe from time to time.
    Open,
}

impl BreakerState {
    /// Its name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// Watches the calls to one bucket. Instants are times since any fixed beginning that never go back.
#[derive(Debug)]
pub(super) struct Breaker {
    phase: Phase,
    /// Counts openings and closings: a call that began before one of them says nothing about what came after.
    generation: u64,
    backoff: Backoff,
}

#[derive(Debug)]
enum Phase {
    /// One bit for each of the latest calls, set when there was no answer.
    Closed { missed: u32 },
    Open {
        until: Duration,
        probing: bool,
        /// How many probes failed.
        retries: u32,
    },
}

/// Leave to make one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    generation: u64,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Call,
    /// The one call that finds out whether storage is back.
    Probe,
    /// Somebody asked whether storage is there; no other call waits for the answer.
    Ping,
}

/// What a call says about storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lesson {
    /// It answers, be it with a refusal.
    Answers,
    /// It does not.
    Silent,
    /// Nothing: the caller went away.
    Nothing,
}

impl Breaker {
    /// A closed one; `seed` makes its pauses differ from those of other processes.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            phase: Phase::Closed { missed: 0 },
            generation: 0,
            backoff: Backoff {
                base: OPEN_BASE,
                cap: OPEN_CAP,
                seed,
            },
        }
    }

    /// Lets a call pass, or not.
    pub(super) fn admit(&mut self, now: Duration) -> Option<Pass> {
        let role = match &mut self.phase {
            Phase::Closed { .. } => Role::Call,
            Phase::Open { until, probing, .. } if *until <= now && !*probing => {
                *probing = true;
                Role::Probe
            }
            Phase::Open { .. } => return None,
        };
        Some(self.pass(role))
    }

    /// Lets a question pass whether storage is there: that must be found out at any time.
    pub(super) fn admit_ping(&mut self, now: Duration) -> Pass {
        self.admit(now).unwrap_or(self.pass(Role::Ping))
    }

    /// Learns from a call; tells when that opened or closed the breaker.
    pub(super) fn learn(
        &mut self,
        pass: Pass,
        lesson: Lesson,
        now: Duration,
    ) -> Option<BreakerState> {
        if pass.generation != self.generation {
            return None;
        }
        match (&mut self.phase, lesson) {
            (Phase::Closed { .. }, Lesson::Nothing) => None,
            (Phase::Closed { missed }, Lesson::Answers | Lesson::Silent) => {
                let latest = u32::from(lesson == Lesson::Silent);
                *missed = ((*missed << 1) | latest) & ((1 << WATCHED) - 1);
                let open = missed.count_ones() >= TOO_MANY;
                open.then(|| self.open(now))
            }
            (Phase::Open { .. }, Lesson::Answers) => Some(self.close()),
            (Phase::Open { probing, .. }, Lesson::Nothing) => {
                // Whoever comes next probes in its place.
                *probing &= pass.role != Role::Probe;
                None
            }
            (
                Phase::Open {
                    until,
                    probing,
                    retries,
                },
                Lesson::Silent,
            ) => {
                if pass.role == Role::Probe {
                    *retries += 1;
                    *until = now + self.backoff.pause(self.generation, *retries);
                    *probing = false;
                }
                None
            }
        }
    }

    fn open(&mut self, now: Duration) -> BreakerState {
        self.generation += 1;
        self.phase = Phase::Open {
            until: now + self.backoff.pause(self.generation, 0),
            probing: false,
            retries: 0,
        };
        BreakerState::Open
    }

    fn close(&mut self) -> BreakerState {
        self.generation += 1;
        self.phase = Phase::Closed { missed: 0 };
        BreakerState::Closed
    }

    fn pass(&self, role: Role) -> Pass {
        Pass {
            generation: self.generation,
            role,
        }
    }
}

#[cfg(test)]
mod tests;
