//! What administrators and the configuration do with webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use valetkey_protocol::Code;
use valetkey_protocol::event::EventKind;
use valetkey_protocol::webhook::{ListDeliveries, Origin, PatchEndpoint, Replay, RotateSecret};

use super::*;
use crate::support::{alice, code};

const URL: &str = "https://app.example/";

fn configured(id: &str, url: &str) -> ConfiguredEndpoint {
    ConfiguredEndpoint {
        id: id.parse().unwrap(),
        url: url.to_owned(),
        kinds: Vec::new(),
        buckets: Vec::new(),
        secret: Secret::new(format!("whsec_{}", STANDARD.encode([7; 32]))),
        previous_secret: None,
    }
}

#[tokio::test]
async fn webhooks_are_for_administrators() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    let id = made(&webhooks, URL).await.id;
    let who = alice();
    for refused in [
        code(webhooks.create_endpoint(&who, to(URL)).await),
        code(webhooks.list_endpoints(&who).await),
        code(webhooks.get_endpoint(&who, &id).await),
        code(
            webhooks
                .patch_endpoint(&who, &id, PatchEndpoint::default())
                .await,
        ),
        code(webhooks.delete_endpoint(&who, &id).await),
        code(
            webhooks
                .rotate_secret(&who, &id, RotateSecret::default())
                .await,
        ),
        code(webhooks.test_endpoint(&who, &id).await),
        code(webhooks.replay(&who, &id, Replay::default()).await),
        code(
            webhooks
                .list_deliveries(&who, &id, ListDeliveries::default())
                .await,
        ),
    ] {
        assert_eq!(refused, Code::Forbidden);
    }
    assert!(webhooks.get_endpoint(&admin(), &id).await.unwrap().enabled);
}

