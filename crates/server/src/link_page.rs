//! The pages of links, for people. There is no script in them, nothing is fetched from anywhere, and what others wrote
//! goes in as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use valetkey_protocol::{Code, Problem};

use crate::config::KeptAddress;

/// How the pages look: as the console does.
const STYLE: &str = concat!(
    include_str!("../../../console/style/tokens.css"),
    include_str!("link_page.css")
);

/// What is said of a password that is not the one.
pub(crate) const WRONG_PASSWORD: &str = "this is not the password of this link; try again";

/// An arrow into a tray; a padlock; a broken chain.
const ARROW: &str = "M12 3v12m0 0 5-5m-5 5-5-5M4 18v3h16v-3";
const LOCK: &str = "M6 11h12v10H6zM8 11V8a4 4 0 0 1 8 0v3";
const BROKEN: &str = "M9 15l-2 2a4 4 0 0 1-5.7-5.7l2-2M15 9l2-2a4 4 0 0 1 5.7 5.7l-2 2M8 3v3M3 8h3M16 21v-3M21 16h-3";

/// Why a request came to nothing that was answered with a page: the door counts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused(pub(crate) Code);

/// What a page says.
pub(crate) enum Page<'a> {
    /// Here is a file, and a button.
    Landing {
        /// Its name.
        filename: &'a str,
        /// Its bytes.
        size: u64,
    },
    /// The password, please.
    Locked {
        /// Whether another one was sent before.
        wrong: bool,
    },
    /// There is nothing.
    Over {
        /// In a few words.
        title: &'a str,
        /// And what to do.
        detail: &'a str,
    },
}

/// Where pages are handed out.
pub(crate) struct Desk {
    /// How much is remembered of addresses.
    pub(crate) kept: KeptAddress,
    policy: HeaderValue,
}

impl Desk {
    /// Pages whose forms may lead to storage at these origins, and nowhere else.
    pub(crate) fn new(kept: KeptAddress, storage: &BTreeSet<String>) -> Self {
        let style = digest_of(STYLE);
        let storage: String = storage.iter().map(|origin| format!(" {origin}")).collect();
        // Browsers hold the redirects of a form against this, too.
        let text = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'{storage}; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        let nothing = HeaderValue::from_static("default-src 'none'");
        Self {
            kept,
            policy: HeaderValue::try_from(text).unwrap_or(nothing),
        }
    }

    /// A page.
    pub(crate) fn answer(&self, status: StatusCode, page: &Page<'_>) -> Response {
        html(status, page.write(), &self.policy)
    }

    /// The page of a problem.
    pub(crate) fn refuse(&self, problem: &Problem) -> Response {
        let status = StatusCode::from_u16(problem.code.status());
        let status = status.unwrap_or(StatusCode::BAD_REQUEST);
        let page = match problem.code {
            Code::Unauthenticated => Page::Locked { wrong: true },
            code => Page::Over {
                title: title(code),
                detail: &problem.detail,
            },
        };
        let mut response = self.answer(status, &page);
        if let Some(seconds) = problem.retry_after() {
            let wait = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response.extensions_mut().insert(Refused(problem.code));
        response
    }
}

/// What a policy calls a style.
pub(crate) fn digest_of(style: &str) -> String {
    STANDARD.encode(digest(&SHA256, style.as_bytes()))
}

/// An answer with a page, under a policy.
pub(crate) fn html(status: StatusCode, page: String, policy: &HeaderValue) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

/// A whole page. Title and body are markup.
pub(crate) fn document(title: &str, style: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}

/// Whether a browser shows the answer to a person.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|one| one.to_str().is_ok_and(|text| text.contains("text/html")))
}

fn title(code: Code) -> &'static str {
    match code {
        Code::NotFound => "There is no such link",
        Code::LinkOver => "This link is over",
        Code::Forbidden => "This link is not for here",
        Code::RateLimited => "Too many tries",
        code => code.title(),
    }
}

impl Page<'_> {
    fn write(&self) -> String {
        let (title, icon) = match self {
            Self::Landing { filename, .. } => (*filename, ARROW),
            Self::Locked { .. } => ("This file has a password", LOCK),
            Self::Over { title, .. } => (*title, BROKEN),
        };
        let (title, body) = (escaped(title), self.body());
        let body = format!(
            "<main>\n<svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.6\" \
             stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\"><path d=\"{icon}\"/></svg>\n\
             <h1>{title}</h1>\n{body}</main>\n"
        );
        document(&title, STYLE, &body)
    }

    fn body(&self) -> String {
        match self {
            Self::Landing { size, .. } => format!(
                "<p>{}</p>\n<form method=\"post\"><button>Download</button></form>\n",
                size_in_words(*size)
            ),
            Self::Locked { wrong } => {
                let (said, marks) = match wrong {
                    false => ("", ""),
                    true => (
                        "<p class=\"wrong\" id=\"wrong\" role=\"alert\">This is not the password. Try again.</p>\n",
                        " aria-invalid=\"true\" aria-describedby=\"wrong\"",
                    ),
                };
                format!(
                    "<p>Whoever gave you this link knows it.</p>\n<form method=\"post\">\n\
                     <label for=\"password\">Password</label>\n<input id=\"password\" name=\"password\" type=\"password\" \
                     autocomplete=\"off\" required autofocus{marks}>\n{said}<button>Download</button></form>\n"
                )
            }
            Self::Over { detail, .. } => format!("<p>{}</p>\n", escaped(&sentence(detail))),
        }
    }
}

/// A problem's words as a sentence of a page.
fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

/// Text that is no markup.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A number of bytes as people say it.
pub(crate) fn size_in_words(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    let (mut unit, mut whole, mut rest) = (None, bytes, 0);
    for name in UNITS {
        if whole < 1000 {
            break;
        }
        (unit, rest, whole) = (Some(name), whole % 1000 / 100, whole / 1000);
    }
    let mut text = whole.to_string();
    match unit {
        None => text.push_str(if bytes == 1 { " byte" } else { " bytes" }),
        Some(unit) if whole < 10 => {
            let _ = write!(text, ".{rest} {unit}");
        }
        Some(unit) => {
            let _ = write!(text, " {unit}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a6_what_others_wrote_is_text_on_a_page() {
        let page = Page::Landing {
            filename: "\"><script>alert('x')</script>&.txt",
            size: 1_234_567,
        };
        let text = page.write();
        assert!(!text.contains("<script"), "{text}");
        let name = "<h1>&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;.txt</h1>";
        assert!(text.contains(name) && text.contains("<p>1.2 MB</p>"));
        assert!(!STYLE.contains("</") && !STYLE.contains("url("));
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 KB"),
            (12_345, "12 KB"),
            (999_999, "999 KB"),
            (5_600_000_000, "5.6 GB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(size_in_words(bytes), text);
        }
    }
}
