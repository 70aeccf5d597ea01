//! What befalls one request, stage by stage.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use s3s::{S3Error, S3Result, s3_error};

use super::body::Broken;
use super::{Fault, Feature, resign};
use crate::drain::Draining;
use crate::options::AccessKey;
use crate::service::{Dropped, EmbeddedBody};
use crate::strict::MAX_SKEW;

/// As much of an XML answer as is looked at, in bytes. S3's longest list stays below.
const MAX_XML: usize = 64 << 20;

const ERROR_IN_OK: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>";

/// The faults of one request; none for most.
#[derive(Clone, Default)]
pub(crate) struct Chosen {
    faults: Vec<Fault>,
    key: Option<AccessKey>,
}

/// What the second room of the gate does without; travels in the request's extensions.
#[derive(Clone)]
pub(crate) struct Lacking(Vec<Feature>);

impl Chosen {
    pub(super) fn new(faults: Vec<Fault>, key: AccessKey) -> Self {
        Self {
            faults,
            key: Some(key),
        }
    }

    /// Waits, and gives the answer if nothing is to be done at all.
    pub(crate) async fn before(&self) -> Option<S3Result<Response<EmbeddedBody>>> {
        for fault in &self.faults {
            match fault {
                Fault::Delay { millis } => {
                    tokio::time::sleep(Duration::from_millis(*millis)).await;
                }
                Fault::SlowDown => {
                    return Some(Err(s3_error!(SlowDown, "Please reduce your request rate.")));
                }
                Fault::InternalError => {
                    return Some(Err(s3_error!(
                        InternalError,
                        "We encountered an internal error. Please try again."
                    )));
                }
                Fault::ErrorInOk => {
                    let body = EmbeddedBody::from(Bytes::from_static(ERROR_IN_OK.as_bytes()));
                    let mut answer = Response::new(body);
                    let xml = HeaderValue::from_static("application/xml");
                    answer.headers_mut().insert(header::CONTENT_TYPE, xml);
                    return Some(Ok(answer));
                }
                _ => {}
            }
        }
        None
    }

    /// What the store takes for the time.
    pub(crate) fn clock(&self, now: Timestamp) -> Timestamp {
        match self.skew() {
            Some(skew) => now.checked_add(skew).unwrap_or(now),
            None => now,
        }
    }

    /// The request as the strict checks are to see it.
    pub(crate) fn seen<'a>(&self, parts: &'a Parts) -> Cow<'a, Parts> {
        if !self.lacks(Feature::SignedHeaders) {
            return Cow::Borrowed(parts);
        }
        let signed = resign::signed_headers(parts);
        let mut seen = parts.clone();
        for name in parts.headers.keys() {
            if name.as_str().starts_with("x-amz-")
                && !signed.iter().any(|known| name == known.as_str())
            {
                seen.headers.remove(name);
            }
        }
        Cow::Owned(seen)
    }

    /// Changes the request before its signature is verified, which is then made to fit.
    pub(crate) fn prepare(&self, parts: &mut Parts) {
        let signed = || resign::signed_headers(parts);
        if self.lacks(Feature::SignedLength)
            && signed().iter().any(|name| name == "content-length")
            && let Some(key) = &self.key
        {
            resign::resign(parts, key);
        }
        let features: Vec<Feature> = self.features().collect();
        if !features.is_empty() {
            parts.extensions.insert(Lacking(features));
        }
    }

    /// The request's body.
    pub(crate) fn body(&self, body: Draining) -> EmbeddedBody {
        let after = self.faults.iter().find_map(|fault| match fault {
            Fault::ResetRequest { after } => Some(*after),
            _ => None,
        });
        match after {
            Some(after) => EmbeddedBody::http_body(Broken::new(body, after)),
            None => EmbeddedBody::http_body(body),
        }
    }

    /// Spoils the answer.
    pub(crate) async fn after(
        &self,
        answer: Response<EmbeddedBody>,
        now: Timestamp,
    ) -> Result<Response<EmbeddedBody>, Dropped> {
        let mut answer = answer;
        for fault in &self.faults {
            answer = match fault {
                Fault::ResetRequest { .. } | Fault::AppliedThenReset => return Err(Dropped),
                Fault::TruncatedXml => edit_xml(answer, |xml| xml.truncate(xml.len() / 2)).await,
                Fault::ResetResponse { after } => {
                    let after = *after;
                    answer.map(|body| EmbeddedBody::http_body(Broken::new(body, after)))
                }
                Fault::Lacks { features } if features.contains(&Feature::ChecksumReports) => {
                    hide_checksums(answer).await
                }
                _ => answer,
            };
        }
        if self.skew().is_some()
            && let Some(date) = http_date(self.clock(now))
        {
            answer.headers_mut().insert(header::DATE, date);
        }
        Ok(answer)
    }

    fn features(&self) -> impl Iterator<Item = Feature> {
        self.faults.iter().flat_map(|fault| match fault {
            Fault::Lacks { features } => features.clone(),
            _ => Vec::new(),
        })
    }

    fn lacks(&self, feature: Feature) -> bool {
        self.features().any(|lacking| lacking == feature)
    }

    fn skew(&self) -> Option<SignedDuration> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::SkewedClock { seconds } => Some(SignedDuration::from_secs(*seconds)),
            _ => None,
        })
    }
}

