//! aws-chunked bodies, whatever chunks a client makes of them.

use sha2::{Digest as _, Sha256};

use crate::support::*;

const UNSIGNED: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

fn put(world: &World, payload: &str, length: usize) -> Call {
    world
        .object("PUT", "x")
        .header("content-encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", length)
        .payload(payload)
}

fn unsigned(body: &[u8], chunk: usize) -> Vec<u8> {
    let mut framed = Vec::new();
    for piece in body.chunks(chunk) {
        framed.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        framed.extend(piece);
        framed.extend(b"\r\n");
    }
    framed
}

/// A PUT whose chunks are signed one after the other.
fn signed(call: Call, body: &[u8], chunk: usize) -> Call {
    let at = now();
    let date = amz_date(at);
    let call = call.signed_at(at);
    let mut framed = Vec::new();
    let mut before = call.seed();
    for piece in body.chunks(chunk).chain([b"".as_slice()]) {
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{}\n{before}\n{}\n{}",
            call.scope(&date),
            hex(&Sha256::digest(b"")),
            hex(&Sha256::digest(piece))
        );
        before = call.seal(&date, &text);
        framed.extend(format!("{:x};chunk-signature={before}\r\n", piece.len()).into_bytes());
        framed.extend(piece);
        framed.extend(b"\r\n");
    }
    call.body(framed)
}

#[tokio::test]
async fn a_body_may_be_one_chunk_or_many() {
    let world = World::new().await;
    let body = bytes(3, 20 * MIB + 5);
    let trailer = format!(
        "0\r\nx-amz-checksum-crc64nvme:{}\r\n\r\n",
        crc64_base64(&body)
    );
    for chunk in [64 << 10, 8 * MIB, body.len()] {
        let framed = [unsigned(&body, chunk), trailer.clone().into_bytes()].concat();
        let call = put(&world, UNSIGNED, body.len());
        call.header("x-amz-trailer", "x-amz-checksum-crc64nvme")
            .body(framed)
            .send()
            .await
            .expect_status(200);
        assert!(world.get("x").await.body == body, "chunks of {chunk}");
    }
    for chunk in [64 << 10, 16 * MIB] {
        let call = signed(put(&world, SIGNED, body.len()), &body, chunk);
        call.exchange().await.expect_status(200);
        assert!(world.get("x").await.body == body, "chunks of {chunk}");
    }
}

#[tokio::test]
async fn a_signed_chunk_that_would_have_to_be_kept_is_refused() {
    let world = World::new().await;
    let body = bytes(3, 16 * MIB + 1);
    let call = signed(put(&world, SIGNED, body.len()), &body, body.len());
    call.exchange()
        .await
        .expect_error(400, "InvalidChunkSizeError");
    world.get("x").await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_chunk_that_was_changed_is_refused() {
    let world = World::new().await;
    let body = bytes(3, 3 * 64 * 1024);
    let call = signed(put(&world, SIGNED, body.len()), &body, 64 << 10);
    let mut framed = unsigned(&body, 64 << 10);
    framed.extend(b"0\r\n\r\n");
    let unsigned = call.clone().body(framed);
    unsigned
        .exchange()
        .await
        .expect_error(400, "IncompleteBody");
    let mut other = body.clone();
    other[100_000] ^= 1;
    let forged = signed(
        put(&world, SIGNED, body.len()).secret("wrong"),
        &other,
        64 << 10,
    );
    forged
        .exchange()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    world.get("x").await.expect_error(404, "NoSuchKey");
    call.exchange().await.expect_status(200);
}

#[tokio::test]
async fn a41_an_unsigned_trailer_does_not_make_up_for_a_signature() {
    let world = World::new().await;
    let body = bytes(3, 1000);
    let trailer = format!(
        "0\r\nx-amz-checksum-crc64nvme:{}\r\n\r\n",
        crc64_base64(&body)
    );
    let framed = [unsigned(&body, 1000), trailer.into_bytes()].concat();
    let call =
        put(&world, UNSIGNED, body.len()).header("x-amz-trailer", "x-amz-checksum-crc64nvme");
    let call = call.body(framed);
    let forged = call.clone().secret("wrong").signed_at(now());
    let refused = forged.exchange().await;
    refused.expect_error(403, "SignatureDoesNotMatch");
    let forged = call.clone().secret("wrong").presigned();
    let refused = forged.exchange().await;
    refused.expect_error(403, "SignatureDoesNotMatch");
    // Known to the store, and not signed at all.
    let nobody = call.clone().header("x-amz-content-sha256", UNSIGNED);
    let nobody = nobody.exchange().await;
    nobody.expect_error(403, "AccessDenied");
    world.get("x").await.expect_error(404, "NoSuchKey");
    call.send().await.expect_status(200);
}

#[tokio::test]
async fn a_body_without_its_last_chunk_leaves_the_object_as_it_was() {
    let world = World::new().await;
    world.put("x", b"before").await;
    let body = bytes(3, 100_000);
    let call = put(&world, UNSIGNED, body.len()).header("x-amz-trailer", "x-amz-checksum-crc32");
    let cut = call.body(unsigned(&body, 50_000));
    cut.send().await.expect_error(400, "IncompleteBody");
    assert_eq!(world.get("x").await.text(), "before");
}
