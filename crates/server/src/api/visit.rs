//! `/l/{token}`: what whoever has a link does with it. Browsers get pages, programs get redirects and problems.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use valetkey_engine::LinkVisit;
use valetkey_protocol::{Code, PresignedUrl, Secret, link};

use super::{Answer, Shared, content};
use crate::door::Door;
use crate::failure::Failure;
use crate::json;
use crate::limits::Origin;
use crate::link_page::{Desk, Page, WRONG_PASSWORD, wants_page};
use crate::parts::TokenInPath;

/// The longest name of a program that is remembered, in characters.
const LONGEST_AGENT: usize = 200;

/// Who uses a link, and which.
struct Visitor {
    engine: Shared,
    door: Arc<Door>,
    desk: Arc<Desk>,
    token: String,
    address: Option<IpAddr>,
    origin: Origin,
    visit: LinkVisit,
    wants_page: bool,
}

/// Use a link. A link with a page or a password answers with a page, and only `POST` uses it; `HEAD` uses none.
#[utoipa::path(
    get, path = "/l/{token}", tag = "links", security(()),
    params(("token" = String, Path, description = "The end of a link")),
    responses(
        (status = 200, content_type = "text/html", body = String, description = "A page with a button, or one that asks for the password"),
        (
            status = 302, description = "The bytes are there",
            headers(("location" = String, description = "A presigned URL, good for a minute"))
        )
    )
)]
pub(crate) async fn open_link(
    State(engine): State<Shared>,
    Extension(door): Extension<Arc<Door>>,
    Extension(desk): Extension<Arc<Desk>>,
    TokenInPath(token): TokenInPath,
    request: Request,
) -> Answer {
    let visitor = Visitor::of(&request, engine, door, desk, token);
    let counts = *request.method() != Method::HEAD;
    let opened = visitor.open(counts).await;
    visitor.told(opened)
}

/// Use a link that has a page or a password: the button of its page sends a form, programs send JSON or nothing.
#[utoipa::path(
    post, path = "/l/{token}", tag = "links", security(()), request_body = Option<link::OpenLink>,
    params(("token" = String, Path, description = "The end of a link")),
    responses((
        status = 303, description = "The bytes are there",
        headers(("location" = String, description = "A presigned URL, good for a minute"))
    ))
)]
pub(crate) async fn use_link(
    State(engine): State<Shared>,
    Extension(door): Extension<Arc<Door>>,
    Extension(desk): Extension<Arc<Desk>>,
    TokenInPath(token): TokenInPath,
    request: Request,
) -> Answer {
    let visitor = Visitor::of(&request, engine, door, desk, token);
    let used = visitor.press(request).await;
    visitor.told(used)
}

impl Visitor {
    fn of(
        request: &Request,
        engine: Shared,
        door: Arc<Door>,
        desk: Arc<Desk>,
        token: String,
    ) -> Self {
        let address = door.limits.address(request);
        let agent = request.headers().get(header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok());
        Self {
            address,
            origin: door.limits.origin(request),
            visit: LinkVisit {
                address: address.and_then(|address| desk.kept.of(address)),
                agent: agent.map(|agent| agent.chars().take(LONGEST_AGENT).collect()),
            },
            wants_page: wants_page(request.headers()),
            engine,
            door,
            desk,
            token,
        }
    }

    async fn open(&self, counts: bool) -> Answer {
        let open = self.engine.open_link(&self.token, self.address).await?;
        if open.locked() {
            return match self.wants_page {
                true => Ok(self.page(&Page::Locked { wrong: false })),
                false => Err(locked()),
            };
        }
        if open.landing() {
            return Ok(self.page(&Page::Landing {
                filename: open.filename().as_str(),
                size: open.size(),
            }));
        }
        let url = match counts {
            true => self.engine.use_link(&open, self.visit.clone()).await?,
            false => self.engine.peek_link(&open)?,
        };
        redirect(StatusCode::FOUND, &url)
    }

    async fn press(&self, request: Request) -> Answer {
        let open = self.engine.open_link(&self.token, self.address).await?;
        // A page of somewhere else presses no button here.
        if is_foreign(request.headers()) {
            let detail = "open the link itself, and press its button there";
            return Err(Failure::new(Code::Forbidden, detail));
        }
        let password = password(request).await?;
        if open.locked() {
            let password = password.ok_or_else(locked)?;
            self.door.limits.attempt(open.id(), self.origin).await?;
            if !self.engine.unlocks(&open, password).await? {
                return Err(Failure::new(Code::Unauthenticated, WRONG_PASSWORD));
            }
        }
        let url = self.engine.use_link(&open, self.visit.clone()).await?;
        redirect(StatusCode::SEE_OTHER, &url)
    }

    fn page(&self, page: &Page<'_>) -> Response {
        self.desk.answer(StatusCode::OK, page)
    }

    /// The answer to a program, or to a person. What is our fault is a problem to both: the log has it.
    fn told(&self, answer: Answer) -> Answer {
        match answer {
            Err(failure) if self.wants_page && failure.problem.code.status() < 500 => {
                Ok(self.desk.refuse(&failure.problem))
            }
            answer => answer,
        }
    }
}

fn locked() -> Failure {
    let detail =
        "this link has a password: open it in a browser, or POST {\"password\": \"…\"} as JSON";
    Failure::new(Code::Unauthenticated, detail)
}

/// Whether a browser says that a page of another site sent this.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// The password of a form or of a JSON body, if there is one.
async fn password(request: Request) -> Result<Option<Secret>, Failure> {
    let is_json = json::is_json(request.method(), request.headers());
    let bytes = json::read(request, false).await?;
    if is_json {
        return Ok(json::parse::<link::OpenLink>(&bytes)?.password);
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let mut fields = text.split('&');
    let value = fields.find_map(|field| field.strip_prefix("password="));
    Ok(value.map(|value| {
        let spaced = value.replace('+', " ");
        Secret::new(percent_decode_str(&spaced).decode_utf8_lossy())
    }))
}

fn redirect(status: StatusCode, url: &PresignedUrl) -> Answer {
    let mut response = content::redirect(url)?;
    *response.status_mut() = status;
    let robots = HeaderValue::from_static("noindex");
    response.headers_mut().insert("x-robots-tag", robots);
    Ok(response)
}
