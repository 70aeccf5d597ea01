//! The lists of what a bucket holds.

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::s3::answer::unavailable;
use crate::{OpenMultipart, Page, StoreError, StoredObject};

/// `<ListBucketResult>`: one page of objects.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::s3) struct ListBucketResult {
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
    encoding_type: Option<String>,
    #[serde(default)]
    contents: Vec<ListedObject>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedObject {
    key: String,
    size: u64,
    last_modified: String,
}

/// `<ListMultipartUploadsResult>`: one page of multipart uploads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::s3) struct ListMultipartUploadsResult {
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
    encoding_type: Option<String>,
    #[serde(rename = "Upload", default)]
    uploads: Vec<ListedUpload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUpload {
    key: String,
    upload_id: String,
    initiated: String,
}

impl ListBucketResult {
    /// The page in our words.
    pub(in crate::s3) fn page(self) -> Result<Page<StoredObject>, StoreError> {
        let names = Names::of(self.encoding_type.as_deref());
        let next = self.next_continuation_token.filter(|text| !text.is_empty());
        if self.is_truncated && next.is_none() {
            return Err(unreadable("more to come, but not where"));
        }
        let items = self.contents.into_iter().map(|object| {
            Ok(StoredObject {
                key: names.read(object.key),
                size: object.size,
                modified_at: instant(&object.last_modified)?,
            })
        });
        Ok(Page {
            items: items.collect::<Result<_, StoreError>>()?,
            next: next.filter(|_| self.is_truncated),
        })
    }
}

impl ListMultipartUploadsResult {
    /// The page in our words. The token for the next one is the last upload's id, a space and its key.
    pub(in crate::s3) fn page(self) -> Result<Page<OpenMultipart>, StoreError> {
        let names = Names::of(self.encoding_type.as_deref());
        let items = self.uploads.into_iter().map(|upload| {
            Ok(OpenMultipart {
                key: names.read(upload.key),
                upload_id: upload.upload_id,
                started_at: instant(&upload.initiated)?,
            })
        });
        let items: Vec<_> = items.collect::<Result<_, StoreError>>()?;
        let said = (self.next_key_marker.filter(|key| !key.is_empty())).map(|key| {
            (
                self.next_upload_id_marker.unwrap_or_default(),
                names.read(key),
            )
        });
        let last = || {
            let last = items.last();
            last.map(|upload| (upload.upload_id.clone(), upload.key.clone()))
        };
        let next = match said.or_else(last) {
            _ if !self.is_truncated => None,
            Some((id, key)) if !id.contains(' ') => Some(format!("{id} {key}")),
            _ => return Err(unreadable("more to come, but not where")),
        };
        Ok(Page { items, next })
    }
}

/// How names are written in a list: some storage does not know the encoding we ask for, and says so.
pub(super) struct Names {
    encoded: bool,
}

impl Names {
    pub(super) fn of(encoding: Option<&str>) -> Self {
        Self {
            encoded: encoding.is_some_and(|name| name.eq_ignore_ascii_case("url")),
        }
    }

    /// S3 writes a space as `+`, as forms do. Bytes that are no text belong to no key of ours and are replaced.
    pub(super) fn read(&self, name: String) -> String {
        if !self.encoded {
            return name;
        }
        let spaced = name.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    }
}

/// A list that says what cannot be.
pub(in crate::s3) fn unreadable(what: &str) -> StoreError {
    unavailable(format!("the list cannot be read: {what}"))
}

fn instant(text: &str) -> Result<Timestamp, StoreError> {
    text.parse().map_err(|_| unreadable("a date that is none"))
}

#[cfg(test)]
mod tests {
    use super::super::{Document, read};
    use super::*;

    fn objects(text: &str) -> Result<Page<StoredObject>, StoreError> {
        match read::<ListBucketResult>(text.as_bytes(), "ListBucketResult") {
            Some(Document::Result(list)) => list.page(),
            other => panic!("{other:?}"),
        }
    }

    fn uploads(text: &str) -> Result<Page<OpenMultipart>, StoreError> {
        match read::<ListMultipartUploadsResult>(text.as_bytes(), "ListMultipartUploadsResult") {
            Some(Document::Result(list)) => list.page(),
            other => panic!("{other:?}"),
        }
    }

    fn object(key: &str) -> String {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-03-01T12:00:00.500Z</LastModified>\
             <ETag>\"e\"</ETag><Size>5</Size><Owner><ID>x</ID></Owner></Contents>"
        )
    }

    #[test]
    fn names_are_decoded_only_when_they_were_encoded() {
        for (encoding, key, expected) in [
            (
                "<EncodingType>url</EncodingType>",
                "a/b%2Bc+d%0A",
                "a/b+c d\n",
            ),
            ("<EncodingType>url</EncodingType>", "%FF", "\u{fffd}"),
            ("", "a/b%2Bc+d", "a/b%2Bc+d"),
        ] {
            let text = format!(
                "<ListBucketResult>{encoding}{}</ListBucketResult>",
                object(key)
            );
            let page = objects(&text).unwrap();
            assert_eq!(page.items[0].key, expected);
            assert_eq!(page.items[0].size, 5);
            assert_eq!(
                page.items[0].modified_at.to_string(),
                "2026-03-01T12:00:00.5Z"
            );
            assert_eq!(page.next, None);
        }
    }

    #[test]
    fn a_list_with_more_to_come_says_where_it_goes_on() {
        let list = |token: &str| {
            objects(&format!(
                "<ListBucketResult><IsTruncated>true</IsTruncated>{token}</ListBucketResult>"
            ))
        };
        let token = "<NextContinuationToken>t&amp;1</NextContinuationToken>";
        assert_eq!(list(token).unwrap().next.as_deref(), Some("t&1"));
        for nothing in ["", "<NextContinuationToken/>"] {
            assert!(matches!(list(nothing), Err(StoreError::Unavailable { .. })));
        }
    }

    #[test]
    fn the_markers_of_multipart_uploads_become_one_token() {
        let list = |markers: &str| {
            uploads(&format!(
                "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
                 {markers}<Upload><Key>a%20b</Key><UploadId>u+1</UploadId>\
                 <Initiated>2026-03-01T12:00:00Z</Initiated></Upload></ListMultipartUploadsResult>"
            ))
        };
        let said = "<NextKeyMarker>z+z</NextKeyMarker><NextUploadIdMarker>u9</NextUploadIdMarker>";
        assert_eq!(list(said).unwrap().next.as_deref(), Some("u9 z z"));
        // Some storage forgets the markers.
        assert_eq!(list("").unwrap().next.as_deref(), Some("u+1 a b"));
        let broken = "<NextKeyMarker>z</NextKeyMarker><NextUploadIdMarker>u 9</NextUploadIdMarker>";
        assert!(list(broken).is_err());
    }

    #[test]
    fn a_date_that_is_none_makes_the_list_unreadable() {
        let text = object("k").replace("2026-03-01T12:00:00.500Z", "yesterday");
        let read = objects(&format!("<ListBucketResult>{text}</ListBucketResult>"));
        assert!(matches!(read, Err(StoreError::Unavailable { .. })));
    }
}
