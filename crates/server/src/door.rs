//! The one door every request of the API goes through: it names the request, asks who sends it, lets
//! nothing take for ever or bring the process down, writes problems out, and counts.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use percent_encoding::percent_decode_str;
use tracing::Instrument as _;
use valetkey_engine::Principal;
use valetkey_protocol::api_key::PREFIX;
use valetkey_protocol::problem::PROBLEM_JSON;
use valetkey_protocol::receipt::JWKS_PATH;
use valetkey_protocol::{Code, Problem, drop_link};

use crate::auth::{self, Verifier};
use crate::clock::Stopwatch;
use crate::compat::anonymous::Anonymous;
use crate::compat::classic;
use crate::failure::Failure;
use crate::keys::KeyRing;
use crate::limits::{Limits, Origin, Told, Turn, Way};
use crate::linger;
use crate::link_page::Refused;
use crate::metrics::{Metrics, Route};
use crate::parts::Lifetime;
use crate::policies::PolicySource;
use crate::random::RequestIds;
use crate::{console, drop_page, sdk, telemetry};

/// The only routes of the API that ask for no token.
pub(crate) const PUBLIC_ROUTES: &[&str] = &[
    "/healthz",
    "/readyz",
    "/openapi.json",
    JWKS_PATH,
    "/c/{token}",
    "/l/{token}",
    "/d/{token}",
    "/d/{token}/{filename}",
    "/public/{bucket}/{*name}",
];

/// The header that names a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What the door needs.
pub(crate) struct Door {
    pub(crate) verifier: Verifier,
    pub(crate) keys: Arc<dyn KeyRing>,
    pub(crate) policies: Arc<PolicySource>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) request_ids: RequestIds,
    /// Whether spans go to a collector.
    pub(crate) traced: bool,
    /// Whom whoever has no token acts as, on the classic routes alone.
    pub(crate) anonymous: Option<Anonymous>,
}

/// Serves one request. Whatever is logged meanwhile carries its id.
pub(crate) async fn pass(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let id = door.request_id(request.headers());
    let route = Route(request.extensions().get::<MatchedPath>().cloned());
    let method = request.method().clone();
    // At the level of errors, so that every filter which lets anything through keeps the id.
    let span = tracing::error_span!(
        "request",
        request_id = id.to_str().unwrap_or_default(),
        route = route.as_str(),
        %method,
        otel.name = tracing::field::Empty,
        otel.kind = tracing::field::Empty,
    );
    if door.traced {
        telemetry::begin(&span, request.headers(), &method, route.as_str());
    }
    let response = serve(&door, request, next, id, route, method);
    let response = response.instrument(span.clone()).await;
    if door.traced {
        telemetry::end(&span, response.status());
    }
    response
}

async fn serve(
    door: &Door,
    mut request: Request,
    next: Next,
    id: HeaderValue,
    route: Route,
    method: Method,
) -> Response {
    let watch = Stopwatch::start();
    let waits = linger::waits_with_its_body(request.headers());
    if !waits {
        request = request.map(linger::to_its_end);
    }
    let (way, mut told) = (way(&route), Told::default());
    let admitted = door.look_and_admit(&route, way, &mut request, &mut told);
    let mut response = match admitted.await {
        Ok(waited) => {
            let origin = (way == Way::Link).then(|| door.limits.origin(&request));
            let response = door.serve_in_turn(way, waited, request, next).await;
            door.count_link(origin, response, &mut told).await
        }
        Err(failure) => failure.into_response(),
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        door.report(&failure);
        write_problem(&mut response, failure.problem, &id);
    }
    set_headers(response.headers_mut(), id);
    told.write(response.headers_mut());
    if waits && response.status().is_client_error() {
        linger::say_close(response.headers_mut());
    }
    let (status, took) = (response.status(), watch.elapsed());
    tracing::debug!(status = status.as_u16(), ms = took.as_millis(), "answered");
    door.metrics.answered(route, &method, status, took);
    fail::fail_point!("server.reply");
    response
}

