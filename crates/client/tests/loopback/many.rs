//! Many files on their way up, in batches of which some items go wrong.

use std::future::ready;
use std::sync::Arc;

use super::support::{End, Reply, Seen, Service, client, problem};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use valetkey_client::upload::{PutOptions, ToPut, put_files};
use valetkey_client::{Budget, Error, Silent};
use valetkey_protocol::Code;
use valetkey_protocol::file::File;

/// Files of different bytes, under these names.
fn write(names: &[String]) -> (TempDir, Vec<ToPut>) {
    let folder = TempDir::new().unwrap();
    let files = names.iter().map(|name| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("bytes of {name}")).unwrap();
        ToPut {
            path,
            options: PutOptions::default(),
        }
    });
    let files = files.collect();
    (folder, files)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What became of each, in the order of the list.
async fn put(service: &End, files: Vec<ToPut>) -> Vec<Result<File, Error>> {
    let (client, budget) = (client(service), Budget::default());
    let done = put_files(&client, files, &budget, |_| Arc::new(Silent));
    let mut done: Vec<_> = done.collect().await;
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The id of the upload of a name: the name, as far as an id can say it.
fn id(name: &str) -> String {
    let sum = name
        .bytes()
        .fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % (1 << 48));
    format!("01936f3e-8b7a-7c3d-9e4f-{sum:012x}")
}

/// A service that knows batches. Names that begin with `bad` are refused, `later` for a while, and `slow` are
/// still being checked.
async fn service(storage: &End, all: &[String]) -> End {
    let (single, storage) = (Service::new(storage, b""), storage.url.clone());
    let all = all.to_vec();
    End::start(move |seen| ready(answer(&single, &storage, &all, &seen))).await
}

fn answer(single: &Service, storage: &str, all: &[String], seen: &Seen) -> Reply {
    let upload = |name: &str| {
        json!({"id": id(name), "bucket": "main", "key": "k/a", "state": "pending", "strategy": "single",
            "checksum_algorithm": "crc64nvme", "size": 1, "expires_at": "2999-01-01T00:00:00Z",
            "request": {"method": "PUT", "url": format!("{storage}/{name}"), "headers": {},
                        "expires_at": "2999-01-01T00:00:00Z"}})
    };
    let file = |name: &str| {
        let mut file = single.file();
        (file["id"], file["filename"]) = (json!(id(name)), json!(name));
        file
    };
    let named = |id_asked: &str| all.iter().find(|name| id(name) == id_asked).unwrap();
    let each = |list: &Value, result: &dyn Fn(&Value) -> Value| {
        let results: Vec<_> = list.as_array().unwrap().iter().map(result).collect();
        Reply::json(200, json!({ "results": results }))
    };
    let create = |create: &Value| match create["filename"].as_str().unwrap() {
        name if name.starts_with("bad") => {
            json!({"status": 403, "problem": problem("forbidden", 403)})
        }
        name if name.starts_with("later") => {
            json!({"status": 503, "problem": problem("storage_unavailable", 503)})
        }
        name => json!({"status": 201, "upload": upload(name)}),
    };
    let complete = |asked: &Value| match named(asked.as_str().unwrap()).as_str() {
        name if name.starts_with("slow") => {
            json!({"status": 202, "id": asked, "state": "verifying"})
        }
        name => json!({"status": 200, "id": asked, "file": file(name)}),
    };
    match (seen.method.as_str(), seen.path.as_str()) {
        ("POST", "/v1/uploads/batch") => each(&seen.json()["uploads"], &create),
        ("POST", "/v1/uploads/complete") => each(&seen.json()["ids"], &complete),
        ("POST", "/v1/uploads") => {
            Reply::json(201, upload(seen.json()["filename"].as_str().unwrap()))
        }
        ("POST", path) if path.ends_with("/complete") => {
            Reply::json(200, file(named(path.split('/').nth(3).unwrap())))
        }
        ("DELETE", _) => Reply::status(204),
        _ => single.answer(seen),
    }
}

/// How many items the batches that went to a path had, the smallest first.
fn batches(end: &End, path: &str, items: &str) -> Vec<usize> {
    let seen = end.seen("POST", path);
    let sizes = seen
        .iter()
        .map(|batch| batch.json()[items].as_array().unwrap().len());
    let mut sizes: Vec<_> = sizes.collect();
    sizes.sort_unstable();
    sizes
}

/// How many requests went to exactly this path.
fn count(end: &End, method: &str, path: &str) -> usize {
    let seen = end.seen(method, path);
    seen.iter().filter(|one| one.path == path).count()
}

