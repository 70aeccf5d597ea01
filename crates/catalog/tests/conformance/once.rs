//! Uploads that are created once, however often they are asked for.

use valetkey_catalog::{Insertion, NewUpload, Once};

use super::sample::{Shared, at, id, just_before, owner, unlimited, upload};

fn once(number: u64) -> Once {
    Once {
        key: "key".to_owned(),
        request: [u8::try_from(number).unwrap(); 32],
        upload: id(number),
        valid_for: 900,
    }
}

/// What the key stood for before, if this created nothing.
async fn create(catalog: &Shared, new: NewUpload, since: i64) -> Option<Once> {
    let once = once_of(&new);
    insert_once(catalog, new, once, since).await
}

async fn insert_once(catalog: &Shared, new: NewUpload, once: Once, since: i64) -> Option<Once> {
    let inserted = catalog.insert_once(unlimited(new), once, at(since)).await;
    match inserted.unwrap() {
        Insertion::New => None,
        Insertion::Known(once) => Some(once),
        Insertion::Over(over) => panic!("{over:?}"),
    }
}

fn once_of(new: &NewUpload) -> Once {
    let number = (1..100).find(|number| id(*number) == new.id).unwrap();
    once(number)
}

pub(crate) async fn a_key_stands_for_its_first_upload_and_for_its_owner_alone(catalog: &Shared) {
    assert_eq!(create(catalog, upload(1), -1).await, None);
    assert_eq!(create(catalog, upload(2), -1).await, Some(once(1)));
    assert!(catalog.find(id(1)).await.unwrap().is_some());
    assert!(catalog.find(id(2)).await.unwrap().is_none());
    let bobs = NewUpload {
        owner: "bob".parse().unwrap(),
        ..upload(3)
    };
    assert_eq!(create(catalog, bobs, -1).await, None);
    let other = Once {
        key: "other".to_owned(),
        ..once(4)
    };
    assert_eq!(insert_once(catalog, upload(4), other, -1).await, None);
}

pub(crate) async fn of_fifty_with_one_key_one_is_created(catalog: &Shared) {
    let all = (1..=50).map(|number| create(catalog, upload(number), -1));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), 1);
    let winner = answers.iter().position(Option::is_none).unwrap() as u64 + 1;
    assert!(answers.iter().flatten().all(|known| *known == once(winner)));
}

pub(crate) async fn a_key_counts_until_its_time_and_can_be_freed(catalog: &Shared) {
    assert_eq!(create(catalog, upload(1), -1).await, None);
    // The key is as old as its upload; what is asked for is younger than that.
    assert_eq!(create(catalog, upload(2), 0).await, None);

    let forget = |number| catalog.forget_key(owner("", "alice"), "key".to_owned(), id(number));
    // It stands for another upload by now.
    forget(1).await.unwrap();
    assert_eq!(create(catalog, upload(3), -1).await, Some(once(2)));
    forget(2).await.unwrap();
    assert_eq!(create(catalog, upload(3), -1).await, None);

    catalog.forget_keys_until(just_before(at(0))).await.unwrap();
    assert_eq!(create(catalog, upload(4), -1).await, Some(once(3)));
    catalog.forget_keys_until(at(0)).await.unwrap();
    assert_eq!(create(catalog, upload(5), -1).await, None);
}
