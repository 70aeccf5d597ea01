//! Signatures in forms, and the conditions they set.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::claim::{ClaimedScope, is_signature, read_date};
use super::{SKEW, VerifyError, malformed, same};
use crate::Credentials;
use crate::encode::hex;
use crate::v4::dialect::Dialect;
use crate::v4::key::SigningKey;

/// A form as it came.
#[derive(Clone, Copy)]
pub struct Submitted<'a> {
    /// The bucket it was posted to.
    pub bucket: &'a str,
    /// All fields before the file, names in any case, decoded.
    pub fields: &'a [(&'a str, &'a str)],
    /// The size of the file in bytes.
    pub size: u64,
}

impl<'a> Submitted<'a> {
    /// The access key id a form names: find the secret by it.
    pub fn access_key_id(&self) -> Option<&'a str> {
        let credential = self
            .field("x-amz-credential")
            .or_else(|| self.field("x-goog-credential"));
        credential?.split('/').next()
    }

    fn field(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    fn required(&self, name: &str, part: &'static str) -> Result<&'a str, VerifyError> {
        let mut of_name = self
            .fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        match (of_name.next(), of_name.next()) {
            (Some((_, value)), None) => Ok(value),
            _ => Err(malformed(part)),
        }
    }
}

/// Checks the signature of a form, its time, and every condition of its policy.
///
/// Conditions may be `eq`, `starts-with` and `content-length-range`, whoever made the policy. The bucket and every field
/// needs one, but for the policy, the signature and `x-ignore-…`.
///
/// # Errors
/// [`VerifyError`], the first reason that is found.
pub fn verify_form(
    form: &Submitted<'_>,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let dialect = match (
        form.field("x-amz-algorithm"),
        form.field("x-goog-algorithm"),
    ) {
        (None, None) => return Err(VerifyError::Unsigned),
        (Some(_), Some(_)) => return Err(VerifyError::SignedTwice),
        (Some(_), None) => Dialect::Aws,
        (None, Some(_)) => Dialect::GoogleHmac,
    };
    let own = |name: &str, part| form.required(&format!("{}{name}", dialect.header_prefix()), part);
    if own("algorithm", "algorithm")? != dialect.algorithm() {
        return Err(malformed("algorithm"));
    }
    let scope = ClaimedScope::read(dialect, own("credential", "credential")?);
    let scope = scope.ok_or(malformed("credential"))?;
    let signed_at = read_date(&scope, own("date", "date")?)?;
    let token = form.field(dialect.token_header());
    let expected_token = credentials
        .session_token
        .as_ref()
        .map(crate::Secret::expose);
    if scope.access_key_id != credentials.access_key_id || token != expected_token {
        return Err(VerifyError::OtherCredentials);
    }
    let policy = form.required("policy", "policy")?;
    let signature = own("signature", "signature")?;
    let key = key_of(dialect, &scope, credentials, signed_at)?;
    let expected = hex(&key.sign_text(policy));
    if !is_signature(signature) || !same(&expected, signature.as_bytes()) {
        return Err(VerifyError::Signature);
    }
    if now.as_second() + SKEW < signed_at.as_second() {
        return Err(VerifyError::TooEarly);
    }
    check_policy(form, dialect, policy, now)
}

