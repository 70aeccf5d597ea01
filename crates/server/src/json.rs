//! Strict JSON bodies: read with a limit, checked for their form, then for their meaning.

mod explain;
mod form;
mod object;

use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use valetkey_protocol::{Code, Problem};

use self::object::Objects;
use crate::failure::Failure;
use crate::limits::Turn;

/// The most bytes of a request body.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A JSON body of one type.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A JSON body that may be left out.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let is_json = is_json(request.method(), request.headers());
        let is_plain = is_plain(request.headers());
        let bytes = read(request, !is_json || !is_plain).await?;
        match (is_json, is_plain) {
            (true, true) => Ok(Self(parse(&bytes)?)),
            (true, false) => Err(compressed()),
            (false, _) => Err(not_json()),
        }
    }
}

impl<S: Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let is_json = is_json(request.method(), request.headers());
        let is_plain = is_plain(request.headers());
        let bytes = read(request, !is_plain).await?;
        match (bytes.is_empty(), is_json) {
            _ if !is_plain => Err(compressed()),
            (true, _) => Ok(Self(T::default())),
            (false, true) => Ok(Self(parse(&bytes)?)),
            (false, false) => Err(not_json()),
        }
    }
}

/// An answer with a JSON body.
///
/// # Errors
/// A value that has no JSON form, which would be a fault of ours.
pub(crate) fn reply<T: Serialize>(status: StatusCode, value: &T) -> Result<Response, Failure> {
    reply_with_room(status, value, 1024)
}

/// An answer of about so many bytes: they are not moved while it is written.
///
/// # Errors
/// As for [`reply`].
pub(crate) fn reply_with_room<T: Serialize>(
    status: StatusCode,
    value: &T,
    room: usize,
) -> Result<Response, Failure> {
    let mut body = Vec::with_capacity(room);
    serde_json::to_writer(&mut body, value)
        .map_err(|error| Failure::internal(format!("an answer cannot be written: {error}")))?;
    let headers = [(header::CONTENT_TYPE, "application/json")];
    Ok((status, headers, body).into_response())
}

/// Reads a document: first its form (400), then its meaning (422).
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        malformed(format!(
            "the body is not UTF-8: byte {} is wrong",
            error.valid_up_to()
        ))
    })?;
    if text.trim_ascii().is_empty() {
        return Err(malformed("the body is empty; send a JSON object"));
    }
    if text.starts_with('\u{feff}') {
        let detail = "the body begins with a byte order mark; send JSON without one";
        return Err(malformed(detail));
    }
    form::check(text).map_err(|error| malformed(format!("the body is not good JSON: {error}")))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    T::deserialize(Objects(&mut reader)).map_err(|_| meaning::<T>(text).into())
}

/// Reads a document that is known to mean nothing once more, slowly, to say where.
fn meaning<T: DeserializeOwned>(text: &str) -> Problem {
    let mut reader = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(Objects(&mut reader)) {
        Err(error) => explain::explain(error.path(), &error.inner().to_string()),
        Ok(_) => Problem::new(
            Code::InvalidRequest,
            "the body is not what this request takes",
        ),
    }
}

pub(crate) fn is_json(method: &Method, headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let Some(Ok(text)) = value.map(|value| value.to_str()) else {
        return false;
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || (*method == Method::PATCH
            && essence.eq_ignore_ascii_case("application/merge-patch+json"))
}

/// Whether the body is what it says: nothing is ever unpacked here, so that a small body cannot become a large one.
fn is_plain(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    values.all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Reads the body up to the limit, or nothing of it when it will be refused anyway.
pub(crate) async fn read(request: Request, refused: bool) -> Result<Bytes, Failure> {
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let turn = request.extensions().get::<Turn>().cloned();
    let body = request.into_body();
    if refused || declared.is_some_and(|length| length > MAX_BODY as u64) {
        return if refused {
            Ok(Bytes::new())
        } else {
            Err(too_large())
        };
    }
    match in_pauses(turn, tokio::time::timeout(BODY_TIMEOUT, collect(body))).await? {
        Ok(read) => read,
        Err(_) => Err(malformed(format!(
            "the body did not arrive within {} seconds",
            BODY_TIMEOUT.as_secs()
        ))),
    }
}

/// Reads what is there, or waits for the rest without taking a place from those who can be served.
async fn in_pauses<T>(turn: Option<Turn>, reading: impl Future<Output = T>) -> Result<T, Problem> {
    let mut reading = pin!(reading);
    match (reading.as_mut().now_or_never(), turn) {
        (Some(read), _) => Ok(read),
        (None, None) => Ok(reading.await),
        (None, Some(turn)) => {
            turn.pause();
            let read = reading.await;
            turn.resume().await?;
            Ok(read)
        }
    }
}

async fn collect(mut body: Body) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| malformed("the body broke off before its end"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + more.len() + data.len() > MAX_BODY {
            return Err(too_large());
        }
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            more.extend_from_slice(&std::mem::take(&mut first));
            more.extend_from_slice(&data);
        }
    }
    Ok(if more.is_empty() {
        first
    } else {
        more.freeze()
    })
}

fn malformed(detail: impl Into<String>) -> Failure {
    Failure::new(Code::MalformedRequest, detail)
}

fn not_json() -> Failure {
    Failure::new(
        Code::ContentTypeUnsupported,
        "send a JSON body with `content-type: application/json`",
    )
}

fn compressed() -> Failure {
    Failure::new(
        Code::ContentTypeUnsupported,
        "send the body as it is, without `content-encoding`: compressed ones are not read",
    )
}

fn too_large() -> Failure {
    let detail = format!("send at most {MAX_BODY} bytes; make the batch smaller");
    Problem::new(Code::BodyTooLarge, detail)
        .with("limit", MAX_BODY as u64)
        .into()
}

#[cfg(test)]
mod tests;
