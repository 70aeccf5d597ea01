//! Tenants: who follows which events, and where their bytes lie.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use valetkey_engine::{BucketRules, Completion, Follower, KeyTemplate, Principal};
use valetkey_protocol::event::ListEvents;
use valetkey_protocol::sweep::Sweep;
use valetkey_protocol::upload::CompleteUpload;

use crate::support::{World, admin, alice, wish};

fn of(tenant: &str, who: Principal) -> Principal {
    who.of_tenant(tenant.parse().unwrap())
}

#[tokio::test]
async fn whoever_follows_is_told_what_happens_in_their_tenant_alone() {
    let world = World::new();
    let engine = Arc::clone(&world.engine);
    let feeding = tokio::spawn(async move { engine.feed_events().await });
    let query = ListEvents::default();
    let mut followers = Vec::new();
    for (who, tenants) in [
        (alice(), vec![""]),
        (of("acme", alice()), vec!["acme"]),
        (of("acme", admin()), vec!["acme"]),
        (of("other", admin()), vec!["other"]),
        (admin(), vec!["", "acme", "other"]),
    ] {
        let follower = world.engine.follow_events(&who, &query).await.unwrap();
        let heard = VecDeque::new();
        followers.push((Ear { follower, heard }, tenants));
    }
    // A second round reaches them by the feed, after they have read what there was.
    for _ in 0..2 {
        for tenant in ["", "acme", "other"] {
            let who = of(tenant, alice());
            let upload = world.engine.create_upload(&who, wish(1)).await.unwrap();
            world.engine.abort_upload(&who, upload.id).await.unwrap();
        }
        for (ear, tenants) in &mut followers {
            for tenant in tenants.iter() {
                assert_eq!(ear.next().await, *tenant);
            }
        }
    }
    feeding.abort();
}

/// Somebody who follows, and what was told but not looked at.
struct Ear {
    follower: Follower,
    heard: VecDeque<String>,
}

impl Ear {
    /// In which tenant the next event is.
    async fn next(&mut self) -> String {
        while self.heard.is_empty() {
            let told = tokio::time::timeout(Duration::from_secs(10), self.follower.next());
            let told = told.await.expect("nothing was told").unwrap();
            let tenants = told.iter().map(|told| told.body.data.tenant.to_string());
            self.heard.extend(tenants);
        }
        self.heard.pop_front().unwrap()
    }
}

#[tokio::test]
async fn keys_follow_the_template_and_a_survey_finds_nothing_wrong_with_them() {
    for template in [
        "{tenant}/{owner}/{id}/{name}",
        "{yyyy}/{mm}/{id}{ext}",
        "{id}/{owner}/{name}",
    ] {
        let world = World::with_rules(BucketRules {
            key_template: KeyTemplate::parse(template).unwrap(),
            ..BucketRules::default()
        });
        for (tenant, bytes) in [("", &b"one"[..]), ("acme", b"two")] {
            let who = of(tenant, alice());
            let size = bytes.len() as u64;
            let upload = world.engine.create_upload(&who, wish(size)).await.unwrap();
            assert!(world.store.put_single(upload.id, bytes));
            let complete = CompleteUpload::default();
            let completed = world
                .engine
                .complete_upload(&who, upload.id, complete)
                .await;
            assert!(matches!(completed, Ok(Completion::File(_))));
            let key = upload.key.as_str();
            assert!(key.contains(&upload.id.to_string()), "{key}");
            let found = world.engine.create_download_by_key(&who, None, key).await;
            found.unwrap();
            let other = of("x", alice());
            let others = world.engine.create_download_by_key(&other, None, key);
            assert!(others.await.is_err());
        }
        let mut cursor = None;
        loop {
            let sweep = Sweep {
                cursor,
                ..Sweep::default()
            };
            let swept = world.engine.sweep(&admin(), sweep).await.unwrap();
            assert_eq!(swept.findings, [], "{template}");
            cursor = swept.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
}
