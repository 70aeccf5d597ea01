//! Multipart uploads: parts straight to the final key, which no client credential can write.

use crate::support::memory::Fault;
use crate::support::{World, alice, code, wish};
use valetkey_engine::BucketRules;
use valetkey_protocol::file::Integrity;
use valetkey_protocol::part::MIB;
use valetkey_protocol::sweep::FindingKind;
use valetkey_protocol::upload::{CreateUpload, CreateUploads, SignParts, State};
use valetkey_protocol::{Algorithm, Code, Hasher, PartNumber};

fn rules() -> BucketRules {
    BucketRules {
        single_limit: MIB,
        part_size: 5 * MIB,
        rehash_limit: 20 * MIB,
        ..BucketRules::default()
    }
}

fn bytes() -> Vec<u8> {
    let size = usize::try_from(12 * MIB).unwrap();
    (0..size)
        .map(|index| u8::try_from(index % 251).unwrap())
        .collect()
}

fn declared(bytes: &[u8], algorithm: Algorithm) -> CreateUpload {
    CreateUpload {
        checksum: Some(Hasher::digest(algorithm, bytes)),
        ..wish(bytes.len() as u64)
    }
}

fn parts(numbers: &[u32]) -> SignParts {
    SignParts {
        part_numbers: numbers
            .iter()
            .map(|number| PartNumber::new(*number).unwrap())
            .collect(),
        checksums: Default::default(),
        expires_in: None,
    }
}

#[tokio::test]
async fn parts_in_any_order_become_a_file() {
    let world = World::with_rules(rules());
    let bytes = bytes();
    let upload = world
        .upload_parts(declared(&bytes, Algorithm::Crc64Nvme), &bytes, &[3, 1, 2])
        .await;
    assert_eq!(
        (upload.part_count, upload.parts.unwrap().len()),
        (Some(3), 3)
    );
    let file = world.complete(upload.id).await.unwrap();
    assert_eq!(file.integrity, Integrity::Checksum);
    assert_eq!(world.store.bytes(file.key.as_str()).unwrap(), bytes);
}

#[tokio::test]
async fn a15_a_missing_part_is_named_and_the_upload_goes_on() {
    let world = World::with_rules(rules());
    let bytes = bytes();
    let upload = world
        .upload_parts(wish(bytes.len() as u64), &bytes, &[1, 3])
        .await;
    let problem = world.complete(upload.id).await.unwrap_err().problem();
    assert_eq!(problem.code, Code::UploadIncomplete);
    assert_eq!(problem.facts["missing_parts"], serde_json::json!([2]));

    let seen = world.engine.get_upload(&alice(), upload.id).await.unwrap();
    let stored: Vec<_> = seen
        .uploaded_parts
        .unwrap()
        .iter()
        .map(|part| part.part_number)
        .collect();
    assert_eq!((seen.state, stored), (State::Pending, vec![1, 3]));

    world.store.put_part(
        upload.key.as_str(),
        2,
        &bytes[bytes.len() - 7 * 1024 * 1024..][..5 * 1024 * 1024],
    );
    assert!(world.complete(upload.id).await.is_ok());
}

#[tokio::test]
async fn a15_a_part_of_another_size_is_named_and_can_be_sent_again() {
    let world = World::with_rules(rules());
    let bytes = bytes();
    let upload = world
        .upload_parts(wish(bytes.len() as u64), &bytes, &[1, 2, 3])
        .await;
    world.store.put_part(upload.key.as_str(), 3, b"short");
    let problem = world.complete(upload.id).await.unwrap_err().problem();
    assert_eq!(
        (problem.code, &problem.facts["wrong_parts"]),
        (Code::SizeMismatch, &serde_json::json!([3]))
    );
    world
        .store
        .put_part(upload.key.as_str(), 3, &bytes[10 * 1024 * 1024..]);
    assert!(world.complete(upload.id).await.is_ok());
}

#[tokio::test]
async fn other_bytes_of_the_right_size_fail_and_are_removed() {
    let world = World::with_rules(rules());
    let bytes = bytes();
    let upload = world
        .upload_parts(declared(&bytes, Algorithm::Crc64Nvme), &bytes, &[1, 2, 3])
        .await;
    world
        .store
        .put_part(upload.key.as_str(), 3, &vec![7; 2 * 1024 * 1024]);
    assert_eq!(
        code(world.complete(upload.id).await),
        Code::ChecksumMismatch
    );
    assert_eq!(world.store.bytes(upload.key.as_str()), None);
}

