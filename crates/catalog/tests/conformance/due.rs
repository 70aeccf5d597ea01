//! Work that is due.

use jiff::Timestamp;
use valetkey_catalog::{Due, DueList, Edge, FileFacts, QUARANTINE_GRACE_SECONDS, Record};
use valetkey_protocol::FileId;
use valetkey_protocol::upload::State;

use super::sample::{
    BUCKET, LEASE, SESSION, Shared, URLS, at, delete, facts, file, forget_leftovers, found, go, id,
    in_state, insert, just_before, multipart, upload,
};

const LEFTOVERS_OVER: i64 = URLS + QUARANTINE_GRACE_SECONDS;

/// What is due, for whatever reason, the longest due first.
async fn due(catalog: &Shared, now: Timestamp) -> Vec<(Due, FileId)> {
    let mut all = Vec::new();
    for reason in Due::ALL {
        for record in page(catalog, reason, now, None, 100).await {
            all.push((reason.since(&record), reason, record.upload.id));
        }
    }
    all.sort_by_key(|(since, _, _)| *since);
    all.into_iter()
        .map(|(_, reason, id)| (reason, id))
        .collect()
}

async fn page(
    catalog: &Shared,
    reason: Due,
    now: Timestamp,
    after: Option<&Record>,
    limit: u32,
) -> Vec<Record> {
    let list = DueList {
        bucket: BUCKET.to_owned(),
        reason,
        now,
        after: after.map(|record| (reason.since(record).unwrap(), record.upload.id)),
        limit,
    };
    catalog.list_due(list).await.unwrap()
}

pub(crate) async fn each_kind_of_work_is_due_exactly_when_it_is_due(catalog: &Shared) {
    insert(catalog, multipart(1)).await;
    in_state(catalog, multipart(2), State::Verifying).await;
    let kept = FileFacts {
        expires_at: Some(at(500)),
        ..facts()
    };
    let verifying = in_state(catalog, multipart(3), State::Verifying).await;
    go(catalog, &verifying, Edge::Finish(kept)).await;
    let forever = file(catalog, multipart(4)).await;
    // Nothing is left of the two files, so that each record is due for one reason alone.
    for number in [3, 4] {
        forget_leftovers(catalog, id(number)).await;
    }
    let deleting = file(catalog, multipart(5)).await;
    go(catalog, &deleting, delete(at(100))).await;
    in_state(catalog, upload(6), State::Failed).await;

    let mut expected = Vec::new();
    for (when, kind, number) in [
        (LEASE, Due::VerifyLost, 2),
        (100 + LEASE, Due::DeleteLost, 5),
        (500, Due::RetentionEnded, 3),
        (LEFTOVERS_OVER, Due::LeftoversOver, 6),
        (SESSION, Due::SessionEnded, 1),
    ] {
        assert_eq!(due(catalog, just_before(at(when))).await, expected);
        expected.push((kind, id(number)));
        assert_eq!(due(catalog, at(when)).await, expected);
    }
    assert_eq!(due(catalog, at(100 * SESSION)).await, expected);
    assert!(!expected.contains(&(Due::RetentionEnded, forever.upload.id)));
}

pub(crate) async fn pages_of_what_is_due_show_each_record_once(catalog: &Shared) {
    // Ids run against the instants, so that their order cannot pass for the right one, but for two of each.
    for number in 0..10 {
        let mut new = multipart(20 - number);
        new.session_ends_at = at(SESSION + i64::try_from(number / 2).unwrap());
        insert(catalog, new).await;
    }
    let elsewhere = valetkey_catalog::NewUpload {
        bucket: "elsewhere".to_owned(),
        ..multipart(1)
    };
    insert(catalog, elsewhere).await;
    let expected = [19, 20, 17, 18, 15, 16, 13, 14, 11, 12].map(id);
    for limit in [1, 3, 10, 11] {
        let mut shown: Vec<Record> = Vec::new();
        loop {
            let after = shown.last();
            let page = page(catalog, Due::SessionEnded, at(2 * SESSION), after, limit).await;
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            shown.extend(page);
        }
        let shown: Vec<_> = shown.iter().map(|record| record.upload.id).collect();
        assert_eq!(shown, expected);
    }
    assert_eq!(page(catalog, Due::SessionEnded, at(0), None, 9).await, []);
}

pub(crate) async fn leftovers_are_over_for_settled_uploads_alone_and_once(catalog: &Shared) {
    let mut settled = Vec::new();
    for (number, state) in (1..).zip(State::ALL) {
        in_state(catalog, upload(number), state).await;
        in_state(catalog, multipart(100 + number), state).await;
        if !matches!(state, State::Pending | State::Verifying | State::Deleting) {
            settled.extend([id(number), id(100 + number)]);
        }
    }
    let over = async |now| -> Vec<FileId> {
        let due = due(catalog, now).await.into_iter();
        due.filter(|(kind, _)| *kind == Due::LeftoversOver)
            .map(|(_, id)| id)
            .collect()
    };
    assert_eq!(over(just_before(at(LEFTOVERS_OVER))).await, []);
    let mut left = over(at(LEFTOVERS_OVER)).await;
    left.sort();
    settled.sort();
    assert_eq!(left, settled);
    for id in settled {
        let record = found(catalog, id).await;
        let stale = catalog.forget_leftovers(id, record.epoch + 1).await;
        assert!(!stale.unwrap() && found(catalog, id).await == record);
        forget_leftovers(catalog, id).await;
    }
    assert_eq!(over(at(LEFTOVERS_OVER)).await, []);
}