impl Lacking {
    /// Takes out of a verified request what the store is not to notice.
    pub(crate) fn strip(&self, headers: &mut HeaderMap) {
        let names: Vec<_> = headers
            .keys()
            .filter(|name| self.0.iter().any(|feature| feature.reads(name.as_str())))
            .cloned()
            .collect();
        for name in names {
            headers.remove(name);
        }
    }
}

impl Feature {
    fn reads(self, header: &str) -> bool {
        match self {
            Self::IfNoneMatch => header == "if-none-match",
            Self::IfMatch => header == "if-match",
            Self::CopySourceConditions => header.starts_with("x-amz-copy-source-if-"),
            Self::ChecksumChecks => {
                header.starts_with("x-amz-checksum-")
                    || matches!(header, "x-amz-trailer" | "x-amz-sdk-checksum-algorithm")
            }
            Self::ContentMd5 => header == "content-md5",
            Self::ChecksumReports | Self::SignedHeaders | Self::SignedLength => false,
        }
    }
}

/// Judges the date of a header signature by the store's clock; a store with faults keeps `s3s` from doing so by
/// the machine's.
pub(crate) fn check_date(parts: &Parts, now: Timestamp) -> S3Result<()> {
    let Some(signed) = resign::header_date(parts) else {
        return Ok(());
    };
    if now.duration_since(signed).abs() > MAX_SKEW {
        return Err(too_skewed());
    }
    Ok(())
}

fn too_skewed() -> S3Error {
    s3_error!(
        RequestTimeTooSkewed,
        "The difference between the request time and the current time is too large."
    )
}

/// Changes the text of an XML answer; leaves any other alone.
async fn edit_xml(
    answer: Response<EmbeddedBody>,
    edit: impl FnOnce(&mut String),
) -> Response<EmbeddedBody> {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let is_xml = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/xml"));
    if !is_xml {
        return answer;
    }
    let (mut parts, mut body) = answer.into_parts();
    let Ok(bytes) = body.store_all_limited(MAX_XML).await else {
        parts.status = StatusCode::INTERNAL_SERVER_ERROR;
        return Response::from_parts(parts, EmbeddedBody::empty());
    };
    let mut xml = String::from_utf8_lossy(&bytes).into_owned();
    edit(&mut xml);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, EmbeddedBody::from(Bytes::from(xml)))
}

async fn hide_checksums(mut answer: Response<EmbeddedBody>) -> Response<EmbeddedBody> {
    let named: Vec<_> = answer
        .headers()
        .keys()
        .filter(|name| name.as_str().starts_with("x-amz-checksum-"))
        .cloned()
        .collect();
    for name in named {
        answer.headers_mut().remove(name);
    }
    edit_xml(answer, |xml| {
        while let Some((begin, end)) = first_checksum(xml) {
            xml.replace_range(begin..end, "");
        }
    })
    .await
}

/// Where the first element is whose name begins with `Checksum`.
fn first_checksum(xml: &str) -> Option<(usize, usize)> {
    let begin = xml.find("<Checksum")?;
    let name = xml[begin + 1..].split(['>', '/', ' ']).next()?;
    let close = format!("</{name}>");
    let end = begin + xml[begin..].find(&close)? + close.len();
    Some((begin, end))
}

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let text = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_found_by_the_names_of_their_elements() {
        let xml = "<A><ChecksumCRC64NVME>x</ChecksumCRC64NVME><ETag>e</ETag></A>";
        let (begin, end) = first_checksum(xml).unwrap();
        assert_eq!(&xml[begin..end], "<ChecksumCRC64NVME>x</ChecksumCRC64NVME>");
        assert_eq!(first_checksum("<A><ETag>Checksum</ETag></A>"), None);
    }
}
