//! Policies, where they decide: what they refuse, what of it is told, and what no policy can give.

use jiff::Timestamp;
use jiff::tz::Offset;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use valetkey_engine::{ADMIN, BucketRules, Policies, PolicyFile, Principal, Reading, Vocabulary};
use valetkey_protocol::api_key::Scope;
use valetkey_protocol::download::{CreateDownload, CreateDownloads};
use valetkey_protocol::event::ListEvents;
use valetkey_protocol::file::{File, ListFiles, PatchFile};
use valetkey_protocol::policy::{
    ExplainPolicy, PolicyAction as Action, PolicyExplanation, Somebody,
};
use valetkey_protocol::upload::CompleteUpload;
use valetkey_protocol::{Code, FolderPath, Tenant};

use crate::support::{World, admin, alice, bob, code, wish};

/// From now on these hold, and no others.
fn decree(world: &World, text: &str) {
    let file = PolicyFile {
        name: "test.cedar".to_owned(),
        text: text.to_owned(),
    };
    let policies = Policies::read(&[file], false, &Vocabulary::default(), Offset::UTC);
    world
        .engine
        .policies()
        .replace(policies.unwrap_or_else(|error| panic!("{error}\n{text}")));
}

fn of(tenant: &str, who: Principal) -> Principal {
    who.of_tenant(Tenant::parse(tenant).unwrap())
}

fn with_role(mut who: Principal, role: &str) -> Principal {
    who.roles.push(role.to_owned());
    who
}

fn for_seconds(expires_in: u64) -> CreateDownload {
    CreateDownload {
        expires_in: Some(expires_in),
        ..CreateDownload::default()
    }
}

fn to_path(path: &str) -> PatchFile {
    PatchFile {
        path: Some(Some(FolderPath::parse(path).unwrap())),
        ..PatchFile::default()
    }
}

/// The caller's file, available.
async fn file_of(world: &World, who: &Principal, bytes: &[u8]) -> File {
    let size = bytes.len() as u64;
    let upload = world.engine.create_upload(who, wish(size)).await.unwrap();
    assert!(world.store.put_single(upload.id, bytes));
    let complete = CompleteUpload::default();
    let engine = &world.engine;
    engine
        .complete_upload(who, upload.id, complete)
        .await
        .unwrap();
    engine.get_file(who, upload.id).await.unwrap()
}

#[tokio::test]
async fn what_may_be_read_is_refused_in_words_and_all_else_does_not_exist() {
    let world = World::new();
    let file = world.file(b"bytes").await;
    let (engine, id) = (&world.engine, file.id);
    decree(
        &world,
        r#"permit (principal, action == Action::"read", resource) when { principal.subject == "alice" };"#,
    );
    engine.get_file(&alice(), id).await.unwrap();
    let patch = || to_path("new");
    let download = CreateDownload::default;
    for (who, expected) in [(alice(), Code::Forbidden), (bob(), Code::NotFound)] {
        let refusals = [
            code(engine.create_download(&who, id, download()).await),
            code(engine.get_content(&who, id, Reading::Bytes).await),
            code(engine.patch_file(&who, id, patch()).await),
            code(engine.delete_file(&who, id).await),
            code(
                engine
                    .create_download_by_key(&who, None, file.key.as_str())
                    .await,
            ),
            code(engine.delete_by_key(&who, None, file.key.as_str()).await),
        ];
        assert_eq!(refusals, [expected; 6], "{}", who.subject);
        assert_eq!(
            code(engine.create_upload(&who, wish(1)).await),
            Code::Forbidden
        );
    }
    let refused = engine
        .delete_file(&alice(), id)
        .await
        .unwrap_err()
        .problem();
    assert!(
        refused.detail.contains("delete this file"),
        "{}",
        refused.detail
    );
    let hidden = engine.get_file(&bob(), id).await.unwrap_err().problem();
    let absent = "01936f3e-8b7a-7c3d-9e4f-0123456789ab".parse().unwrap();
    let absent = engine.get_file(&bob(), absent).await.unwrap_err().problem();
    assert_eq!(hidden, absent);
    // Nobody is asked twice: the next policies hold at once.
    decree(&world, "permit (principal, action, resource);");
    engine.delete_file(&bob(), id).await.unwrap();
}

