//! Two servers that share their limits by way of Redis, and what becomes of that while Redis is away.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

#[expect(dead_code, reason = "the suite of one server needs more of it")]
#[path = "http/world.rs"]
mod world;

use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use tempfile::TempDir;
use valetkey_protocol::Secret;
use valetkey_server::config::{Config, LimitsConfig, WhenAway};

use world::{User, World};

/// A Redis that ends with its test.
struct Redis(TempDir);

impl Redis {
    fn start() -> Self {
        let redis = Self(tempfile::tempdir().unwrap());
        redis.script("start", &[]);
        redis
    }

    fn script(&self, verb: &str, more: &[&str]) -> String {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/redis");
        let mut command = Command::new(program);
        let output = command.arg(verb).arg(self.0.path()).args(more).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Limits whose bursts are not given back while a test runs; patient, for a busy machine is not what is tested.
    fn limits(&self) -> LimitsConfig {
        LimitsConfig {
            anonymous_per_second: 0.01,
            anonymous_burst: 50,
            limit_loopback: true,
            principal_per_second: 0.01,
            principal_burst: 200,
            shared: Secret::new(self.script("url", &[])),
            shared_milliseconds: 1000,
            ..LimitsConfig::default()
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.script("stop", &[]);
    }
}

async fn with(limits: LimitsConfig) -> World {
    World::with(|config: &mut Config| config.limits = limits).await
}

async fn two(limits: &LimitsConfig) -> [World; 2] {
    [with(limits.clone()).await, with(limits.clone()).await]
}

/// Where a server says that it counts; its status, when it is not ready.
async fn counts(world: &World) -> String {
    let reply = world.nobody().get("/readyz").await;
    match reply.status {
        200 => reply.ok(200)["limits"].as_str().unwrap().to_owned(),
        _ => reply.problem(503, "limits_unavailable")["status"].to_string(),
    }
}

async fn until(world: &World, wanted: &str) {
    while counts(world).await != wanted {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn has(world: &World, line: &str) {
    let metrics = world.metrics().await;
    assert!(
        metrics.lines().any(|found| found == line),
        "{line}\n{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: run scripts/test"]
async fn two_servers_share_the_limit_of_a_principal_to_within_a_hundredth() {
    let redis = Redis::start();
    let worlds = two(&redis.limits()).await;
    let users = worlds.each_ref().map(|world| world.user("alice"));
    let mut served = 0_u32;
    for number in 0..500 {
        let reply = users[number % 2].get("/v1/files").await;
        match reply.status {
            200 => served += 1,
            _ => drop(reply.problem(429, "rate_limited")),
        }
    }
    assert!((200..=202).contains(&served), "{served}");
    // Others are others, at both.
    for world in &worlds {
        world.user("bob").get("/v1/files").await.ok(200);
        assert_eq!(counts(world).await, "shared");
        has(world, "valetkey_limits_shared_up{when_away=\"open\"} 1").await;
        has(
            world,
            "valetkey_limits_shared_total{outcome=\"counted\"} 251",
        )
        .await;
    }
}

/// THREATS A24, where requests are spread over servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: run scripts/test"]
async fn a24_neither_forwarded_headers_nor_another_server_are_a_way_around_the_limit() {
    let redis = Redis::start();
    let limits = LimitsConfig {
        trusted_proxies: 1,
        ..redis.limits()
    };
    let worlds = two(&limits).await;
    let ask = async |world: &World, forwarded: &str| {
        let (user, headers) = (world.nobody(), [("x-forwarded-for", forwarded)]);
        let reply = user.request(Method::GET, "/v1/files", &headers, Bytes::new());
        reply.await.status
    };
    let mut limited = 0;
    for number in 0..300 {
        let forwarded = format!("203.0.113.{}, 198.51.100.7", number % 250);
        limited += u32::from(ask(&worlds[number % 2], &forwarded).await == 429);
    }
    assert_eq!(limited, 250);
    // Those whose addresses were written there are as free as before.
    for world in &worlds {
        assert_eq!(ask(world, "203.0.113.9").await, 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: run scripts/test"]
async fn while_redis_is_away_each_counts_for_itself_or_nobody_is_let_in() {
    let redis = Redis::start();
    let open = redis.limits();
    let closed = LimitsConfig {
        when_away: WhenAway::Closed,
        ..redis.limits()
    };
    let [open, closed] = [with(open).await, with(closed).await];
    redis.script("kill", &[]);
    until(&open, "local").await;
    until(&closed, "503").await;
    let (alice, shut_out) = (open.user("alice"), closed.user("alice"));
    let reply = alice.get("/v1/files").await;
    reply.ok(200);
    assert!(
        reply
            .header("ratelimit")
            .starts_with("\"principal\";r=199;")
    );
    has(&open, "valetkey_limits_shared_up{when_away=\"open\"} 0").await;
    refused(&shut_out).await;
    closed
        .nobody()
        .get("/v1/files")
        .await
        .problem(503, "limits_unavailable");
    assert_eq!(closed.nobody().get("/healthz").await.status, 200);
    has(&closed, "valetkey_limits_shared_up{when_away=\"closed\"} 0").await;

    redis.script("start", &[]);
    for world in [&open, &closed] {
        until(world, "shared").await;
    }
    for (user, left) in [(&alice, 199), (&shut_out, 198)] {
        let reply = user.get("/v1/files").await;
        reply.ok(200);
        let rest = format!("\"principal\";r={left};t=100");
        assert_eq!(reply.header("ratelimit"), rest);
    }
}

async fn refused(user: &User<'_>) {
    let reply = user.get("/v1/files").await;
    let problem = reply.problem(503, "limits_unavailable");
    let seconds = problem["retry_after"].to_string();
    assert_eq!(reply.header("retry-after"), seconds);
}

/// One that is stopped keeps its connections, and says nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: run scripts/test"]
async fn a_redis_that_says_nothing_is_waited_for_a_moment_and_then_left_alone() {
    let redis = Redis::start();
    let limits = LimitsConfig {
        shared_milliseconds: 50,
        ..redis.limits()
    };
    let world = with(limits).await;
    let alice = world.user("alice");
    until(&world, "shared").await;
    redis.script("kill", &["STOP"]);
    // Each is served, whoever counts it.
    for _ in 0..20 {
        alice.get("/v1/files").await.ok(200);
    }
    until(&world, "local").await;
    alice.get("/v1/files").await.ok(200);
    let metrics = world.metrics().await;
    let count = |outcome: &str| {
        let line = format!("valetkey_limits_shared_total{{outcome=\"{outcome}\"}} ");
        let found = metrics.lines().find_map(|found| found.strip_prefix(&line));
        found.unwrap().parse::<u32>().unwrap()
    };
    assert!(count("late") + count("failed") <= 4, "{metrics}");
    assert!(count("skipped") >= 17, "{metrics}");
    redis.script("kill", &["CONT"]);
    until(&world, "shared").await;
}
