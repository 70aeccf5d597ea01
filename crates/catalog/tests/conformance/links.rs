//! Links: found as they were made, used as often as they may be, and forgotten by age.

use std::sync::Arc;

use valetkey_catalog::{Link, LinkList, LinkUse};
use valetkey_protocol::Tenant;

use super::sample::{Shared, at, id, just_before};

const DAY: i64 = 24 * 60 * 60;

fn link(number: u64) -> Link {
    Link {
        id: id(1000 + number),
        hash: [u8::try_from(number).unwrap(); 32],
        file: id(1),
        tenant: Tenant::default(),
        owner: "alice".parse().unwrap(),
        made_by: "root".parse().unwrap(),
        name: "für René".to_owned(),
        created_at: at(0),
        expires_at: at(10 * DAY),
        max_downloads: None,
        downloads: 0,
        networks: Vec::new(),
        password: None,
        landing: false,
        revoked_at: None,
    }
}

fn usage(seconds: i64) -> LinkUse {
    LinkUse {
        at: at(seconds),
        address: Some("192.0.2.0/24".to_owned()),
        agent: None,
    }
}

async fn insert(catalog: &Shared, link: Link) {
    assert!(catalog.insert_link(link, 10).await.unwrap());
}

pub(crate) async fn a_link_is_found_as_it_was_made_and_its_file_has_so_many(catalog: &Shared) {
    let full = Link {
        tenant: Tenant::parse("acme").unwrap(),
        max_downloads: Some(3),
        networks: vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()],
        password: Some("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned()),
        landing: true,
        ..link(2)
    };
    for one in [link(1), full.clone()] {
        assert!(catalog.insert_link(one, 2).await.unwrap());
    }
    assert!(!catalog.insert_link(link(3), 2).await.unwrap());
    let other = Link {
        file: id(2),
        ..link(4)
    };
    assert!(catalog.insert_link(other, 2).await.unwrap());
    assert_eq!(catalog.find_link(link(1).id).await.unwrap(), Some(link(1)));
    assert_eq!(catalog.find_link(id(9)).await.unwrap(), None);
    let found = catalog.find_link_by_hash([2; 32]).await.unwrap();
    assert_eq!(found, Some(full));
    assert_eq!(catalog.find_link_by_hash([3; 32]).await.unwrap(), None);
}

pub(crate) async fn of_sixty_four_who_use_a_link_at_once_as_many_do_as_may(catalog: &Shared) {
    let limited = Link {
        max_downloads: Some(5),
        ..link(1)
    };
    insert(catalog, limited.clone()).await;
    let tasks: Vec<_> = (0..64)
        .map(|second| {
            let catalog = Arc::clone(catalog);
            let id = limited.id;
            tokio::spawn(async move { catalog.use_link(id, usage(second)).await.unwrap() })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.extend(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let found = catalog.find_link(limited.id).await.unwrap().unwrap();
    assert_eq!(found.downloads, 5);
    let uses = catalog.link_uses(limited.id, None, 100).await.unwrap();
    assert_eq!(uses.len(), 5);
}

pub(crate) async fn a_link_that_is_revoked_or_over_is_of_no_use(catalog: &Shared) {
    insert(catalog, link(1)).await;
    let id = link(1).id;
    let ends = at(10 * DAY);
    let use_at = |at| LinkUse { at, ..usage(0) };
    let before = catalog.use_link(id, use_at(just_before(ends))).await;
    assert_eq!(before.unwrap(), Some(1));
    assert_eq!(catalog.use_link(id, use_at(ends)).await.unwrap(), None);
    assert!(catalog.revoke_link(id, at(60)).await.unwrap());
    assert!(!catalog.revoke_link(id, at(70)).await.unwrap());
    assert_eq!(catalog.use_link(id, usage(80)).await.unwrap(), None);
    let found = catalog.find_link(id).await.unwrap().unwrap();
    assert_eq!((found.revoked_at, found.downloads), (Some(at(60)), 1));
    let unknown = super::sample::id(77);
    assert_eq!(catalog.use_link(unknown, usage(1)).await.unwrap(), None);
    assert!(!catalog.revoke_link(unknown, at(1)).await.unwrap());
}

pub(crate) async fn lists_show_each_link_where_it_belongs(catalog: &Shared) {
    let acme = Tenant::parse("acme").unwrap();
    insert(catalog, link(1)).await;
    let bobs = Link {
        owner: "bob".parse().unwrap(),
        file: id(2),
        ..link(2)
    };
    insert(catalog, bobs).await;
    let theirs = Link {
        tenant: acme,
        file: id(3),
        ..link(3)
    };
    insert(catalog, theirs).await;
    let all = LinkList {
        tenant: None,
        owner: None,
        file: None,
        before: None,
        limit: 10,
    };
    let alices = LinkList {
        tenant: Some(Tenant::default()),
        owner: Some("alice".parse().unwrap()),
        ..all.clone()
    };
    let with = |change: fn(&mut LinkList)| {
        let mut list = all.clone();
        change(&mut list);
        list
    };
    let lists: [(LinkList, &[u64]); 6] = [
        (all.clone(), &[3, 2, 1]),
        (alices, &[1]),
        (with(|list| list.tenant = Tenant::parse("acme").ok()), &[3]),
        (with(|list| list.file = Some(id(2))), &[2]),
        (with(|list| list.limit = 2), &[3, 2]),
        (with(|list| list.before = Some(link(3).id)), &[2, 1]),
    ];
    for (list, expected) in lists {
        let found = catalog.list_links(list.clone()).await.unwrap();
        let ids: Vec<_> = found.iter().map(|link| link.id).collect();
        let expected: Vec<_> = expected.iter().map(|number| link(*number).id).collect();
        assert_eq!(ids, expected, "{list:?}");
    }
}

pub(crate) async fn uses_are_listed_counted_by_day_and_forgotten_by_age(catalog: &Shared) {
    let file = super::sample::upload(1);
    super::sample::insert(catalog, file).await;
    insert(catalog, link(1)).await;
    let over = Link {
        expires_at: at(DAY),
        ..link(2)
    };
    insert(catalog, over).await;
    let nobodys = Link {
        file: id(50),
        ..link(3)
    };
    insert(catalog, nobodys).await;
    let id = link(1).id;
    // The first instant of all is at 22:13:20 UTC.
    for seconds in [0, 1, DAY, DAY + 1, DAY + 2] {
        assert!(
            catalog
                .use_link(id, usage(seconds))
                .await
                .unwrap()
                .is_some()
        );
    }
    let first_day = at(0).as_second() / DAY;
    let days = catalog.link_days(id, 10).await.unwrap();
    assert_eq!(days, [(first_day + 1, 3), (first_day, 2)]);
    assert_eq!(
        catalog.link_days(id, 1).await.unwrap(),
        [(first_day + 1, 3)]
    );
    let page = catalog.link_uses(id, Some(5), 2).await.unwrap();
    assert_eq!(page, [(4, usage(DAY + 1)), (3, usage(DAY))]);

    catalog.forget_links_until(at(DAY)).await.unwrap();
    assert_eq!(
        catalog.link_days(id, 10).await.unwrap(),
        [(first_day + 1, 3)]
    );
    assert!(catalog.find_link(link(2).id).await.unwrap().is_some());
    assert!(catalog.find_link(link(3).id).await.unwrap().is_none());
    catalog.forget_links_until(at(DAY + 1)).await.unwrap();
    assert!(catalog.find_link(link(2).id).await.unwrap().is_none());
    let found = catalog.find_link(id).await.unwrap().unwrap();
    assert_eq!(found.downloads, 5, "what is forgotten was counted");
}
