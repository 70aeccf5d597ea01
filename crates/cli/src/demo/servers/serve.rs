//! A plain HTTP server for one kind of request.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::super::error::DemoError;
use super::super::http::{Body, whole};
use super::super::link::{Link, Linked};
use crate::error::Error;
use crate::text::print;

/// What becomes of an upload.
pub(super) trait Handler: Send + Sync + 'static {
    /// Stores the file of a request, and gives its key.
    fn store(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<String, DemoError>> + Send;
}

/// Listens on a free port of this machine, prints the address, and serves until `end`.
pub(super) async fn serve(
    handler: impl Handler,
    link: Option<Link>,
    end: impl Future<Output = ()>,
) -> Result<(), Error> {
    let listener = listen("server").await?;
    let handler = Arc::new(handler);
    let accept = async {
        loop {
            // What cannot be accepted was given up by its client.
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let handler = Arc::clone(&handler);
            let service = service_fn(move |request| answer(Arc::clone(&handler), request));
            let stream = TokioIo::new(Linked::new(stream, link.clone()));
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(stream, service));
        }
    };
    tokio::select! {
        () = accept => {}
        () = end => {}
    }
    Ok(())
}

/// A listener on a free port, whose address was printed.
pub(super) async fn listen(name: &'static str) -> Result<TcpListener, Error> {
    let failed = |source| DemoError::Connection { name, source };
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    print(&format!("http://{address}"))?;
    Ok(listener)
}

async fn answer(
    handler: Arc<impl Handler>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (status, told) = match handler.store(request).await {
        Ok(key) => (StatusCode::CREATED, json!({ "key": key })),
        Err(error) => {
            let told = Error::from(error).told();
            (StatusCode::BAD_GATEWAY, json!({ "error": told }))
        }
    };
    let mut response = Response::new(whole(told.to_string()));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

/// Keys that no other object has: a word and a number.
pub(super) struct Keys {
    prefix: &'static str,
    next: AtomicU64,
}

impl Keys {
    /// Keys that begin with a word.
    pub(super) fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            next: AtomicU64::new(0),
        }
    }

    /// One that was not given before.
    pub(super) fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}-{}/{number}", self.prefix, std::process::id())
    }
}
