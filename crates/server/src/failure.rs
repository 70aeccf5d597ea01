//! How a request fails: a problem for the client, and for the log what was behind it.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use valetkey_protocol::{Code, Problem};

/// Why a request was not done. The door writes it out, because it knows the request id.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// What the client gets.
    pub(crate) problem: Problem,
    cause: Option<Arc<valetkey_engine::Error>>,
}

impl Failure {
    /// A problem with nothing behind it.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// A fault of ours that no engine error stands behind.
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        valetkey_engine::Error::Internal(what.into()).into()
    }

    /// What was behind it, cause after cause, for the log only.
    pub(crate) fn chain(&self) -> String {
        let mut text = String::new();
        let mut next: Option<&dyn StdError> = match &self.cause {
            Some(cause) => Some(cause.as_ref()),
            None => None,
        };
        while let Some(error) = next {
            let separator = if text.is_empty() { "" } else { ": " };
            let _ = write!(text, "{separator}{error}");
            next = error.source();
        }
        text
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            cause: None,
        }
    }
}

impl From<valetkey_engine::Error> for Failure {
    fn from(error: valetkey_engine::Error) -> Self {
        Self {
            problem: error.problem(),
            cause: Some(Arc::new(error)),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.code.status());
        let mut response = status
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response();
        response.extensions_mut().insert(self);
        response
    }
}
