//! Tenants: owners of one name in two of them have nothing in common.

use valetkey_catalog::{
    EventList, FileList, Insertion, Limit, Limits, NewUpload, Once, Usage, Whose,
};
use valetkey_protocol::file::Order;
use valetkey_protocol::upload::State;

use super::sample::{BUCKET, Shared, at, file, id, in_state, issue, owner, unlimited, upload};

/// Each has somebody called alice, and the last two have names that put together are the same.
const TENANTS: [&str; 4] = ["", "acme", "a", "ab"];

/// Alice's, or in the last two what must not be taken for hers.
fn of(number: u64, tenant: &str) -> NewUpload {
    NewUpload {
        tenant: tenant.parse().unwrap(),
        owner: subject(tenant).parse().unwrap(),
        ..upload(number)
    }
}

fn subject(tenant: &str) -> &'static str {
    match tenant {
        "a" => "bc",
        "ab" => "c",
        _ => "alice",
    }
}

/// Two of alice's and one of bob's in each tenant, numbered 10, 11 and 12 in the first, 20, 21 and 22 in the second.
fn everybodys() -> Vec<NewUpload> {
    let mut all = Vec::new();
    for (index, tenant) in (1..).zip(TENANTS) {
        let first = index * 10;
        all.extend([of(first, tenant), of(first + 1, tenant)]);
        all.push(NewUpload {
            owner: "bob".parse().unwrap(),
            ..of(first + 2, tenant)
        });
    }
    all
}

pub(crate) async fn files_of_a_tenant_are_in_its_lists_alone(catalog: &Shared) {
    for upload in everybodys() {
        file(catalog, upload).await;
    }
    for order in [Order::Oldest, Order::Newest] {
        for (first, tenant) in (1..).map(|index| index * 10).zip(TENANTS) {
            for (owner, expected) in [
                (Some(subject(tenant)), vec![first, first + 1]),
                (Some("bob"), vec![first + 2]),
                (None, vec![first, first + 1, first + 2]),
                (Some("carol"), vec![]),
            ] {
                let list = FileList {
                    tenant: Some(tenant.parse().unwrap()),
                    owner: owner.map(|owner| owner.parse().unwrap()),
                    bucket: Some(BUCKET.to_owned()),
                    path: None,
                    content_type: None,
                    checksum: None,
                    order,
                    after: None,
                    limit: 100,
                    now: at(0),
                };
                let records = catalog.list(list).await.unwrap();
                let mut ids: Vec<_> = records.iter().map(|record| record.upload.id).collect();
                ids.sort_unstable();
                let expected: Vec<_> = expected.into_iter().map(id).collect();
                assert_eq!(ids, expected, "{tenant:?} {owner:?}");
                for record in records {
                    assert_eq!(record.upload.tenant.as_str(), tenant);
                }
            }
        }
    }
}

pub(crate) async fn events_of_a_tenant_are_in_its_lists_alone(catalog: &Shared) {
    for upload in everybodys() {
        file(catalog, upload).await;
    }
    let announced = valetkey_catalog::Issue {
        announced_at: Some(at(0)),
        ..issue(20)
    };
    catalog.count_downloads(vec![announced]).await.unwrap();
    for (first, tenant) in (1..).map(|index| index * 10).zip(TENANTS) {
        let downloads = usize::from(first == 20);
        for (owner, count) in [
            (Some(subject(tenant)), 2 + downloads),
            (Some("bob"), 1),
            (None, 3 + downloads),
            (Some("carol"), 0),
        ] {
            let list = EventList {
                tenant: Some(tenant.parse().unwrap()),
                owner: owner.map(|owner| owner.parse().unwrap()),
                ..EventList::after(0, 100)
            };
            let events = catalog.events(list).await.unwrap();
            assert_eq!(events.len(), count, "{tenant:?} {owner:?}");
            for event in events {
                assert_eq!(event.tenant, Some(tenant.parse().unwrap()));
                assert!((id(first)..=id(first + 2)).contains(&event.id));
            }
        }
    }
    let everywhere = EventList {
        owner: Some("alice".parse().unwrap()),
        ..EventList::after(0, 100)
    };
    assert_eq!(catalog.events(everywhere).await.unwrap().len(), 5);
}

