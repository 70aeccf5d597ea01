//! POST of an object: a browser's form, allowed by a policy that the owner signed.
//!
//! In front of `s3s`, which would keep the file in memory. The file is published on the same way as that of a
//! PUT. See <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>.

mod answer;
mod fields;
mod form;
mod policy;
mod signature;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::request::Parts;
use http::{HeaderName, Method, Response, header};
use s3s::dto::StreamingBlob;
use s3s::path::S3Path;
use s3s::{Body, S3ErrorCode, S3Result, s3_error};

use crate::address::Domain;
use crate::declared::Declared;
use crate::error::Failure;
use crate::gate;
use crate::index::WriteCondition;
use crate::ingest::MAX_BODY;
use crate::options::AccessKey;
use crate::record::Facts;
use crate::s3::{self, Backend, Publication};
use fields::Fields;
use form::{Form, Next};
use policy::Policy;

/// Takes in forms.
pub(crate) struct PostDesk {
    pub(crate) backend: Backend,
    pub(crate) key: AccessKey,
    pub(crate) domain: Domain,
}

/// Whether a request is a form. None of these may reach `s3s`, which has rules of its own for them.
pub(crate) fn is_form(parts: &Parts) -> bool {
    parts.method == Method::POST
        && parts
            .headers
            .get_all(header::CONTENT_TYPE)
            .iter()
            .any(|value| {
                let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
                value.trim_start().starts_with("multipart/form-data")
            })
}

impl PostDesk {
    /// Publishes the file of a form, or says why not.
    pub(crate) async fn answer(&self, parts: &Parts, body: Body) -> S3Result<Response<Body>> {
        check_request(parts)?;
        let bucket = match self.domain.locate(parts)? {
            S3Path::Bucket { bucket } => bucket,
            S3Path::Root | S3Path::Object { .. } => {
                return Err(s3_error!(
                    MethodNotAllowed,
                    "The specified method is not allowed against this resource."
                ));
            }
        };
        let (fields, file) = read(parts, body).await?;
        let now = (self.backend.clock)();
        let policy = signature::verify(&fields, &self.key, &self.backend.region, now)?;
        let policy = Policy::parse(policy)?;
        policy.check(&fields, &bucket, now)?;
        let headers = fields.headers()?;
        gate::refuse_unimplemented(&headers)?;
        let publication = Publication {
            bucket: bucket.into(),
            key: fields.key()?.to_owned(),
            declared: Declared::read(&headers, None, None)?,
            facts: Facts {
                tags: s3::check_tags(fields.tags()?)?,
                ..s3::read_facts(&headers, Some(fields.metadata()), None)?
            },
            condition: WriteCondition::default(),
            body: Some(StreamingBlob::wrap(Measured::new(file, policy.size))),
        };
        let (bucket, key) = (publication.bucket.clone(), publication.key.clone());
        let record = s3::publish(&self.backend, publication).await?;
        answer::written(parts, &fields, &bucket, &key, &record.etag)
    }
}

/// What a form's request must not have: S3 looks at its fields only, so nothing else may seem to count.
fn check_request(parts: &Parts) -> S3Result<()> {
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(s3_error!(
            InvalidArgument,
            "Query String Parameters not allowed on POST requests."
        ));
    }
    let headers = &parts.headers;
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(s3_error!(
            InvalidArgument,
            "Only one auth mechanism allowed; only the policy of the form should be specified"
        ));
    }
    let mut names = headers.keys().map(HeaderName::as_str);
    if let Some(name) = names.find(|name| name.starts_with("x-amz-")) {
        return Err(s3_error!(
            AccessDenied,
            "There were headers present in the request which were not signed: {name}"
        ));
    }
    if headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_NONE_MATCH) {
        return Err(s3_error!(
            NotImplemented,
            "A header you provided implies functionality that is not implemented"
        ));
    }
    if !headers.contains_key(header::CONTENT_LENGTH) {
        return Err(s3_error!(
            MissingContentLength,
            "You must provide the Content-Length HTTP header."
        ));
    }
    Ok(())
}

/// The fields, and the file that has begun to arrive.
async fn read(parts: &Parts, body: Body) -> Result<(Fields, form::FileBytes<Body>), Failure> {
    let mut types = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else {
        return Err(form::malformed());
    };
    let content_type = content_type.to_str().map_err(|_| form::malformed())?;
    let mut form = Form::open(&form::boundary(content_type)?, body).await?;
    let mut fields = Fields::default();
    loop {
        let Next::Part(part) = form.next().await? else {
            return Err(invalid(
                "POST requires exactly one file upload per request.",
            ));
        };
        if part.name.eq_ignore_ascii_case("file") {
            fields.expand(part.filename.as_deref());
            return Ok((fields, form.file()));
        }
        fields.add(&part.name, form.value().await?)?;
    }
}

/// A file whose size is held against the policy while it passes.
struct Measured<S> {
    inner: S,
    least: u64,
    most: u64,
    seen: u64,
}

impl<S> Measured<S> {
    fn new(inner: S, (least, most): (u64, u64)) -> Self {
        Self {
            inner,
            least,
            most: most.min(MAX_BODY),
            seen: 0,
        }
    }
}

impl<S> Stream for Measured<S>
where
    S: Stream<Item = Result<Bytes, Failure>> + Unpin,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let refuse = |code, message| Poll::Ready(Some(Err(Failure::refuse(code, message))));
        match ready!(self.inner.poll_next_unpin(context)) {
            Some(Ok(bytes)) => {
                self.seen += bytes.len() as u64;
                if self.seen > self.most {
                    return refuse(
                        S3ErrorCode::EntityTooLarge,
                        "Your proposed upload exceeds the maximum allowed size",
                    );
                }
                Poll::Ready(Some(Ok(bytes)))
            }
            None if self.seen < self.least => refuse(
                S3ErrorCode::EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size",
            ),
            end => Poll::Ready(end),
        }
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::refuse(S3ErrorCode::InvalidArgument, message)
}