impl Door {
    /// The client's own id if it is harmless, or a new one.
    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        match headers.get(REQUEST_ID) {
            Some(id) if (8..=64).contains(&id.len()) && id.as_bytes().iter().all(plain) => {
                id.clone()
            }
            _ => HeaderValue::try_from(self.request_ids.next())
                .unwrap_or(HeaderValue::from_static("unnamed")),
        }
    }

    /// Admits a request when it is its turn to be looked at, and says how long it waited for that. While it has to wait for
    /// others, such as those who know a key, the next one is looked at.
    async fn look_and_admit(
        &self,
        route: &Route,
        way: Way,
        request: &mut Request,
        told: &mut Told,
    ) -> Result<Duration, Failure> {
        if way == Way::Free {
            return Ok(Duration::ZERO);
        }
        let look = self.limits.look(way).await?;
        let waited = look.waited;
        let mut admit = pin!(self.admit(route, way, request, told));
        let admitted = match admit.as_mut().now_or_never() {
            Some(admitted) => admitted,
            None => {
                drop(look);
                admit.await
            }
        };
        admitted.map(|()| waited)
    }

    /// Finds out who sends the request, unless it needs nobody, and whether they ask too often.
    async fn admit(
        &self,
        route: &Route,
        way: Way,
        request: &mut Request,
        told: &mut Told,
    ) -> Result<(), Failure> {
        check_host(request)?;
        let limits = &self.limits;
        match way {
            Way::Free | Way::Link => return Ok(()),
            Way::Content => return self.admit_content(request, told).await,
            Way::Public => return Ok(limits.anybody(limits.origin(request), told).await?),
            Way::Private => limits.before(request)?,
        }
        let of_classic = classic::ROUTES.contains(&route.as_str());
        let anonymous = self.anonymous.as_ref().filter(|_| of_classic);
        if let Some(admitted) = anonymous.and_then(|one| one.admit(request.headers())) {
            limits.anybody(limits.origin(request), told).await?;
            let mut admitted = admitted?;
            admitted.address = limits.address(request);
            request.extensions_mut().insert(admitted);
            return Ok(());
        }
        match self.authenticate(request.headers()).await {
            Ok((mut principal, left)) => {
                principal.address = limits.address(request);
                // By a drop link somebody else sends files than their owner, who does not pay for that.
                if is_dropped(request.headers()) {
                    limits.anybody(limits.origin(request), told).await?;
                } else {
                    let extensions = request.extensions_mut();
                    limits
                        .somebody(&principal.owner(), extensions, told)
                        .await?;
                }
                let extensions = request.extensions_mut();
                extensions.insert(principal);
                extensions.insert(Lifetime(left));
                Ok(())
            }
            Err(failure) => {
                let origin = limits.origin(request);
                limits.nobody(origin, failure.problem.code, told).await?;
                Err(failure)
            }
        }
    }

    /// Looks at the permission in a content URL before anybody is kept waiting by it: one that does not hold counts like a
    /// token that does not, one that holds costs nothing.
    async fn admit_content(&self, request: &mut Request, told: &mut Told) -> Result<(), Failure> {
        let token = request.uri().path().strip_prefix("/c/");
        let token = percent_decode_str(token.unwrap_or_default()).decode_utf8_lossy();
        let Err(failure) = self.keys.content(&token) else {
            return Ok(());
        };
        let origin = self.limits.origin(request);
        let counted = self.limits.nobody(origin, failure.problem.code, told);
        counted.await?;
        Err(failure)
    }

    /// Runs a handler when it is its turn. Its time for storage begins then: what it waited for was no storage.
    async fn serve_in_turn(
        &self,
        way: Way,
        waited: Duration,
        request: Request,
        next: Next,
    ) -> Response {
        let answered = match way.waits() {
            true => self.wait_and_answer(waited, request, next).await,
            false => Ok(self.answer(request, next).await),
        };
        answered.unwrap_or_else(Failure::into_response)
    }

    /// Counts a link that does not hold like a token that does not, also where a page says so; nothing else has an origin.
    async fn count_link(
        &self,
        origin: Option<Origin>,
        response: Response,
        told: &mut Told,
    ) -> Response {
        let (Some(origin), Some(code)) = (origin, failed(&response)) else {
            return response;
        };
        match self.limits.nobody(origin, code, told).await {
            Ok(()) => response,
            Err(problem) => Failure::from(problem).into_response(),
        }
    }

    async fn answer(&self, request: Request, next: Next) -> Response {
        let work = self.limits.within_budget(next.run(request));
        answer(work).await
    }

    /// Waits in line, and runs a handler.
    async fn wait_and_answer(
        &self,
        waited: Duration,
        mut request: Request,
        next: Next,
    ) -> Result<Response, Failure> {
        let turn = Turn::wait(&self.limits, waited).await?;
        request.extensions_mut().insert(turn.clone());
        let response = self.answer(request, next).await;
        turn.pause();
        Ok(response)
    }

    /// By token or by API key.
    async fn authenticate(&self, headers: &HeaderMap) -> Result<(Principal, Duration), Failure> {
        let token = auth::bearer(headers)?;
        let behalf = auth::behalf(headers)?;
        if token.starts_with(PREFIX) {
            return self.keys.holder(token, behalf).await;
        }
        if let Some(token) = token.strip_prefix(drop_link::PREFIX) {
            return self.keys.dropper(token).await;
        }
        if behalf.is_some() {
            let detail = "only an API key with the scope `on_behalf` may send Valetkey-Subject";
            return Err(Failure::new(Code::Forbidden, detail));
        }
        Ok(self.verifier.authenticate(token).await?)
    }

    /// Counts a problem and, when the fault is ours, logs what was behind it: here and nowhere else.
    fn report(&self, failure: &Failure) {
        let code = failure.problem.code;
        self.metrics.problem(code);
        if matches!(code, Code::Overloaded | Code::LimitsUnavailable) {
            // There may be thousands, and metrics tell.
            tracing::debug!(detail = failure.problem.detail, "too much to do");
        } else if code.status() >= 500 {
            tracing::error!(%code, cause = failure.chain(), "a request failed");
        }
    }
}

