//! Files on their way up, against a service and a storage that misbehave on purpose.

use std::future::ready;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::support::{self, End, Reply, Seen, Service, assembled, client, problem};
use tempfile::TempDir;
use tokio::sync::Barrier;
use valetkey_client::upload::{PutOptions, put_file};
use valetkey_client::{Budget, Error, Progress, Silent};
use valetkey_protocol::file::File;
use valetkey_protocol::{Algorithm, Code, Hasher};

/// Counts what is there at last.
#[derive(Default)]
struct Counter(AtomicI64);

impl Progress for Counter {
    fn moved(&self, bytes: u64) {
        self.0.fetch_add(bytes as i64, Ordering::Relaxed);
    }

    fn lost(&self, bytes: u64) {
        self.0.fetch_sub(bytes as i64, Ordering::Relaxed);
    }
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

fn write(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.txt");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

async fn put(service: &End, path: &Path) -> Result<File, Error> {
    let budget = Budget::default();
    let progress = Arc::new(Silent);
    put_file(
        &client(service),
        path,
        PutOptions::default(),
        &budget,
        progress,
    )
    .await
}

fn is_put(seen: &Seen, path: &str, earlier: usize) -> bool {
    seen.path == path && seen.earlier == earlier
}

#[tokio::test]
async fn a_small_file_goes_up_in_one_put_without_the_token() {
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let bytes = content(300_000);
    let service = Service::new(&storage, &bytes).start().await;
    let (_folder, path) = write(&bytes);

    let file = put(&service, &path).await.unwrap();

    assert_eq!(file.size, 300_000);
    let puts = storage.seen("PUT", "/single");
    assert_eq!(puts.len(), 1);
    assert_eq!(puts[0].body, bytes);
    assert_eq!(puts[0].headers["if-none-match"], "*");
    assert_eq!(puts[0].headers["content-length"], "300000");
    assert!(storage.never_saw_a_token());
    let created = service.seen("POST", "/v1/uploads")[0].json();
    let declared = Hasher::digest(Algorithm::Crc64Nvme, &bytes);
    assert_eq!(created["checksum"]["value"], declared.to_base64());
    assert_eq!(created["content_type"], "text/plain");
    assert_eq!(created["filename"], "a.txt");
}

#[tokio::test]
async fn an_empty_file_goes_up_with_the_length_it_was_signed_for() {
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let service = Service::new(&storage, b"").start().await;
    let (_folder, path) = write(b"");

    put(&service, &path).await.unwrap();

    assert_eq!(
        storage.seen("PUT", "/single")[0].headers["content-length"],
        "0"
    );
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_asked_again_under_the_same_key() {
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let bytes = content(10);
    let works = Service::new(&storage, &bytes);
    let service = End::start(move |seen| {
        let lost = seen.path == "/v1/uploads" && seen.earlier == 0;
        ready(if lost {
            Reply::Reset
        } else {
            works.answer(&seen)
        })
    })
    .await;
    let (_folder, path) = write(&bytes);

    put(&service, &path).await.unwrap();
    put(&service, &path).await.unwrap();

    let mut created = service.seen("POST", "/v1/uploads");
    created.retain(|seen| seen.path == "/v1/uploads");
    let keys: Vec<_> = created
        .iter()
        .map(|seen| &seen.headers["idempotency-key"])
        .collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
}

#[tokio::test]
async fn parts_are_sent_again_after_a_503_and_after_a_reset() {
    let storage = End::start(|seen| {
        ready(match seen {
            seen if is_put(&seen, "/part/1", 0) => {
                Reply::Answer(503, vec![("retry-after", "0".to_owned())], "".into())
            }
            seen if is_put(&seen, "/part/2", 0) => Reply::Reset,
            seen if is_put(&seen, "/part/2", 1) => Reply::refusal(400, "RequestTimeout"),
            _ => Reply::status(200),
        })
    })
    .await;
    let bytes = content(1_000_000);
    let mut service = Service::new(&storage, &bytes);
    service.part_size = Some(300_000);
    let service = service.start().await;
    let (_folder, path) = write(&bytes);
    let progress = Arc::new(Counter::default());

    let options = PutOptions::default();
    let client = client(&service);
    let done = put_file(&client, &path, options, &Budget::new(2), progress.clone()).await;

    done.unwrap();
    assert_eq!(assembled(&storage, 4), bytes);
    assert_eq!(storage.seen("PUT", "/part/1").len(), 2);
    assert_eq!(storage.seen("PUT", "/part/2").len(), 3);
    assert_eq!(progress.0.load(Ordering::Relaxed), 1_000_000);
    assert!(storage.never_saw_a_token());
    assert!(service.seen("DELETE", "/v1/uploads").is_empty());
}

#[tokio::test]
async fn who_never_gets_better_is_given_up_and_the_upload_is_aborted() {
    let storage = End::start(|_| ready(Reply::refusal(503, "SlowDown"))).await;
    let bytes = content(1000);
    let service = Service::new(&storage, &bytes).start().await;
    let (_folder, path) = write(&bytes);

    let error = put(&service, &path).await.unwrap_err();

    assert!(
        matches!(error, Error::Storage { status: 503, .. }),
        "{error:?}"
    );
    assert_eq!(storage.seen("PUT", "/single").len(), 4);
    assert_eq!(service.seen("DELETE", "/v1/uploads").len(), 1);
    assert!(!format!("{error} {error:?}").contains("X-Amz"), "{error:?}");
}

#[tokio::test]
async fn a_broken_connection_is_reported_without_the_presigned_url() {
    let storage = End::start(|_| ready(Reply::Reset)).await;
    let service = Service::new(&storage, b"x").start().await;
    let (_folder, path) = write(b"x");

    let error = put(&service, &path).await.unwrap_err();

    assert!(matches!(error, Error::Network { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("X-Amz"), "{error:?}");
}

#[tokio::test]
async fn a_part_whose_permission_has_expired_is_signed_again() {
    let storage = End::start(|seen| {
        let expired = seen.path == "/part/2" && seen.query == "X-Amz-Signature=s1";
        ready(if expired {
            Reply::refusal(403, "AccessDenied")
        } else {
            Reply::status(200)
        })
    })
    .await;
    let bytes = content(1000);
    let mut service = Service::new(&storage, &bytes);
    service.part_size = Some(400);
    let service = service.start().await;
    let (_folder, path) = write(&bytes);

    put(&service, &path).await.unwrap();

    assert_eq!(assembled(&storage, 3), bytes);
    let signed = service.seen("POST", &format!("/v1/uploads/{}/parts", support::ID));
    assert_eq!(signed.len(), 1);
    assert_eq!(signed[0].json()["part_numbers"], serde_json::json!([2]));
}

#[tokio::test]
async fn a_permission_that_stays_refused_is_an_error() {
    let storage = End::start(|_| ready(Reply::refusal(403, "AccessDenied"))).await;
    let bytes = content(1000);
    let mut service = Service::new(&storage, &bytes);
    service.part_size = Some(1000);
    let service = service.start().await;
    let (_folder, path) = write(&bytes);

    let error = put(&service, &path).await.unwrap_err();

    assert_eq!(error.to_string(), "storage answered 403 (AccessDenied)");
    assert_eq!(storage.seen("PUT", "/part/1").len(), 2);
}

#[tokio::test]
async fn a_stale_permission_is_renewed_before_any_byte_is_sent() {
    for part_size in [Some(400), None] {
        let storage = End::start(|_| ready(Reply::status(200))).await;
        let bytes = content(1000);
        let mut service = Service::new(&storage, &bytes);
        service.part_size = part_size;
        service.stale = true;
        let service = service.start().await;
        let (_folder, path) = write(&bytes);

        put(&service, &path).await.unwrap();

        let puts = storage.seen("PUT", "/");
        let expected = part_size.map_or(1, |size| bytes.len().div_ceil(size as usize));
        assert_eq!(puts.len(), expected);
        for put in puts {
            let (_, generation) = put.query.split_once("=s").unwrap();
            assert!(
                generation.parse::<usize>().unwrap() >= expected,
                "{generation}"
            );
        }
    }
}

#[tokio::test]
async fn bytes_that_are_stored_already_are_not_an_error() {
    let storage = End::start(|seen| {
        ready(match seen.earlier {
            0 => Reply::Reset,
            _ => Reply::refusal(412, "PreconditionFailed"),
        })
    })
    .await;
    let bytes = content(1000);
    let service = Service::new(&storage, &bytes).start().await;
    let (_folder, path) = write(&bytes);

    put(&service, &path).await.unwrap();

    assert_eq!(storage.seen("PUT", "/single").len(), 2);
    let complete = format!("/v1/uploads/{}/complete", support::ID);
    assert_eq!(service.seen("POST", &complete).len(), 1);
}

#[tokio::test]
async fn parts_beyond_the_first_hundred_are_signed_by_the_hundred() {
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let bytes = content(2050);
    let mut service = Service::new(&storage, &bytes);
    service.part_size = Some(10);
    let service = service.start().await;
    let (_folder, path) = write(&bytes);

    put(&service, &path).await.unwrap();

    assert_eq!(assembled(&storage, 205), bytes);
    let signed = service.seen("POST", &format!("/v1/uploads/{}/parts", support::ID));
    let numbers: Vec<_> = signed
        .iter()
        .map(|one| one.json()["part_numbers"].as_array().unwrap().len())
        .collect();
    assert_eq!(numbers, [100, 5]);
}

#[tokio::test]
async fn no_more_parts_are_under_way_than_the_budget_allows() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let pair = Arc::new(Barrier::new(2));
    let (count, peak) = (Arc::clone(&now), Arc::clone(&most));
    // Answers come in pairs, so fewer than two at a time would never end.
    let storage = End::start(move |_| {
        let (now, most, pair) = (Arc::clone(&count), Arc::clone(&peak), Arc::clone(&pair));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            pair.wait().await;
            now.fetch_sub(1, Ordering::SeqCst);
            Reply::status(200)
        }
    })
    .await;
    let bytes = content(1600);
    let mut service = Service::new(&storage, &bytes);
    service.part_size = Some(200);
    let service = service.start().await;
    let (_folder, path) = write(&bytes);
    let (client, budget) = (client(&service), Budget::new(2));
    let one = || {
        put_file(
            &client,
            &path,
            PutOptions::default(),
            &budget,
            Arc::new(Silent),
        )
    };

    let (first, second) = tokio::join!(one(), one());

    first.unwrap();
    second.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_file_that_changes_on_the_way_is_not_completed() {
    let bytes = content(1000);
    let (_folder, path) = write(&bytes);
    let target = path.clone();
    let storage = End::start(move |_| {
        let mut file = std::fs::File::options().append(true).open(&target).unwrap();
        file.write_all(b"more").unwrap();
        ready(Reply::status(200))
    })
    .await;
    let service = Service::new(&storage, &bytes).start().await;

    let error = put(&service, &path).await.unwrap_err();

    assert!(matches!(error, Error::Changed { .. }), "{error:?}");
    assert_eq!(service.seen("DELETE", "/v1/uploads").len(), 1);
    let complete = format!("/v1/uploads/{}/complete", support::ID);
    assert!(service.seen("POST", &complete).is_empty());
}

#[tokio::test]
async fn a_completion_that_takes_long_is_asked_again() {
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let works = Service::new(&storage, b"x");
    let service = End::start(move |seen| {
        let verifying = seen.path.ends_with("/complete") && seen.earlier < 2;
        ready(if verifying {
            let body = serde_json::json!({"id": support::ID, "state": "verifying"});
            let wait = vec![("retry-after", "0".to_owned())];
            Reply::Answer(202, wait, body.to_string().into())
        } else {
            works.answer(&seen)
        })
    })
    .await;
    let (_folder, path) = write(b"x");

    assert_eq!(put(&service, &path).await.unwrap().size, 1);
}

#[tokio::test]
async fn the_problem_document_is_the_error() {
    let storage = End::start(|_| ready(Reply::status(200))).await;
    let works = Service::new(&storage, b"x");
    let service = End::start(move |seen| {
        ready(match seen.path.as_str() {
            "/v1/uploads" => Reply::json(413, problem("file_too_large", 413)),
            _ => works.answer(&seen),
        })
    })
    .await;
    let (_folder, path) = write(b"x");

    let error = put(&service, &path).await.unwrap_err();

    let Error::Problem(problem) = error else {
        panic!("{error:?}")
    };
    assert_eq!(problem.code, Code::FileTooLarge);
    assert_eq!(problem.to_string(), "do better (file_too_large)");
    assert!(storage.seen("PUT", "/").is_empty());
}
