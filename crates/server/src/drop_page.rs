//! The page of drop links, for people. Its one script and the client for browsers come from here, and nothing comes from
//! elsewhere; bytes go to storage.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::get;
use axum::{Router, middleware};
use jiff::Timestamp;
use valetkey_engine::OpenDrop;
use valetkey_protocol::{Code, Problem};

use crate::api::{Answer, no_such_method};
use crate::bundle::{Bundle, Files};
use crate::config::KeptAddress;
use crate::door::{self, Door};
use crate::failure::Failure;
use crate::link_page::{self, Desk, escaped, size_in_words};
use crate::qr;

/// The route of its script; it asks for no token, and is no part of the API's document.
pub(crate) const ROUTE: &str = "/d/page.js";

const FILES: Files = &[("page.js", include_str!("drop_page.js"))];

static SCRIPT: LazyLock<Bundle> = LazyLock::new(|| Bundle::new(FILES));

/// How the page looks: as those of links do, and a little more.
const STYLE: &str = concat!(
    include_str!("../../../console/style/tokens.css"),
    include_str!("link_page.css"),
    include_str!("drop_page.css")
);

/// The script behind the door.
pub(crate) fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route(ROUTE, get(get_script))
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(door, door::pass))
}

async fn get_script(asked: HeaderMap) -> Answer {
    let answer = SCRIPT.answer("page.js", &asked);
    answer.ok_or_else(|| Failure::new(Code::NotFound, "there is no such file"))
}

/// Where files are handed in.
pub(crate) struct Counter {
    desk: Desk,
    policy: HeaderValue,
}

impl Counter {
    /// A page that may send bytes to storage at these origins, and nowhere else.
    pub(crate) fn new(storage: &BTreeSet<String>) -> Self {
        let style = link_page::digest_of(STYLE);
        let storage_text: String = storage.iter().map(|origin| format!(" {origin}")).collect();
        let text = format!(
            "default-src 'none'; script-src 'self'; style-src 'sha256-{style}'; worker-src 'self'; \
             connect-src 'self'{storage_text}; img-src blob:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        let nothing = HeaderValue::from_static("default-src 'none'");
        Self {
            desk: Desk::new(KeptAddress::None, storage),
            policy: HeaderValue::try_from(text).unwrap_or(nothing),
        }
    }

    /// The page of a drop link.
    pub(crate) fn page(&self, open: &OpenDrop) -> Answer {
        let body = write(open, &qr::svg(open.url())?);
        Ok(link_page::html(StatusCode::OK, body, &self.policy))
    }

    /// The page of a problem.
    pub(crate) fn refuse(&self, problem: &Problem) -> axum::response::Response {
        self.desk.refuse(problem)
    }
}

fn write(open: &OpenDrop, code: &str) -> String {
    let title = match open.name() {
        "" => "Send files",
        name => name,
    };
    let title = escaped(title);
    let (limits, accept) = (escaped(&limits(open)), accept(open));
    let body = format!(
        "<main class=\"drop\">\n<h1>{title}</h1>\n<p>{limits}</p>\n\
         <valetkey-upload multiple{accept}></valetkey-upload>\n<p class=\"said\" id=\"said\" role=\"alert\"></p>\n\
         <section class=\"others\" aria-labelledby=\"others\">\n<h2 id=\"others\">From another device</h2>\n\
         <p>Point a camera at the code, or send a file from a terminal.</p>\n<figure>{code}</figure>\n\
         <pre tabindex=\"0\" aria-label=\"Command\"><code id=\"line\"></code></pre>\n\
         <button type=\"button\" id=\"copy\">Copy the command</button>\n</section>\n\
         <noscript><p>Sending files from this page needs JavaScript; the command in a terminal does not: \
         curl -LT FILE and the address of this page with a / at its end.</p></noscript>\n</main>\n\
         <script type=\"module\" src=\"{ROUTE}\"></script>\n"
    );
    link_page::document(&title, STYLE, &body)
}

/// What may be sent, in a sentence.
fn limits(open: &OpenDrop) -> String {
    let mut words = Vec::new();
    if !open.content_types().is_empty() {
        words.push(format!("Takes {}", open.content_types().join(", ")));
    }
    if let Some(size) = open.max_size() {
        words.push(format!("up to {} each", size_in_words(size)));
    }
    words.push(format!("until {}", date(open.expires_at())));
    let text = words.join(", ");
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

fn date(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

fn accept(open: &OpenDrop) -> String {
    match open.content_types() {
        [] => String::new(),
        types => format!(" accept=\"{}\"", escaped(&types.join(","))),
    }
}
