//! Links: made by owners, used by whoever has them, as often as they may be, and no longer.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use valetkey_server::config::KeptAddress;

use crate::world::{Reply, User, World, id};

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A file of alice's, and a link to it.
async fn linked(world: &World, wish: Value) -> (Value, Value) {
    let alice = world.user("alice");
    let file = alice.upload("a <b>.txt", b"hello").await;
    let link = made(&alice, &file, wish).await;
    (file, link)
}

async fn made(user: &User<'_>, file: &Value, mut wish: Value) -> Value {
    wish["file"] = file["id"].clone();
    user.post("/v1/links", &wish).await.ok(201)
}

/// The path of a link.
fn path(link: &Value) -> String {
    let url = link["url"].as_str().unwrap();
    url[url.find("/l/").unwrap()..].to_owned()
}

async fn ask(world: &World, method: Method, link: &Value, headers: &[(&str, &str)]) -> Reply {
    let nobody = world.nobody();
    nobody
        .request(method, &path(link), headers, Bytes::new())
        .await
}

async fn downloads(world: &World, link: &Value) -> u64 {
    let path = format!("/v1/links/{}", id(link));
    let link = world.user("alice").get(&path).await.ok(200);
    link["downloads"].as_u64().unwrap()
}

#[tokio::test]
async fn a_link_leads_to_the_bytes_for_a_minute_and_head_does_not_count() {
    let world = World::start().await;
    let (_, link) = linked(&world, json!({"name": "for Bob"})).await;
    let head = ask(&world, Method::HEAD, &link, &[]).await;
    assert_eq!(head.status, 302);
    assert_eq!(downloads(&world, &link).await, 0);
    let reply = ask(&world, Method::GET, &link, &[("user-agent", "tests/1")]).await;
    assert_eq!(reply.status, 302);
    let to = reply.header("location");
    let expires = to.split("X-Amz-Expires=").nth(1).unwrap();
    let seconds: u64 = expires.split('&').next().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-robots-tag", "noindex"),
    ] {
        assert_eq!(reply.header(name), value, "a28");
    }
    let bytes = world.fetch(&json!(to)).await;
    assert_eq!((bytes.status, &bytes.body[..]), (200, &b"hello"[..]));
    assert!(
        bytes
            .header("content-disposition")
            .starts_with("attachment")
    );
    let alice = world.user("alice");
    let seen = alice.get(&format!("/v1/links/{}", id(&link))).await.ok(200);
    assert_eq!(seen["days"][0]["downloads"], 1);
    assert!(seen.get("url").is_none(), "the URL is shown once");
    let uses = alice
        .get(&format!("/v1/links/{}/uses", id(&link)))
        .await
        .ok(200);
    assert_eq!(uses["uses"][0]["agent"], "tests/1");
    assert_eq!(uses["uses"][0]["address"], "127.0.0.0/24");
    assert_eq!(uses["uses"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_sixty_four_at_once_as_many_get_in_as_may() {
    let world = World::start().await;
    let (_, link) = linked(&world, json!({"max_downloads": 3})).await;
    let asked = (0..64).map(|_| ask(&world, Method::GET, &link, &[]));
    let replies = futures_util::future::join_all(asked).await;
    let mut good = 0;
    for reply in &replies {
        match reply.status {
            302 => good += 1,
            _ => drop(reply.problem(410, "link_over")),
        }
    }
    assert_eq!(good, 3);
    assert_eq!(downloads(&world, &link).await, 3);
}

#[tokio::test]
async fn what_is_over_is_a_page_for_people_and_a_problem_for_programs() {
    let world = World::start().await;
    let alice = world.user("alice");
    let (file, revoked) = linked(&world, json!({})).await;
    let elsewhere = made(&alice, &file, json!({"networks": ["192.0.2.0/24"]})).await;
    let at_home = made(
        &alice,
        &file,
        json!({"networks": ["192.0.2.7", "127.0.0.0/8"]}),
    )
    .await;
    assert_eq!(ask(&world, Method::GET, &at_home, &[]).await.status, 302);
    let one = format!("/v1/links/{}", id(&revoked));
    for _ in 0..2 {
        assert_eq!(alice.delete(&one).await.status, 204);
    }
    let orphan = made(&alice, &alice.upload("b.txt", b"b").await, json!({})).await;
    let gone = format!("/v1/files/{}", orphan["file"].as_str().unwrap());
    assert_eq!(alice.delete(&gone).await.status, 204);
    let unknown = json!({"url": format!("/l/{}", "0".repeat(40))});
    for (link, status, code) in [
        (&revoked, 410, "link_over"),
        (&orphan, 410, "link_over"),
        (&elsewhere, 403, "forbidden"),
        (&unknown, 404, "not_found"),
    ] {
        ask(&world, Method::GET, link, &[])
            .await
            .problem(status, code);
        for method in [Method::GET, Method::POST] {
            let page = ask(&world, method, link, &[BROWSER]).await;
            assert_eq!(page.status, status);
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            assert!(page.text().contains("<h1>"), "{}", page.text());
        }
    }
}

#[tokio::test]
async fn with_a_page_only_its_button_counts() {
    let world = World::start().await;
    let (_, link) = linked(&world, json!({"landing": true, "max_downloads": 1})).await;
    for headers in [&[BROWSER][..], &[]] {
        for method in [Method::GET, Method::HEAD] {
            let page = ask(&world, method, &link, headers).await;
            assert_eq!(page.status, 200);
            assert_eq!(page.header("referrer-policy"), "no-referrer");
            let policy = page.header("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'; style-src 'sha256-"),
                "{policy}"
            );
            assert!(
                !policy.contains("unsafe") && !policy.contains("script-src"),
                "{policy}"
            );
        }
    }
    let page = ask(&world, Method::GET, &link, &[BROWSER]).await.text();
    assert!(
        page.contains("<h1>a &lt;b&gt;.txt</h1>") && page.contains("5 bytes"),
        "a6: {page}"
    );
    let foreign = [BROWSER, ("sec-fetch-site", "cross-site")];
    assert_eq!(ask(&world, Method::POST, &link, &foreign).await.status, 403);
    assert_eq!(downloads(&world, &link).await, 0);
    let pressed = ask(&world, Method::POST, &link, &[BROWSER]).await;
    assert_eq!(pressed.status, 303);
    assert_eq!(
        world.fetch(&json!(pressed.header("location"))).await.status,
        200
    );
    assert_eq!(
        ask(&world, Method::GET, &link, &[BROWSER]).await.status,
        410
    );
}

#[tokio::test]
async fn a_password_is_asked_for_and_cannot_be_guessed_without_end() {
    let world = World::with(|config| config.limits.limit_loopback = true).await;
    let (_, link) = linked(&world, json!({"password": "één & twee"})).await;
    assert_eq!(link["password"], true);
    let nobody = world.nobody();
    let (here, json) = (path(&link), [("content-type", "application/json")]);
    let page = ask(&world, Method::GET, &link, &[BROWSER]).await;
    assert!(
        page.status == 200 && !page.text().contains("a &lt;b"),
        "{}",
        page.text()
    );
    ask(&world, Method::GET, &link, &[])
        .await
        .problem(401, "unauthenticated");
    ask(&world, Method::POST, &link, &[])
        .await
        .problem(401, "unauthenticated");
    let wrong = nobody
        .request(Method::POST, &here, &[BROWSER, FORM], "password=x")
        .await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("This is not the password"));
    let form = "password=%C3%A9%C3%A9n+%26+twee";
    let right = nobody
        .request(Method::POST, &here, &[BROWSER, FORM], form)
        .await;
    assert_eq!(right.status, 303, "{}", right.text());
    let body = json!({"password": "één & twee"}).to_string();
    let right = nobody.request(Method::POST, &here, &json, body).await;
    assert_eq!(right.status, 303);
    assert_eq!(downloads(&world, &link).await, 2);

    // a12 and a24: an address has ten tries, whatever it says of itself.
    let mut refused = 0;
    for hop in 0..12 {
        let hop = format!("198.51.100.{hop}");
        let headers = [json[0], ("x-forwarded-for", &*hop)];
        let body = r#"{"password":"guess"}"#;
        let reply = nobody.request(Method::POST, &here, &headers, body).await;
        match reply.status {
            401 => {}
            _ => {
                assert!(reply.problem(429, "rate_limited")["retry_after"].as_u64() > Some(0));
                refused += 1;
            }
        }
    }
    assert!((4..=5).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a22_links_are_their_files_owners_and_administrators() {
    let world = World::start().await;
    let (file, link) = linked(&world, json!({})).await;
    let (alice, bob, admin) = (world.user("alice"), world.user("bob"), world.admin());
    let wish = json!({"file": file["id"]});
    bob.post("/v1/links", &wish).await.problem(404, "not_found");
    world
        .nobody()
        .post("/v1/links", &wish)
        .await
        .problem(401, "unauthenticated");
    let theirs = admin.post("/v1/links", &wish).await.ok(201);
    assert_eq!(theirs["made_by"], "root");
    // a23: what is another's is answered as what nobody has.
    let nothing = bob
        .get(&format!("/v1/links/{}", id(&file)))
        .await
        .problem(404, "not_found");
    for sub in ["", "/uses"] {
        let one = format!("/v1/links/{}{sub}", id(&link));
        let told = bob.get(&one).await.problem(404, "not_found");
        assert_eq!(told["detail"], nothing["detail"]);
        admin.get(&one).await.ok(200);
    }
    let one = format!("/v1/links/{}", id(&link));
    bob.delete(&one).await.problem(404, "not_found");
    assert_eq!(bob.get("/v1/links").await.ok(200)["links"], json!([]));
    let of_file = format!("/v1/links?file={}&limit=1", id(&file));
    let first = alice.get(&of_file).await.ok(200);
    assert_eq!(first["links"][0]["id"], theirs["id"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = alice
        .get(&format!("{of_file}&cursor={cursor}"))
        .await
        .ok(200);
    assert_eq!(second["links"][0]["id"], link["id"]);
    assert!(second.get("next_cursor").is_none());
    bob.get(&format!("/v1/links?cursor={cursor}"))
        .await
        .problem(400, "malformed_request");
}

#[tokio::test]
async fn what_a_link_cannot_be_is_said_by_field() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"a").await;
    for (field, value) in [
        ("expires_in", json!(0)),
        ("expires_in", json!(31_622_401)),
        ("max_downloads", json!(0)),
        ("networks", json!(["192.0.2.0/33"])),
        ("networks", json!(["home"])),
        ("password", json!("")),
        ("password", json!("x".repeat(201))),
        ("name", json!("x".repeat(101))),
        ("name", json!("a\nb")),
    ] {
        let wish = json!({"file": file["id"], field: value});
        let problem = alice
            .post("/v1/links", &wish)
            .await
            .problem(422, "invalid_request");
        assert_eq!(problem["field"], field);
    }
    let open = alice.create("b.txt", b"b").await;
    let wish = json!({"file": open["id"]});
    alice
        .post("/v1/links", &wish)
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn nothing_of_an_address_is_kept_when_the_configuration_says_so() {
    let world = World::with(|config| config.links.ip = KeptAddress::None).await;
    let (_, link) = linked(&world, json!({})).await;
    assert_eq!(ask(&world, Method::GET, &link, &[]).await.status, 302);
    let uses = format!("/v1/links/{}/uses", id(&link));
    let uses = world.user("alice").get(&uses).await.ok(200);
    assert!(uses["uses"][0].get("address").is_none());
}