#[tokio::test]
async fn an_upload_is_judged_by_what_it_asks_for() {
    let world = World::new();
    decree(
        &world,
        r#"
        permit (principal, action == Action::"create_upload", resource == Bucket::"files")
        when { context.size <= 5 && context.content_type like "text/*" && context.expires_in <= 900 };
        permit (principal, action == Action::"create_upload", resource)
        when { context has ip && context.ip.isInRange(ip("10.0.0.0/8")) };
        "#,
    );
    let engine = &world.engine;
    let create = |who: Principal, size, expires_in| async move {
        let mut create = wish(size);
        create.expires_in = expires_in;
        engine.create_upload(&who, create).await
    };
    create(alice(), 5, None).await.unwrap();
    create(alice(), 5, Some(900)).await.unwrap();
    assert_eq!(code(create(alice(), 6, None).await), Code::Forbidden);
    assert_eq!(code(create(alice(), 5, Some(901)).await), Code::Forbidden);
    let mut inside = alice();
    inside.address = Some("::ffff:10.1.2.3".parse().unwrap());
    create(inside.clone(), 6, Some(901)).await.unwrap();
    inside.address = Some("11.1.2.3".parse().unwrap());
    assert_eq!(code(create(inside, 6, None).await), Code::Forbidden);
}

#[tokio::test]
async fn a_url_is_judged_by_how_long_it_will_hold() {
    let world = World::with_rules(BucketRules {
        request_ttl_seconds: 900,
        ..BucketRules::default()
    });
    let file = world.file(b"bytes").await;
    decree(
        &world,
        r#"
        permit (principal, action == Action::"read", resource);
        permit (principal, action == Action::"download", resource) when { context.expires_in <= 600 };
        "#,
    );
    let (engine, who, id) = (&world.engine, alice(), file.id);
    engine
        .create_download(&who, id, for_seconds(600))
        .await
        .unwrap();
    let longer = engine.create_download(&who, id, for_seconds(601)).await;
    assert_eq!(code(longer), Code::Forbidden);
    // Whoever does not say for how long gets what the bucket gives, and content is as long.
    let unsaid = engine.create_download(&who, id, CreateDownload::default());
    assert_eq!(code(unsaid.await), Code::Forbidden);
    assert_eq!(
        code(engine.get_content(&who, id, Reading::Bytes).await),
        Code::Forbidden
    );
    let batch = CreateDownloads {
        ids: vec![id.to_string()],
        expires_in: Some(601),
        disposition: None,
    };
    let refused = engine.create_downloads(&who, batch).await.unwrap();
    assert_eq!(refused.results[0].status, 403);
}

#[tokio::test]
async fn lists_show_others_files_where_all_may_be_listed_and_those_that_may_be_read() {
    let world = World::with_buckets(&[
        ("files", BucketRules::default()),
        ("other", BucketRules::default()),
    ]);
    let open = world.file(b"open").await;
    let closed = world.file(b"closed").await;
    let engine = &world.engine;
    let who = alice();
    let patched = engine.patch_file(&who, closed.id, to_path("closed"));
    patched.await.unwrap();
    let listed = |who: Principal, bucket: Option<&'static str>| async move {
        let query = ListFiles {
            bucket: bucket.map(str::to_owned),
            ..ListFiles::default()
        };
        let page = engine.list_files(&who, query).await.unwrap();
        page.files.iter().map(|file| file.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(bob(), Some("files")).await, []);
    decree(
        &world,
        r#"
        permit (principal, action == Action::"list_all", resource == Bucket::"files")
        when { principal.roles.contains("viewer") };
        permit (principal, action == Action::"read", resource);
        forbid (principal, action == Action::"read", resource) when { resource.top == "closed" };
        "#,
    );
    let viewer = || with_role(bob(), "viewer");
    assert_eq!(listed(viewer(), Some("files")).await, [open.id]);
    // Without a bucket all of them are listed, so all of them must be open.
    assert_eq!(listed(viewer(), None).await, []);
    assert_eq!(listed(viewer(), Some("other")).await, []);
    assert_eq!(listed(bob(), Some("files")).await, []);
    // One's own is listed, as far as it may be read.
    assert_eq!(listed(alice(), Some("files")).await, [open.id]);
    assert_eq!(listed(of("acme", viewer()), Some("files")).await, []);
}

