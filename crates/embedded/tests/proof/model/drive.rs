//! Takes the model's steps on a real store and compares.

use std::fs;
use std::io;
use std::path::Path;

use proptest_state_machine::StateMachineTest;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::reference::{Action, Exchange, Expected, Model, Object, Page};
use super::step::{KEYS, Step};
use crate::support::*;

/// A store, and the ids it gave to uploads.
pub(super) struct Driver {
    runtime: Runtime,
    world: World,
    uploads: Vec<String>,
}

impl StateMachineTest for Driver {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let runtime = Runtime::new().unwrap();
        let world = runtime.block_on(World::in_memory());
        Self {
            runtime,
            world,
            uploads: Vec::new(),
        }
    }

    fn apply(state: Self, model: &Model, _: Step) -> Self {
        let Self {
            runtime,
            mut world,
            mut uploads,
        } = state;
        match model.last.as_ref().unwrap() {
            Action::Send(exchange) => runtime.block_on(send(&world, &mut uploads, exchange)),
            Action::List {
                prefix,
                delimiter,
                limit,
                first_version,
                pages,
            } => {
                let found =
                    runtime.block_on(list(&world, prefix, *delimiter, *limit, *first_version));
                assert_eq!(&found, pages);
            }
            Action::ListParts {
                key,
                slot,
                limit,
                parts,
            } => {
                let found = runtime.block_on(list_parts(&world, key, &uploads[*slot], *limit));
                assert_eq!(&found, parts);
            }
            Action::ListUploads {
                limit,
                uploads: expected,
            } => {
                let found = runtime.block_on(list_uploads(&world, *limit));
                assert!(found.is_sorted_by(|a, b| a.0 <= b.0), "{found:?}");
                let slot = |id: &String| uploads.iter().position(|known| known == id).unwrap();
                let mut found: Vec<_> = found
                    .into_iter()
                    .map(|(key, id)| (key, slot(&id)))
                    .collect();
                found.sort();
                assert_eq!(&found, expected);
            }
            Action::Reopen => {
                world = runtime.block_on(async { World::on(world.close().await).await });
            }
            Action::Crash => world = runtime.block_on(crash(world)),
        }
        Self {
            runtime,
            world,
            uploads,
        }
    }

    fn teardown(state: Self, model: Model) {
        state.runtime.block_on(async {
            for key in KEYS {
                let got = state.world.get(key).await;
                match model.objects.get(key) {
                    Some(object) => check_object(&got, object, Some(&object.bytes)),
                    None => assert_eq!(got.status, 404),
                }
            }
            state.world.close().await;
        });
    }
}

async fn send(world: &World, uploads: &mut Vec<String>, exchange: &Exchange) {
    let mut call = match &exchange.key {
        Some(key) => world.object(exchange.method, key),
        None => world.call(exchange.method, &format!("/{BUCKET}")),
    };
    for (name, value) in &exchange.query {
        call = call.query(name, value);
    }
    if let Some(slot) = exchange.upload {
        let nobody = "0".repeat(32);
        call = call.query("uploadId", uploads.get(slot).unwrap_or(&nobody));
    }
    for (name, value) in &exchange.headers {
        call = call.header(name, value);
    }
    call = call.body(&exchange.body);
    if exchange.length.is_some() {
        call = call.content_length(exchange.length);
    }
    let reply = call.send().await;
    match &exchange.expected {
        Expected::Refused(304, _) => assert_eq!(reply.status, 304, "{}", reply.text()),
        Expected::Refused(status, code) => reply.expect_error(*status, code),
        Expected::HeadRefused(status) => assert_eq!(reply.status, *status),
        Expected::Done { status, etag } => {
            let reply = reply.expect_status(*status);
            if let Some(etag) = etag {
                assert_eq!(&reply.etag(), etag);
            }
            assert_eq!(reply.tag("Code"), None);
        }
        Expected::DoneInXml { etag, .. } => {
            let reply = reply.expect_status(200);
            assert_eq!(&reply.tag("ETag").unwrap().replace("&quot;", "\""), etag);
        }
        Expected::Created => uploads.push(reply.expect_status(200).tag("UploadId").unwrap()),
        Expected::Object {
            status,
            object,
            bytes,
        } => {
            let reply = reply.expect_status(*status);
            check_object(&reply, object, bytes.as_deref());
        }
    }
}

