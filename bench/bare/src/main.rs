//! The least a JSON route can cost: what `bench/control` measures the service against.
//!
//! `valetkey-bench-bare PORT` listens on that port of the loopback address (0 picks one) and prints
//! the port. `POST /echo` parses a body like that of `POST /v1/uploads` and answers `201` with JSON
//! of about the same size as the service's answer; nothing is checked, signed or remembered.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = match std::env::args().nth(1) {
        Some(argument) => argument.parse()?,
        None => 0,
    };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, Router::new().route("/echo", post(echo))).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Create {
    filename: String,
    content_type: String,
    size: u64,
}

#[derive(Serialize)]
struct Created {
    id: &'static str,
    bucket: &'static str,
    key: String,
    state: &'static str,
    strategy: &'static str,
    checksum_algorithm: &'static str,
    expires_at: &'static str,
    size: u64,
    request: Request,
}

#[derive(Serialize)]
struct Request {
    method: &'static str,
    url: String,
    headers: Headers,
    expires_at: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Headers {
    content_type: String,
    if_none_match: &'static str,
}

async fn echo(Json(create): Json<Create>) -> (StatusCode, Json<Created>) {
    const ID: &str = "0199a4c1-7a2e-7cc0-9f3b-5b1f0c0d9e77";
    const WHEN: &str = "2026-01-01T00:00:00Z";
    let key = format!("files/alice/{ID}/{}", create.filename);
    let url = format!(
        "http://storage.example:9000/files/quarantine/{ID}?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20260101%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20260101T000000Z&X-Amz-Expires=900\
         &X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match\
         &X-Amz-Signature={:064x}",
        create.size
    );
    let answer = Created {
        id: ID,
        bucket: "files",
        key,
        state: "pending",
        strategy: "single",
        checksum_algorithm: "crc64nvme",
        expires_at: WHEN,
        size: create.size,
        request: Request {
            method: "PUT",
            url,
            headers: Headers {
                content_type: create.content_type,
                if_none_match: "*",
            },
            expires_at: WHEN,
        },
    };
    (StatusCode::CREATED, Json(answer))
}
