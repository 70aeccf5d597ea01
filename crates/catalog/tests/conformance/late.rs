//! Uploads of clients that say neither how many bytes they send nor when they have sent them.

use valetkey_catalog::{
    Claim, Due, Edge, FileFacts, NewUpload, Postponement, Record, Usage, Whose,
};
use valetkey_protocol::upload::State;

use super::sample::{
    BUCKET, LOOK, SESSION, Shared, at, delete, facts, found, go, id, in_state, insert, late, owner,
    upload, verify,
};

const MOST: u64 = 1000;

async fn both(catalog: &Shared) -> [Usage; 2] {
    let mut both = Vec::new();
    for whose in [Whose::Owner(owner("", "alice")), Whose::Everybody] {
        let all = catalog.usage(whose).await.unwrap();
        both.push(
            all.into_iter()
                .find(|(bucket, _)| bucket == BUCKET)
                .unwrap()
                .1,
        );
    }
    [both[0], both[1]]
}

fn usage(open_uploads: u64, reserved_bytes: u64, files: u64, stored_bytes: u64) -> [Usage; 2] {
    [Usage {
        open_uploads,
        reserved_bytes,
        files,
        stored_bytes,
    }; 2]
}

async fn claim(catalog: &Shared, now: i64) -> Vec<(Due, Record)> {
    let claim = Claim {
        bucket: BUCKET.to_owned(),
        now: at(now),
        until: at(now + 60),
        limit: 10,
    };
    catalog.claim_due(claim).await.unwrap()
}

async fn look_later(catalog: &Shared, record: &Record, then: i64) {
    let later = Postponement {
        id: record.upload.id,
        attempt: record.attempts,
        until: at(then),
    };
    catalog.look_later(later).await.unwrap();
}

pub(crate) async fn a_late_upload_reserves_the_most_and_stores_what_there_is(catalog: &Shared) {
    let pending = insert(catalog, late(1, MOST)).await;
    assert_eq!(
        (pending.known_size(), pending.upload.declared_size()),
        (None, None)
    );
    assert_eq!(both(catalog).await, usage(1, MOST, 0, 0));
    let verifying = go(catalog, &pending, verify(at(0))).await;
    assert_eq!(both(catalog).await, usage(1, MOST, 0, 0));
    let facts = FileFacts { size: 7, ..facts() };
    let file = go(catalog, &verifying, Edge::Finish(facts.clone())).await;
    assert_eq!((file.upload.size, file.known_size()), (7, Some(7)));
    assert_eq!(file.file, Some(facts));
    assert_eq!(found(catalog, id(1)).await, file);
    assert_eq!(both(catalog).await, usage(0, 0, 1, 7));
    let deleting = go(catalog, &file, delete(at(0))).await;
    go(catalog, &deleting, Edge::Deleted).await;
    assert_eq!(both(catalog).await, usage(0, 0, 0, 0));
}

pub(crate) async fn every_other_end_gives_the_most_back(catalog: &Shared) {
    for (number, end) in [(1, State::Failed), (2, State::Expired), (3, State::Aborted)] {
        let ended = in_state(catalog, late(number, MOST), end).await;
        assert_eq!(
            (ended.upload.size, ended.known_size()),
            (MOST, None),
            "{end:?}"
        );
        assert_eq!(both(catalog).await, usage(0, 0, 0, 0), "{end:?}");
    }
}

pub(crate) async fn its_bytes_are_looked_for_when_it_is_time_and_ever_again(catalog: &Shared) {
    insert(catalog, late(1, MOST)).await;
    insert(catalog, upload(2)).await;
    assert_eq!(claim(catalog, LOOK - 1).await, []);
    let (why, claimed) = claim(catalog, LOOK).await.remove(0);
    assert_eq!(
        (why, claimed.upload.id, claimed.attempts),
        (Due::BytesAwaited, id(1), 1)
    );
    assert_eq!(claim(catalog, LOOK).await, []);
    look_later(catalog, &claimed, 100).await;
    let later = found(catalog, id(1)).await;
    assert_eq!(later.upload.look_at, Some(at(100)));
    assert_eq!((later.attempts, later.postponed_until), (0, None));
    assert_eq!(claim(catalog, 99).await, []);
    assert_eq!(claim(catalog, 100).await[0].0, Due::BytesAwaited);
    // Whoever vanished while it looked is taken for lost when the claim is over.
    assert_eq!(claim(catalog, 159).await, []);
    assert_eq!(claim(catalog, 160).await[0].1.attempts, 2);
}

pub(crate) async fn whoever_lost_the_claim_or_got_on_is_not_looked_for_later(catalog: &Shared) {
    insert(catalog, late(1, MOST)).await;
    let (_, lost) = claim(catalog, LOOK).await.remove(0);
    let (_, taken) = claim(catalog, LOOK + 60).await.remove(0);
    look_later(catalog, &lost, SESSION).await;
    assert_eq!(found(catalog, id(1)).await, taken);
    let verifying = go(catalog, &taken, verify(at(0))).await;
    look_later(catalog, &taken, SESSION).await;
    assert_eq!(found(catalog, id(1)).await, verifying);
    // One that is completed by its client is not looked for at all.
    let declared = insert(catalog, upload(2)).await;
    look_later(catalog, &declared, SESSION).await;
    assert_eq!(found(catalog, id(2)).await, declared);
}

pub(crate) async fn an_owner_waits_for_its_own_pending_ones_alone(catalog: &Shared) {
    for (number, state) in (1..).zip(State::ALL) {
        in_state(catalog, late(number, MOST), state).await;
    }
    insert(catalog, upload(20)).await;
    let elsewhere = NewUpload {
        bucket: "elsewhere".to_owned(),
        ..late(21, MOST)
    };
    let bobs = NewUpload {
        owner: "bob".parse().unwrap(),
        ..late(22, MOST)
    };
    let other_alices = NewUpload {
        tenant: "acme".parse().unwrap(),
        ..late(25, MOST)
    };
    for other in [
        elsewhere,
        bobs,
        other_alices,
        late(23, MOST),
        late(24, MOST),
    ] {
        insert(catalog, other).await;
    }
    for (limit, expected) in [(9, vec![24, 23, 1]), (2, vec![24, 23])] {
        let awaited = catalog.list_awaited(owner("", "alice"), BUCKET.to_owned(), limit);
        let awaited = awaited.await.unwrap().into_iter();
        let ids: Vec<_> = awaited.map(|record| record.upload.id).collect();
        assert_eq!(ids, expected.into_iter().map(id).collect::<Vec<_>>());
    }
}
