//! Whoever asks too often waits, and nobody else does.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use valetkey_server::config::{Config, LimitsConfig};

use crate::world::{Reply, User, World};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A limit whose burst is not given back while a test runs.
fn strict(burst: u32) -> LimitsConfig {
    LimitsConfig {
        anonymous_per_second: 0.01,
        anonymous_burst: burst,
        ..LimitsConfig::default()
    }
}

fn behind_a_proxy(burst: u32) -> impl FnOnce(&mut Config) {
    move |config| {
        config.limits = LimitsConfig {
            trusted_proxies: 1,
            ..strict(burst)
        };
    }
}

/// Asks by way of a proxy that adds what is given.
async fn by_way_of(user: &User<'_>, path: &str, forwarded: &str) -> Reply {
    let headers = [(FORWARDED_FOR, forwarded)];
    user.request(Method::GET, path, &headers, Bytes::new())
        .await
}

fn assert_limited(reply: &Reply) -> Value {
    let problem = reply.problem(429, "rate_limited");
    assert!(problem["retry_after"].as_u64().unwrap() >= 1);
    assert_eq!(
        reply.header("retry-after"),
        problem["retry_after"].to_string()
    );
    problem
}

/// THREATS A24, for a service that no proxy stands in front of.
#[tokio::test]
async fn a24_forwarded_headers_that_change_with_each_request_are_no_way_around_the_limit() {
    let world = World::with(|config| config.limits = strict(50)).await;
    let (mut refused, mut limited) = (0, 0);
    for number in 0..300 {
        let forwarded = format!("203.0.{}.{}", number / 250, number % 250);
        match by_way_of(&world.nobody(), "/v1/files", &forwarded).await {
            reply if reply.status == 401 => refused += 1,
            reply => {
                assert_limited(&reply);
                limited += 1;
            }
        }
    }
    assert_eq!((refused, limited), (50, 250));
    let metrics = world.metrics().await;
    assert!(
        metrics.contains("valetkey_limited_total{limit=\"anonymous\"} 250"),
        "{metrics}"
    );
    assert!(
        metrics.contains("valetkey_limit_tracked{limit=\"anonymous\"} 1"),
        "{metrics}"
    );
}

/// THREATS A24, for a service behind one proxy: what stands left of the proxy's own entry was the client's to write.
#[tokio::test]
async fn a24_entries_before_the_proxys_own_are_no_way_around_the_limit() {
    let world = World::with(behind_a_proxy(50)).await;
    let mut limited = 0;
    for number in 0..300 {
        let forwarded = format!("203.0.113.{}, 198.51.100.7", number % 250);
        let reply = by_way_of(&world.nobody(), "/v1/files", &forwarded).await;
        limited += u32::from(reply.status == 429);
    }
    assert_eq!(limited, 250);
}

/// THREATS A24: the one whose address was written into the header is as free as before.
#[tokio::test]
async fn a24_spoofing_an_address_does_not_shut_its_owner_out() {
    let world = World::with(behind_a_proxy(2)).await;
    let (victim, attacker) = ("192.0.2.9", "198.51.100.7");
    for _ in 0..10 {
        let forwarded = format!("{victim}, {attacker}");
        by_way_of(&world.nobody(), "/v1/files", &forwarded).await;
    }
    let spoofing = format!("{victim}, {attacker}");
    assert_limited(&by_way_of(&world.nobody(), "/v1/files", &spoofing).await);
    by_way_of(&world.nobody(), "/v1/files", victim)
        .await
        .problem(401, "unauthenticated");
    // A proxy that is skipped, or that writes no address, gives what is known: the connection itself.
    by_way_of(&world.nobody(), "/v1/files", "unknown")
        .await
        .problem(401, "unauthenticated");
    // An address of this machine that a client wrote is an address like others.
    for _ in 0..2 {
        by_way_of(&world.nobody(), "/v1/files", "::1").await;
    }
    assert_limited(&by_way_of(&world.nobody(), "/v1/files", "::1").await);
}

