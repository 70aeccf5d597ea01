use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;

use super::*;

/// A server on this machine, for as long as the test runs.
async fn served(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let url = parse_jwks_url(url, true).unwrap();
    HttpFetch::new(url).unwrap().fetch().await
}

#[tokio::test]
async fn what_is_too_large_or_leads_elsewhere_is_not_taken() {
    let moved = (StatusCode::FOUND, [(header::LOCATION, "/keys")]);
    let router = Router::new()
        .route("/keys", get("{}"))
        .route("/full", get("x".repeat(LARGEST)))
        .route("/over", get("x".repeat(LARGEST + 1)))
        .route("/moved", get(move || async move { moved }));
    let server = served(router).await;
    assert_eq!(fetch(&format!("{server}/keys")).await.unwrap(), b"{}");
    let full = fetch(&format!("{server}/full")).await.unwrap();
    assert_eq!(full.len(), LARGEST);
    for (path, word) in [("over", "more than"), ("moved", "302"), ("nothing", "404")] {
        let why = fetch(&format!("{server}/{path}")).await.unwrap_err();
        assert!(why.contains(word), "{why}");
    }
    let why = fetch("http://127.0.0.1:1/").await.unwrap_err();
    assert!(why.contains("no answer"), "{why}");
}

#[test]
fn keys_come_over_https_or_from_this_machine_where_that_is_allowed() {
    for url in [
        "https://login.example/jwks",
        "https://10.0.0.7:8443/jwks?x=1",
    ] {
        assert!(parse_jwks_url(url, false).is_ok(), "{url}");
    }
    for url in [
        "http://127.0.0.1:9/jwks",
        "http://[::1]/jwks",
        "http://localhost/jwks",
    ] {
        assert!(parse_jwks_url(url, true).is_ok(), "{url}");
        assert!(parse_jwks_url(url, false).is_err(), "{url}");
    }
    for url in [
        "http://login.example/jwks",
        "http://127.0.0.1.evil.example/jwks",
        "http://10.0.0.7/jwks",
        "ftp://login.example/jwks",
        "file:///etc/passwd",
        "https://user@login.example/jwks",
        "https://login.example/jwks#key",
        "login.example/jwks",
        "",
    ] {
        assert!(parse_jwks_url(url, true).is_err(), "{url}");
    }
}
