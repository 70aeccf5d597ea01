//! Files: lists, patches, counts.

use std::sync::Arc;

use valetkey_catalog::{Edge, FileFacts, FileList, FilePatch, NewUpload, Patch};
use valetkey_protocol::file::Order;
use valetkey_protocol::upload::State;
use valetkey_protocol::{Checksum, FileId};

use super::sample::{
    Shared, at, facts, file, found, go, id, in_state, insert, issue, just_before, metadata, upload,
    verify,
};

fn everything() -> FileList {
    FileList {
        tenant: None,
        owner: None,
        bucket: None,
        path: None,
        content_type: None,
        checksum: None,
        order: Order::Oldest,
        after: None,
        limit: 1000,
        now: at(0),
    }
}

async fn listed(catalog: &Shared, list: FileList) -> Vec<FileId> {
    let records = catalog.list(list).await.unwrap();
    records.iter().map(|record| record.upload.id).collect()
}

async fn numbers(catalog: &Shared, list: FileList) -> Vec<u64> {
    let ids = listed(catalog, list).await;
    let number = |one: &FileId| (0..1000).find(|number| id(*number) == *one).unwrap();
    ids.iter().map(number).collect()
}

fn new(number: u64, owner: &str, bucket: &str, path: &str, content_type: &str) -> NewUpload {
    NewUpload {
        owner: owner.parse().unwrap(),
        bucket: bucket.to_owned(),
        path: path.parse().unwrap(),
        content_type: content_type.parse().unwrap(),
        ..upload(number)
    }
}

pub(crate) async fn each_filter_shows_what_it_says_and_nothing_else(catalog: &Shared) {
    file(catalog, new(1, "alice", "photos", "", "image/png")).await;
    file(catalog, new(2, "alice", "photos", "2026", "image/jpeg")).await;
    file(
        catalog,
        new(3, "alice", "notes", "2026", "text/plain; charset=utf-8"),
    )
    .await;
    file(catalog, new(4, "bob", "notes", "2026/05", "text/plain")).await;
    file(catalog, new(5, "bob", "photos", "2026", "imagex/png-x")).await;
    let verifying = in_state(catalog, upload(6), State::Verifying).await;
    let other = FileFacts {
        checksum: Some(Checksum::Crc32c(7)),
        ..facts()
    };
    go(catalog, &verifying, Edge::Finish(other)).await;

    for (list, expected) in filters() {
        assert_eq!(numbers(catalog, list.clone()).await, expected, "{list:?}");
    }
}

/// Filters, and what each shows of the files above.
fn filters() -> Vec<(FileList, Vec<u64>)> {
    let owner = |owner: &str| FileList {
        owner: Some(owner.parse().unwrap()),
        ..everything()
    };
    let bucket = |bucket: &str| FileList {
        bucket: Some(bucket.to_owned()),
        ..everything()
    };
    let path = |path: &str| FileList {
        path: Some(path.parse().unwrap()),
        ..everything()
    };
    let kind = |kind: &str| FileList {
        content_type: Some(kind.to_owned()),
        ..everything()
    };
    let sum = |sum| FileList {
        checksum: Some(sum),
        ..everything()
    };
    vec![
        (everything(), vec![1, 2, 3, 4, 5, 6]),
        (owner("alice"), vec![1, 2, 3, 6]),
        (owner("alic_"), vec![]),
        (bucket("notes"), vec![3, 4]),
        (path(""), vec![1, 6]),
        (path("2026"), vec![2, 3, 5]),
        (kind("image/png"), vec![1]),
        (kind("image/*"), vec![1, 2, 6]),
        (kind("text/plain"), vec![3, 4]),
        (kind("text/plain; charset=utf-8"), vec![]),
        (kind("text/plai_"), vec![]),
        (kind("image/%"), vec![]),
        (kind("*/*"), vec![1, 2, 3, 4, 5, 6]),
        (sum(Checksum::Crc32c(7)), vec![6]),
        (sum(Checksum::Crc64Nvme(7)), vec![]),
        (
            FileList {
                bucket: Some("photos".to_owned()),
                ..owner("bob")
            },
            vec![5],
        ),
        (
            FileList {
                path: Some("2026".parse().unwrap()),
                ..bucket("photos")
            },
            vec![2, 5],
        ),
    ]
}

pub(crate) async fn only_available_files_within_their_retention_are_listed(catalog: &Shared) {
    for (number, state) in (1..).zip(State::ALL) {
        in_state(catalog, upload(number), state).await;
    }
    let pending = insert(catalog, upload(50)).await;
    let verifying = go(catalog, &pending, verify(at(0))).await;
    let kept = FileFacts {
        expires_at: Some(at(100)),
        ..facts()
    };
    go(catalog, &verifying, Edge::Finish(kept)).await;
    let until = |now| FileList {
        now,
        ..everything()
    };
    assert_eq!(numbers(catalog, until(just_before(at(100)))).await, [3, 50]);
    assert_eq!(numbers(catalog, until(at(100))).await, [3]);
}

