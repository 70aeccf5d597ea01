//! Receipts: what is claimed, and of whom.

use jiff::SignedDuration;
use valetkey_protocol::file::PatchFile;
use valetkey_protocol::upload::CompleteUploads;
use valetkey_protocol::{Clock as _, Receipt};

use crate::support::{World, alice};

fn claims(receipt: Option<String>) -> Receipt {
    serde_json::from_str(&receipt.unwrap()).unwrap()
}

#[tokio::test]
async fn a_receipt_claims_what_was_verified_and_when() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.clock.forward(5);
    let then = world.clock.now();
    let file = world.complete(upload.id).await.unwrap();
    let receipt = claims(file.receipt.clone());
    assert_eq!(receipt, Receipt::of(&file, "https://files.test", then));
    assert_eq!(
        receipt.verified_at,
        file.created_at + SignedDuration::from_secs(5)
    );
    world.clock.forward(60);
    let later = world.engine.get_file(&alice(), file.id).await.unwrap();
    assert_eq!(later.receipt, file.receipt);
}

#[tokio::test]
async fn a_change_of_what_people_may_change_changes_no_receipt() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let patch = PatchFile {
        filename: Some("other.txt".parse().unwrap()),
        retain_for: Some(Some(60)),
        ..PatchFile::default()
    };
    let patched = world
        .engine
        .patch_file(&alice(), file.id, patch)
        .await
        .unwrap();
    assert_ne!(patched.filename, file.filename);
    assert_eq!(patched.receipt, file.receipt);
}

#[tokio::test]
async fn every_answer_about_one_file_has_it_and_no_list() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let batch = CompleteUploads {
        ids: vec![file.id.to_string()],
    };
    let results = world
        .engine
        .complete_uploads(&alice(), batch)
        .await
        .unwrap()
        .results;
    assert_eq!(results[0].file.as_ref().unwrap().receipt, file.receipt);
    let page = world
        .engine
        .list_files(&alice(), Default::default())
        .await
        .unwrap();
    assert_eq!(page.files[0].receipt, None);
}
