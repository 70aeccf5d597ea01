//! The HTTP service: CORS, then the strict checks, then `s3s`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::Service;
use s3s::S3Error;
use s3s::service::S3Service;

use crate::clock::Clock;
use crate::cors::{Cors, CorsRule};
use crate::drain::Draining;
use crate::id::hex;
use crate::{cors, random, strict};

/// The body of an answer: streamed, in chunks of a quarter mebibyte.
pub type EmbeddedBody = s3s::Body;

/// The store as a hyper service, to be served on any listener; clones share everything.
///
/// It answers path-style requests (`/bucket/key`). The `Host` header is part of every signature, so the store
/// may be reached under any name as long as the client signed that name.
#[derive(Clone)]
pub struct EmbeddedService {
    inner: Arc<Inner>,
}

struct Inner {
    s3: S3Service,
    cors: Cors,
    region: String,
    clock: Clock,
}

impl EmbeddedService {
    pub(crate) fn new(s3: S3Service, cors: Cors, region: String, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                s3,
                cors,
                region,
                clock,
            }),
        }
    }

    /// Answers one request. Never fails: whatever goes wrong is an S3 error in the answer.
    pub async fn handle(&self, request: Request<Incoming>) -> Response<EmbeddedBody> {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let method = request.method().clone();
        let rules = match origin {
            Some(_) => self.inner.cors.rules(request.uri().path()).await,
            None => Vec::new(),
        };
        let mut answer = self.inner.answer(request, &rules).await;
        let headers = answer.headers_mut();
        cors::decorate(&rules, &method, origin.as_ref(), headers);
        headers.insert("x-amz-request-id", request_id());
        answer
    }
}

impl Service<Request<Incoming>> for EmbeddedService {
    type Response = Response<EmbeddedBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

impl Inner {
    async fn answer(
        &self,
        request: Request<Incoming>,
        rules: &[CorsRule],
    ) -> Response<EmbeddedBody> {
        let (parts, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        let body = Draining::new(body);
        if parts.method == Method::OPTIONS {
            return match cors::preflight(rules, &parts.headers) {
                Ok(headers) => plain(StatusCode::OK, headers),
                Err(refusal) => refuse(refusal),
            };
        }
        let now = (self.clock)();
        if let Err(refusal) = strict::check(&parts, has_body, &self.region, now) {
            return refuse(refusal);
        }
        let body = if has_body {
            EmbeddedBody::http_body(body)
        } else {
            EmbeddedBody::empty()
        };
        match self.s3.call(Request::from_parts(parts, body)).await {
            Ok(answer) => answer,
            Err(source) => {
                tracing::error!(?source, "the embedded store could not write an answer");
                plain(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new())
            }
        }
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

/// Sixteen upper-case digits, as S3 writes them.
fn request_id() -> HeaderValue {
    let mut bytes = [0; 8];
    // An id of zeros on a machine without random bytes is better than no answer.
    let _ = random::fill(&mut bytes);
    HeaderValue::try_from(hex(&bytes).to_uppercase())
        .unwrap_or_else(|_| HeaderValue::from_static("0"))
}