pub(crate) async fn pages_follow_the_ids_in_both_orders(catalog: &Shared) {
    for number in [3, 1, 5, 2, 4] {
        file(catalog, upload(number)).await;
    }
    for owner in [None, Some("alice".parse().unwrap())] {
        for (order, pages) in [
            (Order::Oldest, [vec![1, 2], vec![3, 4], vec![5], vec![]]),
            (Order::Newest, [vec![5, 4], vec![3, 2], vec![1], vec![]]),
        ] {
            let mut after = None;
            for expected in pages {
                let page = FileList {
                    owner: owner.clone(),
                    order,
                    after,
                    limit: 2,
                    ..everything()
                };
                let page = numbers(catalog, page).await;
                assert_eq!(page, expected, "{order:?}");
                after = page.last().copied().map(id).or(after);
            }
        }
    }
}

pub(crate) async fn pages_show_every_file_once_while_others_arrive(catalog: &Shared) {
    for number in (0..200).step_by(2) {
        file(catalog, upload(number)).await;
    }
    let arriving = tokio::spawn({
        let catalog = Arc::clone(catalog);
        async move {
            for number in (1..200).step_by(2) {
                file(&catalog, upload(number)).await;
            }
        }
    });
    for order in [Order::Newest, Order::Oldest] {
        let mut seen = Vec::new();
        loop {
            let page = FileList {
                owner: Some("alice".parse().unwrap()),
                order,
                after: seen.last().copied(),
                limit: 7,
                ..everything()
            };
            let page = listed(catalog, page).await;
            if page.is_empty() {
                break;
            }
            seen.extend(page);
            assert!(seen.len() <= 200, "{order:?}: some come twice");
        }
        let steps = seen.windows(2);
        let mut steps = steps.map(|pair| {
            if order == Order::Oldest {
                (pair[0], pair[1])
            } else {
                (pair[1], pair[0])
            }
        });
        assert!(
            steps.all(|(lower, higher)| lower < higher),
            "{order:?}: some come twice"
        );
        let early = (0..200)
            .step_by(2)
            .map(id)
            .filter(|one| !seen.contains(one));
        assert_eq!(
            early.collect::<Vec<_>>(),
            [],
            "{order:?}: some are left out"
        );
    }
    arriving.await.unwrap();
}

/// A change by alice, ten seconds after the creation.
pub(super) fn patch(id: FileId, epoch: u64, name: &str) -> Patch {
    Patch {
        id,
        epoch,
        file: FilePatch {
            filename: name.parse().unwrap(),
            path: "new/folder".parse().unwrap(),
            metadata: metadata("a", name),
            expires_at: Some(at(9)),
        },
        at: at(10),
        by: Some("alice".parse().unwrap()),
    }
}

pub(crate) async fn a_patch_writes_the_new_values_and_of_two_the_second_is_told(catalog: &Shared) {
    let before = file(catalog, upload(1)).await;
    let change = |name| catalog.patch(patch(id(1), before.epoch, name));
    let mut expected = before.clone();
    expected.epoch += 1;
    expected.upload.filename = "b.txt".parse().unwrap();
    expected.upload.path = "new/folder".parse().unwrap();
    expected.upload.metadata = metadata("a", "b.txt");
    expected.file.as_mut().unwrap().expires_at = Some(at(9));
    assert_eq!(change("b.txt").await.unwrap(), Some(expected.clone()));
    assert_eq!(change("c.txt").await.unwrap(), None);
    assert_eq!(found(catalog, id(1)).await, expected);
}

pub(crate) async fn what_is_no_file_is_not_patched(catalog: &Shared) {
    for (number, state) in (1..).zip(State::ALL) {
        let before = in_state(catalog, upload(number), state).await;
        let after = catalog.patch(patch(id(number), before.epoch, "b")).await;
        let patched = after.unwrap().is_some();
        assert_eq!(patched, state == State::Available, "{state:?}");
    }
}

pub(crate) async fn no_download_is_counted_twice_or_lost(catalog: &Shared) {
    file(catalog, upload(1)).await;
    file(catalog, upload(2)).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let catalog = Arc::clone(catalog);
            let issues = [1, 2, 1, 3].map(issue).to_vec();
            tokio::spawn(async move { catalog.count_downloads(issues).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(found(catalog, id(1)).await.download_count, 200);
    assert_eq!(found(catalog, id(2)).await.download_count, 100);
}
