//! The XML that S3 speaks, both ways.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

pub(super) mod list;
pub(super) mod versions;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoredPart;

/// What a body turned out to be.
#[derive(Debug)]
pub(super) enum Document<T> {
    /// The element that was expected.
    Result(T),
    /// An error, which may well come with `200 OK`: the status was sent before the work was done.
    Error(ErrorDocument),
}

/// `<Error>`; it may hold more, such as the whole string that should have been signed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ErrorDocument {
    pub(super) code: String,
    pub(super) message: String,
}

/// `<CopyObjectResult>`: that it is there is all we need.
#[derive(Debug, Deserialize)]
pub(super) struct CopyObjectResult {}

/// `<CompleteMultipartUploadResult>`: that it is there is all we need.
#[derive(Debug, Deserialize)]
pub(super) struct CompleteMultipartUploadResult {}

/// `<InitiateMultipartUploadResult>`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InitiateMultipartUploadResult {
    pub(super) upload_id: String,
}

/// `<ListPartsResult>`: one page of parts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListPartsResult {
    #[serde(default)]
    pub(super) is_truncated: bool,
    /// A text, because an empty element stands for none.
    next_part_number_marker: Option<String>,
    #[serde(rename = "Part", default)]
    pub(super) parts: Vec<ListedPart>,
}

impl ListPartsResult {
    /// Where the next page starts: what storage says, or else after the last part of this one.
    pub(super) fn next_marker(&self) -> Option<u32> {
        let said = self.next_part_number_marker.as_ref();
        said.and_then(|text| text.trim().parse().ok())
            .or_else(|| self.parts.last().map(|part| part.part_number))
    }
}

/// `<Part>` of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedPart {
    pub(super) part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
    size: u64,
}

impl From<ListedPart> for StoredPart {
    fn from(part: ListedPart) -> Self {
        Self {
            number: part.part_number,
            size: part.size,
            etag: part.etag,
        }
    }
}

/// Reads a body whose root should be `<root>`; nothing when it is cut short or something else.
///
/// White space may come first: S3 sends it to keep the connection open while it works.
pub(super) fn read<T: DeserializeOwned>(body: &[u8], root: &str) -> Option<Document<T>> {
    let text = str::from_utf8(body).ok()?.trim_ascii();
    let name = root_name(text)?;
    if name == root {
        quick_xml::de::from_str(text).ok().map(Document::Result)
    } else if name == "Error" {
        quick_xml::de::from_str(text).ok().map(Document::Error)
    } else {
        None
    }
}

/// Reads the body of a refusal; nothing when there is none or it is a page for people.
pub(super) fn read_error(body: &[u8]) -> Option<ErrorDocument> {
    match read::<CopyObjectResult>(body, "CopyObjectResult")? {
        Document::Error(error) => Some(error),
        Document::Result(_) => None,
    }
}

/// `<CompleteMultipartUpload>` with these parts in this order.
pub(super) fn complete_multipart_upload(parts: &[StoredPart]) -> Option<String> {
    let request = CompleteMultipartUpload {
        xmlns: "http://s3.amazonaws.com/doc/2006-03-01/",
        parts: parts
            .iter()
            .map(|part| CompletedPart {
                part_number: part.number,
                etag: &part.etag,
            })
            .collect(),
    };
    quick_xml::se::to_string_with_root("CompleteMultipartUpload", &request).ok()
}

#[derive(Serialize)]
struct CompleteMultipartUpload<'a> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    #[serde(rename = "Part")]
    parts: Vec<CompletedPart<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CompletedPart<'a> {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: &'a str,
}

fn root_name(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) | Event::Empty(tag) => {
                return Some(tag.local_name().as_ref().to_owned());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