#[tokio::test]
async fn a_change_leaves_a_file_where_its_owner_may_change_it() {
    let world = World::new();
    let file = world.file(b"bytes").await;
    let (engine, id) = (&world.engine, file.id);
    decree(
        &world,
        r#"
        permit (principal, action == Action::"read", resource);
        permit (principal, action == Action::"update", resource)
        when { resource.top == "" || resource.top == principal.subject };
        "#,
    );
    let who = alice();
    let patched = |path: &'static str| engine.patch_file(&who, id, to_path(path));
    assert_eq!(code(patched("bob/inbox").await), Code::Forbidden);
    patched("alice/outbox").await.unwrap();
    // Whoever ends a file's retention deletes it, so that must be allowed as well.
    let ends = PatchFile {
        retain_for: Some(Some(1)),
        ..PatchFile::default()
    };
    assert_eq!(
        code(engine.patch_file(&alice(), id, ends).await),
        Code::Forbidden
    );
}

#[tokio::test]
async fn scopes_and_tenants_hold_whatever_policies_say() {
    let world = World::new();
    let file = world.file(b"bytes").await;
    let theirs = file_of(&world, &of("acme", alice()), b"theirs").await;
    decree(&world, "permit (principal, action, resource);");
    let (engine, id) = (&world.engine, file.id);
    let mut narrowed = bob();
    narrowed.scopes = Some(vec![Scope::Read]);
    engine.get_file(&narrowed, id).await.unwrap();
    assert_eq!(
        code(engine.delete_file(&narrowed, id).await),
        Code::Forbidden
    );
    // Administering by policy is within one's tenant; the role alone reaches further, and from the default tenant.
    for (who, sees) in [
        (bob(), false),
        (with_role(bob(), "operator"), false),
        (of("b", admin()), false),
        (admin(), true),
        (of("acme", bob()), true),
    ] {
        let found = engine.get_file(&who, theirs.id).await;
        assert_eq!(found.is_ok(), sees, "{who:?}");
    }
    // And policies can take it from the role.
    decree(
        &world,
        r#"permit (principal, action in [Action::"read", Action::"list_all"], resource);"#,
    );
    assert_eq!(
        code(engine.get_file(&admin(), theirs.id).await),
        Code::NotFound
    );
    assert_eq!(code(engine.list_api_keys(&admin()).await), Code::Forbidden);
}

const FILE_ACTIONS: &str = r#"action in [Action::"read", Action::"download", Action::"update", Action::"delete", Action::"create_link"]"#;

/// Policies as somebody careless or hostile might write them.
fn policy() -> impl Strategy<Value = String> {
    let of_files = select(vec![
        "resource.tenant != principal.tenant",
        "resource.tenant == principal.tenant",
        "resource.owner == principal.subject",
        "resource.tenant == \"a\"",
        "principal.roles.contains(\"admin\")",
        "resource.bucket.name == \"files\"",
        "resource.path like \"*\"",
        "resource.size >= 0 && context.hour >= 0",
    ]);
    let of_anything = select(vec![
        "true",
        "principal.tenant == \"b\"",
        "principal.subject like \"a*\"",
        "!principal.roles.contains(\"editor\")",
    ]);
    let effect = || prop_oneof![4 => Just("permit"), 1 => Just("forbid")];
    prop_oneof![
        (effect(), of_files).prop_map(|(effect, when)| format!(
            "{effect} (principal, {FILE_ACTIONS}, resource) when {{ {when} }};"
        )),
        (effect(), of_anything).prop_map(|(effect, when)| format!(
            "{effect} (principal, action, resource) when {{ {when} }};"
        )),
        (effect(), select(Action::ALL)).prop_map(|(effect, action)| format!(
            "{effect} (principal, action == Action::\"{}\", resource);",
            action.as_str()
        )),
    ]
}

