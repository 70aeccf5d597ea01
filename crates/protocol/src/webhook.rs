//! The wire types of webhooks: endpoints, what was delivered, and what is to be delivered again; for administrators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::event::EventKind;
use crate::text::text_type;
use crate::words::words;
use crate::{FileId, InvalidValue, Secret};

/// The header that names an event; the same at every attempt (Standard Webhooks 1.0).
pub const ID_HEADER: &str = "webhook-id";
/// The header that says when it was sent, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";
/// What a secret begins with; base64 follows.
pub const SECRET_PREFIX: &str = "whsec_";
/// The type of the event that `POST /v1/webhooks/{id}/test` sends.
pub const TEST_TYPE: &str = "webhook.test";

/// The name of an endpoint: 1 to 63 of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(SmolStr);

impl EndpointId {
    /// Reads a name.
    ///
    /// # Errors
    /// Any other length or character.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=63).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.into()));
        }
        Err(InvalidValue::new(
            "the id of an endpoint is 1 to 63 of a-z, 0-9 and '-'",
        ))
    }
}

text_type!(EndpointId);

words! {
    /// Who made an endpoint.
    Origin {
        /// The configuration: only there it can be changed.
        Config "config";
        /// An administrator, over the API.
        Api "api";
    }
}

words! {
    /// Where a delivery stands.
    DeliveryState {
        /// It is still to arrive.
        Waiting "waiting";
        /// It arrived.
        Done "done";
        /// It was tried often enough, and lies there until somebody replays it.
        Dead "dead";
    }
}

/// Somewhere events are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Endpoint {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: EndpointId,
    /// Where it is.
    pub url: String,
    /// Which events are sent; all but `download.issued` when empty.
    pub types: Vec<EventKind>,
    /// Of which buckets; of all when empty.
    pub buckets: Vec<String>,
    /// Whether anything is sent. What happens while it is not waits.
    pub enabled: bool,
    /// Why nothing is sent, when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_because: Option<String>,
    /// Who made it.
    pub origin: Origin,
    /// Until when the secret before the last rotation signs, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub old_secret_until: Option<Timestamp>,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Its secret: only in the answer that makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub secret: Option<Secret>,
}

/// The body of `POST /v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateEndpoint {
    /// Where it is: https, unless the configuration allows http.
    pub url: String,
    /// Which events are sent; all but `download.issued` when empty.
    #[serde(default)]
    pub types: Vec<EventKind>,
    /// Of which buckets; of all when empty.
    #[serde(default)]
    pub buckets: Vec<String>,
}

/// The body of `PATCH /v1/webhooks/{id}`: what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PatchEndpoint {
    /// Where it is.
    pub url: Option<String>,
    /// Which events are sent; all but `download.issued` when empty.
    pub types: Option<Vec<EventKind>>,
    /// Of which buckets; of all when empty.
    pub buckets: Option<Vec<String>>,
    /// Whether anything is sent.
    pub enabled: Option<bool>,
}

/// The answer of `GET /v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Endpoints {
    /// Every endpoint, by id.
    pub webhooks: Vec<Endpoint>,
}

/// The body of `POST /v1/webhooks/{id}/rotate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RotateSecret {
    /// For how many seconds the secret so far signs as well: 0 to 604,800; 86,400 when absent.
    #[cfg_attr(feature = "openapi", schema(maximum = 604_800))]
    pub overlap: Option<u64>,
}

/// The answer of `POST /v1/webhooks/{id}/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tested {
    /// Whether a delivery would have arrived.
    pub delivered: bool,
    /// The `webhook-id` it was sent with.
    pub event_id: String,
    /// The status that was answered, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was wrong, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The body of `POST /v1/webhooks/{id}/replay`: one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Replay {
    /// Send everything again that happened since then, and is still remembered.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub from: Option<Timestamp>,
    /// Try again what was given up.
    pub dead: bool,
}

/// The answer of `POST /v1/webhooks/{id}/replay`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Replayed {
    /// How many deliveries that were given up are tried again.
    pub revived: u64,
}

/// The query of `GET /v1/webhooks/{id}/deliveries`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListDeliveries {
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
    /// How many, 1 to 1,000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer of `GET /v1/webhooks/{id}/deliveries`: the latest event first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins; this is the last one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One event, on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// The `webhook-id`.
    pub event_id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// To which upload or file.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub file_id: FileId,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub timestamp: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u64,
    /// When it is tried next. One that waits without it comes after an earlier one of the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub last_attempt_at: Option<Timestamp>,
    /// The status that was answered then, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was wrong then, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_plain() {
        for text in ["billing", "a", "01936f3e-8b7a-7c3d-9e4f-0123456789ab"] {
            assert_eq!(EndpointId::parse(text).unwrap().as_str(), text);
        }
        let long = "a".repeat(64);
        for text in ["", "A", "a b", "a/b", "é", "a_b", &long] {
            assert!(EndpointId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_what_json_says() {
        for origin in Origin::ALL {
            assert_eq!(serde_json::json!(origin), origin.as_str());
        }
        for state in DeliveryState::ALL {
            assert_eq!(serde_json::json!(state), state.as_str());
        }
    }
}
