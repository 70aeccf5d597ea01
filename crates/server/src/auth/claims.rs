//! What a token says: when it holds, who it is, and which roles that one has.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use valetkey_engine::Principal;
use valetkey_protocol::{Code, Problem, Subject, Tenant};

use super::refused;
use crate::config::{ClaimsConfig, ConfigError};

/// How far the clocks of this server and the token's issuer may be apart, in seconds.
const LEEWAY: f64 = 30.0;

/// All that a token says.
pub(crate) type Claims = Map<String, Value>;

/// Where a claim is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimName {
    text: String,
    /// The steps of a pointer or of a path with dots.
    steps: Vec<String>,
    is_pointer: bool,
}

impl ClaimName {
    /// Reads a name: `sub`; a path, `realm_access.roles`; or a pointer (RFC 6901), `/app~1data/roles`.
    ///
    /// # Errors
    /// It is a pointer with a `~` that is neither `~0` nor `~1`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let pointer = text.strip_prefix('/');
        let steps = match pointer {
            Some(steps) => steps.split('/').map(unescape).collect::<Option<_>>(),
            None => Some(text.split('.').map(str::to_owned).collect()),
        };
        let steps = steps.ok_or("is no JSON pointer: in one, write ~1 for / and ~0 for ~")?;
        Ok(Self {
            text: text.to_owned(),
            steps,
            is_pointer: pointer.is_some(),
        })
    }

    /// The claim of just this name or, when there is none, the one at the end of the path.
    pub(crate) fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Value> {
        if let (false, Some(claim)) = (self.is_pointer, claims.get(&self.text)) {
            return Some(claim);
        }
        let (first, rest) = self.steps.split_first()?;
        let step = |value: &'c Value, step: &String| value.as_object()?.get(step);
        rest.iter().try_fold(claims.get(first)?, step)
    }
}

fn unescape(step: &str) -> Option<String> {
    let plain = step.replace("~0", "").replace("~1", "");
    (!plain.contains('~')).then(|| step.replace("~1", "/").replace("~0", "~"))
}

/// What the tokens of an issuer call their claims.
pub(super) struct ClaimNames {
    subject: ClaimName,
    roles: ClaimName,
    /// None where all are in the default tenant.
    tenant: Option<ClaimName>,
}

impl ClaimNames {
    pub(super) fn new(config: &ClaimsConfig) -> Result<Self, ConfigError> {
        let name = |key: &str, text: &str| {
            ClaimName::parse(text).map_err(|problem| ConfigError::Invalid {
                key: format!("auth.claims.{key}"),
                problem,
            })
        };
        Ok(Self {
            subject: name("subject", &config.subject)?,
            roles: name("roles", &config.roles)?,
            tenant: match config.tenant.as_str() {
                "" => None,
                text => Some(name("tenant", text)?),
            },
        })
    }

    /// Who it is.
    pub(super) fn principal(&self, claims: &Claims) -> Result<Principal, Problem> {
        let name = &self.subject.text;
        let subject = self.subject.find(claims).and_then(Value::as_str);
        let subject =
            subject.ok_or_else(|| refused(format!("its `{name}` is missing or no text")))?;
        let subject =
            Subject::parse(subject).map_err(|error| refused(format!("its `{name}` {error}")))?;
        let principal = Principal::new(subject, self.roles(claims)?);
        Ok(principal.of_tenant(self.tenant(claims)?))
    }

    /// Who a token says it is, if it says so.
    pub(super) fn subject<'c>(&self, claims: &'c Claims) -> Option<&'c Value> {
        self.subject.find(claims)
    }

    /// In which tenant it is: the default one when the token does not say.
    pub(super) fn tenant(&self, claims: &Claims) -> Result<Tenant, Problem> {
        let Some(name) = &self.tenant else {
            return Ok(Tenant::default());
        };
        let wrong = |why: &dyn std::fmt::Display| refused(format!("its `{}` {why}", name.text));
        match name.find(claims) {
            None | Some(Value::Null) => Ok(Tenant::default()),
            Some(Value::String(text)) => Tenant::parse(text).map_err(|why| wrong(&why)),
            Some(_) => Err(wrong(&"is no text")),
        }
    }

    fn roles(&self, claims: &Claims) -> Result<Vec<String>, Problem> {
        let name = &self.roles.text;
        let wrong = || refused(format!("its `{name}` is no text and no list of texts"));
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        match self.roles.find(claims) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(roles)) => roles.iter().map(text).collect(),
            Some(role) => Ok(vec![text(role)?]),
        }
    }
}

/// Gives for how much longer a token holds.
pub(super) fn check_times(
    claims: &Claims,
    now: Timestamp,
    max_lifetime: f64,
) -> Result<Duration, Problem> {
    let now = now.as_millisecond() as f64 / 1000.0;
    let issued = number(claims, "iat")?.ok_or_else(|| refused("it has no `iat`"))?;
    let expires = number(claims, "exp")?.ok_or_else(|| refused("it has no `exp`"))?;
    if expires - issued > max_lifetime {
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

/// A `NumericDate` (RFC 7519 §2): seconds, maybe with a fraction.
fn number(claims: &Claims, name: &str) -> Result<Option<f64>, Problem> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(refused(format!("its `{name}` is no number"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(name: &str) -> Option<Value> {
        let claims = json!({
            "sub": "alice", "a.b": 1, "a": {"b": 2, "c": {"d": 3}},
            "https://app.example/roles": ["x"], "x/y": {"~z": 4}, "list": [5],
        });
        let claims = claims.as_object().unwrap();
        ClaimName::parse(name).unwrap().find(claims).cloned()
    }

    #[test]
    fn a_claim_is_found_by_name_path_or_pointer() {
        for (name, value) in [
            ("sub", json!("alice")),
            ("a.b", json!(1)),
            ("/a/b", json!(2)),
            ("a.c.d", json!(3)),
            ("https://app.example/roles", json!(["x"])),
            ("/https:~1~1app.example~1roles", json!(["x"])),
            ("/x~1y/~0z", json!(4)),
        ] {
            assert_eq!(find(name), Some(value), "{name}");
        }
        for name in ["b", "a.x", "sub.x", "/sub/x", "/a/x", "list.0", "/list/0"] {
            assert_eq!(find(name), None, "{name}");
        }
        assert!(ClaimName::parse("/a~2b").is_err());
        assert!(ClaimName::parse("/a~").is_err());
    }
}
