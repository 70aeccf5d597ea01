//! The console: a page for people, made of the files in `console/` as they are. It can do what the token that
//! somebody signs in with can do, and talks to the API by the client for browsers.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::routing::get;
use axum::{Router, middleware};
use valetkey_protocol::Code;

use crate::api::{Answer, no_such_method};
use crate::bundle::{Bundle, Files, bundled};
use crate::door::{self, Door};
use crate::failure::Failure;

/// The routes; they ask for no token, and are no part of the API's document.
pub(crate) const ROUTES: &[&str] = &["/", "/console/{*file}"];

/// The page itself.
const PAGE: &str = "index.html";

/// Every file of the console.
const FILES: Files = bundled!["console":
    "app.js",
    "drop.js",
    "index.html",
    "library.js",
    "mark.svg",
    "route.js",
    "session.js",
    "style/controls.css",
    "style/details.css",
    "style/files.css",
    "style/pages.css",
    "style/shell.css",
    "style/states.css",
    "style/tokens.css",
    "style/transfers.css",
    "transfers.js",
    "ui/dialog.js",
    "ui/dom.js",
    "ui/format.js",
    "ui/frame.js",
    "ui/icon.js",
    "ui/notice.js",
    "view/actions.js",
    "view/chart.js",
    "view/chronicle.js",
    "view/details.js",
    "view/edit.js",
    "view/events.js",
    "view/files.js",
    "view/glyph.js",
    "view/links.js",
    "view/preview.js",
    "view/proof.js",
    "view/receive.js",
    "view/shell.js",
    "view/signin.js",
    "view/toolbar.js",
    "view/tray.js",
    "view/usage.js",
];

static CONSOLE: LazyLock<Bundle> = LazyLock::new(|| Bundle::new(FILES));

/// The files behind the door. The page may reach this service and storage at these origins, and nothing else.
pub(crate) fn router(door: Arc<Door>, storage: &BTreeSet<String>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route, get(get_file));
    }
    router
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(door, door::pass))
        .with_state(policy(storage))
}

async fn get_file(
    State(policy): State<HeaderValue>,
    path: Option<Path<String>>,
    asked: HeaderMap,
) -> Answer {
    let path = path.map_or(PAGE.to_owned(), |Path(path)| path);
    let mut response = CONSOLE
        .answer(&path, &asked)
        .ok_or_else(|| Failure::new(Code::NotFound, "the console has no such file; open /"))?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // A window that opened this one, or that this one opens, has no hold of it.
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    Ok(response)
}

/// What the page may do (CSP level 3): its own files, and the bytes of these origins.
fn policy(storage: &BTreeSet<String>) -> HeaderValue {
    let storage: String = storage.iter().map(|origin| format!(" {origin}")).collect();
    let text = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; \
         connect-src 'self'{storage}; img-src 'self' blob:{storage}; media-src 'self' blob:{storage}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn collect(folder: &Path, below: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().into_string().unwrap());
            match entry.path().is_dir() {
                true => collect(&entry.path(), &format!("{name}/"), found),
                false => found.push(name),
            }
        }
    }

    #[test]
    fn every_file_of_the_console_is_there_and_no_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console");
        let mut files = Vec::new();
        collect(&folder, "", &mut files);
        files.sort();
        let names: Vec<_> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, files);
    }

    #[test]
    fn the_page_asks_for_every_file_at_once() {
        let page = FILES.iter().find(|(name, _)| *name == PAGE).unwrap().1;
        for (name, _) in FILES.iter().filter(|(name, _)| *name != PAGE) {
            assert!(page.contains(&format!("\"/console/{name}\"")), "{name}");
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for (name, text) in FILES {
            for wrong in [
                " style=",
                "<style",
                "javascript:",
                " onclick=",
                "innerHTML",
                "eval(",
            ] {
                assert!(!text.contains(wrong), "{name} has {wrong}");
            }
            let others = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!others.contains("://"), "{name} names another host");
        }
    }
}
