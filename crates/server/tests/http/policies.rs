//! Policies from files: read at the start, read again when they change, and explained.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use valetkey_server::config::{ClaimConfig, Config};
use valetkey_server::run::Server;

use crate::world::{User, World, claims, config, id, sign};

const READ_ONLY: &str = r#"
@id("look-only")
permit (principal, action in [Action::"read", Action::"list_all"], resource);
@id("operators")
permit (principal, action in [Action::"create_upload", Action::"administer"], resource)
when { principal.roles.contains("operator") };
"#;

/// Somebody whose token says this besides.
fn somebody(world: &World, said: Value) -> User<'_> {
    let token = sign(&claims(said));
    User { world, token }
}

/// Has the policies of this text decide, from a file beside the catalog.
fn with_policies(config: &mut Config, text: &str) -> PathBuf {
    let path = config.embedded.data_dir.join("mine.cedar");
    std::fs::write(&path, text).unwrap();
    config.policy.files = vec![path.clone()];
    path
}

fn create(size: u64) -> Value {
    json!({"filename": "a.txt", "content_type": "text/plain", "size": size})
}

/// Waits until the service is in this state: files are looked at every two seconds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(waited.is_ok(), "{what}");
}

#[tokio::test]
async fn what_a_file_says_holds_as_soon_as_it_is_read_again_and_never_when_it_is_wrong() {
    let mut path = PathBuf::new();
    let world = World::with(|config| path = with_policies(config, READ_ONLY)).await;
    let alice = world.user("alice");
    let readiness = async || world.nobody().get("/readyz").await.ok(200);
    let refused = alice.post("/v1/uploads", &create(1)).await;
    refused.problem(403, "forbidden");
    assert_eq!(readiness().await, json!({"status": "ok"}));

    std::fs::write(
        &path,
        format!("{READ_ONLY}\npermit (principal, action, rsource);"),
    )
    .unwrap();
    until("the fault is told", async || {
        readiness().await["policies"] == "stale"
    })
    .await;
    let metrics = world.metrics().await;
    assert!(metrics.contains("valetkey_policy_stale 1"), "{metrics}");
    assert!(
        metrics.contains(r#"valetkey_policy_reads_total{outcome="failed"} 1"#),
        "{metrics}"
    );
    alice.get("/v1/files").await.ok(200);
    let refused = alice.post("/v1/uploads", &create(1)).await;
    refused.problem(403, "forbidden");

    std::fs::write(&path, "permit (principal, action, resource);").unwrap();
    until("others hold", async || {
        alice.post("/v1/uploads", &create(1)).await.status == 201
    })
    .await;
    assert_eq!(readiness().await, json!({"status": "ok"}));
    assert!(world.metrics().await.contains("valetkey_policy_stale 0"));
}

#[tokio::test]
async fn a_service_does_not_start_with_policies_that_cannot_hold() {
    for (text, place) in [
        (
            "\npermit (principal, action == Action::\"write\", resource);",
            "mine.cedar:2:",
        ),
        (
            "permit (principal, action, resource) when { resource.x };",
            "mine.cedar:1:",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        with_policies(&mut config, text);
        let Err(error) = Server::start(config).await else {
            panic!("it started with {text}");
        };
        let error = error.to_string();
        assert!(
            error.contains("`policy.files`") && error.contains(place),
            "{error}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    config.policy.files = vec![folder.path().join("absent.cedar")];
    let error = Server::start(config).await.err().unwrap().to_string();
    assert!(error.contains("absent.cedar"), "{error}");
}

#[tokio::test]
async fn others_files_are_listed_and_looked_at_and_no_more() {
    let world = World::with(|config| {
        with_policies(config, READ_ONLY);
    })
    .await;
    let operator = somebody(&world, json!({"sub": "op", "roles": ["operator"]}));
    let file = operator.upload("a.txt", b"bytes").await;
    let path = format!("/v1/files/{}", id(&file));
    let alice = world.user("alice");
    assert_eq!(
        alice.get("/v1/files").await.ok(200)["files"][0]["id"],
        file["id"]
    );
    alice.get(&path).await.ok(200);
    let refusals = [
        alice.post(&format!("{path}/download"), &json!({})).await,
        alice.get(&format!("{path}/content")).await,
        alice.patch(&path, &json!({"path": "x"})).await,
        alice.delete(&path).await,
    ];
    for (reply, action) in refusals
        .iter()
        .zip(["download", "download", "update", "delete"])
    {
        let problem = reply.problem(403, "forbidden");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("{action} this file")), "{detail}");
    }
    // In another tenant it does not exist, whoever asks.
    for roles in [json!([]), json!(["admin"])] {
        let stranger = somebody(
            &world,
            json!({"sub": "op", "tenant": "acme", "roles": roles}),
        );
        stranger.get(&path).await.problem(404, "not_found");
        assert_eq!(stranger.get("/v1/files").await.ok(200)["files"], json!([]));
    }
}

#[tokio::test]
async fn a_restricted_bucket_is_reached_from_where_a_trusted_proxy_says_the_office_is() {
    let example =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/policies/office-network.cedar");
    let office = |proxies| {
        let files = vec![example.clone()];
        move |config: &mut Config| {
            config.policy.files = files;
            config.policy.include_default = true;
            config.limits.trusted_proxies = proxies;
            let rules = &mut config.buckets.get_mut("files").unwrap().rules;
            rules.security_level = 3;
        }
    };
    let (behind, open) = (World::with(office(1)).await, World::with(office(0)).await);
    for (world, forwarded, status) in [
        (&behind, Some("10.20.3.4"), 201),
        (&behind, Some("10.20.3.4, 203.0.113.7"), 403),
        (&behind, Some("203.0.113.7, 10.20.3.4"), 201),
        (&behind, None, 403),
        // Nobody is believed who is no trusted proxy.
        (&open, Some("10.20.3.4"), 403),
        (&open, None, 403),
    ] {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(forwarded.map(|address| ("x-forwarded-for", address)));
        let body = create(1).to_string();
        let alice = world.user("alice");
        let reply = alice
            .request(Method::POST, "/v1/uploads", &headers, body)
            .await;
        assert_eq!(reply.status, status, "{forwarded:?}: {}", reply.text());
    }
}

#[tokio::test]
async fn policies_read_the_licences_and_claims_of_tokens() {
    let world = World::with(|config| {
        let claim = json!({"from": "app.plan", "type": "text"});
        let claim: ClaimConfig = serde_json::from_value(claim).unwrap();
        config.policy.claims.insert("plan".to_owned(), claim);
        with_policies(
            config,
            r#"permit (principal, action == Action::"create_upload", resource)
            when { principal.licences.contains("studio") };
            permit (principal, action == Action::"create_upload", resource)
            when { principal.claims has plan && principal.claims.plan == "gold" && context.size <= 5 };"#,
        );
    })
    .await;
    for (said, size, status) in [
        (json!({}), 1, 403),
        (json!({"licences": ["print", "studio"]}), 9, 201),
        (json!({"licences": "studio"}), 9, 201),
        (json!({"licences": [1]}), 1, 401),
        (json!({"app": {"plan": "gold"}}), 5, 201),
        (json!({"app": {"plan": "gold"}}), 6, 403),
        (json!({"app": {"plan": "tin"}}), 1, 403),
        (json!({"app": {"plan": 3}}), 1, 401),
        (json!({"app": {"plan": null}}), 1, 403),
        (json!({"app.plan": "gold"}), 1, 201),
    ] {
        let reply = somebody(&world, said.clone())
            .post("/v1/uploads", &create(size))
            .await;
        assert_eq!(reply.status, status, "{said}: {}", reply.text());
    }
}

#[tokio::test]
async fn administrators_are_told_what_decides() {
    let world = World::with(|config| {
        with_policies(config, READ_ONLY);
    })
    .await;
    let operator = somebody(&world, json!({"sub": "op", "roles": ["operator"]}));
    let file = operator.upload("a.txt", b"bytes").await;
    let explain = async |who: &User<'_>, asked: &Value| who.post("/v1/policy/explain", asked).await;
    let read = json!({"as": {"subject": "bob"}, "action": "read", "file_id": file["id"]});
    let told = explain(&operator, &read).await.ok(200);
    assert_eq!(told["allowed"], true);
    assert_eq!(told["decided_by"], json!(["look-only"]));
    let upload = json!({"as": {"subject": "bob", "roles": ["guest"]}, "action": "create_upload"});
    let told = explain(&operator, &upload).await.ok(200);
    assert_eq!(told["allowed"], false);
    let near =
        json!([{"policy": "operators", "failed": [r#"principal.roles.contains("operator")"#]}]);
    assert_eq!(told["nearest"], near);

    explain(&world.user("bob"), &read)
        .await
        .problem(403, "forbidden");
    for (asked, code) in [
        (json!({"as": {"subject": "bob"}, "action": "read"}), 422),
        (
            json!({"as": {"subject": "bob"}, "action": "list_all", "file_id": file["id"]}),
            422,
        ),
        (
            json!({"as": {"subject": "bob"}, "action": "list_all", "bucket": "none"}),
            422,
        ),
        (json!({"as": {"subject": "bob"}, "action": "write"}), 422),
    ] {
        assert_eq!(explain(&operator, &asked).await.status, code, "{asked}");
    }
    // Whoever administers another tenant asks about that one alone.
    let theirs = somebody(
        &world,
        json!({"sub": "op", "tenant": "acme", "roles": ["operator"]}),
    );
    explain(&theirs, &read).await.problem(404, "not_found");
    let mut ours = upload.clone();
    ours["as"]["tenant"] = json!("");
    explain(&theirs, &ours).await.problem(403, "forbidden");
    explain(&theirs, &upload).await.ok(200);
    let nothing = world
        .nobody()
        .request(Method::POST, "/v1/policy/explain", &[], Bytes::new())
        .await;
    nothing.problem(401, "unauthenticated");
}
