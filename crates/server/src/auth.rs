//! Who is asking? JSON Web Tokens (RFC 7519, RFC 8725), each signed with a key that is for one algorithm.

mod claims;
mod fetch;
mod key;
mod remote;
mod ticket;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation};
use serde::Deserialize;
use serde_json::{Value, json};
use valetkey_engine::Principal;
use valetkey_protocol::api_key::SUBJECT_HEADER;
use valetkey_protocol::{Clock, Code, Problem, Secret, Subject};

use crate::ServeError;
use crate::config::{AuthConfig, ClaimsConfig, KeyConfig, KeySource};
use crate::metrics::Metrics;
use claims::{ClaimNames, Claims, check_times};
use fetch::HttpFetch;
use remote::RemoteKeys;

pub(crate) use claims::ClaimName;
pub(crate) use fetch::parse_jwks_url;
pub use key::KeyAlgorithm;
use key::is_stated_id;
pub(crate) use key::{VerifyingKey, is_key_id};
pub(crate) use remote::KeyWorker;

/// The longest token: identity providers put many roles into theirs, and nobody more than this.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Checks tokens. Everything that can be prepared is prepared once.
pub(crate) struct Verifier {
    trusts: Vec<Trust>,
    max_lifetime: f64,
    clock: Arc<dyn Clock>,
}

/// One key, or one set of keys, and whose tokens may be signed with it.
struct Trust {
    issuer: String,
    claims: ClaimNames,
    keys: Keys,
    /// For each algorithm, in the order of [`KeyAlgorithm::ALL`].
    validations: [Validation; 4],
}

/// Where the keys are.
enum Keys {
    /// Here. One that has a name is asked for by it, or by nobody's.
    Fixed(Option<String>, VerifyingKey),
    /// With an identity provider.
    Remote(Arc<RemoteKeys>),
}

impl Verifier {
    /// Prepares the checks.
    ///
    /// # Errors
    /// A key that cannot be used.
    pub(crate) fn new(
        config: &AuthConfig,
        clock: Arc<dyn Clock>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ServeError> {
        let mut trusts = Vec::new();
        if !config.issuer.is_empty() {
            let keys = Keys::Fixed(None, VerifyingKey::from_secret(&config.secret));
            let names = (config.issuer.as_str(), config.audience.as_str());
            trusts.push(Trust::new(names, &config.claims, keys)?);
        }
        for key in &config.keys {
            let keys = open(config, key, &clock, metrics)?;
            let names = (config.issuer_of(key), config.audience_of(key));
            let claims = key.claims.as_ref().unwrap_or(&config.claims);
            trusts.push(Trust::new(names, claims, keys)?);
        }
        Ok(Self {
            trusts,
            max_lifetime: config.max_lifetime as f64,
            clock,
        })
    }

    /// Whoever keeps the keys of identity providers fresh.
    pub(crate) fn worker(&self) -> KeyWorker {
        let remote = self.trusts.iter().filter_map(|trust| match &trust.keys {
            Keys::Remote(keys) => Some(Arc::clone(keys)),
            Keys::Fixed(..) => None,
        });
        KeyWorker::new(remote.collect())
    }

    /// Says whether there is any key that tokens can be checked with.
    ///
    /// # Errors
    /// All have to be fetched, and none could be for too long.
    pub(crate) fn ready(&self) -> Result<(), Problem> {
        let mut trusts = self.trusts.iter();
        let usable = trusts.any(|trust| match &trust.keys {
            Keys::Fixed(..) => true,
            Keys::Remote(keys) => keys.is_usable(),
        });
        if usable { Ok(()) } else { Err(unavailable()) }
    }

    /// Finds out who sends a request, and for how much longer the token holds.
    ///
    /// # Errors
    /// `token_expired` for a token that was good once, `auth_unavailable` when the key it needs cannot be had at the
    /// moment, `unauthenticated` for everything else.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<(Principal, Duration), Problem> {
        let (trust, claims) = self.verify(token).await?;
        let now = self.clock.now();
        let left = check_times(&claims, now, self.max_lifetime)?;
        // A list of issuers with the right one among them is none.
        if claims.get("iss").and_then(Value::as_str) != Some(&trust.issuer) {
            return Err(refused("its `iss` is not the expected one"));
        }
        let subject = trust.claims.subject(&claims);
        let holder = ticket::principal(&claims, &trust.issuer, subject, now, left)?;
        match holder {
            Some(holder) => Ok((holder.of_tenant(trust.claims.tenant(&claims)?), left)),
            None => Ok((trust.claims.principal(&claims)?, left)),
        }
    }

