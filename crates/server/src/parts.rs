//! What handlers take out of a request beside its body: who asks, which id, which query.

use std::str::FromStr;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::HeaderName;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use valetkey_engine::Principal;
use valetkey_protocol::api_key::ApiKeyId;
use valetkey_protocol::webhook::EndpointId;
use valetkey_protocol::{Code, FileId, Problem};

use crate::failure::Failure;

/// Who asks. Only the door puts it there, after it checked the token.
pub(crate) struct Caller(pub(crate) Principal);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let principal = parts.extensions.remove::<Principal>();
        let missing = || Failure::new(Code::Unauthenticated, "send `Authorization: Bearer TOKEN`");
        principal.map(Self).ok_or_else(missing)
    }
}

/// For how much longer the token of a request holds. Only the door puts it there.
#[derive(Clone, Copy)]
pub(crate) struct Lifetime(pub(crate) Duration);

impl<S: Sync> FromRequestParts<S> for Lifetime {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let lifetime = parts.extensions.get::<Self>().copied();
        lifetime.ok_or_else(|| Failure::internal("a request without a token"))
    }
}

/// The `{id}` of a path. One that is no id is answered like one that does not exist.
pub(crate) struct IdInPath(pub(crate) FileId);

impl<S: Send + Sync> FromRequestParts<S> for IdInPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        in_path(parts, state).await.map(Self)
    }
}

/// The `{id}` of a webhook in a path. One that is no id is answered like one that does not exist.
pub(crate) struct EndpointInPath(pub(crate) EndpointId);

impl<S: Send + Sync> FromRequestParts<S> for EndpointInPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        in_path(parts, state).await.map(Self)
    }
}

/// The `{id}` of an API key in a path. One that is no id is answered like one that does not exist.
pub(crate) struct KeyInPath(pub(crate) ApiKeyId);

impl<S: Send + Sync> FromRequestParts<S> for KeyInPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        in_path(parts, state).await.map(Self)
    }
}

/// The `{token}` of a path. One that is no text is answered like one that does not exist.
pub(crate) struct TokenInPath(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for TokenInPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        in_path(parts, state).await.map(Self)
    }
}

/// The `{*file_key}` of a path. One that is no text is answered like one that does not exist.
pub(crate) struct FileKeyInPath(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for FileKeyInPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        in_path(parts, state).await.map(Self)
    }
}

async fn in_path<T: FromStr>(parts: &mut Parts, state: &(impl Send + Sync)) -> Result<T, Failure> {
    let text = Path::<String>::from_request_parts(parts, state).await;
    let read = text.ok().and_then(|Path(text)| text.parse().ok());
    read.ok_or_else(|| valetkey_engine::Error::NotFound.into())
}

/// The header that has a creation done once.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The `Idempotency-Key` of a request, if it has one.
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let key = values.next().map(|value| value.to_str());
        match (key, values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(Ok(key)), None) => Ok(Self(Some(key.to_owned()))),
            _ => {
                let detail = "Idempotency-Key: send one, of visible ASCII characters";
                let problem = Problem::new(Code::InvalidRequest, detail);
                Err(problem.with("field", "Idempotency-Key").into())
            }
        }
    }
}

/// A query of one type: every parameter known, and each once.
pub(crate) struct StrictQuery<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let raw = parts.uri.query().unwrap_or_default();
        if percent_decode_str(raw).decode_utf8().is_err() {
            let detail = "the query: is not UTF-8";
            return Err(Failure::new(Code::MalformedRequest, detail));
        }
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(query_problem(&rejection).into()),
        }
    }
}

fn query_problem(rejection: &QueryRejection) -> Problem {
    let text = rejection.body_text();
    let reason = text.strip_prefix("Failed to deserialize query string: ");
    let detail = format!("the query: {}", in_plain_words(reason.unwrap_or(&text)));
    Problem::new(Code::MalformedRequest, detail)
}

/// What a parameter should have been, from what serde says of it.
fn in_plain_words(reason: &str) -> String {
    let reason = reason.replace('`', "'");
    if let Some(name) = reason.strip_prefix("duplicate field ") {
        return format!("{}: is there twice; send it once", name.trim_matches('\''));
    }
    let (name, said) = reason.split_once(": ").unwrap_or(("", &reason));
    if let Some((_, known)) = said.split_once("unknown field ").and_then(expected) {
        let name = shortened(name);
        return format!(
            "{name}: is not known, so remove it or correct its name; known here: {known}"
        );
    }
    if let Some((_, allowed)) = said.split_once("unknown variant ").and_then(expected) {
        return format!("{name}: must be one of {allowed}");
    }
    match said {
        "invalid digit found in string"
        | "cannot parse integer from empty string"
        | "number too large to fit in target type" => format!("{name}: must be a whole number"),
        "provided string was not 'true' or 'false'" => format!("{name}: must be true or false"),
        _ => reason,
    }
}

/// The names behind "expected", without quotes and with commas between them.
fn expected((found, rest): (&str, &str)) -> Option<(String, String)> {
    let (_, names) = rest.split_once(", expected ")?;
    let names = names.strip_prefix("one of ").unwrap_or(names);
    Some((
        found.to_owned(),
        names.replace(" or ", ", ").replace('\'', ""),
    ))
}

/// A client's own word, as far as it helps to repeat it.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use valetkey_protocol::file::{ListFiles, Order};

    use super::*;

    async fn query(text: &str) -> Result<ListFiles, Failure> {
        let uri = format!("/v1/files?{text}");
        let request = axum::http::Request::get(uri).body(()).unwrap();
        let mut parts = request.into_parts().0;
        let query = StrictQuery::from_request_parts(&mut parts, &()).await?;
        Ok(query.0)
    }

    #[tokio::test]
    async fn a_good_query_is_read() {
        let list = query("path=photos%2F2026&order=oldest&limit=5")
            .await
            .unwrap();
        assert_eq!(list.path.unwrap().as_str(), "photos/2026");
        assert_eq!((list.order, list.limit), (Some(Order::Oldest), Some(5)));
        assert!(query("").await.is_ok());
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_query_is_said_in_plain_words() {
        let known = "bucket, path, content_type, checksum, order, limit, cursor";
        let unknown = |name: &str| {
            format!("{name}: is not known, so remove it or correct its name; known here: {known}")
        };
        let long = "y".repeat(5000);
        for (text, said) in [
            ("limit=x", "limit: must be a whole number".to_owned()),
            ("limit=", "limit: must be a whole number".to_owned()),
            (
                "limit=99999999999",
                "limit: must be a whole number".to_owned(),
            ),
            (
                "limit=1&%6cimit=2",
                "limit: is there twice; send it once".to_owned(),
            ),
            (
                "order=up",
                "order: must be one of newest, oldest".to_owned(),
            ),
            ("sise=1", unknown("sise")),
            (&format!("{long}=1"), unknown(&format!("{}…", &long[..60]))),
        ] {
            let problem = query(text).await.unwrap_err().problem;
            assert_eq!(problem.detail, format!("the query: {said}"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_query_that_cannot_be_read_is_malformed() {
        for text in [
            "limit=x",
            "limit=-1",
            "order=up",
            "sise=1",
            "limit=1&limit=2",
            "path=a%2F%2Fb",
            "path=%FF",
        ] {
            let problem = query(text).await.unwrap_err().problem;
            assert_eq!(problem.code, Code::MalformedRequest, "{text}");
            assert!(
                problem.detail.starts_with("the query: "),
                "{}",
                problem.detail
            );
        }
    }
}