fn key_of(
    dialect: Dialect,
    scope: &ClaimedScope,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<SigningKey, VerifyError> {
    SigningKey::derive_in(dialect, credentials, at, scope.region(), scope.service())
        .map_err(|_| malformed("credential"))
}

fn check_policy(
    form: &Submitted<'_>,
    dialect: Dialect,
    policy: &str,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let wrong = || malformed("policy");
    let bytes = STANDARD.decode(policy).map_err(|_| wrong())?;
    let policy: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let end = policy.get("expiration").and_then(Value::as_str);
    let end: Timestamp = end.and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    if now >= end {
        return Err(VerifyError::Expired);
    }
    let conditions = policy.get("conditions").and_then(Value::as_array);
    let mut covered = Vec::new();
    for condition in conditions.ok_or_else(wrong)? {
        check_condition(form, condition, &mut covered)?;
    }
    if !covered.iter().any(|name| name == "bucket") {
        return Err(broken("it is for no bucket".to_owned()));
    }
    let signature = format!("{}signature", dialect.header_prefix());
    for (name, _) in form.fields {
        let lower = name.to_ascii_lowercase();
        let free = lower == "policy" || lower == signature || lower.starts_with("x-ignore-");
        if !free && !covered.contains(&lower) {
            return Err(broken(format!("field {name:?} has no condition")));
        }
    }
    Ok(())
}

fn check_condition(
    form: &Submitted<'_>,
    condition: &Value,
    covered: &mut Vec<String>,
) -> Result<(), VerifyError> {
    if let Some(object) = condition.as_object() {
        for (name, value) in object {
            let value = value.as_str().ok_or(malformed("policy"))?;
            check_field(form, name, covered, |given| given == value)?;
        }
        return Ok(());
    }
    match condition.as_array().map(Vec::as_slice) {
        Some(
            [
                Value::String(kind),
                Value::String(name),
                Value::String(value),
            ],
        ) => {
            let name = name.strip_prefix('$').ok_or(malformed("policy"))?;
            match kind.to_ascii_lowercase().as_str() {
                "eq" => check_field(form, name, covered, |given| given == value),
                "starts-with" => check_field(form, name, covered, |given| given.starts_with(value)),
                _ => Err(malformed("policy")),
            }
        }
        Some([Value::String(kind), least, most])
            if kind.eq_ignore_ascii_case("content-length-range") =>
        {
            let bound = |value: &Value| value.as_u64().ok_or(malformed("policy"));
            if (bound(least)?..=bound(most)?).contains(&form.size) {
                return Ok(());
            }
            Err(broken("the file's size is out of range".to_owned()))
        }
        _ => Err(malformed("policy")),
    }
}

fn check_field(
    form: &Submitted<'_>,
    name: &str,
    covered: &mut Vec<String>,
    holds: impl Fn(&str) -> bool,
) -> Result<(), VerifyError> {
    let lower = name.to_ascii_lowercase();
    let mut values: Vec<&str> = form
        .fields
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| *value)
        .collect();
    if lower == "bucket" && values.is_empty() {
        values.push(form.bucket);
    }
    // A field that is there twice would be read once by each side, and not the same one.
    match *values {
        [value] if holds(value) => {}
        _ => return Err(broken(format!("condition on {name:?}"))),
    }
    if lower == "bucket" && values[0] != form.bucket {
        return Err(broken("it is for another bucket".to_owned()));
    }
    covered.push(lower);
    Ok(())
}

fn broken(what: String) -> VerifyError {
    VerifyError::Policy { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A form with these conditions, as somebody else might sign it.
    fn submit(conditions: &str, more: &[(&str, &str)]) -> Result<(), VerifyError> {
        let (id, scope) = ("AKID", "20261123/eu-west-1/s3/aws4_request");
        let credential = format!("{id}/{scope}");
        let conditions = format!(
            "[{conditions}[\"starts-with\",\"$key\",\"a\"],{{\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\"}},\
             {{\"x-amz-credential\":\"{credential}\"}},{{\"x-amz-date\":\"20261123T203601Z\"}}]"
        );
        let policy = STANDARD.encode(format!(
            "{{\"expiration\":\"2026-11-23T21:00:00Z\",\"conditions\":{conditions}}}"
        ));
        let at = "2026-11-23T20:36:01Z".parse().unwrap();
        let credentials = Credentials::new(id, "secret");
        let key = SigningKey::derive(&credentials, at, "eu-west-1", "s3").unwrap();
        let signature = hex(&key.sign_text(&policy));
        let mut fields = vec![
            ("key", "abc"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("x-amz-date", "20261123T203601Z"),
            ("policy", &policy),
            ("x-amz-signature", str::from_utf8(&signature).unwrap()),
        ];
        fields.extend(more);
        let (bucket, size) = ("photos", 5);
        let form = Submitted {
            bucket,
            fields: &fields,
            size,
        };
        verify_form(&form, &credentials, at)
    }

    #[test]
    fn a_form_of_others_may_say_how_values_start_and_must_say_which_bucket() {
        let bucket = "{\"bucket\":\"photos\"},";
        assert_eq!(submit(bucket, &[]), Ok(()));
        let anywhere = submit("", &[]);
        assert_eq!(anywhere, Err(broken("it is for no bucket".to_owned())));
        for (wrong, more) in [
            ("{\"bucket\":\"others\"},", &[][..]),
            (bucket, &[("acl", "public-read")]),
            (bucket, &[("key", "abd")]),
            (
                "{\"bucket\":\"photos\"},[\"content-length-range\",6,9],",
                &[],
            ),
            (
                "{\"bucket\":\"photos\"},[\"eq\",\"$acl\",\"private\"],",
                &[],
            ),
        ] {
            let refused = submit(wrong, more);
            assert!(
                matches!(refused, Err(VerifyError::Policy { .. })),
                "{wrong}"
            );
        }
        for nonsense in ["1,", "[],", "[\"like\",\"$key\",\"a\"],", "{\"key\":1},"] {
            let refused = submit(&format!("{bucket}{nonsense}"), &[]);
            assert_eq!(refused, Err(malformed("policy")), "{nonsense}");
        }
    }
}