    /// The keys of an issuer.
    fn of(&self, issuer: &str) -> Vec<&Trust> {
        let trusts = self.trusts.iter();
        trusts.filter(|trust| trust.issuer == issuer).collect()
    }

    /// Finds a key of the issuer that a token is signed with.
    async fn verify(&self, token: &str) -> Result<(&Trust, Claims), Problem> {
        let unreadable = || refused("it cannot be read, or its signature is wrong");
        if token.len() > LONGEST_TOKEN {
            return Err(refused(format!("it is longer than {LONGEST_TOKEN} bytes")));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| unreadable())?;
        check_header(&header)?;
        let algorithm = KeyAlgorithm::of(header.alg).ok_or_else(wrong_algorithm)?;
        let issuer = stated_issuer(token).ok_or_else(unreadable)?;
        let mut problem = None;
        let trusts = self.of(&issuer);
        if trusts.is_empty() {
            return Err(refused("its `iss` is not the expected one"));
        }
        for trust in trusts {
            match trust.find(algorithm, header.kid.as_deref()).await {
                Ok(keys) => {
                    for key in keys {
                        match trust.decode(token, &key) {
                            Ok(claims) => return Ok((trust, claims)),
                            Err(refused) => problem = Some(refused),
                        }
                    }
                }
                // What another key refuses may be good by one that cannot be had.
                Err(unavailable) => problem = Some(unavailable),
            }
        }
        Err(problem.unwrap_or_else(wrong_algorithm))
    }
}

impl Trust {
    fn new(
        (issuer, audience): (&str, &str),
        claims: &ClaimsConfig,
        keys: Keys,
    ) -> Result<Self, ServeError> {
        let validation = |algorithm: KeyAlgorithm| {
            let mut validation = Validation::new(algorithm.jwt());
            validation.set_required_spec_claims(&["exp", "aud", "iss"]);
            validation.set_audience(&[audience]);
            validation.set_issuer(&[issuer]);
            // The crate would ask the machine's clock; ours is asked afterwards.
            validation.validate_exp = false;
            validation
        };
        Ok(Self {
            issuer: issuer.to_owned(),
            claims: ClaimNames::new(claims)?,
            keys,
            validations: KeyAlgorithm::ALL.map(validation),
        })
    }

    async fn find(
        &self,
        algorithm: KeyAlgorithm,
        id: Option<&str>,
    ) -> Result<Vec<VerifyingKey>, Problem> {
        match &self.keys {
            Keys::Fixed(name, key) => {
                let named = name.is_none() || id.is_none() || name.as_deref() == id;
                let fits = named && key.algorithm == algorithm;
                Ok(fits.then(|| key.clone()).into_iter().collect())
            }
            Keys::Remote(keys) => {
                let found = keys.find(algorithm, id).await;
                found.map_err(|_| unavailable())
            }
        }
    }

    fn decode(&self, token: &str, key: &VerifyingKey) -> Result<Claims, Problem> {
        let validation = &self.validations[key.algorithm as usize];
        let data = jsonwebtoken::decode::<Claims>(token, &key.key, validation);
        data.map(|data| data.claims)
            .map_err(|error| refused(why(error.kind())))
    }
}

