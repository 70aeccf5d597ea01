//! What an upload costs in memory, whatever its size and however its sender frames it.
//!
//! Alone in its process, because it measures the process: sender and store together.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

#[path = "store/support.rs"]
#[allow(dead_code, reason = "the other tests of the store use the rest")]
mod support;

use jiff::SignedDuration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use support::*;

/// As much more as an upload may cost, in KiB.
const ALLOWED: usize = 32 << 10;

/// A request whose payload, zeros, is made while it is sent.
struct Upload {
    call: Call,
    before: String,
    payload: usize,
    after: String,
}

impl Upload {
    async fn send(&self) -> Reply {
        let length = self.before.len() + self.payload + self.after.len();
        let call = self.call.clone().content_length(Some(length));
        let mut stream = call.begin().await;
        stream.write_all(self.before.as_bytes()).await.unwrap();
        let block = vec![0; 64 << 10];
        let mut left = self.payload;
        while left > 0 {
            let size = left.min(block.len());
            stream.write_all(&block[..size]).await.unwrap();
            left -= size;
        }
        stream.write_all(self.after.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Reply::parse(&answer)
    }
}

/// A form with a file of this size.
fn form(world: &World, payload: usize) -> Upload {
    let call = world.call("POST", &format!("/{BUCKET}"));
    let date = amz_date(now());
    let credential = format!("{KEY_ID}/{}", call.scope(&date));
    let fields = [
        ("key", "big"),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", &date),
    ];
    let mut conditions = vec![serde_json::json!({"bucket": BUCKET})];
    conditions.extend(fields.map(|(name, value)| serde_json::json!({name: value})));
    let end = now() + SignedDuration::from_mins(15);
    let policy = serde_json::json!({"expiration": end.to_string(), "conditions": conditions});
    let policy = base64(policy.to_string().as_bytes());
    let signature = call.seal(&date, &policy);
    let mut before = String::new();
    let proof = [("policy", policy.as_str()), ("x-amz-signature", &signature)];
    for (name, value) in fields.into_iter().chain(proof) {
        before += &format!("--b\r\ncontent-disposition: form-data; name={name}\r\n\r\n{value}\r\n");
    }
    before += "--b\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\n";
    Upload {
        call: call.unsigned_header("content-type", "multipart/form-data; boundary=b"),
        before,
        payload,
        after: "\r\n--b--\r\n".to_owned(),
    }
}

/// A PUT of one unsigned chunk of this size.
fn chunk(world: &World, payload: usize) -> Upload {
    let zeros = base64(&crc_of_zeros(payload));
    let call = world
        .object("PUT", "big")
        .header("content-encoding", "aws-chunked")
        .header("x-amz-trailer", "x-amz-checksum-crc64nvme")
        .header("x-amz-decoded-content-length", payload)
        .payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    Upload {
        call: call.signed_at(now()),
        before: format!("{payload:x}\r\n"),
        payload,
        after: format!("\r\n0\r\nx-amz-checksum-crc64nvme:{zeros}\r\n\r\n"),
    }
}

fn crc_of_zeros(length: usize) -> [u8; 8] {
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme);
    for _ in 0..length / MIB {
        crc.update(&[0; MIB]);
    }
    crc.finalize().to_be_bytes()
}

/// A line of this process's status, in KiB.
fn status(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let digits = line
        .unwrap()
        .trim_matches(|letter: char| !letter.is_ascii_digit());
    digits.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_costs_no_more_memory_than_a_small_one() {
    let world = World::new().await;
    let size = wanted("VALETKEY_MEMORY_MIB", 192) * MIB;
    for (name, upload) in [
        ("form", form as fn(&World, usize) -> Upload),
        ("chunk", chunk),
    ] {
        let small = upload(&world, 4 * MIB).send().await;
        assert!(small.status < 300, "{}", small.text());
        // From here on the peak is that of what follows.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = status("VmRSS:");
        let large = upload(&world, size).send().await;
        let more = status("VmHWM:").saturating_sub(before);
        println!("{name} of {} MiB: {} KiB more", size / MIB, more);
        assert!(large.status < 300, "{}", large.text());
        let head = world.object("HEAD", "big").send().await;
        assert_eq!(
            head.header("content-length"),
            Some(size.to_string().as_str())
        );
        assert!(more < ALLOWED, "{name}: {more} KiB more");
    }
}
