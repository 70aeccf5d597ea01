//! Tokens that are tickets.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use valetkey_engine::{Principal, Ticket};
use valetkey_protocol::ticket::{CLAIM, TicketClaim};
use valetkey_protocol::{Problem, Subject};

use super::claims::Claims;
use super::refused;

/// The longest `jti`.
const LONGEST_NAME: usize = 255;

/// Who holds a ticket, if a token is one. `subject` is whose token it is, if it says so.
pub(super) fn principal(
    claims: &Claims,
    issuer: &str,
    subject: Option<&Value>,
    now: Timestamp,
    left: Duration,
) -> Result<Option<Principal>, Problem> {
    let Some(value) = claims.get(CLAIM) else {
        return Ok(None);
    };
    let wrong = |why: &dyn std::fmt::Display| refused(format!("its `{CLAIM}`: {why}"));
    // Its own reader: a value that is not there and one that is null are not the same.
    let claim: TicketClaim = serde_json::from_value(value.clone()).map_err(|why| wrong(&why))?;
    claim.check().map_err(|why| wrong(&why))?;
    let name = claims.get("jti").and_then(Value::as_str);
    let name = name.filter(|name| (1..=LONGEST_NAME).contains(&name.len()));
    let name = name.ok_or_else(|| {
        refused("a ticket needs a `jti`, a text of up to 255 bytes that no other has")
    })?;
    let stated = match subject {
        None | Some(Value::Null) => None,
        Some(value) => {
            let text = value
                .as_str()
                .ok_or_else(|| refused("its subject is no text"))?;
            Some(Subject::parse(text).map_err(|why| refused(format!("its subject {why}")))?)
        }
    };
    let owner = match (stated, &claim.sub) {
        (Some(stated), Some(sub)) if stated != *sub => {
            return Err(refused(format!(
                "its `{CLAIM}.sub` and its subject are not the same"
            )));
        }
        (Some(stated), _) => stated,
        (None, Some(sub)) => sub.clone(),
        (None, None) => return Err(refused("a ticket needs a subject: whose the files will be")),
    };
    let left = SignedDuration::try_from(left).unwrap_or(SignedDuration::MAX);
    let ticket = Ticket {
        issuer: issuer.to_owned(),
        name: name.to_owned(),
        expires_at: now.checked_add(left).unwrap_or(Timestamp::MAX),
        claim,
        max_bytes: None,
    };
    Ok(Some(Principal::with_ticket(owner, ticket)))
}
