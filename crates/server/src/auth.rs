//! Who is asking? JSON Web Tokens (RFC 7519, RFC 8725), signed with HS256 and one secret.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};
use valetkey_engine::Principal;
use valetkey_protocol::{Clock, Code, Problem, Secret, Subject};

use crate::config::AuthConfig;

/// How far the clocks of this server and the token's issuer may be apart, in seconds.
const LEEWAY: f64 = 30.0;

type Claims = Map<String, Value>;

/// Checks tokens. Everything that can be prepared is prepared once.
pub(crate) struct Verifier {
    key: DecodingKey,
    validation: Validation,
    issuer: String,
    subject_claim: String,
    roles_claim: String,
    max_lifetime: f64,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// Prepares the checks.
    pub(crate) fn new(config: &AuthConfig, clock: Arc<dyn Clock>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        validation.set_audience(&[&config.audience]);
        validation.set_issuer(&[&config.issuer]);
        // The crate would ask the machine's clock; ours is asked below.
        validation.validate_exp = false;
        Self {
            key: DecodingKey::from_secret(config.secret.expose().as_bytes()),
            validation,
            issuer: config.issuer.clone(),
            subject_claim: config.claims.subject.clone(),
            roles_claim: config.claims.roles.clone(),
            max_lifetime: config.max_lifetime as f64,
            clock,
        }
    }

    /// Finds out who sends a request, and for how much longer the token holds.
    ///
    /// # Errors
    /// `token_expired` for a token that was good once, `unauthenticated` for everything else.
    pub(crate) fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Principal, Duration), Problem> {
        let token = bearer(headers)?;
        let data = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|error| refused(why(error.kind())))?;
        check_header(&data.header)?;
        let left = self.check_times(&data.claims)?;
        if data.claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(refused("its `iss` is not the expected one"));
        }
        Ok((self.principal(&data.claims)?, left))
    }

    /// Gives for how much longer it holds.
    fn check_times(&self, claims: &Claims) -> Result<Duration, Problem> {
        let now = self.clock.now().as_millisecond() as f64 / 1000.0;
        let issued = number(claims, "iat")?.ok_or_else(|| refused("it has no `iat`"))?;
        let expires = number(claims, "exp")?.ok_or_else(|| refused("it has no `exp`"))?;
        if expires - issued > self.max_lifetime {
            return Err(refused("it lives longer than this service allows"));
        }
        if issued > now + LEEWAY {
            return Err(refused("its `iat` lies in the future"));
        }
        if number(claims, "nbf")?.is_some_and(|start| start > now + LEEWAY) {
            return Err(refused("its `nbf` lies in the future"));
        }
        if expires <= now - LEEWAY {
            let detail = "the token has expired; get a new one and send the request again";
            return Err(Problem::new(Code::TokenExpired, detail));
        }
        Ok(Duration::try_from_secs_f64(expires + LEEWAY - now).unwrap_or(Duration::MAX))
    }

    fn principal(&self, claims: &Claims) -> Result<Principal, Problem> {
        let name = &self.subject_claim;
        let subject = claims.get(name).and_then(Value::as_str);
        let subject =
            subject.ok_or_else(|| refused(format!("its `{name}` is missing or no text")))?;
        let subject =
            Subject::parse(subject).map_err(|error| refused(format!("its `{name}` {error}")))?;
        let roles = self.roles(claims.get(&self.roles_claim))?;
        Ok(Principal { subject, roles })
    }

    fn roles(&self, claim: Option<&Value>) -> Result<Vec<String>, Problem> {
        let wrong = || {
            refused(format!(
                "its `{}` is no text and no list of texts",
                self.roles_claim
            ))
        };
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        match claim {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(roles)) => roles.iter().map(text).collect(),
            Some(role) => Ok(vec![text(role)?]),
        }
    }
}

/// Makes a token as an application would: for development, and for tests.
///
/// # Errors
/// The claims cannot be signed.
pub(crate) fn mint(
    config: &AuthConfig,
    subject: &Subject,
    roles: &[String],
    now: Timestamp,
    lifetime_seconds: u64,
) -> Result<Secret, jsonwebtoken::errors::Error> {
    let lifetime = SignedDuration::from_secs(i64::try_from(lifetime_seconds).unwrap_or(i64::MAX));
    let expires = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
    let claims = json!({
        "iss": config.issuer,
        "aud": config.audience,
        "iat": now.as_second(),
        "exp": expires.as_second(),
        &config.claims.subject: subject,
        &config.claims.roles: roles,
    });
    let key = EncodingKey::from_secret(config.secret.expose().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map(Secret::new)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let how = "send `Authorization: Bearer TOKEN` with a token of your application";
    let missing = || Problem::new(Code::Unauthenticated, how);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(refused("there are two of them"));
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(token.trim())
}

/// Refuses headers that would have somebody else's key, or rules we do not know, decide.
fn check_header(header: &Header) -> Result<(), Problem> {
    let foreign = [
        header.jku.is_some(),
        header.jwk.is_some(),
        header.x5u.is_some(),
        header.x5c.is_some(),
        header.crit.is_some(),
    ];
    if foreign.contains(&true) {
        return Err(refused("its header has jku, jwk, x5u, x5c or crit"));
    }
    Ok(())
}

/// A `NumericDate` (RFC 7519 §2): seconds, maybe with a fraction.
fn number(claims: &Claims, name: &str) -> Result<Option<f64>, Problem> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(refused(format!("its `{name}` is no number"))),
    }
}

fn why(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::InvalidIssuer => "its `iss` is not the expected one".to_owned(),
        ErrorKind::InvalidAudience => "its `aud` is not the expected one".to_owned(),
        ErrorKind::MissingRequiredClaim(name) => format!("its `{name}` is missing or malformed"),
        ErrorKind::InvalidAlgorithm => "it is not signed with HS256".to_owned(),
        _ => "it cannot be read, or its signature is wrong".to_owned(),
    }
}

fn refused(why: impl std::fmt::Display) -> Problem {
    let detail = format!("the token does not hold: {why}; get another one from your application");
    Problem::new(Code::Unauthenticated, detail)
}

#[cfg(test)]
mod tests;
