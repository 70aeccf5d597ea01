//! Uploads under a ticket: counted to the last one, by however many at once.

use std::sync::Arc;

use jiff::Timestamp;
use valetkey_catalog::{
    Insertion, Intent, Limit, Limits, NewUpload, Once, Over, TicketId, TicketUse,
};

use super::sample::{Shared, at, id, just_before, unlimited, upload};

fn under(ticket: u8, max_uploads: Option<u64>, expires_at: Timestamp) -> TicketUse {
    TicketUse {
        id: ticket_id(ticket),
        max_uploads,
        max_bytes: None,
        expires_at,
    }
}

fn ticket_id(ticket: u8) -> TicketId {
    [ticket; 32]
}

fn intent(upload: NewUpload, ticket: TicketUse) -> Intent {
    Intent {
        ticket: Some(ticket),
        ..unlimited(upload)
    }
}

fn over(allowed: u64) -> Insertion {
    Insertion::Over(Over {
        limit: Limit::TicketUploads,
        allowed,
        used: allowed,
    })
}

async fn is_of(catalog: &Shared, ticket: u8, number: u64) -> bool {
    let found = catalog.is_of_ticket(ticket_id(ticket), id(number)).await;
    found.unwrap()
}

pub(crate) async fn of_fifty_at_once_under_one_ticket_as_many_get_in_as_it_is_for(
    catalog: &Shared,
) {
    let tasks: Vec<_> = (1..=50)
        .map(|number| {
            let catalog = Arc::clone(catalog);
            let intent = intent(upload(number), under(7, Some(3), at(60)));
            tokio::spawn(async move { catalog.insert_uploads(vec![intent]).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        let inserted = task.await.unwrap().remove(0);
        match inserted {
            Insertion::New => new += 1,
            refused => assert_eq!(refused, over(3)),
        }
    }
    assert_eq!(new, 3);
}

pub(crate) async fn the_items_of_one_call_are_counted_and_those_refused_are_nowhere(
    catalog: &Shared,
) {
    let intents = (1..=4).map(|number| intent(upload(number), under(7, Some(2), at(60))));
    let other = [
        intent(upload(5), under(8, Some(1), at(60))),
        unlimited(upload(6)),
        intent(upload(7), under(9, None, at(60))),
    ];
    let inserted = catalog.insert_uploads(intents.chain(other).collect()).await;
    let new = Insertion::New;
    let expected = [&new, &new, &over(2), &over(2), &new, &new, &new].map(Clone::clone);
    assert_eq!(inserted.unwrap(), expected);
    assert!(catalog.find(id(3)).await.unwrap().is_none());
    assert!(is_of(catalog, 7, 1).await && is_of(catalog, 9, 7).await);
    for (ticket, number) in [(7, 3), (8, 1), (7, 5), (7, 6), (9, 6)] {
        assert!(!is_of(catalog, ticket, number).await, "{ticket} {number}");
    }
}

pub(crate) async fn what_goes_over_another_limit_uses_nothing_of_a_ticket(catalog: &Shared) {
    let full = Intent {
        limits: Limits {
            owner_bytes: Some(0),
            ..Limits::default()
        },
        ..intent(upload(1), under(7, Some(1), at(60)))
    };
    let inserted = catalog.insert_uploads(vec![full]).await.unwrap();
    assert!(matches!(&inserted[..], [Insertion::Over(over)] if over.limit == Limit::OwnerBytes));
    let good = intent(upload(2), under(7, Some(1), at(60)));
    let inserted = catalog.insert_uploads(vec![good]).await.unwrap();
    assert_eq!(inserted, [Insertion::New]);
}

pub(crate) async fn a_create_that_is_repeated_is_counted_once(catalog: &Shared) {
    let create = |number: u64| {
        let once = Once {
            key: "key".to_owned(),
            request: [1; 32],
            upload: id(number),
            valid_for: 900,
        };
        catalog.insert_once(
            intent(upload(number), under(7, Some(1), at(60))),
            once,
            just_before(at(0)),
        )
    };
    assert_eq!(create(1).await.unwrap(), Insertion::New);
    assert!(matches!(create(2).await.unwrap(), Insertion::Known(_)));
    let other = intent(upload(3), under(7, Some(1), at(60)));
    let inserted = catalog.insert_uploads(vec![other]).await.unwrap();
    assert_eq!(inserted, [over(1)]);
}

pub(crate) async fn a_ticket_is_forgotten_when_it_is_over_and_not_before(catalog: &Shared) {
    for number in [1, 2] {
        let ends = at(i64::try_from(number).unwrap() * 60);
        let intent = intent(upload(number), under(7, Some(9), ends));
        catalog.insert_uploads(vec![intent]).await.unwrap();
    }
    catalog
        .forget_tickets_until(just_before(at(60)))
        .await
        .unwrap();
    assert!(is_of(catalog, 7, 1).await && is_of(catalog, 7, 2).await);
    catalog.forget_tickets_until(at(60)).await.unwrap();
    assert!(!is_of(catalog, 7, 1).await && is_of(catalog, 7, 2).await);
}
