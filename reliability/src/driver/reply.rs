//! An answer, read to its end.

use bytes::Bytes;
use serde_json::Value;

use crate::error::{Failure, Outcome};

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The code of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The JSON of an answer with this status.
    ///
    /// # Errors
    /// It has another.
    pub fn expect(self, status: u16) -> Outcome<Value> {
        if self.status == status {
            return Ok(self.json());
        }
        let body = String::from_utf8_lossy(&self.body).into_owned();
        Err(Failure::new(format!(
            "{} instead of {status}: {body}",
            self.status
        )))
    }
}

/// Reads an answer. An error never tells a URL: it may be a presigned one.
pub(super) async fn read(answer: reqwest::Result<reqwest::Response>) -> Outcome<Reply> {
    let answer = answer.map_err(reqwest::Error::without_url)?;
    let retry_after = answer
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Reply {
        status: answer.status().as_u16(),
        retry_after,
        body: answer.bytes().await.map_err(reqwest::Error::without_url)?,
    })
}
