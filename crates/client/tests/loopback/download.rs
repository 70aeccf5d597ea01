//! Files on their way down: whole, checked and under a plain name, or not there at all.

use std::future::ready;
use std::path::Path;
use std::sync::Arc;

use super::support::{self, End, Reply, Service, client};
use tempfile::TempDir;
use valetkey_client::download::{Existing, Saved, get_file, write_file};
use valetkey_client::{Error, Silent};

const CONTENT: &[u8] = b"hello from storage";

async fn get(service: &End, out: &Path, existing: Existing) -> Result<Saved, Error> {
    let id = support::ID.parse().unwrap();
    get_file(&client(service), id, out, existing, Arc::new(Silent)).await
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn a_file_arrives_whole_and_alone_and_storage_never_sees_the_token() {
    let storage = End::start(|seen| {
        ready(match seen.earlier {
            0 => Reply::Reset,
            _ => Reply::bytes(CONTENT),
        })
    })
    .await;
    let service = Service::new(&storage, CONTENT).start().await;
    let folder = TempDir::new().unwrap();

    let saved = get(&service, folder.path(), Existing::Keep).await.unwrap();

    assert_eq!(saved.path, folder.path().join("a.txt"));
    assert_eq!(std::fs::read(&saved.path).unwrap(), CONTENT);
    assert_eq!(names(&folder), ["a.txt"]);
    assert!(storage.never_saw_a_token());
}

#[tokio::test]
async fn wrong_bytes_leave_nothing_behind() {
    let cases = [
        ("hello from sTorage", "the checksum of the bytes"),
        ("hello", "5 bytes came instead of 18"),
        ("hello from storage and more", "27 bytes came instead of 18"),
    ];
    for (wrong, expected) in cases {
        let storage = End::start(move |_| ready(Reply::bytes(wrong))).await;
        let service = Service::new(&storage, CONTENT).start().await;
        let folder = TempDir::new().unwrap();

        let error = get(&service, &folder.path().join("out"), Existing::Keep)
            .await
            .unwrap_err();

        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(names(&folder).is_empty(), "{:?}", names(&folder));
    }
}

#[tokio::test]
async fn a_refusal_or_a_break_in_the_middle_leaves_nothing_behind() {
    for refused in [true, false] {
        let storage = End::start(move |_| {
            ready(match refused {
                true => Reply::refusal(403, "AccessDenied"),
                false => Reply::Cut("hello"),
            })
        })
        .await;
        let service = Service::new(&storage, CONTENT).start().await;
        let folder = TempDir::new().unwrap();

        let error = get(&service, folder.path(), Existing::Keep)
            .await
            .unwrap_err();

        let told = matches!(error, Error::Storage { .. } | Error::Network { .. });
        assert!(told, "{error:?}");
        assert!(names(&folder).is_empty(), "{:?}", names(&folder));
    }
}

#[tokio::test]
async fn a_file_in_the_way_is_kept_unless_it_is_to_be_replaced() {
    let storage = End::start(|_| ready(Reply::bytes(CONTENT))).await;
    let service = Service::new(&storage, CONTENT).start().await;
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    std::fs::write(&out, "mine").unwrap();

    let error = get(&service, &out, Existing::Keep).await.unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error:?}");
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
    assert!(storage.seen("GET", "/").is_empty());

    get(&service, &out, Existing::Replace).await.unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), CONTENT);
}

#[tokio::test]
async fn a_name_that_climbs_stays_in_the_folder() {
    let storage = End::start(|_| ready(Reply::bytes(CONTENT))).await;
    let mut service = Service::new(&storage, CONTENT);
    service.filename = "..\\..\\.ssh\\authorized_keys".to_owned();
    let service = service.start().await;
    let folder = TempDir::new().unwrap();

    get(&service, folder.path(), Existing::Keep).await.unwrap();

    assert_eq!(names(&folder), ["___.._.ssh_authorized_keys"]);
}

#[tokio::test]
async fn what_a_killed_process_left_is_replaced() {
    let storage = End::start(|_| ready(Reply::bytes(CONTENT))).await;
    let service = Service::new(&storage, CONTENT).start().await;
    let folder = TempDir::new().unwrap();
    let left = format!(".out.valetkey-{}.part", support::ID);
    std::fs::write(folder.path().join(left), "half").unwrap();

    let out = folder.path().join("out");
    get(&service, &out, Existing::Keep).await.unwrap();

    assert_eq!(names(&folder), ["out"]);
}

#[tokio::test]
async fn a_stream_learns_at_its_end_that_it_was_wrong() {
    let storage = End::start(|_| ready(Reply::bytes("hello from sTorage"))).await;
    let service = Service::new(&storage, CONTENT).start().await;
    let mut output = Vec::new();

    let id = support::ID.parse().unwrap();
    let done = write_file(&client(&service), id, &mut output, Arc::new(Silent)).await;

    assert!(matches!(done, Err(Error::Checksum)), "{done:?}");
}
