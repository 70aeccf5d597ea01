//! Signatures in the query.

use super::claim::{Claim, ClaimedScope, Received, is_signature, read_date, read_names};
use super::{VerifyError, malformed};
use crate::encode::decode;
use crate::v4::canonical_request::UNSIGNED_PAYLOAD;
use crate::v4::dialect::Dialect;
use crate::v4::draft::MAX_EXPIRES_IN_SECONDS;

/// The signer's own parameters, decoded, each at most once.
#[derive(Default)]
struct Parameters {
    /// In the order of [`Dialect::PARAMETERS`].
    values: [Option<String>; 7],
}

/// The signature in a request's query, if there is one.
pub(super) fn read(received: Received<'_>) -> Result<Option<Claim<'_>>, VerifyError> {
    let Some((_, query)) = received.target.split_once('?') else {
        return Ok(None);
    };
    for dialect in [Dialect::Aws, Dialect::GoogleHmac] {
        let parameters = Parameters::read(query, dialect)?;
        if parameters.values.iter().any(Option::is_some) {
            return parameters.claim(received, dialect).map(Some);
        }
    }
    Ok(None)
}

impl Parameters {
    fn read(query: &str, dialect: Dialect) -> Result<Self, VerifyError> {
        let mut found = Self::default();
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let name = text(name)?;
            let Some(rest) = name.strip_prefix(dialect.parameter_prefix()) else {
                continue;
            };
            let Some(at) = Dialect::PARAMETERS.iter().position(|own| *own == rest) else {
                continue;
            };
            if found.values[at].replace(text(value)?).is_some() {
                return Err(malformed(Dialect::PARAMETERS[at]));
            }
        }
        Ok(found)
    }

    fn claim(self, received: Received<'_>, dialect: Dialect) -> Result<Claim<'_>, VerifyError> {
        let [
            algorithm,
            credential,
            date,
            expires,
            token,
            signature,
            names,
        ] = self.values;
        if algorithm.as_deref() != Some(dialect.algorithm()) {
            return Err(malformed("algorithm"));
        }
        let scope = credential.and_then(|text| ClaimedScope::read(dialect, &text));
        let scope = scope.ok_or(malformed("credential"))?;
        let date = date.ok_or(malformed("date"))?;
        let expires_in = expires.and_then(|text| seconds(&text));
        let payload = received.once(dialect.payload_header(), "payload hash")?;
        Ok(Claim {
            received,
            dialect,
            signed_at: read_date(&scope, &date)?,
            scope,
            date,
            expires_in: Some(expires_in.ok_or(malformed("expiry"))?),
            signed_headers: names
                .and_then(|text| read_names(&text))
                .ok_or(malformed("signed headers"))?,
            token,
            payload: payload.unwrap_or(UNSIGNED_PAYLOAD).to_owned(),
            signature: signature
                .filter(|text| is_signature(text))
                .ok_or(malformed("signature"))?,
        })
    }
}

fn seconds(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 6;
    let seconds = text.parse().ok().filter(|_| digits)?;
    (1..=MAX_EXPIRES_IN_SECONDS)
        .contains(&seconds)
        .then_some(seconds)
}

fn text(encoded: &str) -> Result<String, VerifyError> {
    let bytes = decode(encoded.as_bytes()).ok_or(malformed("query"))?;
    // Values of others may be any bytes; those of the signer are text.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
