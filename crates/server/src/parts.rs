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
    let reason = reason.unwrap_or(&text).replace('`', "'");
    Problem::new(Code::MalformedRequest, format!("the query: {reason}"))
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
