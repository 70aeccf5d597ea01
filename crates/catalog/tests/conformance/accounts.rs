//! What uploads and files take, and how much they may.

use std::sync::Arc;

use valetkey_catalog::{Edge, Insertion, Intent, Limit, Limits, NewUpload, Over, Usage, Whose};
use valetkey_protocol::upload::State;

use super::sample::{
    LEASE, Shared, at, delete, go, id, in_state, insert, owner, step, unlimited, upload, verify,
};

const LARGEST: u64 = i64::MAX.unsigned_abs();

fn alice() -> Whose {
    Whose::Owner(owner("", "alice"))
}

async fn usage(catalog: &Shared, whose: Whose) -> Usage {
    let all = catalog.usage(whose).await.unwrap();
    let photos = all.into_iter().find(|(bucket, _)| bucket == "photos");
    photos.map(|(_, usage)| usage).unwrap_or_default()
}

fn sized(number: u64, size: u64) -> NewUpload {
    NewUpload {
        size,
        ..upload(number)
    }
}

fn bobs(upload: NewUpload) -> NewUpload {
    NewUpload {
        owner: "bob".parse().unwrap(),
        ..upload
    }
}

pub(crate) async fn an_upload_reserves_and_every_end_settles_exactly_once(catalog: &Shared) {
    let (open, stored, nothing) = ((1, 5, 0, 0), (0, 0, 1, 5), (0, 0, 0, 0));
    for (number, state) in (1..).zip(State::ALL) {
        let expected = match state {
            State::Pending | State::Verifying => open,
            State::Available | State::Deleting => stored,
            State::Failed | State::Expired | State::Aborted | State::Deleted => nothing,
        };
        let before = [
            usage(catalog, alice()).await,
            usage(catalog, Whose::Everybody).await,
        ];
        let record = in_state(catalog, upload(number), state).await;
        // A run that was lost and is taken over settles nothing a second time.
        if matches!(state, State::Verifying | State::Deleting) {
            let again = if state == State::Verifying {
                verify(at(LEASE))
            } else {
                delete(at(LEASE))
            };
            let taken = step(catalog, record.upload.id, record.epoch, again, at(LEASE)).await;
            assert!(taken.is_some());
        }
        let after = [
            usage(catalog, alice()).await,
            usage(catalog, Whose::Everybody).await,
        ];
        for (before, after) in before.into_iter().zip(after) {
            let more = (
                after.open_uploads - before.open_uploads,
                after.reserved_bytes - before.reserved_bytes,
                after.files - before.files,
                after.stored_bytes - before.stored_bytes,
            );
            assert_eq!(more, expected, "{state:?}");
        }
    }
    assert_eq!(
        usage(catalog, Whose::Owner(owner("", "bob"))).await,
        Usage::default()
    );
}

pub(crate) async fn each_limit_holds_to_the_last_byte_and_says_which_it_was(catalog: &Shared) {
    insert(catalog, sized(1, 60)).await;
    insert(catalog, bobs(sized(2, 30))).await;
    let over = |limit, allowed, used| {
        Insertion::Over(Over {
            limit,
            allowed,
            used,
        })
    };
    for (number, limits, expected) in [
        (
            3,
            Limits {
                open_uploads: Some(1),
                ..Limits::default()
            },
            over(Limit::OpenUploads, 1, 1),
        ),
        (
            4,
            Limits {
                owner_bytes: Some(69),
                ..Limits::default()
            },
            over(Limit::OwnerBytes, 69, 60),
        ),
        (
            5,
            Limits {
                bucket_bytes: Some(99),
                ..Limits::default()
            },
            over(Limit::BucketBytes, 99, 90),
        ),
        (
            6,
            Limits {
                open_uploads: Some(2),
                owner_bytes: Some(70),
                bucket_bytes: Some(100),
            },
            Insertion::New,
        ),
    ] {
        let intent = Intent {
            upload: sized(number, 10),
            limits,
            ticket: None,
        };
        let inserted = catalog.insert_uploads(vec![intent]).await.unwrap();
        let found = catalog.find(id(number)).await.unwrap();
        assert_eq!(found.is_some(), expected == Insertion::New);
        assert_eq!(inserted, [expected]);
    }
    // What was given back may be taken again.
    let first = catalog.find(id(1)).await.unwrap().unwrap();
    go(catalog, &first, Edge::Abort).await;
    assert_eq!(usage(catalog, alice()).await.bytes(), 10);
}

pub(crate) async fn of_a_hundred_at_once_as_many_get_in_as_there_is_room_for(catalog: &Shared) {
    let limits = Limits {
        owner_bytes: Some(99),
        ..Limits::default()
    };
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let catalog = Arc::clone(catalog);
            let upload = sized(number, 10);
            tokio::spawn(async move {
                let inserted = catalog
                    .insert_uploads(vec![Intent {
                        upload,
                        limits,
                        ticket: None,
                    }])
                    .await;
                inserted.unwrap()[0] == Insertion::New
            })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        new += u64::from(task.await.unwrap());
    }
    assert_eq!(new, 9);
    let usage = usage(catalog, alice()).await;
    assert_eq!((usage.open_uploads, usage.reserved_bytes), (9, 90));
}

pub(crate) async fn the_items_of_one_call_are_counted_one_after_the_other(catalog: &Shared) {
    let limits = Limits {
        owner_bytes: Some(25),
        ..Limits::default()
    };
    let intents = [(1, 10), (2, 20), (3, 15), (4, 1)].map(|(number, size)| Intent {
        upload: sized(number, size),
        limits,
        ticket: None,
    });
    let inserted = catalog.insert_uploads(intents.to_vec()).await.unwrap();
    let new: Vec<_> = inserted.iter().map(|one| *one == Insertion::New).collect();
    assert_eq!(new, [true, false, true, false]);
    assert_eq!(usage(catalog, Whose::Everybody).await.reserved_bytes, 25);
}

pub(crate) async fn no_sum_is_too_large(catalog: &Shared) {
    insert(catalog, sized(1, LARGEST)).await;
    let inserted = catalog.insert_uploads(vec![unlimited(sized(2, 1))]).await;
    let over = Over {
        limit: Limit::OwnerBytes,
        allowed: LARGEST,
        used: LARGEST,
    };
    assert_eq!(inserted.unwrap(), [Insertion::Over(over)]);
}
