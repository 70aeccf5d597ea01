//! Signatures in a form: an upload by a page's own `<form>`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html>

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::draft::MAX_EXPIRES_IN_SECONDS;
use super::key::{Scope, SigningKey};
use super::url::{check_object_key, url_in};
use crate::encode::push_hex;
use crate::instant::{compact, extended};
use crate::{Endpoint, SignError};

/// What storage replaces, in any field, by the name of the file: the holder of the form would choose it.
const FILENAME: &str = "${filename}";

/// What a form may upload.
///
/// Every condition is exact but the size: a condition such as "starts with" lets whoever holds the form
/// choose a key, and so another object than was meant.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The object's key. A form is text, so this is UTF-8.
    pub key: &'a str,
    /// Further fields with the exact values the form must send, such as `Content-Type`.
    pub fields: &'a [(&'a str, &'a str)],
    /// The least and the most bytes of the file.
    pub content_length: Option<(u64, u64)>,
}

/// A signed form: where to post, and the fields to send before the file.
///
/// `Debug` shows the address and no field: for a few minutes they are as good as a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct PostPolicy {
    /// Where the form is posted.
    pub url: String,
    /// All fields but the file, in the order in which they may be sent.
    pub fields: Vec<(String, String)>,
}

impl fmt::Debug for PostPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostPolicy")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Signs a form with a key that [covers](SigningKey::covers) `at`.
///
/// # Errors
/// [`SignError::EmptyKey`], [`SignError::DotSegment`], [`SignError::ExpiryOutOfRange`],
/// [`SignError::KeyOfAnotherDay`], [`SignError::FormField`] for a field that the signer sets or that is
/// given twice, and [`SignError::FormVariable`].
pub fn post_policy(
    endpoint: &Endpoint,
    key: &SigningKey,
    at: Timestamp,
    expires_in_seconds: u32,
    form: &Form<'_>,
) -> Result<PostPolicy, SignError> {
    let unsigned = UnsignedPolicy::new(endpoint, key.scope(), at, expires_in_seconds, form)?;
    let signature = key.sign_text(unsigned.string_to_sign());
    Ok(unsigned.finish(&signature))
}

/// A form that lacks its signature.
#[derive(Clone)]
pub(crate) struct UnsignedPolicy {
    url: String,
    fields: Vec<(String, String)>,
    policy: String,
    signature_field: String,
}

impl UnsignedPolicy {
    pub(crate) fn new(
        endpoint: &Endpoint,
        scope: &Scope,
        at: Timestamp,
        expires_in_seconds: u32,
        form: &Form<'_>,
    ) -> Result<Self, SignError> {
        let out_of_range = || SignError::ExpiryOutOfRange {
            seconds: expires_in_seconds,
        };
        if !(1..=MAX_EXPIRES_IN_SECONDS).contains(&expires_in_seconds) {
            return Err(out_of_range());
        }
        check_object_key(form.key.as_bytes())?;
        let date = compact(at);
        scope.head_at(&date)?;
        let prefix = scope.dialect.header_prefix();
        check_fields(prefix, form.fields)?;

        let lifetime = SignedDuration::from_secs(i64::from(expires_in_seconds));
        let end = at.checked_add(lifetime).map_err(|_| out_of_range())?;
        let own = |name: &str, value: &str| (format!("{prefix}{name}"), value.to_owned());
        let mut fields = vec![("key".to_owned(), form.key.to_owned())];
        fields.extend(
            form.fields
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        );
        // Everything that was given, the key first.
        if let Some((name, _)) = fields.iter().find(|(_, value)| value.contains(FILENAME)) {
            return Err(SignError::FormVariable { name: name.clone() });
        }
        fields.push(own("algorithm", scope.dialect.algorithm()));
        fields.push(own("credential", &scope.credential));
        fields.push(own("date", &date));
        fields.extend(scope.token().map(|token| own("security-token", token)));

        let policy = STANDARD.encode(policy_text(endpoint.bucket(), end, &fields, form));
        Ok(Self {
            url: url_in(scope.dialect, endpoint, b"", &[])?,
            fields,
            policy,
            signature_field: format!("{prefix}signature"),
        })
    }

    /// What is signed: the policy in base64.
    pub(crate) fn string_to_sign(&self) -> &str {
        &self.policy
    }

    pub(crate) fn finish(mut self, signature: &[u8]) -> PostPolicy {
        let mut text = String::new();
        push_hex(signature, &mut text);
        self.fields.push(("policy".to_owned(), self.policy));
        self.fields.push((self.signature_field, text));
        PostPolicy {
            url: self.url,
            fields: self.fields,
        }
    }
}

fn check_fields(prefix: &str, fields: &[(&str, &str)]) -> Result<(), SignError> {
    let own = [
        "algorithm",
        "credential",
        "date",
        "security-token",
        "signature",
    ];
    for (index, (name, _)) in fields.iter().enumerate() {
        let lower = name.to_ascii_lowercase();
        let of_signer = lower
            .strip_prefix(prefix)
            .is_some_and(|rest| own.contains(&rest));
        let reserved = of_signer || ["key", "bucket", "policy", "file"].contains(&&*lower);
        let again = fields[..index]
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if reserved || again || name.is_empty() || !name.bytes().all(plain) {
            return Err(SignError::FormField {
                name: (*name).to_owned(),
            });
        }
    }
    Ok(())
}

fn policy_text(
    bucket: &str,
    end: Timestamp,
    fields: &[(String, String)],
    form: &Form<'_>,
) -> String {
    let mut conditions = vec![serde_json::json!({ "bucket": bucket })];
    for (name, value) in fields {
        // Not an object: a field's name must never be read as part of the condition's form.
        conditions.push(serde_json::json!(["eq", format!("${name}"), value]));
    }
    if let Some((least, most)) = form.content_length {
        conditions.push(serde_json::json!(["content-length-range", least, most]));
    }
    let policy = serde_json::json!({ "expiration": extended(end), "conditions": conditions });
    ascii(&policy.to_string())
}

/// The same JSON with escapes for what is not ASCII, as AWS and Google want it.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
            continue;
        }
        // Whatever is not ASCII stands inside a string.
        for unit in letter.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}
