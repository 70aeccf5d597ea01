use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const START: Duration = Duration::from_secs(100);

fn fail(breaker: &mut Breaker, times: u32) -> Option<BreakerState> {
    let mut change = None;
    for _ in 0..times {
        let pass = breaker.admit(START).unwrap();
        change = breaker.learn(pass, Lesson::Silent, START);
    }
    change
}

fn open() -> Breaker {
    let mut breaker = Breaker::new(7);
    assert_eq!(fail(&mut breaker, 10), Some(BreakerState::Open));
    breaker
}

#[test]
fn ten_silent_calls_open_it_and_one_good_probe_closes_it() {
    let mut breaker = Breaker::new(7);
    assert_eq!(fail(&mut breaker, 9), None);
    assert_eq!(fail(&mut breaker, 1), Some(BreakerState::Open));
    assert_eq!(breaker.admit(START), None);
    let later = START + OPEN_BASE;
    let probe = breaker.admit(later).unwrap();
    assert_eq!(breaker.admit(later), None, "only one probe at a time");
    let change = breaker.learn(probe, Lesson::Answers, later);
    assert_eq!(change, Some(BreakerState::Closed));
    assert_eq!(fail(&mut breaker, 9), None, "nothing is left of before");
}

#[test]
fn probes_that_fail_come_ever_more_rarely_but_never_stop() {
    let mut breaker = open();
    let mut now = START;
    for _ in 0..50 {
        now += OPEN_CAP;
        let probe = breaker.admit(now).unwrap();
        assert_eq!(breaker.learn(probe, Lesson::Silent, now), None);
    }
}

#[test]
fn a_probe_whose_caller_went_away_makes_room_for_the_next() {
    let mut breaker = open();
    let later = START + OPEN_BASE;
    let probe = breaker.admit(later).unwrap();
    assert_eq!(breaker.learn(probe, Lesson::Nothing, later), None);
    assert!(breaker.admit(later).is_some());
}

#[test]
fn a_ping_always_passes_and_closes_it_when_answered() {
    let mut breaker = open();
    let silent = breaker.admit_ping(START);
    assert_eq!(breaker.learn(silent, Lesson::Silent, START), None);
    assert_eq!(breaker.admit(START), None);
    let good = breaker.admit_ping(START);
    let change = breaker.learn(good, Lesson::Answers, START);
    assert_eq!(change, Some(BreakerState::Closed));
    assert!(breaker.admit(START).is_some());
}

#[test]
fn calls_that_began_before_it_opened_do_not_close_it() {
    let mut breaker = Breaker::new(7);
    let early = breaker.admit(START).unwrap();
    assert_eq!(fail(&mut breaker, 10), Some(BreakerState::Open));
    assert_eq!(breaker.learn(early, Lesson::Answers, START), None);
    assert_eq!(breaker.admit(START), None);
}

#[test]
fn other_seeds_wait_otherwise() {
    let until = |seed| {
        let mut breaker = Breaker::new(seed);
        fail(&mut breaker, 10);
        match breaker.phase {
            Phase::Open { until, .. } => until,
            Phase::Closed { .. } => panic!("closed"),
        }
    };
    assert_ne!(until(1), until(2));
    assert_eq!(until(1), until(1));
}

/// What happens next: a call begins, the oldest or the newest one ends, time passes.
#[derive(Debug, Clone)]
enum Event {
    Call,
    Ping,
    End { newest: bool, lesson: Lesson },
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let lesson = prop_oneof![
        2 => Just(Lesson::Answers),
        3 => Just(Lesson::Silent),
        1 => Just(Lesson::Nothing),
    ];
    prop_oneof![
        4 => Just(Event::Call),
        1 => Just(Event::Ping),
        4 => (any::<bool>(), lesson).prop_map(|(newest, lesson)| Event::End { newest, lesson }),
        1 => (0..20_000_u64).prop_map(Event::Wait),
    ]
}

proptest! {
    /// Against the plain words: it opens exactly at 10 of the last 20, lets one probe in while open, and never
    /// stays open once storage is known to answer.
    #[test]
    fn it_does_what_it_promises(events in prop::collection::vec(event(), 0..400), seed: u64) {
        let mut breaker = Breaker::new(seed);
        let mut now = START;
        let mut running: VecDeque<Pass> = VecDeque::new();
        let mut latest: VecDeque<bool> = VecDeque::new();
        let mut is_open = false;
        for event in events {
            match event {
                Event::Wait(millis) => now += Duration::from_millis(millis),
                Event::Ping => running.push_back(breaker.admit_ping(now)),
                Event::Call => {
                    let pass = breaker.admit(now);
                    prop_assert!(pass.is_some() || is_open);
                    running.extend(pass);
                }
                Event::End { newest, lesson } => {
                    let ended = if newest { running.pop_back() } else { running.pop_front() };
                    let Some(pass) = ended else { continue };
                    let current = pass.generation == breaker.generation;
                    let change = breaker.learn(pass, lesson, now);
                    if current && !is_open && lesson != Lesson::Nothing {
                        latest.push_back(lesson == Lesson::Silent);
                        if latest.len() > 20 {
                            latest.pop_front();
                        }
                    }
                    let expected = match is_open {
                        false if latest.iter().filter(|silent| **silent).count() >= 10 => {
                            Some(BreakerState::Open)
                        }
                        true if current && lesson == Lesson::Answers => Some(BreakerState::Closed),
                        _ => None,
                    };
                    prop_assert_eq!(change, expected);
                    if let Some(state) = change {
                        is_open = state == BreakerState::Open;
                        latest.clear();
                    }
                }
            }
            let probes = running.iter().filter(|pass| {
                pass.role == Role::Probe && pass.generation == breaker.generation
            });
            prop_assert!(probes.count() <= 1);
        }
    }
}
