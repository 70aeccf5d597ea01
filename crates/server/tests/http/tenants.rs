//! Two tenants whose people have the same names: to one, what is the other's is not there.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::world::{MIB, User, World, claims, crc64nvme, id, noise, sign};

/// Somebody in a tenant.
fn member<'w>(world: &'w World, tenant: &str, subject: &str, roles: &[&str]) -> User<'w> {
    let claims = claims(json!({"tenant": tenant, "sub": subject, "roles": roles}));
    let token = sign(&claims);
    User { world, token }
}

/// What there is of somebody, or what there might be.
struct Names {
    ids: Vec<String>,
    object_key: String,
    api_key: String,
    link: String,
    drop: String,
}

impl Names {
    fn nobodys() -> Self {
        let id = "01936f3e-8b7a-7c3d-9e4f-0123456789ab";
        Self {
            ids: vec![id.to_owned()],
            object_key: format!("files/_t-a/alice/{id}/x.txt"),
            api_key: "0123456789ab".to_owned(),
            link: id.to_owned(),
            drop: id.to_owned(),
        }
    }
}

/// What a request names.
#[derive(Clone, Copy)]
enum What {
    Id,
    ObjectKey,
    ApiKey,
    Link,
    Drop,
}

/// Every request that names an upload, a file or a key: `{}` is the name, in the path or in the body.
const NAMING: &[(&str, &str, What, &str)] = &[
    ("GET", "/v1/uploads/{id}", What::Id, ""),
    (
        "POST",
        "/v1/uploads/{id}/parts",
        What::Id,
        r#"{"part_numbers":[1]}"#,
    ),
    ("POST", "/v1/uploads/{id}/complete", What::Id, "{}"),
    (
        "POST",
        "/v1/uploads/complete",
        What::Id,
        r#"{"ids":["{}"]}"#,
    ),
    ("GET", "/v1/files/{id}", What::Id, ""),
    (
        "PATCH",
        "/v1/files/{id}",
        What::Id,
        r#"{"filename":"mine.txt"}"#,
    ),
    ("POST", "/v1/files/{id}/download", What::Id, "{}"),
    ("POST", "/v1/downloads/batch", What::Id, r#"{"ids":["{}"]}"#),
    ("GET", "/v1/files/{id}/content", What::Id, ""),
    ("GET", "/request-download/{file_key}", What::ObjectKey, ""),
    ("DELETE", "/files/{file_key}", What::ObjectKey, ""),
    ("POST", "/v1/links", What::Id, r#"{"file":"{}"}"#),
    ("GET", "/v1/links/{id}", What::Link, ""),
    ("GET", "/v1/links/{id}/uses", What::Link, ""),
    ("DELETE", "/v1/links/{id}", What::Link, ""),
    ("GET", "/v1/drops/{id}", What::Drop, ""),
    ("GET", "/v1/drops/{id}/qr.svg", What::Drop, ""),
    ("DELETE", "/v1/drops/{id}", What::Drop, ""),
    ("DELETE", "/v1/uploads/{id}", What::Id, ""),
    ("DELETE", "/v1/files/{id}", What::Id, ""),
    (
        "POST",
        "/v1/keys/{id}/rotate",
        What::ApiKey,
        r#"{"overlap":0}"#,
    ),
    ("DELETE", "/v1/keys/{id}", What::ApiKey, ""),
];

/// What shows what there is, and names nothing; or a filter.
const SHOWING: &[&str] = &[
    "/v1/files",
    "/v1/events",
    "/v1/usage",
    "/v1/keys",
    "/v1/links",
    "/v1/drops",
    "/v1/buckets",
    "/files",
];

/// What belongs to the whole service.
const ADMINISTERING: &[(&str, &str, &str)] = &[
    ("GET", "/v1/webhooks", ""),
    ("POST", "/v1/webhooks", r#"{"url":"https://example.com/"}"#),
    ("GET", "/v1/webhooks/{id}", ""),
    ("PATCH", "/v1/webhooks/{id}", "{}"),
    ("DELETE", "/v1/webhooks/{id}", ""),
    ("POST", "/v1/webhooks/{id}/rotate", "{}"),
    ("POST", "/v1/webhooks/{id}/test", ""),
    ("POST", "/v1/webhooks/{id}/replay", r#"{"dead":true}"#),
    ("GET", "/v1/webhooks/{id}/deliveries", ""),
    ("POST", "/v1/sweep", r#"{"dry_run":true}"#),
];

/// What makes something new of the caller's, and what is for everybody or carries its own permission.
const OTHER: &[(&str, &str)] = &[
    // What it says of other tenants is tested with policies.
    ("POST", "/v1/policy/explain"),
    ("POST", "/v1/uploads"),
    ("POST", "/v1/uploads/batch"),
    ("POST", "/v1/keys"),
    ("POST", "/request-upload"),
    ("POST", "/api/images/presigned"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/c/{token}"),
    ("GET", "/l/{token}"),
    ("POST", "/l/{token}"),
    ("POST", "/v1/drops"),
    ("GET", "/d/{token}"),
    ("POST", "/d/{token}"),
    ("PUT", "/d/{token}/{filename}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/public/{bucket}/{name}"),
];

async fn open() -> World {
    World::with(|config| config.compat.classic.enabled = true).await
}

/// All that alice of a tenant has, and a key that its administrator made.
async fn furnish(world: &World, tenant: &str) -> Names {
    let alice = member(world, tenant, "alice", &[]);
    let wish = json!({
        "filename": "secret-name.txt", "path": "secret-folder", "content_type": "text/plain", "size": 5,
        "metadata": {"note": "secret-note"},
    });
    let file = alice.post("/v1/uploads", &wish).await.ok(201);
    world.send(&file["request"], "bytes").await;
    let file = alice.complete(&file).await.ok(200);
    let single = alice.create("secret-name.txt", b"abc").await;
    let large = noise(6 * MIB);
    let wish = json!({
        "filename": "secret-name.txt", "content_type": "text/plain", "size": large.len(),
        "checksum": crc64nvme(&large),
    });
    let multipart = alice.post("/v1/uploads", &wish).await.ok(201);
    let wish = json!({"filename": "secret-name.txt", "content_type": "text/plain"});
    alice.post("/request-upload", &wish).await.ok(200);
    let key = json!({"name": "secret-name", "subject": "secret-subject", "scopes": ["read"]});
    let admin = member(world, tenant, "root", &["admin"]);
    let key = admin.post("/v1/keys", &key).await.ok(201);
    let link = json!({"file": file["id"], "name": "secret-name"});
    let link = alice.post("/v1/links", &link).await.ok(201);
    let drop = json!({"path": "secret-folder", "name": "secret-name"});
    let drop = alice.post("/v1/drops", &drop).await.ok(201);
    let ids = [&file, &single, &multipart].map(|one| id(one).to_owned());
    Names {
        ids: ids.to_vec(),
        object_key: file["key"].as_str().unwrap().to_owned(),
        api_key: id(&key).to_owned(),
        link: id(&link).to_owned(),
        drop: id(&drop).to_owned(),
    }
}

/// Asks for what has these names, and gives each answer with its name taken out.
async fn answers(
    user: &User<'_>,
    names: &Names,
    row: &(&str, &str, What, &str),
) -> BTreeSet<String> {
    let (method, path, what, body) = *row;
    let asked: Vec<&str> = match what {
        What::Id => names.ids.iter().map(String::as_str).collect(),
        What::ObjectKey => vec![&names.object_key],
        What::ApiKey => vec![&names.api_key],
        What::Link => vec![&names.link],
        What::Drop => vec![&names.drop],
    };
    let mut answers = BTreeSet::new();
    for name in asked {
        let path = path.replace("{id}", name).replace("{file_key}", name);
        let headers = [
            ("content-type", "application/json"),
            ("x-request-id", "the-same-id"),
        ];
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let body = match body {
            "{}" => body.to_owned(),
            body => body.replace("{}", name),
        };
        let reply = user.request(method, &path, &headers, body).await;
        answers.insert(format!(
            "{} {}",
            reply.status,
            reply.text().replace(name, "NAME")
        ));
    }
    answers
}

#[tokio::test]
async fn a22_what_another_tenant_has_is_answered_as_what_nobody_has() {
    let world = open().await;
    let theirs = furnish(&world, "a").await;
    furnish(&world, "b").await;
    let others = [
        member(&world, "b", "alice", &[]),
        member(&world, "b", "root", &["admin"]),
        member(&world, "", "alice", &[]),
    ];
    for user in &others {
        for row in NAMING {
            let found = answers(user, &theirs, row).await;
            let none = answers(user, &Names::nobodys(), row).await;
            assert_eq!((found.len(), &found), (1, &none), "{} {}", row.0, row.1);
        }
    }
    // And it is all still there.
    let alice = member(&world, "a", "alice", &[]);
    for id in &theirs.ids {
        alice.get(&format!("/v1/uploads/{id}")).await.ok(200);
    }
    let file = alice
        .get(&format!("/v1/files/{}", theirs.ids[0]))
        .await
        .ok(200);
    assert_eq!(
        (&file["tenant"], &file["filename"]),
        (&json!("a"), &json!("secret-name.txt"))
    );
    let keys = member(&world, "a", "root", &["admin"])
        .get("/v1/keys")
        .await
        .ok(200);
    assert_eq!(keys["keys"][0]["id"], theirs.api_key);
}

#[tokio::test]
async fn a22_no_list_has_a_byte_of_another_tenant() {
    let world = open().await;
    let theirs = furnish(&world, "a").await;
    let secrets = [
        &theirs.ids[..],
        &[theirs.object_key, theirs.api_key],
        &["secret-".to_owned(), "_t-a".to_owned()],
    ]
    .concat();
    let by_filter = [
        format!("/v1/events?file_id={}", theirs.ids[0]),
        "/v1/files?path=secret-folder".to_owned(),
        "/v1/files?content_type=text/plain&bucket=files".to_owned(),
    ];
    for (tenant, subject, roles) in [
        ("b", "alice", &[][..]),
        ("b", "root", &["admin"]),
        ("", "alice", &[]),
    ] {
        let user = member(&world, tenant, subject, roles);
        for path in SHOWING
            .iter()
            .copied()
            .chain(by_filter.iter().map(String::as_str))
        {
            let reply = user.get(path).await;
            let allowed = path != "/v1/keys" || !roles.is_empty();
            assert_eq!(reply.status == 200, allowed, "{path}: {}", reply.text());
            let text = reply.text().replace(path, "");
            for secret in &secrets {
                assert!(
                    !text.contains(secret),
                    "{tenant} {subject} {path}: {secret} is in {text}"
                );
            }
        }
        let usage = user.get("/v1/usage").await.ok(200);
        assert_eq!(usage["buckets"][0]["files"], 0);
        assert_eq!(
            usage["buckets"][0]["everybody"]["files"],
            match roles.is_empty() {
                true => json!(null),
                false => json!(0),
            }
        );
    }
    let cursor = member(&world, "a", "alice", &[])
        .get("/v1/events")
        .await
        .ok(200);
    let path = format!(
        "/v1/events?cursor={}",
        cursor["next_cursor"].as_str().unwrap()
    );
    let foreign = member(&world, "b", "alice", &[]).get(&path).await;
    foreign.problem(400, "malformed_request");
}

#[tokio::test]
async fn an_administrator_of_a_tenant_manages_that_one_and_nothing_of_the_service() {
    let world = open().await;
    let (ours, theirs) = (furnish(&world, "a").await, furnish(&world, "b").await);
    let admin = member(&world, "a", "root", &["admin"]);
    for (method, path, body) in ADMINISTERING {
        let path = path.replace("{id}", "01936f3e-8b7a-7c3d-9e4f-0123456789ab");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let reply = admin.json(method, &path, *body).await;
        let problem = reply.problem(403, "forbidden");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("default tenant"),
            "{path}"
        );
    }
    let listed = admin.get("/v1/files").await.ok(200);
    assert_eq!(listed["files"].as_array().unwrap().len(), 1);
    assert_eq!(listed["files"][0]["id"], ours.ids[0]);
    let elsewhere = json!({"name": "x", "tenant": "b", "subject": "x", "scopes": ["read"]});
    admin
        .post("/v1/keys", &elsewhere)
        .await
        .problem(403, "forbidden");
    let usage = admin.get("/v1/usage").await.ok(200);
    assert_eq!(usage["buckets"][0]["everybody"]["files"], 1);
    let path = format!("/v1/files/{}", ours.ids[0]);
    assert_eq!(admin.delete(&path).await.status, 204);

    // Whoever is that in the default tenant manages all.
    let root = world.admin();
    let listed = root.get("/v1/files").await.ok(200);
    assert_eq!(
        (&listed["files"][0]["id"], &listed["files"][0]["tenant"]),
        (&json!(theirs.ids[0]), &json!("b"))
    );
    let usage = root.get("/v1/usage").await.ok(200);
    assert_eq!(usage["buckets"][0]["everybody"]["files"], 1);
    let keys = root.get("/v1/keys").await.ok(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    let path = format!("/v1/keys/{}", theirs.api_key);
    assert_eq!(root.delete(&path).await.status, 204);
}

#[tokio::test]
async fn a_key_acts_in_its_tenant_and_so_does_whoever_it_acts_for() {
    let world = open().await;
    let theirs = furnish(&world, "a").await;
    let create = json!({"name": "x", "tenant": "b", "subject": "shop", "scopes": ["upload", "read", "on_behalf", "admin"]});
    let made = world.admin().post("/v1/keys", &create).await.ok(201);
    assert_eq!(made["tenant"], "b");
    let token = made["secret"].as_str().unwrap().to_owned();
    let shop = User {
        world: &world,
        token,
    };
    let path = format!("/v1/files/{}", theirs.ids[0]);
    shop.get(&path).await.problem(404, "not_found");
    shop.get("/v1/webhooks").await.problem(403, "forbidden");
    let behalf = [("valetkey-subject", "alice")];
    let reply = shop.request(Method::GET, &path, &behalf, "").await;
    reply.problem(404, "not_found");
    let file = shop.upload("a.txt", b"abc").await;
    assert_eq!(
        (&file["tenant"], &file["owner"]),
        (&json!("b"), &json!("shop"))
    );
    let member = member(&world, "b", "shop", &[]);
    member
        .get(&format!("/v1/files/{}", id(&file)))
        .await
        .ok(200);
}

#[tokio::test]
async fn one_idempotency_key_is_as_many_as_tenants() {
    let world = open().await;
    let body = json!({"filename": "a.txt", "content_type": "text/plain", "size": 3}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "one"),
    ];
    let mut ids = Vec::new();
    for tenant in ["", "a", "b", "a"] {
        let alice = member(&world, tenant, "alice", &[]);
        let reply = alice.request(Method::POST, "/v1/uploads", &headers, body.clone());
        ids.push(id(&reply.await.ok(201)).to_owned());
    }
    assert_eq!(ids[1], ids[3]);
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>().len(), 3);
}

#[tokio::test]
async fn every_route_is_in_one_of_these_tables() {
    let world = open().await;
    let document = world.nobody().get("/openapi.json").await.ok(200);
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys();
        let methods = methods
            .filter(|name| ["get", "post", "patch", "put", "delete"].contains(&name.as_str()));
        routes.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    let naming = NAMING.iter().map(|row| (row.0, row.1));
    let showing = SHOWING.iter().map(|path| ("GET", *path));
    let administering = ADMINISTERING.iter().map(|row| (row.0, row.1));
    let known = naming
        .chain(showing)
        .chain(administering)
        .chain(OTHER.iter().copied());
    let known: BTreeSet<_> = known
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    let unknown: Vec<_> = routes.symmetric_difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "say of these what another tenant's is to them: {unknown:?}"
    );
}
