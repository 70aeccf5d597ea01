//! The HTTP service: CORS, then the strict checks, then `s3s`.

use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::Service;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use s3s::service::S3Service;
use s3s::{S3Error, S3Result};

use crate::cors::{Cors, CorsRule};
use crate::drain::Draining;
use crate::fault::{self, Chosen, FaultPlan};
use crate::id::hex;
use crate::post::{self, PostDesk};
use crate::s3::Backend;
use crate::{chunked, cors, random, strict};

/// The body of an answer: streamed, in chunks of a quarter mebibyte.
pub type EmbeddedBody = s3s::Body;

/// The store as a hyper service, to be served on any listener; clones share everything.
///
/// The path names bucket and key (`/bucket/key`) unless the host names a bucket below
/// [`crate::Options::domain`]. The `Host` header is part of every signature, so the store may be reached under
/// any name as long as the client signed that name.
#[derive(Clone)]
pub struct EmbeddedService {
    inner: Arc<Inner>,
}

struct Inner {
    s3: S3Service,
    cors: Cors,
    desk: PostDesk,
    faults: Option<FaultPlan>,
}

/// The connection is to end without an answer: a fault of the store wants it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fault of the store drops the connection")]
pub struct Dropped;

impl EmbeddedService {
    pub(crate) fn new(
        s3: S3Service,
        cors: Cors,
        desk: PostDesk,
        faults: Option<FaultPlan>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                s3,
                cors,
                desk,
                faults,
            }),
        }
    }

    /// Answers one request. Whatever goes wrong is an S3 error in the answer; only a fault can keep it back.
    ///
    /// # Errors
    /// A fault wants the connection to end.
    pub async fn handle(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<EmbeddedBody>, Dropped> {
        let (parts, body) = request.into_parts();
        let faults = match &self.inner.faults {
            Some(plan) => plan.choose(&parts),
            None => Chosen::default(),
        };
        let origin = parts.headers.get(header::ORIGIN).cloned();
        let method = parts.method.clone();
        let rules = match origin {
            Some(_) => {
                let domain = &self.inner.desk.domain;
                let bucket = domain.bucket_of(&parts.headers, parts.uri.path());
                self.inner.cors.rules(bucket).await
            }
            None => Vec::new(),
        };
        let mut answer = self.inner.answer(parts, body, &rules, &faults).await;
        let now = (self.inner.desk.backend.clock)();
        let headers = answer.headers_mut();
        cors::decorate(&rules, &method, origin.as_ref(), headers);
        headers.insert("x-amz-request-id", request_id());
        // The clock that signatures are held against; hyper would tell the machine's.
        headers.extend(date(now).map(|date| (header::DATE, date)));
        faults.after(answer, now).await
    }
}

impl Service<Request<Incoming>> for EmbeddedService {
    type Response = Response<EmbeddedBody>;
    type Error = Dropped;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Dropped>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { service.handle(request).await })
    }
}

impl Inner {
    async fn answer(
        &self,
        mut parts: Parts,
        body: Incoming,
        rules: &[CorsRule],
        faults: &Chosen,
    ) -> Response<EmbeddedBody> {
        let has_body = !body.is_end_stream();
        let body = Draining::new(body);
        if parts.method == Method::OPTIONS {
            return match cors::preflight(rules, &parts.headers) {
                Ok(headers) => plain(StatusCode::OK, headers),
                Err(refusal) => refuse(refusal),
            };
        }
        let body = if has_body {
            faults.body(body)
        } else {
            EmbeddedBody::empty()
        };
        if let Some(early) = faults.before().await {
            return early.unwrap_or_else(refuse);
        }
        if post::is_form(&parts) {
            let answer = self.desk.answer(&parts, body).await;
            return answer.unwrap_or_else(refuse);
        }
        if let Err(refusal) = self.check(&parts, has_body, faults) {
            return refuse(refusal);
        }
        faults.prepare(&mut parts);
        let body = chunked::bound(&parts.headers, body);
        match self.s3.call(Request::from_parts(parts, body)).await {
            Ok(answer) => answer,
            Err(source) => {
                tracing::error!(?source, "the embedded store could not write an answer");
                plain(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new())
            }
        }
    }

    fn check(&self, parts: &Parts, has_body: bool, faults: &Chosen) -> S3Result<()> {
        let Backend { clock, region, .. } = &self.desk.backend;
        let now = faults.clock(clock());
        if self.faults.is_some() {
            fault::check_date(parts, now)?;
        }
        strict::check(&faults.seen(parts), has_body, region, now)
    }
}

fn refuse(refusal: S3Error) -> Response<EmbeddedBody> {
    refusal
        .to_http_response()
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new()))
}

fn plain(status: StatusCode, headers: HeaderMap) -> Response<EmbeddedBody> {
    let mut answer = Response::new(EmbeddedBody::empty());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// An instant as HTTP writes it (RFC 9110 §5.6.7).
fn date(now: Timestamp) -> Option<HeaderValue> {
    let text = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .ok()?;
    HeaderValue::try_from(text).ok()
}

/// Sixteen upper-case digits, as S3 writes them.
fn request_id() -> HeaderValue {
    let mut bytes = [0; 8];
    // An id of zeros on a machine without random bytes is better than no answer.
    let _ = random::fill(&mut bytes);
    HeaderValue::try_from(hex(&bytes).to_uppercase())
        .unwrap_or_else(|_| HeaderValue::from_static("0"))
}