/// A GET when there are bytes, else a HEAD with checksums.
fn check_object(reply: &Reply, object: &Object, bytes: Option<&[u8]>) {
    assert_eq!(reply.header("etag"), Some(object.etag.as_str()));
    let mark = object.mark.to_string();
    assert_eq!(
        reply.header("content-type"),
        Some(format!("text/mark-{mark}").as_str())
    );
    assert_eq!(reply.header("x-amz-meta-mark"), Some(mark.as_str()));
    let length = bytes.map_or(object.bytes.len(), <[u8]>::len).to_string();
    assert_eq!(reply.header("content-length"), Some(length.as_str()));
    match bytes {
        Some(bytes) => assert!(reply.body == bytes, "other bytes"),
        None => {
            let (name, value) = &object.checksum;
            assert_eq!(reply.header(name), Some(value.as_str()), "{name}");
            assert_eq!(
                reply.header("x-amz-checksum-type"),
                Some(object.checksum_type)
            );
        }
    }
}

async fn list(
    world: &World,
    prefix: &str,
    delimiter: bool,
    limit: usize,
    first_version: bool,
) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let mut call = world
            .call("GET", &format!("/{BUCKET}"))
            .query("max-keys", limit);
        if !first_version {
            call = call.query("list-type", 2);
        }
        if !prefix.is_empty() {
            call = call.query("prefix", prefix);
        }
        if delimiter {
            call = call.query("delimiter", "/");
        }
        if let Some(next) = &next {
            call = call.query(
                if first_version {
                    "marker"
                } else {
                    "continuation-token"
                },
                next,
            );
        }
        let reply = call.send().await.expect_status(200);
        let page = Page {
            keys: reply.tags("Key"),
            prefixes: reply
                .tags("CommonPrefixes")
                .iter()
                .map(|prefix| prefix.replace("<Prefix>", "").replace("</Prefix>", ""))
                .collect(),
        };
        next = if reply.tag("IsTruncated").as_deref() == Some("false") {
            None
        } else if first_version && !delimiter {
            page.keys.last().cloned()
        } else {
            Some(
                reply
                    .tag(if first_version {
                        "NextMarker"
                    } else {
                        "NextContinuationToken"
                    })
                    .unwrap(),
            )
        };
        pages.push(page);
        if next.is_none() {
            return pages;
        }
    }
}

async fn list_parts(world: &World, key: &str, id: &str, limit: usize) -> Vec<(u16, usize, String)> {
    let mut parts = Vec::new();
    let mut marker = "0".to_owned();
    loop {
        let call = world
            .object("GET", key)
            .query("uploadId", id)
            .query("max-parts", limit);
        let reply = call
            .query("part-number-marker", &marker)
            .send()
            .await
            .expect_status(200);
        let (numbers, sizes, etags) = (
            reply.tags("PartNumber"),
            reply.tags("Size"),
            reply.tags("ETag"),
        );
        assert!(numbers.len() <= limit);
        for ((number, size), etag) in numbers.iter().zip(&sizes).zip(&etags) {
            parts.push((
                number.parse().unwrap(),
                size.parse().unwrap(),
                etag.replace("&quot;", "\""),
            ));
        }
        if reply.tag("IsTruncated").as_deref() == Some("false") {
            return parts;
        }
        marker = reply.tag("NextPartNumberMarker").unwrap();
    }
}

async fn list_uploads(world: &World, limit: usize) -> Vec<(String, String)> {
    let mut uploads = Vec::new();
    let mut markers: Option<(String, String)> = None;
    loop {
        let mut call = world
            .call("GET", &format!("/{BUCKET}"))
            .query("uploads", "")
            .query("max-uploads", limit);
        if let Some((key, id)) = &markers {
            call = call.query("key-marker", key).query("upload-id-marker", id);
        }
        let reply = call.send().await.expect_status(200);
        let page: Vec<_> = reply
            .tags("Key")
            .into_iter()
            .zip(reply.tags("UploadId"))
            .collect();
        assert!(page.len() <= limit);
        uploads.extend(page);
        if reply.tag("IsTruncated").as_deref() == Some("false") {
            return uploads;
        }
        markers = Some((
            reply.tag("NextKeyMarker").unwrap(),
            reply.tag("NextUploadIdMarker").unwrap(),
        ));
    }
}

/// The folder as it is while a PUT is under way, which is what a killed process would leave.
async fn crash(world: World) -> World {
    let put = world
        .object("PUT", "a")
        .body(bytes(99, MIB))
        .content_length(Some(2 * MIB));
    let connection = put.signed_at(now()).begin().await;
    let left = folder_in_memory();
    copy_folder(world.folder.path(), left.path());
    drop(connection);
    drop::<TempDir>(world.close().await);
    World::on(left).await
}

/// Files that are being removed may be there or not.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if let Err(error) = fs::copy(entry.path(), target) {
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    }
}