pub(crate) async fn accounts_of_one_name_are_as_many_as_tenants(catalog: &Shared) {
    let ends = State::ALL.into_iter().cycle();
    for (upload, state) in everybodys().into_iter().zip(ends) {
        in_state(catalog, upload, state).await;
    }
    let mut sum = Usage::default();
    for tenant in TENANTS {
        let [ours, bobs] = [subject(tenant), "bob"].map(|name| Whose::Owner(owner(tenant, name)));
        let (ours, bobs) = (one(catalog, ours).await, one(catalog, bobs).await);
        let all = one(catalog, Whose::Tenant(tenant.parse().unwrap())).await;
        assert_eq!(plus(ours, bobs), all, "{tenant:?}");
        sum = plus(sum, all);
    }
    assert_eq!(sum, one(catalog, Whose::Everybody).await);
    assert_eq!(sum.open_uploads, 4);
    let nobody = Whose::Owner(owner("acme", "carol"));
    assert_eq!(one(catalog, nobody).await, Usage::default());

    // What one of them takes counts against nobody of the same name.
    let mut intent = unlimited(of(99, "acme"));
    let taken = one(catalog, Whose::Owner(owner("acme", "alice"))).await;
    intent.limits = Limits {
        open_uploads: Some(taken.open_uploads + 1),
        owner_bytes: Some(taken.bytes() + 5),
        bucket_bytes: None,
    };
    let mut next = intent.clone();
    next.upload.id = id(98);
    for (intent, fits) in [(intent, true), (next, false)] {
        let inserted = catalog.insert_uploads(vec![intent]).await.unwrap();
        let over =
            matches!(&inserted[0], Insertion::Over(over) if over.limit == Limit::OpenUploads);
        assert_eq!(over, !fits, "{inserted:?}");
    }
}

/// What is held in the one bucket.
async fn one(catalog: &Shared, whose: Whose) -> Usage {
    let mut found = catalog.usage(whose).await.unwrap();
    assert!(found.len() <= 1 && found.iter().all(|(bucket, _)| bucket == BUCKET));
    found.pop().map(|(_, usage)| usage).unwrap_or_default()
}

fn plus(one: Usage, other: Usage) -> Usage {
    Usage {
        open_uploads: one.open_uploads + other.open_uploads,
        reserved_bytes: one.reserved_bytes + other.reserved_bytes,
        files: one.files + other.files,
        stored_bytes: one.stored_bytes + other.stored_bytes,
    }
}

pub(crate) async fn a_key_stands_for_an_upload_of_its_tenant_alone(catalog: &Shared) {
    let once = |number: u64| Once {
        key: "key".to_owned(),
        request: [7; 32],
        upload: id(number),
        valid_for: 900,
    };
    let create = |number: u64, tenant: &str| {
        let intent = unlimited(of(number, tenant));
        catalog.insert_once(intent, once(number), at(-1))
    };
    for (number, tenant) in (1..).zip(TENANTS) {
        assert_eq!(
            create(number, tenant).await.unwrap(),
            Insertion::New,
            "{tenant:?}"
        );
    }
    for (number, tenant) in (1..).zip(TENANTS) {
        let again = create(number + 10, tenant).await.unwrap();
        assert_eq!(again, Insertion::Known(once(number)), "{tenant:?}");
    }
    let free = catalog.forget_key(owner("acme", "alice"), "key".to_owned(), id(2));
    free.await.unwrap();
    assert_eq!(create(20, "").await.unwrap(), Insertion::Known(once(1)));
    assert_eq!(create(21, "acme").await.unwrap(), Insertion::New);
}
