//! API keys: found as they were made, changed by one, and gone when they are removed.

use std::sync::Arc;

use valetkey_catalog::{ApiKey, Rotation};
use valetkey_protocol::Tenant;
use valetkey_protocol::api_key::{ApiKeyId, Scope};

use super::sample::{Shared, at};

fn key_id(number: u8) -> ApiKeyId {
    ApiKeyId::new([number; 6])
}

fn key(number: u8) -> ApiKey {
    ApiKey {
        id: key_id(number),
        name: "the été of a backend".to_owned(),
        tenant: Tenant::default(),
        subject: "backend".parse().unwrap(),
        scopes: vec![Scope::Upload, Scope::OnBehalf],
        hash: [number; 32],
        old: None,
        created_at: at(i64::from(number)),
        expires_at: Some(at(1000)),
        last_used_at: None,
    }
}

fn rotation(number: u8, from: u8, to: u8) -> Rotation {
    Rotation {
        id: key_id(number),
        from: [from; 32],
        to: [to; 32],
        old_until: at(500),
    }
}

pub(crate) async fn a_key_is_found_as_it_was_made_and_gone_when_it_is_removed(catalog: &Shared) {
    let bare = ApiKey {
        old: Some(([9; 32], at(70))),
        expires_at: None,
        last_used_at: Some(at(60)),
        tenant: Tenant::parse("acme").unwrap(),
        scopes: Scope::ALL.to_vec(),
        ..key(2)
    };
    for key in [bare.clone(), key(1)] {
        assert!(catalog.insert_api_key(key, 10).await.unwrap());
    }
    let found = catalog.find_api_key(key_id(1)).await.unwrap();
    assert_eq!(found, Some(key(1)));
    assert_eq!(catalog.find_api_key(key_id(3)).await.unwrap(), None);
    assert_eq!(catalog.api_keys().await.unwrap(), [key(1), bare]);
    assert!(catalog.remove_api_key(key_id(1)).await.unwrap());
    assert!(!catalog.remove_api_key(key_id(1)).await.unwrap());
    assert_eq!(catalog.find_api_key(key_id(1)).await.unwrap(), None);
}

pub(crate) async fn there_are_so_many_keys_and_each_once(catalog: &Shared) {
    assert!(catalog.insert_api_key(key(1), 2).await.unwrap());
    let other = ApiKey {
        hash: [8; 32],
        ..key(1)
    };
    assert!(!catalog.insert_api_key(other, 2).await.unwrap());
    assert!(catalog.insert_api_key(key(2), 2).await.unwrap());
    assert!(!catalog.insert_api_key(key(3), 2).await.unwrap());
    assert_eq!(catalog.api_keys().await.unwrap(), [key(1), key(2)]);
    // Each tenant has as many.
    let theirs = ApiKey {
        tenant: Tenant::parse("acme").unwrap(),
        ..key(4)
    };
    assert!(catalog.insert_api_key(theirs, 2).await.unwrap());
}

pub(crate) async fn of_twenty_who_rotate_at_once_one_does(catalog: &Shared) {
    assert!(catalog.insert_api_key(key(1), 2).await.unwrap());
    let tasks: Vec<_> = (100..120)
        .map(|to| {
            let catalog = Arc::clone(catalog);
            tokio::spawn(async move { catalog.rotate_api_key(rotation(1, 1, to)).await.unwrap() })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += u8::from(task.await.unwrap());
    }
    assert_eq!(done, 1);
    let found = catalog.find_api_key(key_id(1)).await.unwrap().unwrap();
    assert_eq!(found.old, Some(([1; 32], at(500))));
    assert!((100..120).contains(&found.hash[0]));
    assert!(!catalog.rotate_api_key(rotation(2, 2, 3)).await.unwrap());
}

pub(crate) async fn the_last_use_of_a_key_only_gets_later(catalog: &Shared) {
    assert!(catalog.insert_api_key(key(1), 2).await.unwrap());
    for (seconds, last) in [(10, 10), (5, 10), (20, 20)] {
        catalog.use_api_key(key_id(1), at(seconds)).await.unwrap();
        let found = catalog.find_api_key(key_id(1)).await.unwrap().unwrap();
        assert_eq!(found.last_used_at, Some(at(last)));
    }
    catalog.use_api_key(key_id(2), at(1)).await.unwrap();
}
