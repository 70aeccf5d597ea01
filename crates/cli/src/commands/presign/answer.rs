//! What comes out.

use serde_json::{Map, Value, json};

use super::PresignError;
use crate::error::Error;

/// A signed request.
pub(super) enum Answer {
    /// A URL to send it to.
    Url(String),
    /// A form to post.
    Form {
        /// Where to.
        url: String,
        /// What to send before the file.
        fields: Vec<(String, String)>,
    },
    /// Cookies that open many URLs.
    Cookies(Vec<(&'static str, String)>),
}

impl Answer {
    /// The answer as an object.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Url(url) => json!({ "url": url }),
            Self::Form { url, fields } => {
                let fields: Map<String, Value> = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), json!(value)))
                    .collect();
                json!({ "url": url, "fields": fields })
            }
            Self::Cookies(cookies) => {
                let cookies: Map<String, Value> = cookies
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), json!(value)))
                    .collect();
                json!({ "cookies": cookies })
            }
        }
    }
}

/// A reason and its causes, as an object.
pub(super) fn refusal(error: PresignError) -> Value {
    json!({ "error": Error::from(error).told() })
}