#[tokio::test]
async fn many_files_are_created_and_completed_together() {
    let all: Vec<_> = (0..20).map(|number| format!("{number}.jpg")).collect();
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let service = service(&storage, &all).await;
    let (_folder, files) = write(&all);

    let done = put(&service, files).await;

    for (name, outcome) in all.iter().zip(done) {
        assert_eq!(outcome.unwrap().filename.as_str(), name);
        let puts = storage.seen("PUT", &format!("/{name}"));
        assert_eq!(
            (puts.len(), puts[0].body.to_vec()),
            (1, format!("bytes of {name}").into())
        );
    }
    assert!(storage.never_saw_a_token());
    assert_eq!(service.seen("GET", "/").len(), 1);
    // A small batch first, so that bytes move soon; half of each is completed while the other half is sent.
    assert_eq!(batches(&service, "/v1/uploads/batch", "uploads"), [4, 16]);
    let completed = batches(&service, "/v1/uploads/complete", "ids");
    assert_eq!(completed, [4, 4, 4, 8]);
    assert_eq!(service.seen("POST", "/").len(), 6);
}

#[tokio::test]
async fn a_batch_has_a_hundred_at_most() {
    let all: Vec<_> = (0..130).map(|number| format!("{number}.jpg")).collect();
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let service = service(&storage, &all).await;
    let (_folder, files) = write(&all);

    let done = put(&service, files).await;

    assert!(done.iter().all(Result::is_ok));
    assert_eq!(
        batches(&service, "/v1/uploads/batch", "uploads"),
        [4, 26, 100]
    );
    let completed = batches(&service, "/v1/uploads/complete", "ids");
    assert_eq!(completed.iter().max(), Some(&50));
    assert!(completed.len() <= 12, "{completed:?}");
}

#[tokio::test]
async fn what_goes_wrong_with_one_file_holds_up_no_other() {
    let all = names(&[
        "good.txt",
        "bad.txt",
        "later.txt",
        "slow.txt",
        "torn.txt",
        "too.txt",
    ]);
    let storage = End::start(|seen| {
        ready(match seen.path.as_str() {
            "/torn.txt" => Reply::refusal(400, "BadDigest"),
            _ => Reply::status(200),
        })
    })
    .await;
    let service = service(&storage, &all).await;
    let (folder, mut files) = write(&all);
    files.push(ToPut {
        path: folder.path().join("missing"),
        options: PutOptions::default(),
    });

    let done = put(&service, files).await;

    let told: Vec<_> = done
        .iter()
        .map(|outcome| outcome.as_ref().ok().map(|file| file.filename.as_str()))
        .collect();
    let expected = [
        Some("good.txt"),
        None,
        Some("later.txt"),
        Some("slow.txt"),
        None,
        Some("too.txt"),
        None,
    ];
    assert_eq!(told, expected);
    assert!(matches!(&done[1], Err(Error::Problem(problem)) if problem.code == Code::Forbidden));
    assert!(matches!(&done[4], Err(Error::Storage { status: 400, .. })));
    assert!(matches!(&done[6], Err(Error::Io { .. })));
    // Alone: what was refused for a while, and what was still being checked. Given up: what storage refused.
    assert_eq!(count(&service, "POST", "/v1/uploads"), 1);
    assert_eq!(
        count(
            &service,
            "POST",
            &format!("/v1/uploads/{}/complete", id("slow.txt"))
        ),
        1
    );
    let aborted = service.seen("DELETE", "/");
    assert_eq!(aborted.len(), 1);
    assert!(aborted[0].path.ends_with(&id("torn.txt")));
    let completed = batches(&service, "/v1/uploads/complete", "ids");
    assert!(completed.iter().sum::<usize>() <= 4, "{completed:?}");
}

#[tokio::test]
async fn a_service_without_batches_gets_one_call_for_each() {
    let all = names(&["one.txt", "two.txt"]);
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let (single, url, known) = (
        Service::new(&storage, b""),
        storage.url.clone(),
        all.clone(),
    );
    let service = End::start(move |seen| {
        ready(match seen.path.as_str() {
            "/v1/uploads/batch" | "/v1/uploads/complete" => {
                Reply::json(404, problem("not_found", 404))
            }
            _ => answer(&single, &url, &known, &seen),
        })
    })
    .await;
    let (_folder, files) = write(&all);

    let done = put(&service, files).await;

    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(count(&service, "POST", "/v1/uploads"), 2);
}
