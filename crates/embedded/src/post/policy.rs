//! What the owner of the bucket signed: until when, and which forms.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use s3s::S3ErrorCode;
use serde::Deserialize;
use serde_json::Value;

use super::fields::Fields;
use crate::error::Failure;

/// A policy that was read, but not yet held against a form.
#[derive(Debug)]
pub(super) struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
    /// The least and the greatest size of the file, in bytes.
    pub(super) size: (u64, u64),
}

#[derive(Debug)]
struct Condition {
    /// In lower case, without its `$`.
    field: String,
    demand: Demand,
}

#[derive(Debug)]
enum Demand {
    Equals(String),
    StartsWith(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    expiration: Option<String>,
    conditions: Option<Vec<Value>>,
}

impl Policy {
    /// Reads the base64 of a policy's JSON.
    pub(super) fn parse(encoded: &str) -> Result<Self, Failure> {
        let text = BASE64
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| unreadable("Invalid Base64 encoding."))?;
        let document: Document =
            serde_json::from_str(&unescape(&text)).map_err(|_| unreadable("Invalid JSON."))?;
        let expiration = document
            .expiration
            .ok_or_else(|| unreadable("Policy missing expiration."))?;
        let conditions = document
            .conditions
            .filter(|conditions| !conditions.is_empty())
            .ok_or_else(|| unreadable("Policy missing conditions."))?;
        let mut policy = Self {
            expiration: read_date(&expiration)?,
            conditions: Vec::with_capacity(conditions.len()),
            size: (0, u64::MAX),
        };
        for condition in &conditions {
            policy.add(condition)?;
        }
        Ok(policy)
    }

    /// Holds the policy against a form, but for the size of the file. Every field must be covered by a condition.
    pub(super) fn check(
        &self,
        fields: &Fields,
        bucket: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if now >= self.expiration {
            return Err(denied("Policy expired."));
        }
        for condition in &self.conditions {
            let value = match condition.field.as_str() {
                "bucket" => Some(bucket),
                name => fields.get(name),
            };
            if !value.is_some_and(|value| condition.holds(value)) {
                return Err(denied(&format!(
                    "Policy Condition failed: {}",
                    condition.quote()
                )));
            }
        }
        if fields.get("bucket").is_some_and(|named| named != bucket) {
            return Err(denied(&format!(
                "Policy Condition failed: [\"eq\", \"$bucket\", \"{bucket}\"]"
            )));
        }
        let names = fields.names().filter(|name| *name != "bucket");
        let extra: Vec<&str> = names
            .chain(["bucket"])
            .filter(|name| !is_exempt(name) && !self.covers(name))
            .collect();
        if extra.is_empty() {
            Ok(())
        } else {
            Err(denied(&format!("Extra input fields: {}", extra.join(", "))))
        }
    }

    fn covers(&self, name: &str) -> bool {
        self.conditions
            .iter()
            .any(|condition| condition.field == name)
    }

    fn add(&mut self, condition: &Value) -> Result<(), Failure> {
        match condition {
            Value::Object(pairs) => {
                let mut pairs = pairs.iter();
                let (Some((field, Value::String(value))), None) = (pairs.next(), pairs.next())
                else {
                    return Err(unreadable(
                        "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
                    ));
                };
                self.demand(field, Demand::Equals(value.clone()));
            }
            Value::Array(list) => self.add_list(list)?,
            _ => return Err(unreadable("Invalid JSON: conditions are objects or lists.")),
        }
        Ok(())
    }

    fn add_list(&mut self, list: &[Value]) -> Result<(), Failure> {
        let [Value::String(operator), first, second] = list else {
            return Err(unreadable("Invalid Condition: wrong number of arguments."));
        };
        let operator = operator.to_ascii_lowercase();
        if operator == "content-length-range" {
            let (Some(least), Some(most)) = (read_size(first), read_size(second)) else {
                return Err(unreadable("Invalid content-length-range."));
            };
            self.size = (self.size.0.max(least), self.size.1.min(most));
            if self.size.0 > self.size.1 {
                return Err(unreadable("Invalid content-length-range."));
            }
            return Ok(());
        }
        let (Value::String(field), Value::String(value)) = (first, second) else {
            return Err(unreadable("Invalid Condition: arguments must be strings."));
        };
        let field = field.strip_prefix('$').ok_or_else(|| {
            unreadable("Invalid Condition: the name of a field must begin with '$'.")
        })?;
        let demand = match operator.as_str() {
            "eq" => Demand::Equals(value.clone()),
            "starts-with" => Demand::StartsWith(value.clone()),
            _ => return Err(unreadable("Invalid Condition: unknown operation.")),
        };
        self.demand(field, demand);
        Ok(())
    }

    fn demand(&mut self, field: &str, demand: Demand) {
        self.conditions.push(Condition {
            field: field.to_ascii_lowercase(),
            demand,
        });
    }
}

impl Condition {
    fn holds(&self, value: &str) -> bool {
        match &self.demand {
            Demand::Equals(wanted) => value == wanted,
            // A list of types fits when each of them does.
            Demand::StartsWith(prefix) if self.field == "content-type" => value
                .split(',')
                .all(|each| each.trim_start().starts_with(prefix)),
            Demand::StartsWith(prefix) => value.starts_with(prefix),
        }
    }

    fn quote(&self) -> String {
        let (operator, value) = match &self.demand {
            Demand::Equals(value) => ("eq", value),
            Demand::StartsWith(value) => ("starts-with", value),
        };
        format!("[\"{operator}\", \"${}\", \"{value}\"]", self.field)
    }
}

/// Fields that need no condition.
fn is_exempt(name: &str) -> bool {
    matches!(name, "policy" | "x-amz-signature") || name.starts_with("x-ignore-")
}

/// ISO 8601 in UTC, e.g. `2026-01-31T12:00:00.000Z`.
fn read_date(text: &str) -> Result<Timestamp, Failure> {
    let in_utc = text.contains('T') && text.ends_with('Z');
    text.parse()
        .ok()
        .filter(|_| in_utc)
        .ok_or_else(|| unreadable(&format!("Invalid 'expiration' value: '{text}'")))
}

/// A number, or one in quotes.
fn read_size(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// S3's policies have two escapes that JSON has not: `\$` and `\v`.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('$') => plain.push('$'),
            Some('v') => plain.push_str("\\u000b"),
            escaped => plain.extend(std::iter::once('\\').chain(escaped)),
        }
    }
    plain
}

fn unreadable(what: &str) -> Failure {
    Failure::refuse(
        S3ErrorCode::InvalidPolicyDocument,
        format!("Invalid Policy: {what}"),
    )
}

fn denied(why: &str) -> Failure {
    Failure::refuse(
        S3ErrorCode::AccessDenied,
        format!("Invalid according to Policy: {why}"),
    )
}

#[cfg(test)]
mod tests;
