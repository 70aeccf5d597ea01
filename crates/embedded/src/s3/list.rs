//! Lists of objects (versions 2 and 1 of the call) and of multipart uploads.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Error, S3Response};

use super::convert::{etag, timestamp};
use super::multipart::{page_size, parse_upload};
use super::{Answer, Backend, OWNER};
use crate::id::Id;
use crate::index::{self, Listing, ListingItem, Query, UploadItem, UploadQuery};
use crate::record::{ObjectRecord, UploadRecord};

/// What `encoding-type=url` leaves as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

pub(super) async fn objects_v2(
    backend: &Backend,
    input: ListObjectsV2Input,
) -> Answer<ListObjectsV2Output> {
    let encoding = Encoding::read(input.encoding_type.as_ref())?;
    let after = match &input.continuation_token {
        Some(token) => read_token(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let limit = page_size(input.max_keys)?;
    let query = Query {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after,
        limit,
    };
    let listing = backend
        .read(move |snapshot| index::list_objects(snapshot, &query))
        .await?;
    let next = next_name(&listing).map(|name| BASE64.encode(name));
    let truncated = listing.truncated;
    let owner = input.fetch_owner.unwrap_or(false);
    let (contents, prefixes) = lines(listing, &encoding, owner);
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoding.write(input.prefix.as_deref().unwrap_or_default())),
        delimiter: input.delimiter.map(|text| encoding.write(&text)),
        start_after: input.start_after.map(|text| encoding.write(&text)),
        max_keys: i32::try_from(limit).ok(),
        key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
        continuation_token: input.continuation_token,
        next_continuation_token: next,
        is_truncated: Some(truncated),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

pub(super) async fn objects_v1(
    backend: &Backend,
    input: ListObjectsInput,
) -> Answer<ListObjectsOutput> {
    let encoding = Encoding::read(input.encoding_type.as_ref())?;
    let limit = page_size(input.max_keys)?;
    let query = Query {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after: input.marker.clone().unwrap_or_default(),
        limit,
    };
    let listing = backend
        .read(move |snapshot| index::list_objects(snapshot, &query))
        .await?;
    let next = next_name(&listing).map(|name| encoding.write(name));
    let truncated = listing.truncated;
    let (contents, prefixes) = lines(listing, &encoding, true);
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.write(input.prefix.as_deref().unwrap_or_default())),
        marker: Some(encoding.write(input.marker.as_deref().unwrap_or_default())),
        // S3 names the next marker only beside a delimiter; without one it is the last key.
        next_marker: next.filter(|_| input.delimiter.is_some()),
        delimiter: input.delimiter.map(|text| encoding.write(&text)),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

pub(super) async fn uploads(
    backend: &Backend,
    input: ListMultipartUploadsInput,
) -> Answer<ListMultipartUploadsOutput> {
    let encoding = Encoding::read(input.encoding_type.as_ref())?;
    let limit = page_size(input.max_uploads)?;
    let key_marker = input.key_marker.clone().unwrap_or_default();
    let upload_marker = input
        .upload_id_marker
        .as_deref()
        .filter(|id| !id.is_empty());
    let query = UploadQuery {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        upload_marker: match upload_marker {
            Some(id) if !key_marker.is_empty() => Some(parse_upload(id)?),
            _ => None,
        },
        key_marker,
        limit,
    };
    let (items, truncated) = backend
        .read(move |snapshot| index::list_uploads(snapshot, &query))
        .await?;
    let mut output = ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        key_marker: Some(encoding.write(input.key_marker.as_deref().unwrap_or_default())),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        prefix: Some(encoding.write(input.prefix.as_deref().unwrap_or_default())),
        delimiter: input.delimiter.map(|text| encoding.write(&text)),
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    };
    if truncated {
        let (key, id) = match items.last() {
            Some(UploadItem::Upload(key, id, _)) => (key.as_str(), Some(id.to_string())),
            Some(UploadItem::Prefix(prefix)) => (prefix.as_str(), None),
            None => ("", None),
        };
        output.next_key_marker = Some(encoding.write(key));
        output.next_upload_id_marker = id;
    }
    for item in items {
        match item {
            UploadItem::Upload(key, id, record) => output
                .uploads
                .get_or_insert_default()
                .push(upload_line(encoding.write(&key), id, &record)),
            UploadItem::Prefix(prefix) => {
                output
                    .common_prefixes
                    .get_or_insert_default()
                    .push(CommonPrefix {
                        prefix: Some(encoding.write(&prefix)),
                    })
            }
        }
    }
    Ok(S3Response::new(output))
}

/// How names are written: as they are, or percent-encoded so that any name survives XML.
struct Encoding {
    url: bool,
}

impl Encoding {
    fn read(asked: Option<&EncodingType>) -> Result<Self, S3Error> {
        match asked.map(EncodingType::as_str) {
            None => Ok(Self { url: false }),
            Some(EncodingType::URL) => Ok(Self { url: true }),
            Some(_) => Err(s3s::s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }

    fn write(&self, name: &str) -> String {
        if self.url {
            utf8_percent_encode(name, KEPT).to_string()
        } else {
            name.to_owned()
        }
    }
}

/// A token is the last name of the page, made opaque.
fn read_token(token: &str) -> Result<String, S3Error> {
    BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            s3s::s3_error!(
                InvalidArgument,
                "The continuation token provided is incorrect"
            )
        })
}

fn next_name(listing: &Listing) -> Option<&str> {
    listing
        .items
        .last()
        .filter(|_| listing.truncated)
        .map(ListingItem::name)
}

fn lines(
    listing: Listing,
    encoding: &Encoding,
    with_owner: bool,
) -> (Vec<Object>, Vec<CommonPrefix>) {
    let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
    for item in listing.items {
        match item {
            ListingItem::Object(key, record) => {
                contents.push(object_line(encoding.write(&key), &record, with_owner));
            }
            ListingItem::Prefix(prefix) => prefixes.push(CommonPrefix {
                prefix: Some(encoding.write(&prefix)),
            }),
        }
    }
    (contents, prefixes)
}

fn object_line(key: String, record: &ObjectRecord, with_owner: bool) -> Object {
    Object {
        key: Some(key),
        size: i64::try_from(record.size).ok(),
        e_tag: etag(&record.etag),
        last_modified: Some(timestamp(record.modified)),
        storage_class: Some(ObjectStorageClass::from_static(
            ObjectStorageClass::STANDARD,
        )),
        checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(
            record.checksum.algorithm.name(),
        )]),
        checksum_type: Some(ChecksumType::from_static(record.checksum.coverage.name())),
        owner: with_owner.then(|| Owner {
            display_name: None,
            id: Some(OWNER.to_owned()),
        }),
        restore_status: None,
    }
}

fn upload_line(key: String, id: Id, record: &UploadRecord) -> MultipartUpload {
    MultipartUpload {
        key: Some(key),
        upload_id: Some(id.to_string()),
        initiated: Some(timestamp(record.initiated)),
        checksum_algorithm: Some(ChecksumAlgorithm::from_static(record.algorithm.name())),
        checksum_type: Some(ChecksumType::from_static(record.coverage.name())),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        initiator: Some(Initiator {
            display_name: None,
            id: Some(OWNER.to_owned()),
        }),
        owner: Some(Owner {
            display_name: None,
            id: Some(OWNER.to_owned()),
        }),
    }
}
