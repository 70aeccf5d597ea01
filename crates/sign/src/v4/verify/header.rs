//! Signatures in the `Authorization` header.

use super::claim::{Claim, ClaimedScope, Received, is_signature, read_date, read_names};
use super::{VerifyError, malformed};
use crate::v4::dialect::Dialect;

/// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, in any order.
pub(super) fn read<'a>(
    received: Received<'a>,
    authorization: &str,
) -> Result<Claim<'a>, VerifyError> {
    let wrong = || malformed("authorization header");
    let (algorithm, rest) = authorization.split_once(' ').ok_or_else(wrong)?;
    let dialect = Dialect::of_algorithm(algorithm).ok_or_else(wrong)?;
    let mut parts = [None; 3];
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=').ok_or_else(wrong)?;
        let names = ["Credential", "SignedHeaders", "Signature"];
        let at = names.iter().position(|known| *known == name);
        let slot = at.and_then(|at| parts.get_mut(at)).ok_or_else(wrong)?;
        if slot.replace(value).is_some() {
            return Err(wrong());
        }
    }
    let [Some(credential), Some(names), Some(signature)] = parts else {
        return Err(wrong());
    };
    let scope = ClaimedScope::read(dialect, credential).ok_or(malformed("credential"))?;
    let date = received.once(dialect.date_header(), "date")?;
    let date = date.ok_or(malformed("date"))?.to_owned();
    let token = received.once(dialect.token_header(), "session token")?;
    let payload = received.once(dialect.payload_header(), "payload hash")?;
    if !is_signature(signature) {
        return Err(malformed("signature"));
    }
    Ok(Claim {
        received,
        dialect,
        signed_at: read_date(&scope, &date)?,
        scope,
        date,
        expires_in: None,
        signed_headers: read_names(names).ok_or(malformed("signed headers"))?,
        token: token.map(str::to_owned),
        payload: payload.ok_or(malformed("payload hash"))?.to_owned(),
        signature: signature.to_owned(),
    })
}