/// What a stranger gets of a file: nothing by any way there is.
async fn stays_hidden(world: &World, who: &Principal, file: &File) {
    let (engine, id, key) = (&world.engine, file.id, file.key.as_str());
    let refusals = [
        code(engine.get_file(who, id).await),
        code(
            engine
                .create_download(who, id, CreateDownload::default())
                .await,
        ),
        code(engine.get_content(who, id, Reading::Headers).await),
        code(engine.create_download_by_key(who, None, key).await),
        code(engine.patch_file(who, id, to_path("mine")).await),
        code(engine.delete_file(who, id).await),
        code(engine.delete_by_key(who, None, key).await),
        code(engine.get_upload(who, id).await),
        code(engine.abort_upload(who, id).await),
        code(
            engine
                .complete_upload(who, id, CompleteUpload::default())
                .await,
        ),
    ];
    assert_eq!(refusals, [Code::NotFound; 10]);
    let batch = CreateDownloads {
        ids: vec![id.to_string()],
        expires_in: None,
        disposition: None,
    };
    let batch = engine.create_downloads(who, batch).await.unwrap();
    assert_eq!(batch.results[0].status, 404);
    for bucket in [None, Some("files".to_owned())] {
        let query = ListFiles {
            bucket,
            ..ListFiles::default()
        };
        let page = engine.list_files(who, query).await.unwrap();
        assert!(page.files.iter().all(|one| one.tenant == who.tenant));
    }
    let events = engine
        .list_events(who, &ListEvents::default())
        .await
        .unwrap();
    assert!(
        events
            .events
            .iter()
            .all(|one| one.data.tenant == who.tenant)
    );
    if let Ok(told) = engine
        .explain_policy(who, about(who, Action::Read, file))
        .await
    {
        panic!("{told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nobody_sees_what_is_another_tenants_whatever_policies_say(
        policies in prop::collection::vec(policy(), 0..5),
        subject in select(vec!["alice", "bob", "root"]),
        roles in subsequence(vec!["admin", "editor", "viewer"], 0..=3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let mut files = Vec::new();
            for tenant in ["", "a", "b"] {
                files.push(file_of(&world, &of(tenant, alice()), tenant.as_bytes()).await);
            }
            decree(&world, &policies.join("\n"));
            let roles: Vec<_> = roles.iter().map(|role| (*role).to_owned()).collect();
            for tenant in ["", "a", "b"] {
                let who = Principal::new(subject.parse().unwrap(), roles.clone());
                let who = of(tenant, who);
                let everywhere = tenant.is_empty() && who.has_role(ADMIN);
                for file in files.iter().filter(|file| file.tenant != who.tenant && !everywhere) {
                    stays_hidden(&world, &who, file).await;
                }
            }
        });
    }
}

/// May this one do this?
fn about(who: &Principal, action: Action, file: &File) -> ExplainPolicy {
    ExplainPolicy {
        who: Somebody {
            subject: who.subject.clone(),
            tenant: None,
            roles: who.roles.clone(),
            licences: who.licences.clone(),
            claims: Default::default(),
        },
        action,
        file_id: Some(file.id.to_string()),
        bucket: None,
        ip: None,
        at: None,
        filename: None,
        path: None,
        content_type: None,
        size: None,
        expires_in: None,
    }
}

#[tokio::test]
async fn an_explanation_names_what_decided_and_what_fails() {
    let world = World::new();
    let file = world.file(b"bytes").await;
    decree(
        &world,
        r#"@id("office-hours")
        permit (principal, action == Action::"download", resource)
        when { principal.roles.contains("viewer") && context.hour >= 8 && resource.owner == "alice" }
        unless { context.weekday > 5 };
        permit (principal, action == Action::"administer", resource);
        @id("never-for-bob")
        forbid (principal, action == Action::"delete", resource) when { principal.subject == "bob" };"#,
    );
    let explain = |asked: ExplainPolicy| async {
        world.engine.explain_policy(&admin(), asked).await.unwrap()
    };
    let viewer = with_role(bob(), "viewer");
    let at = |time: &str| {
        let at: Timestamp = time.parse().unwrap();
        ExplainPolicy {
            at: Some(at),
            ..about(&viewer, Action::Download, &file)
        }
    };
    let told = explain(at("2026-03-02T08:00:00Z")).await;
    assert!(told.allowed, "{told:?}");
    assert_eq!(told.decided_by, ["office-hours"]);
    let failed = |told: &PolicyExplanation| {
        assert!(!told.allowed && told.decided_by.is_empty(), "{told:?}");
        assert_eq!(told.nearest[0].policy, "office-hours");
        told.nearest[0].failed.clone()
    };
    // Monday at seven; Sunday at noon; and somebody without the role, on a Sunday at seven.
    let early = explain(at("2026-03-02T07:59:59Z")).await;
    assert_eq!(failed(&early), ["context.hour >= 8"]);
    let sunday = explain(at("2026-03-08T12:00:00Z")).await;
    assert_eq!(failed(&sunday), ["not (context.weekday > 5)"]);
    let mut nobody = at("2026-03-08T07:00:00Z");
    nobody.who.roles.clear();
    assert_eq!(failed(&explain(nobody).await).len(), 3);
    let forbidden = explain(about(&bob(), Action::Delete, &file)).await;
    assert_eq!(forbidden.decided_by, ["never-for-bob"]);
    let unheard = explain(about(&alice(), Action::Update, &file)).await;
    assert_eq!(unheard.why, "no policy permits this action");
    // What it says is what would be done.
    assert_eq!(
        code(world.engine.delete_file(&bob(), file.id).await),
        Code::NotFound
    );
}