#[tokio::test]
async fn an_endpoint_is_told_what_it_asked_for_and_downloads_only_by_name() {
    use valetkey_engine::BucketRules;
    let rules = BucketRules {
        announce_downloads: true,
        ..BucketRules::default()
    };
    let world = World::with_buckets(&[("files", rules), ("other", BucketRules::default())]);
    let post = Arc::new(Post::default());
    let webhooks = webhooks(&world, &post, Vec::new());
    for (url, types, buckets) in [
        ("https://all/", vec![], vec![]),
        (
            "https://downloads/",
            vec![EventKind::DownloadIssued],
            vec![],
        ),
        ("https://other/", vec![], vec!["other".to_owned()]),
        (
            "https://deleted/",
            vec![EventKind::FileDeleted],
            vec!["files".to_owned()],
        ),
    ] {
        let create = CreateEndpoint {
            types,
            buckets,
            ..to(url)
        };
        webhooks.create_endpoint(&admin(), create).await.unwrap();
    }
    let file = world.file(b"bytes").await;
    let download = valetkey_protocol::download::CreateDownload::default();
    world
        .engine
        .create_download(&alice(), file.id, download)
        .await
        .unwrap();
    world.engine.delete_file(&admin(), file.id).await.unwrap();
    pump(&webhooks).await;
    let kinds = |url| {
        let told = post.told(url).into_iter();
        told.map(|event| event["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds("https://all/"), ["upload.completed", "file.deleted"]);
    assert_eq!(kinds("https://downloads/"), ["download.issued"]);
    assert!(kinds("https://other/").is_empty());
    assert_eq!(kinds("https://deleted/"), ["file.deleted"]);
}

#[tokio::test]
async fn a26_after_a_rotation_both_secrets_sign_until_the_old_one_is_over() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    let made = made(&webhooks, URL).await;
    let signatures = async || {
        post.forget();
        assert!(
            webhooks
                .test_endpoint(&admin(), &made.id)
                .await
                .unwrap()
                .delivered
        );
        let sent = post.sent.lock().unwrap();
        let all = sent[0].signature.split(' ').map(str::to_owned);
        all.collect::<Vec<_>>()
    };
    assert_eq!(signatures().await.len(), 1);
    let rotate = RotateSecret { overlap: Some(100) };
    let rotated = webhooks
        .rotate_secret(&admin(), &made.id, rotate)
        .await
        .unwrap();
    assert_ne!(rotated.secret, made.secret);
    assert!(rotated.old_secret_until.is_some());
    assert_eq!(signatures().await.len(), 2);
    world.clock.forward(100);
    assert_eq!(signatures().await.len(), 1);
    let looked_at = webhooks.get_endpoint(&admin(), &made.id).await.unwrap();
    assert_eq!((looked_at.secret, looked_at.old_secret_until), (None, None));
    let at_once = RotateSecret { overlap: Some(0) };
    webhooks
        .rotate_secret(&admin(), &made.id, at_once)
        .await
        .unwrap();
    assert_eq!(signatures().await.len(), 1);
    let long = RotateSecret {
        overlap: Some(604_801),
    };
    let refused = webhooks.rotate_secret(&admin(), &made.id, long).await;
    assert_eq!(code(refused), Code::InvalidRequest);
}

#[tokio::test]
async fn what_the_configuration_says_is_so_after_a_start_and_only_it_changes_it() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let first = webhooks(
        &world,
        &post,
        vec![configured("a", URL), configured("b", URL)],
    );
    first.reconcile().await.unwrap();
    let by_api = made(&first, URL).await;
    let changed = ConfiguredEndpoint {
        previous_secret: Some(Secret::new(format!("whsec_{}", STANDARD.encode([8; 32])))),
        ..configured("b", "https://moved.example/")
    };
    let second = webhooks(&world, &post, vec![changed]);
    for _ in 0..2 {
        second.reconcile().await.unwrap();
        let list = second.list_endpoints(&admin()).await.unwrap().webhooks;
        let found: Vec<_> = list
            .iter()
            .map(|one| (one.id.as_str(), &*one.url, one.origin))
            .collect();
        let expected = [
            (by_api.id.as_str(), URL, Origin::Api),
            ("b", "https://moved.example/", Origin::Config),
        ];
        assert_eq!(found, expected);
    }
    let id = "b".parse().unwrap();
    let enabled = PatchEndpoint {
        enabled: Some(false),
        ..PatchEndpoint::default()
    };
    for refused in [
        code(second.patch_endpoint(&admin(), &id, enabled).await),
        code(second.delete_endpoint(&admin(), &id).await),
        code(
            second
                .rotate_secret(&admin(), &id, RotateSecret::default())
                .await,
        ),
    ] {
        assert_eq!(refused, Code::Conflict);
    }
    world.file(b"bytes").await;
    pump(&second).await;
    let sent = post.sent.lock().unwrap();
    let message = sent.iter().find(|one| one.endpoint == id).unwrap();
    assert_eq!(message.signature.split(' ').count(), 2);
}

#[tokio::test]
async fn a_server_without_the_secret_of_a_webhook_leaves_it_to_the_others() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let with = webhooks(&world, &post, vec![configured("a", URL)]);
    with.reconcile().await.unwrap();
    let without = webhooks(&world, &post, Vec::new());
    world.file(b"bytes").await;
    assert_eq!(pump(&without).await, []);
    let tested = without.test_endpoint(&admin(), &"a".parse().unwrap()).await;
    assert_eq!(code(tested), Code::Conflict);
    assert_eq!(pump(&with).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    let id = made(&webhooks, URL).await.id;
    let nowhere = CreateEndpoint {
        buckets: vec!["nowhere".to_owned()],
        ..to(URL)
    };
    let http = PatchEndpoint {
        url: Some("http://app.example/".to_owned()),
        ..PatchEndpoint::default()
    };
    let who = admin();
    for (refused, expected) in [
        (
            code(webhooks.create_endpoint(&who, nowhere).await),
            Code::InvalidRequest,
        ),
        (
            code(webhooks.patch_endpoint(&who, &id, http).await),
            Code::InvalidRequest,
        ),
    ] {
        assert_eq!(refused, expected);
    }
    let unknown = "unknown".parse().unwrap();
    for refused in [
        code(webhooks.get_endpoint(&who, &unknown).await),
        code(webhooks.test_endpoint(&who, &unknown).await),
    ] {
        assert_eq!(refused, Code::NotFound);
    }
    webhooks.delete_endpoint(&who, &id).await.unwrap();
    assert_eq!(code(webhooks.get_endpoint(&who, &id).await), Code::NotFound);
}

#[tokio::test]
async fn a_wrong_replay_or_page_is_refused() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    let id = made(&webhooks, URL).await.id;
    let both = Replay {
        from: Some(jiff::Timestamp::UNIX_EPOCH),
        dead: true,
    };
    let list = |limit, cursor: Option<&str>| ListDeliveries {
        limit,
        cursor: cursor.map(str::to_owned),
        ..ListDeliveries::default()
    };
    let who = admin();
    let page = async |list| code(webhooks.list_deliveries(&who, &id, list).await);
    assert_eq!(page(list(Some(0), None)).await, Code::InvalidRequest);
    assert_eq!(page(list(Some(1001), None)).await, Code::InvalidRequest);
    assert_eq!(page(list(None, Some("x"))).await, Code::MalformedRequest);
    for replay in [both, Replay::default()] {
        let refused = webhooks.replay(&who, &id, replay).await;
        assert_eq!(code(refused), Code::InvalidRequest);
    }
}
