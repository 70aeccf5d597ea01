//! What every [`ObjectStore`] must do, whatever provider is behind it.
//!
//! [`suite!`] makes one test of each function here; `$open` gives a bucket whose keys nobody else uses.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "each test binary compiles this for itself and stops at the first surprise"
)]

mod list;
mod multipart;
mod object;

use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Client, Response, StatusCode};
use valetkey_protocol::request::Method;
use valetkey_protocol::{
    Algorithm, Checksum, Clock, ContentType, Hasher, ObjectKey, PresignedRequest,
};
use valetkey_store::{GetGrant, ObjectStore, PutGrant, Validity};

pub use list::*;
pub use multipart::*;
pub use object::*;

macro_rules! suite {
    ($open:path: $($sentence:ident)*) => {
        $(#[tokio::test]
        async fn $sentence() {
            conformance::$sentence(&$open().await).await;
        })*
    };
    ($open:path) => {
        suite! { $open:
            a_put_is_found_as_it_was_declared
            a_put_of_no_bytes_is_found
            a_put_never_replaces_what_is_there
            a_put_without_a_size_takes_any_and_its_type_where_one_is_signed
            a_put_that_differs_from_what_was_signed_stores_nothing
            a_copy_keeps_the_bytes_and_gets_our_metadata
            a_copy_of_another_object_than_the_recorded_one_is_refused
            an_empty_object_blocks_the_url_it_was_put_with
            deleting_twice_deletes_once
            a_range_is_read_only_of_the_object_that_was_named
            a_get_answers_with_the_headers_that_were_signed
            a_head_answers_as_a_get_would_and_is_signed_for_itself
            keys_that_look_dangerous_stay_apart
            an_expired_or_changed_url_opens_nothing
            storage_that_is_there_answers
            parts_become_the_object_they_are_parts_of
            an_aborted_upload_is_gone
            parts_that_storage_does_not_have_complete_nothing
            a_part_that_differs_from_what_was_signed_is_refused
            what_a_bucket_holds_is_listed_by_prefix
            open_multipart_uploads_are_listed_until_they_end
            long_lists_go_on_where_they_stopped
        }
    };
}
pub(crate) use suite;

/// A bucket to test.
pub struct Bucket {
    pub store: Arc<dyn ObjectStore>,
    /// Tells the time that storage goes by.
    pub clock: Arc<dyn Clock>,
    /// What every key begins with.
    pub prefix: String,
    /// What only the bucket's opener must keep alive.
    pub _behind: Box<dyn Send + Sync>,
}

impl Bucket {
    fn key(&self, name: &str) -> ObjectKey {
        ObjectKey::parse(&format!("{}/{name}", self.prefix)).unwrap()
    }

    fn valid(&self) -> Validity {
        Validity {
            now: self.clock.now(),
            seconds: 300,
        }
    }

    /// Signs a PUT of these bytes with their CRC-64/NVME.
    fn sign_put(&self, key: &ObjectKey, bytes: &[u8]) -> PresignedRequest {
        let grant = PutGrant {
            key,
            size: Some(bytes.len() as u64),
            content_type: Some(&png()),
            checksum: Some(&crc64(bytes)),
        };
        self.store.presign_put(&grant, self.valid()).unwrap()
    }

    async fn put(&self, key: &ObjectKey, bytes: &'static [u8]) -> String {
        let stored = send(&self.sign_put(key, bytes), bytes).await;
        assert_eq!(stored.status(), StatusCode::OK);
        self.store.head(key).await.unwrap().unwrap().etag
    }

    /// Fetches an object as a client does.
    async fn get(&self, key: &ObjectKey) -> Response {
        let grant = GetGrant {
            key,
            content_type: "application/x-signed",
            content_disposition: "attachment; filename=\"a b.png\"",
        };
        let request = self.store.presign_get(&grant, self.valid()).unwrap();
        send(&request, &[]).await
    }
}

/// Sends a presigned request as any client would.
async fn send(request: &PresignedRequest, body: &'static [u8]) -> Response {
    send_to(request.url.expose(), request, body).await
}

async fn send_to(url: &str, request: &PresignedRequest, body: &'static [u8]) -> Response {
    let client = Client::builder().no_proxy().build().unwrap();
    let sent = match request.method {
        Method::Get => client.get(url),
        Method::Put => client
            .put(url)
            // Said also when it is 0, which this HTTP library would leave out.
            .header("content-length", body.len())
            .body(Bytes::from_static(body)),
    };
    let headers = request.headers.iter();
    let sent = headers.fold(sent, |sent, (name, value)| sent.header(name, value));
    sent.send().await.unwrap()
}

fn crc64(bytes: &[u8]) -> Checksum {
    Hasher::digest(Algorithm::Crc64Nvme, bytes)
}

fn png() -> ContentType {
    ContentType::parse("image/png").unwrap()
}