#[tokio::test]
async fn a_valid_token_is_served_from_an_address_over_its_limit() {
    let world = World::with(behind_a_proxy(1)).await;
    for _ in 0..5 {
        by_way_of(&world.nobody(), "/v1/files", "198.51.100.7").await;
    }
    let reply = by_way_of(&world.user("alice"), "/v1/files", "198.51.100.7").await;
    reply.ok(200);
    assert_eq!(reply.header("ratelimit"), "");
}

#[tokio::test]
async fn a_bad_token_is_told_so_until_there_were_too_many() {
    let world = World::with(behind_a_proxy(2)).await;
    let bad = User {
        world: &world,
        token: "nonsense".to_owned(),
    };
    for left in ["1", "0"] {
        let reply = by_way_of(&bad, "/v1/files", "2001:db8::1").await;
        reply.problem(401, "unauthenticated");
        let rest = format!("\"anonymous\";r={left};t=100");
        assert_eq!(reply.header("ratelimit"), rest);
        assert_eq!(reply.header("ratelimit-policy"), "\"anonymous\";q=2;w=200");
    }
    // Another address of the same customer.
    let reply = by_way_of(&bad, "/v1/files", "[2001:db8::ffff]:4711").await;
    assert_limited(&reply);
    assert!(
        reply
            .header("ratelimit")
            .starts_with("\"anonymous\";r=0;t=")
    );
    by_way_of(&bad, "/v1/files", "2001:db8:0:1::1")
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_address_is_shut_out_before_its_tokens_are_verified_where_that_is_wanted() {
    let change = |config: &mut Config| {
        behind_a_proxy(1)(config);
        config.limits.refuse_before_verifying = true;
    };
    let world = World::with(change).await;
    let alice = world.user("alice");
    by_way_of(&world.nobody(), "/v1/files", "198.51.100.7").await;
    by_way_of(&alice, "/v1/files", "198.51.100.7").await.ok(200);
    assert_limited(&by_way_of(&world.nobody(), "/v1/files", "198.51.100.7").await);
    assert_limited(&by_way_of(&alice, "/v1/files", "198.51.100.7").await);
    by_way_of(&alice, "/v1/files", "198.51.100.8").await.ok(200);
}

#[tokio::test]
async fn content_urls_that_do_not_hold_count_and_good_ones_do_not() {
    let world = World::with(behind_a_proxy(2)).await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    let path = format!("/v1/files/{}/download", file["id"].as_str().unwrap());
    let download = alice.post(&path, &json!({})).await.ok(200);
    let url = download["content_url"].as_str().unwrap();
    let good = url.strip_prefix(&world.urls.api).unwrap();
    for _ in 0..5 {
        let reply = by_way_of(&world.nobody(), good, "198.51.100.7").await;
        assert_eq!(reply.status, 307, "{}", reply.text());
    }
    for _ in 0..2 {
        let reply = by_way_of(&world.nobody(), "/c/nonsense", "198.51.100.7").await;
        reply.problem(404, "not_found");
    }
    assert_limited(&by_way_of(&world.nobody(), "/c/nonsense", "198.51.100.7").await);
    assert_limited(&by_way_of(&world.nobody(), "/openapi.json", "198.51.100.7").await);
    assert_limited(&by_way_of(&world.nobody(), "/nothing/here", "198.51.100.7").await);
    let reply = by_way_of(&world.nobody(), good, "198.51.100.7").await;
    assert_eq!(reply.status, 307, "{}", reply.text());
    for path in ["/healthz", "/readyz"] {
        let reply = by_way_of(&world.nobody(), path, "198.51.100.7").await;
        assert_eq!(reply.status, 200, "{path}");
    }
}

#[tokio::test]
async fn programs_of_this_machine_are_limited_only_on_request() {
    let world = World::with(|config| config.limits = strict(1)).await;
    for _ in 0..5 {
        let reply = world.nobody().get("/v1/files").await;
        reply.problem(401, "unauthenticated");
    }
    let change = |config: &mut Config| {
        config.limits = LimitsConfig {
            limit_loopback: true,
            ..strict(1)
        };
    };
    let world = World::with(change).await;
    world
        .nobody()
        .get("/v1/files")
        .await
        .problem(401, "unauthenticated");
    assert_limited(&world.nobody().get("/v1/files").await);
}

/// One who may send three requests at once, all together five.
fn rationed(config: &mut Config) {
    config.limits = LimitsConfig {
        principal_per_second: 0.01,
        principal_burst: 3,
        global_per_second: 0.01,
        global_burst: 5,
        ..LimitsConfig::default()
    };
}

#[tokio::test]
async fn each_principal_has_a_limit_and_all_together_one_that_is_not_told() {
    let world = World::with(rationed).await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    for left in ["2", "1", "0"] {
        let reply = alice.get("/v1/files").await;
        reply.ok(200);
        assert_eq!(
            reply.header("ratelimit"),
            format!("\"principal\";r={left};t=100")
        );
        assert_eq!(reply.header("ratelimit-policy"), "\"principal\";q=3;w=300");
    }
    let problem = assert_limited(&alice.get("/v1/files").await);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("you ask too often")
    );
    for _ in 0..2 {
        bob.get("/v1/files").await.ok(200);
    }
    let reply = bob.get("/v1/files").await;
    let problem = assert_limited(&reply);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("all together")
    );
    assert!(!reply.header("ratelimit-policy").contains("global"));
    let metrics = world.metrics().await;
    for limit in ["principal", "global"] {
        let line = format!("valetkey_limited_total{{limit=\"{limit}\"}} 1\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test]
async fn whom_the_limit_of_all_refuses_has_lost_nothing() {
    let change = |config: &mut Config| {
        rationed(config);
        config.limits.global_burst = 2;
    };
    let world = World::with(change).await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    for _ in 0..2 {
        alice.get("/v1/files").await.ok(200);
    }
    for _ in 0..5 {
        let reply = bob.get("/v1/files").await;
        assert_limited(&reply);
        assert_eq!(reply.header("ratelimit"), "\"principal\";r=3;t=100");
    }
}

fn batch(items: usize) -> Value {
    let item = json!({"filename": "a", "content_type": "text/plain", "size": 1});
    json!({"uploads": vec![item; items]})
}

#[tokio::test]
async fn each_item_of_a_batch_counts() {
    let change = |config: &mut Config| {
        config.limits.principal_per_second = 0.01;
        config.limits.principal_burst = 10;
    };
    let world = World::with(change).await;
    let path = "/v1/uploads/batch";
    let alice = world.user("alice");
    let reply = alice.post(path, &batch(6)).await;
    reply.ok(200);
    assert_eq!(reply.header("ratelimit"), "\"principal\";r=4;t=100");
    let reply = alice.post(path, &batch(6)).await;
    assert_limited(&reply);
    // The refused one cost its first.
    alice.post(path, &batch(3)).await.ok(200);
    assert_limited(&alice.get("/v1/files").await);

    let bob = world.user("bob");
    let problem = bob
        .post(path, &batch(11))
        .await
        .problem(413, "batch_too_large");
    assert_eq!(problem["limit"], 10);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("at most 10 items")
    );
    let carol = world.user("carol");
    carol.post(path, &batch(10)).await.ok(200);
    for (number, (path, body)) in [
        ("/v1/uploads/complete", json!({"ids": vec!["x"; 10]})),
        ("/v1/downloads/batch", json!({"ids": vec!["x"; 10]})),
    ]
    .into_iter()
    .enumerate()
    {
        let user = world.user(&format!("dave{number}"));
        user.post(path, &body).await.ok(200);
        assert_limited(&user.get("/v1/files").await);
    }
}
