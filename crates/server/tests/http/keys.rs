//! API keys: made by administrators, used by backends.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Reply, User, World, id};

/// A key with these scopes, as the answer that made it has it.
async fn made(world: &World, scopes: Value) -> Value {
    let create = json!({"name": "the shop", "subject": "shop", "scopes": scopes});
    world.admin().post("/v1/keys", &create).await.ok(201)
}

fn holder<'w>(world: &'w World, key: &Value) -> User<'w> {
    let token = key["secret"].as_str().unwrap().to_owned();
    User { world, token }
}

/// A request for somebody else.
async fn behalf(user: &User<'_>, subject: &str, method: Method, path: &str) -> Reply {
    let headers = [("valetkey-subject", subject)];
    user.request(method, path, &headers, Bytes::new()).await
}

#[tokio::test]
async fn a_key_is_good_for_its_scopes_and_nothing_else() {
    let world = World::start().await;
    let all = made(&world, json!(["upload", "read", "delete"])).await;
    let all = holder(&world, &all);
    let file = all.upload("a.txt", b"abc").await;
    assert_eq!(file["owner"], "shop");
    let path = format!("/v1/files/{}", id(&file));
    for (scope, can) in [
        ("upload", ["patch", "upload", "upload"]),
        ("read", ["get", "list", "usage"]),
        ("delete", ["delete", "delete", "delete"]),
    ] {
        let key = made(&world, json!([scope])).await;
        let holder = holder(&world, &key);
        let wish = json!({"filename": "b.txt", "content_type": "text/plain", "size": 3});
        let retain = json!({"retain_for": 1});
        for (what, reply) in [
            (
                "patch",
                holder.patch(&path, &json!({"filename": "c.txt"})).await,
            ),
            ("upload", holder.post("/v1/uploads", &wish).await),
            ("get", holder.get(&path).await),
            ("list", holder.get("/v1/files").await),
            ("usage", holder.get("/v1/usage").await),
            ("retain", holder.patch(&path, &retain).await),
            ("webhooks", holder.get("/v1/webhooks").await),
            ("keys", holder.get("/v1/keys").await),
            ("delete", holder.delete(&path).await),
        ] {
            match can.contains(&what) {
                true => assert!(reply.status < 300, "{scope} {what}: {}", reply.text()),
                false => {
                    reply.problem(403, "forbidden");
                }
            }
        }
    }
}

#[tokio::test]
async fn who_holds_a_key_for_it_acts_for_others_and_is_nobody_else() {
    let world = World::start().await;
    let file = world.user("alice").upload("a.txt", b"a").await;
    let path = format!("/v1/files/{}", id(&file));
    let key = made(&world, json!(["read", "on_behalf", "admin"])).await;
    let shop = holder(&world, &key);
    behalf(&shop, "alice", Method::GET, &path).await.ok(200);
    let bob = behalf(&shop, "bob", Method::GET, &path).await;
    bob.problem(404, "not_found");
    // As itself it is an administrator, for others it is not.
    shop.get(&path).await.ok(200);
    shop.get("/v1/keys").await.ok(200);
    let keys = behalf(&shop, "alice", Method::GET, "/v1/keys").await;
    keys.problem(403, "forbidden");
    for subject in ["", &"x".repeat(256)] {
        let reply = behalf(&shop, subject, Method::GET, &path).await;
        assert_eq!(reply.status, 422, "{}", reply.text());
    }
    // Without the scope, and with a token, the header is not overlooked.
    let plain = made(&world, json!(["read"])).await;
    let reply = behalf(&holder(&world, &plain), "alice", Method::GET, &path).await;
    reply.problem(403, "forbidden");
    let reply = behalf(&world.admin(), "alice", Method::GET, &path).await;
    reply.problem(403, "forbidden");
}

#[tokio::test]
async fn a_rotated_secret_holds_for_its_overlap_and_a_revoked_one_no_more() {
    let world = World::start().await;
    let first = made(&world, json!(["read"])).await;
    let path = format!("/v1/keys/{}", id(&first));
    let rotate = format!("{path}/rotate");
    let second = world.admin().post(&rotate, &json!({})).await.ok(200);
    for key in [&first, &second] {
        holder(&world, key).get("/v1/files").await.ok(200);
    }
    // A second one at once would end the secret that is in use.
    let reply = world.admin().post(&rotate, &json!({})).await;
    reply.problem(409, "conflict");
    let now = json!({"overlap": 0});
    let third = world.admin().post(&rotate, &now).await.ok(200);
    for key in [&first, &second] {
        let reply = holder(&world, key).get("/v1/files").await;
        reply.problem(401, "unauthenticated");
    }
    holder(&world, &third).get("/v1/files").await.ok(200);
    assert_eq!(world.admin().delete(&path).await.status, 204);
    let reply = holder(&world, &third).get("/v1/files").await;
    reply.problem(401, "unauthenticated");
    assert_eq!(reply.header("www-authenticate"), "Bearer");
    world.admin().delete(&path).await.problem(404, "not_found");
    let reply = world.admin().post(&rotate, &json!({})).await;
    reply.problem(404, "not_found");
}

#[tokio::test]
async fn a28_a_secret_is_told_once_and_lies_nowhere() {
    let world = World::start().await;
    let key = made(&world, json!(["upload", "upload"])).await;
    let secret = key["secret"].as_str().unwrap();
    assert_eq!(key["scopes"], json!(["upload"]));
    holder(&world, &key).create("a.txt", b"abc").await;
    let list = world.admin().get("/v1/keys").await;
    let listed = &list.ok(200)["keys"][0];
    assert_eq!(listed["id"], key["id"]);
    assert!(listed["last_used_at"].is_string(), "{listed}");
    assert!(!list.text().contains("vk_"), "{}", list.text());
    let random = secret.split('_').nth(2).unwrap();
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let found = bytes
            .windows(random.len())
            .any(|one| one == random.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_so_are_wishes_that_make_none() {
    let world = World::start().await;
    let key = made(&world, json!(["read"])).await;
    let secret = key["secret"].as_str().unwrap();
    let unknown = secret.replace(&secret[3..15], "0123456789ab");
    let last = if secret.ends_with('0') { "1" } else { "0" };
    let misspelt = format!("{}{last}", &secret[..secret.len() - 1]);
    for token in ["vk_", "vk_x", &unknown, &misspelt, &secret[..40]] {
        let user = User {
            world: &world,
            token: token.to_owned(),
        };
        let problem = user.get("/v1/files").await.problem(401, "unauthenticated");
        assert!(!problem.to_string().contains(token) || token.len() < 5);
    }
    let good = json!({"name": "n", "subject": "s", "scopes": ["read"]});
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("x".repeat(101))),
        ("name", json!("a\nb")),
        ("subject", json!("")),
        ("scopes", json!([])),
        ("scopes", json!(["everything"])),
        ("expires_in", json!(0)),
        ("expires_in", json!(u64::MAX)),
        ("hash", json!("x")),
    ] {
        let mut create = good.clone();
        create[field] = value;
        let reply = world.admin().post("/v1/keys", &create).await;
        assert!(
            (400..=422).contains(&reply.status),
            "{create}: {}",
            reply.text()
        );
    }
    let overlap = json!({"overlap": 604_801});
    let path = format!("/v1/keys/{}/rotate", id(&key));
    let reply = world.admin().post(&path, &overlap).await;
    reply.problem(422, "invalid_request");
    world
        .user("alice")
        .post("/v1/keys", &good)
        .await
        .problem(403, "forbidden");
    let path = "/v1/keys/nonsense";
    world.admin().delete(path).await.problem(404, "not_found");
}
