//! Files: list, change, fetch.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{World, alice, bob, code, wish};
use valetkey_engine::Reading;
use valetkey_protocol::disposition::Disposition;
use valetkey_protocol::download::{CreateDownload, CreateDownloads};
use valetkey_protocol::file::{File, ListFiles, Order, PatchFile};
use valetkey_protocol::upload::CreateUpload;
use valetkey_protocol::{Code, ContentType, FileId, Filename, FolderPath};

async fn file_of_type(world: &World, content_type: &str) -> FileId {
    let content_type = ContentType::parse(content_type).unwrap();
    let upload = world
        .create(CreateUpload {
            content_type,
            ..wish(5)
        })
        .await;
    world.store.put_single(upload.id, b"hello");
    world.complete(upload.id).await.unwrap().id
}

#[tokio::test]
async fn pages_show_every_file_once_in_order() {
    let world = World::new();
    for _ in 0..7 {
        world.file(b"hello").await;
    }
    for order in [Order::Newest, Order::Oldest] {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let query = ListFiles {
                limit: Some(3),
                order: Some(order),
                cursor,
                ..ListFiles::default()
            };
            let page = world.engine.list_files(&alice(), query).await.unwrap();
            seen.extend(page.files.iter().map(|file| file.id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
        assert_eq!(seen.is_sorted(), order == Order::Oldest);
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_owner_and_its_order_only() {
    let world = World::new();
    for _ in 0..2 {
        world.file(b"hello").await;
    }
    let first = ListFiles {
        limit: Some(1),
        ..ListFiles::default()
    };
    let cursor = world
        .engine
        .list_files(&alice(), first)
        .await
        .unwrap()
        .next_cursor;
    let again = |order| ListFiles {
        cursor: cursor.clone(),
        order,
        ..ListFiles::default()
    };
    assert_eq!(
        world
            .engine
            .list_files(&alice(), again(None))
            .await
            .unwrap()
            .files
            .len(),
        1
    );
    assert_eq!(
        code(world.engine.list_files(&bob(), again(None)).await),
        Code::MalformedRequest
    );
    assert_eq!(
        code(
            world
                .engine
                .list_files(&alice(), again(Some(Order::Oldest)))
                .await
        ),
        Code::MalformedRequest
    );
    let forged = ListFiles {
        cursor: Some("AAAA".to_owned()),
        ..ListFiles::default()
    };
    assert_eq!(
        code(world.engine.list_files(&alice(), forged).await),
        Code::MalformedRequest
    );
}

#[tokio::test]
async fn filters_choose() {
    let world = World::new();
    let png = file_of_type(&world, "image/png").await;
    let text = file_of_type(&world, "text/plain; charset=utf-8").await;
    let alice = alice();
    let list = |query| world.engine.list_files(&alice, query);
    let ids = |query| async {
        list(query)
            .await
            .unwrap()
            .files
            .iter()
            .map(|file| file.id)
            .collect::<Vec<_>>()
    };
    let of_type = |kind: &str| ListFiles {
        content_type: Some(kind.to_owned()),
        ..ListFiles::default()
    };
    assert_eq!(ids(of_type("image/*")).await, [png]);
    assert_eq!(ids(of_type("text/plain")).await, [text]);

    let checksum =
        valetkey_protocol::Hasher::digest(valetkey_protocol::Algorithm::Crc64Nvme, b"hello");
    let by_checksum = |value: String| ListFiles {
        checksum: Some(format!("crc64nvme:{value}")),
        ..ListFiles::default()
    };
    assert_eq!(ids(by_checksum(checksum.to_base64())).await.len(), 2);
    assert_eq!(
        code(list(by_checksum("x".to_owned())).await),
        Code::InvalidRequest
    );
    let nowhere = ListFiles {
        bucket: Some("nowhere".to_owned()),
        ..ListFiles::default()
    };
    assert_eq!(code(list(nowhere).await), Code::InvalidRequest);
    assert_eq!(
        code(
            list(ListFiles {
                limit: Some(0),
                ..ListFiles::default()
            })
            .await
        ),
        Code::InvalidRequest
    );
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_lists_follow() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let folder = FolderPath::parse("notes/2026").unwrap();
    let patch = PatchFile {
        filename: Some(Filename::parse("new.txt").unwrap()),
        path: Some(Some(folder.clone())),
        metadata: Some(Some(BTreeMap::from([(
            "tag".to_owned(),
            Some("x".to_owned()),
        )]))),
        retain_for: None,
    };
    let changed = world
        .engine
        .patch_file(&alice(), file.id, patch)
        .await
        .unwrap();
    assert_eq!(
        (
            changed.filename.as_str(),
            changed.metadata.pairs()["tag"].as_str()
        ),
        ("new.txt", "x")
    );
    assert_eq!(changed.key, file.key);
    let query = ListFiles {
        path: Some(folder),
        ..ListFiles::default()
    };
    assert_eq!(
        world
            .engine
            .list_files(&alice(), query)
            .await
            .unwrap()
            .files,
        [File {
            receipt: None,
            ..changed
        }]
    );
    assert_eq!(
        code(
            world
                .engine
                .patch_file(&bob(), file.id, PatchFile::default())
                .await
        ),
        Code::NotFound
    );
}

#[tokio::test]
async fn a_patch_keeps_a_file_no_longer_than_a_create_may() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let keep = |seconds| PatchFile {
        retain_for: Some(Some(seconds)),
        ..PatchFile::default()
    };
    let alice = alice();
    for seconds in [0, 100 * 366 * 86_400 + 1, u64::MAX] {
        let patched = world.engine.patch_file(&alice, file.id, keep(seconds));
        assert_eq!(code(patched.await), Code::InvalidRequest, "{seconds}");
    }
    let longest = keep(100 * 366 * 86_400);
    let patched = world.engine.patch_file(&alice, file.id, longest).await;
    assert_eq!(
        world.engine.get_file(&alice, file.id).await.unwrap(),
        patched.unwrap()
    );
}

#[tokio::test]
async fn patches_at_the_same_moment_are_all_kept() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let patch = |key: &str| PatchFile {
        metadata: Some(Some(BTreeMap::from([(
            key.to_owned(),
            Some("x".to_owned()),
        )]))),
        ..PatchFile::default()
    };
    let alice = alice();
    let patches = ["a", "b", "c"].map(|key| world.engine.patch_file(&alice, file.id, patch(key)));
    futures_util::future::try_join_all(patches).await.unwrap();
    let metadata = world
        .engine
        .get_file(&alice, file.id)
        .await
        .unwrap()
        .metadata;
    assert_eq!(metadata.pairs().keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a07_what_browsers_could_run_is_saved_as_bytes_of_no_type() {
    let world = World::new();
    let inline = CreateDownload {
        disposition: Some(Disposition::Inline),
        ..CreateDownload::default()
    };
    for (content_type, sent) in [
        ("image/png", "type=image/png&disposition=inline"),
        (
            "text/html",
            "type=application/octet-stream&disposition=attachment",
        ),
        (
            "image/svg+xml",
            "type=application/octet-stream&disposition=attachment",
        ),
    ] {
        let id = file_of_type(&world, content_type).await;
        let download = world
            .engine
            .create_download(&alice(), id, inline.clone())
            .await
            .unwrap();
        assert!(download.url.expose().contains(sent), "{content_type}");
    }
}

#[tokio::test]
async fn a_content_url_is_good_until_it_ends_and_cannot_be_forged() {
    let world = World::new();
    let id = file_of_type(&world, "image/png").await;
    let wish = CreateDownload {
        expires_in: Some(60),
        ..CreateDownload::default()
    };
    let download = world
        .engine
        .create_download(&alice(), id, wish)
        .await
        .unwrap();
    let token = download
        .content_url
        .expose()
        .strip_prefix("https://files.test/c/")
        .unwrap();
    assert!(
        world
            .engine
            .open_content(token, Reading::Bytes)
            .await
            .unwrap()
            .expose()
            .contains("disposition=inline")
    );
    assert_eq!(
        world
            .engine
            .get_file(&alice(), id)
            .await
            .unwrap()
            .download_count,
        2
    );

    let mut forged = token.to_owned();
    forged.replace_range(0..1, if token.starts_with('M') { "N" } else { "M" });
    assert_eq!(
        code(world.engine.open_content(&forged, Reading::Bytes).await),
        Code::NotFound
    );
    world.clock.forward(60);
    assert_eq!(
        code(world.engine.open_content(token, Reading::Bytes).await),
        Code::TokenExpired
    );
}

#[tokio::test]
async fn downloads_in_a_batch_answer_one_by_one() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let ids = vec![file.id.to_string(), "no-id".to_owned()];
    let batch = CreateDownloads {
        ids,
        ..CreateDownloads::default()
    };
    let results = world
        .engine
        .create_downloads(&alice(), batch)
        .await
        .unwrap()
        .results;
    assert_eq!((results[0].status, results[1].status), (200, 404));
    assert_eq!(
        world
            .engine
            .get_file(&alice(), file.id)
            .await
            .unwrap()
            .download_count,
        1
    );
}

#[tokio::test]
async fn whoever_asks_for_the_headers_gets_a_url_for_that_and_downloads_nothing() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let engine = &world.engine;
    let wish = CreateDownload::default();
    let download = engine.create_download(&alice(), file.id, wish).await;
    let content_url = download.unwrap().content_url;
    let token = content_url.expose().rsplit('/').next().unwrap();
    let urls = async |reading| {
        [
            engine.get_content(&alice(), file.id, reading).await,
            engine.open_content(token, reading).await,
        ]
        .map(|url| url.unwrap().expose().ends_with("&head"))
    };
    assert_eq!(urls(Reading::Headers).await, [true; 2]);
    let counted = engine.get_file(&alice(), file.id).await.unwrap();
    assert_eq!(counted.download_count, 1);
    assert_eq!(urls(Reading::Bytes).await, [false; 2]);
}
