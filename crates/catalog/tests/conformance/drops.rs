//! Drop links: found as they were made, and bounded to the last byte.

use std::sync::Arc;

use valetkey_catalog::{DropLink, DropList, Insertion, Intent, Limit, TicketUse};
use valetkey_protocol::Tenant;

use super::sample::{Shared, at, id, unlimited, upload};

fn drop_link(number: u64) -> DropLink {
    DropLink {
        id: id(2000 + number),
        tenant: Tenant::default(),
        owner: "alice".parse().unwrap(),
        bucket: "photos".to_owned(),
        path: "from/René".parse().unwrap(),
        name: "the été".to_owned(),
        created_at: at(0),
        expires_at: at(600),
        max_files: None,
        max_size: None,
        max_bytes: None,
        content_types: Vec::new(),
        revoked_at: None,
    }
}

pub(crate) async fn a_drop_link_is_found_listed_revoked_and_forgotten(catalog: &Shared) {
    let full = DropLink {
        tenant: Tenant::parse("acme").unwrap(),
        max_files: Some(3),
        max_size: Some(5),
        max_bytes: Some(7),
        content_types: vec!["image/*".to_owned(), "text/plain".to_owned()],
        ..drop_link(2)
    };
    for one in [drop_link(1), full.clone()] {
        assert!(catalog.insert_drop(one, 1).await.unwrap());
    }
    assert!(!catalog.insert_drop(drop_link(3), 1).await.unwrap());
    assert_eq!(
        catalog.find_drop(full.id).await.unwrap(),
        Some(full.clone())
    );
    assert_eq!(catalog.find_drop(id(9)).await.unwrap(), None);
    let all = DropList {
        tenant: None,
        owner: None,
        before: None,
        limit: 10,
    };
    let listed = catalog.list_drops(all.clone()).await.unwrap();
    assert_eq!(listed, [full.clone(), drop_link(1)]);
    let alices = DropList {
        tenant: Some(Tenant::default()),
        owner: Some("alice".parse().unwrap()),
        ..all.clone()
    };
    assert_eq!(catalog.list_drops(alices).await.unwrap(), [drop_link(1)]);
    let older = DropList {
        before: Some(full.id),
        ..all
    };
    assert_eq!(catalog.list_drops(older).await.unwrap(), [drop_link(1)]);
    assert!(catalog.revoke_drop(full.id, at(50)).await.unwrap());
    assert!(!catalog.revoke_drop(full.id, at(60)).await.unwrap());
    let found = catalog.find_drop(full.id).await.unwrap().unwrap();
    assert_eq!(found.revoked_at, Some(at(50)));
    catalog.forget_drops_until(at(51)).await.unwrap();
    assert_eq!(catalog.find_drop(full.id).await.unwrap(), None);
    assert!(catalog.find_drop(drop_link(1).id).await.unwrap().is_some());
}

pub(crate) async fn of_sixty_four_at_once_no_more_bytes_get_in_than_may(catalog: &Shared) {
    // Each has five bytes, and seventeen are three of them and a rest.
    let ticket = TicketUse {
        id: [9; 32],
        max_uploads: Some(60),
        max_bytes: Some(17),
        expires_at: at(60),
    };
    let tasks: Vec<_> = (1..=64)
        .map(|number| {
            let catalog = Arc::clone(catalog);
            let intent = Intent {
                ticket: Some(ticket),
                ..unlimited(upload(number))
            };
            tokio::spawn(async move { catalog.insert_uploads(vec![intent]).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        match task.await.unwrap().remove(0) {
            Insertion::New => new += 1,
            Insertion::Over(over) => assert_eq!((over.limit, over.used), (Limit::TicketBytes, 15)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(new, 3);
    let sums = catalog.ticket_sums(vec![[8; 32], [9; 32]]).await.unwrap();
    assert_eq!(sums, [(0, 0), (3, 15)]);
}