fn open(
    config: &AuthConfig,
    key: &KeyConfig,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
) -> Result<Keys, ServeError> {
    let id = Some(key.id.clone());
    let wrong = |problem| crate::config::ConfigError::Invalid {
        key: format!("auth.keys.{}", key.id),
        problem,
    };
    Ok(match key.source()? {
        KeySource::Secret(secret) => Keys::Fixed(id, VerifyingKey::from_secret(secret)),
        KeySource::Pem(algorithm, text) => {
            Keys::Fixed(id, VerifyingKey::from_pem(algorithm, text).map_err(wrong)?)
        }
        KeySource::Jwks(url) => {
            let url = parse_jwks_url(url, config.allow_loopback_http).map_err(wrong)?;
            let fetch = HttpFetch::new(url).map_err(|source| ServeError::Keys {
                key: key.id.clone(),
                source,
            })?;
            let keys = RemoteKeys::new(&key.id, key.algorithm, Arc::new(fetch));
            Keys::Remote(Arc::new(
                keys.watched(Arc::clone(clock), Arc::clone(metrics)),
            ))
        }
    })
}

/// Makes a token as an application would: for development, and for tests.
///
/// # Errors
/// The claims cannot be signed.
pub(crate) fn mint(
    config: &AuthConfig,
    holder: &Principal,
    now: Timestamp,
    lifetime_seconds: u64,
) -> Result<Secret, jsonwebtoken::errors::Error> {
    let lifetime = SignedDuration::from_secs(i64::try_from(lifetime_seconds).unwrap_or(i64::MAX));
    let expires = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
    let mut claims = json!({
        "iss": config.issuer,
        "aud": config.audience,
        "iat": now.as_second(),
        "exp": expires.as_second(),
        &config.claims.subject: holder.subject,
        &config.claims.roles: holder.roles,
    });
    if !holder.tenant.is_default() {
        claims[&config.claims.tenant] = json!(holder.tenant);
    }
    let key = EncodingKey::from_secret(config.secret.expose().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map(Secret::new)
}

/// The token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
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

/// Whom a request is sent for, if its sender says that it is for somebody else.
pub(crate) fn behalf(headers: &HeaderMap) -> Result<Option<Subject>, Problem> {
    let mut values = headers.get_all(SUBJECT_HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let subject = text.and_then(|text| Subject::parse(text).ok());
    let wrong = || {
        let detail = "Valetkey-Subject: send one, of 1 to 255 printable ASCII characters";
        Problem::new(Code::InvalidRequest, detail).with("field", "Valetkey-Subject")
    };
    subject.map(Some).ok_or_else(wrong)
}

/// Refuses headers that would have somebody else's key, or rules we do not know, decide, and names of keys that are none.
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
    if header.kid.as_deref().is_some_and(|id| !is_stated_id(id)) {
        return Err(refused("its `kid` is no name of a key"));
    }
    Ok(())
}

/// The issuer that a token states, which decides whose keys are tried, and nothing else.
fn stated_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Stated {
        #[serde(default)]
        iss: Value,
    }
    let stated: Stated = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    let issuer = stated.iss.as_str().unwrap_or_default();
    Some(issuer.to_owned())
}

fn why(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::InvalidIssuer => "its `iss` is not the expected one".to_owned(),
        ErrorKind::InvalidAudience => "its `aud` is not the expected one".to_owned(),
        ErrorKind::MissingRequiredClaim(name) => format!("its `{name}` is missing or malformed"),
        _ => "it cannot be read, or its signature is wrong".to_owned(),
    }
}

fn wrong_algorithm() -> Problem {
    refused("it is not signed with a key and an algorithm that this service takes from its issuer")
}

fn unavailable() -> Problem {
    let detail = "the keys that tokens are checked with cannot be had at the moment; try again";
    Problem::new(Code::AuthUnavailable, detail).with("retry_after", remote::COOLDOWN.as_secs())
}

fn refused(why: impl std::fmt::Display) -> Problem {
    let detail = format!("the token does not hold: {why}; get another one from your application");
    Problem::new(Code::Unauthenticated, detail)
}

#[cfg(test)]
mod tests;