#[tokio::test]
async fn a_sha256_is_read_back_and_one_too_large_to_read_is_refused_at_create() {
    let world = World::with_rules(rules());
    let bytes = bytes();
    let upload = world
        .upload_parts(declared(&bytes, Algorithm::Sha256), &bytes, &[1, 2, 3])
        .await;
    assert_eq!(
        world.complete(upload.id).await.unwrap().integrity,
        Integrity::Rehash
    );

    let checksum = Some(Hasher::digest(Algorithm::Sha256, b""));
    let large = CreateUpload {
        checksum,
        ..wish(21 * MIB)
    };
    let problem = world
        .engine
        .create_upload(&alice(), large)
        .await
        .unwrap_err()
        .problem();
    assert_eq!(
        (problem.code, &problem.facts["field"]),
        (Code::InvalidRequest, &serde_json::json!("checksum"))
    );
}

#[tokio::test]
async fn a16_a_lost_answer_is_settled_by_looking() {
    let world = World::with_rules(rules());
    let bytes = bytes();
    let upload = world
        .upload_parts(wish(bytes.len() as u64), &bytes, &[1, 2, 3])
        .await;
    world.store.arm(Fault::CompleteAnswerLost);
    assert!(world.complete(upload.id).await.is_ok());

    let other = world
        .upload_parts(wish(bytes.len() as u64), &bytes, &[1, 2, 3])
        .await;
    world.store.arm(Fault::CompleteUnavailable);
    assert_eq!(
        code(world.complete(other.id).await),
        Code::StorageUnavailable
    );
    assert!(world.complete(other.id).await.is_ok());
}

#[tokio::test]
async fn aborting_leaves_no_parts_behind() {
    let world = World::with_rules(rules());
    let bytes = bytes();
    let upload = world
        .upload_parts(wish(bytes.len() as u64), &bytes, &[1])
        .await;
    world
        .engine
        .abort_upload(&alice(), upload.id)
        .await
        .unwrap();
    assert_eq!(world.store.open_multiparts(), 0);
    assert_eq!(
        code(
            world
                .engine
                .sign_parts(&alice(), upload.id, parts(&[1]))
                .await
        ),
        Code::Conflict
    );
}

#[tokio::test]
async fn an_upload_storage_could_not_start_is_not_left_open() {
    let world = World::with_rules(rules());
    world.store.arm(Fault::CreateUnavailable);
    let created = world.engine.create_upload(&alice(), wish(12 * MIB)).await;
    assert_eq!(code(created), Code::StorageUnavailable);
    world.clock.forward(200_000);
    let swept = world.engine.sweep_due().await.unwrap();
    assert_eq!(swept[0].kind, FindingKind::LeftoversOver);
    assert_eq!(swept.len(), 1);
}

#[tokio::test]
async fn a34_only_planned_parts_are_signed_each_once() {
    let world = World::with_rules(rules());
    let upload = world.create(wish(12 * MIB)).await;
    let alice = alice();
    let sign = |sign| world.engine.sign_parts(&alice, upload.id, sign);
    let signed = sign(parts(&[3, 1])).await.unwrap().parts;
    assert_eq!((signed[0].offset, signed[0].size), (10 * MIB, 2 * MIB));
    assert_eq!(code(sign(parts(&[4])).await), Code::InvalidRequest);
    assert_eq!(code(sign(parts(&[1, 1])).await), Code::InvalidRequest);
    assert_eq!(code(sign(parts(&[])).await), Code::InvalidRequest);
    let many: Vec<u32> = (1..=101).collect();
    assert_eq!(code(sign(parts(&many)).await), Code::BatchTooLarge);
    for of_none in ["01", "x", "2"] {
        let mut wrong = parts(&[1]);
        let checksum = Hasher::digest(Algorithm::Crc32c, b"");
        wrong.checksums.insert(of_none.to_owned(), checksum);
        assert_eq!(code(sign(wrong).await), Code::InvalidRequest, "{of_none}");
    }
}

#[tokio::test]
async fn a34_a_batch_answers_in_order_and_signs_a_thousand_requests_at_most() {
    let world = World::with_rules(rules());
    let mut uploads = vec![wish(600 * MIB); 40];
    uploads[1] = wish(1);
    uploads[2] = CreateUpload {
        bucket: Some("nowhere".to_owned()),
        ..wish(1)
    };
    let results = world
        .engine
        .create_uploads(&alice(), CreateUploads { uploads })
        .await
        .unwrap()
        .results;
    assert_eq!(
        (results[0].status, results[1].status, results[2].status),
        (201, 201, 422)
    );
    let signed: usize = results
        .iter()
        .flat_map(|result| &result.upload)
        .map(requests)
        .sum();
    assert!((900..=1000).contains(&signed), "{signed}");
    let many = vec![wish(1); 101];
    let refused = world
        .engine
        .create_uploads(&alice(), CreateUploads { uploads: many })
        .await;
    assert_eq!(code(refused), Code::BatchTooLarge);
}

fn requests(upload: &valetkey_protocol::upload::Upload) -> usize {
    upload.request.iter().count() + upload.parts.iter().flatten().count()
}