/// What a route asks of whoever comes: nothing is where it is for everybody, or nothing is there at all.
/// A request of HTTP/1.1 names one host (<https://www.rfc-editor.org/rfc/rfc9112#section-3.2>): with two of them, or none,
/// a proxy before us may have read another request than we do.
fn check_host(request: &Request) -> Result<(), Failure> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        let detail = format!("send the header `host` once; there are {hosts}");
        return Err(Failure::new(Code::MalformedRequest, detail));
    }
    Ok(())
}

fn way(route: &Route) -> Way {
    match route.as_str() {
        "/healthz" | "/readyz" | sdk::ROUTE | drop_page::ROUTE => Way::Free,
        name if console::ROUTES.contains(&name) => Way::Free,
        "/c/{token}" => Way::Content,
        "/l/{token}" | "/d/{token}" => Way::Link,
        name if route.0.is_none() || PUBLIC_ROUTES.contains(&name) => Way::Public,
        _ => Way::Private,
    }
}

/// Runs a handler within its time, and takes a panic for the fault it is.
async fn answer(response: impl Future<Output = Response>) -> Response {
    let caught = AssertUnwindSafe(response).catch_unwind();
    match tokio::time::timeout(REQUEST_TIMEOUT, caught).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Failure::internal("a handler panicked").into_response(),
        Err(_) => {
            tracing::error!("a handler took too long");
            let detail = "this took too long; nothing is lost, try again";
            let problem = Problem::new(Code::Overloaded, detail).with("retry_after", 2);
            Failure::from(problem).into_response()
        }
    }
}

/// Whether a request comes by a drop link.
fn is_dropped(headers: &HeaderMap) -> bool {
    auth::bearer(headers).is_ok_and(|token| token.starts_with(drop_link::PREFIX))
}

/// Why a request came to nothing, also where a page says so.
fn failed(response: &Response) -> Option<Code> {
    let extensions = response.extensions();
    let failure = extensions.get::<Failure>().map(|one| one.problem.code);
    failure.or_else(|| extensions.get::<Refused>().map(|refused| refused.0))
}

fn write_problem(response: &mut Response, mut problem: Problem, id: &HeaderValue) {
    problem.request_id = id.to_str().ok().map(str::to_owned);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.remove(header::CONTENT_LENGTH);
    if problem.code.status() == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = problem.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    *response.body_mut() = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
}

/// What every answer says to browsers and caches, problems and redirects included.
fn set_headers(headers: &mut HeaderMap, id: HeaderValue) {
    // Only what says of itself that it may be kept is kept.
    let kept = headers.entry(header::CACHE_CONTROL);
    kept.or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(REQUEST_ID, id);
}

#[cfg(test)]
mod tests;
