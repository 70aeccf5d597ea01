//! POST of an object: what a browser's form may do, and what it may not.

mod allowed;
mod refused;

use jiff::{SignedDuration, Timestamp};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::support::*;

const BOUNDARY: &str = "----WebKitFormBoundaryx";

/// A form whose policy allows what it says, until it is told otherwise.
#[derive(Clone)]
struct Form {
    call: Call,
    at: Timestamp,
    /// The day of the key that signs.
    day: Timestamp,
    expiration: String,
    conditions: Vec<Value>,
    fields: Vec<(String, String)>,
    file: Option<Vec<u8>>,
    filename: String,
}

impl Form {
    fn new(world: &World, key: &str) -> Self {
        Self::to(world.call("POST", &format!("/{BUCKET}")), key)
    }

    fn to(call: Call, key: &str) -> Self {
        let form = Self {
            call,
            at: now(),
            day: now(),
            expiration: (now() + SignedDuration::from_mins(5)).to_string(),
            conditions: vec![json!({"bucket": BUCKET})],
            fields: Vec::new(),
            file: Some(b"hello".to_vec()),
            filename: "a.txt".to_owned(),
        };
        form.field("key", key)
    }

    /// A field that the policy fixes.
    fn field(self, name: &str, value: &str) -> Self {
        self.condition(json!({ name: value })).extra(name, value)
    }

    /// A field, whatever the policy says.
    fn extra(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn condition(mut self, condition: Value) -> Self {
        self.conditions.push(condition);
        self
    }

    fn file(mut self, bytes: &[u8], name: &str) -> Self {
        self.file = Some(bytes.to_vec());
        self.filename = name.to_owned();
        self
    }

    /// Adds what proves who allowed it.
    fn signed(mut self) -> Self {
        let date = amz_date(self.at);
        let day = amz_date(self.day);
        let credential = format!("{KEY_ID}/{}", self.call.scope(&day));
        self = self
            .field("x-amz-algorithm", "AWS4-HMAC-SHA256")
            .field("x-amz-credential", &credential)
            .field("x-amz-date", &date);
        let policy = json!({"expiration": self.expiration, "conditions": self.conditions});
        let policy = base64(policy.to_string().as_bytes());
        let signature = self.call.seal(&day, &policy);
        self.extra("policy", &policy)
            .extra("x-amz-signature", &signature)
    }

    /// Another value of a field, after the signature.
    fn tampered(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.extra(name, value)
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
            body.extend(format!("{head}\r\n\r\n{value}\r\n").into_bytes());
        }
        if let Some(file) = &self.file {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"",
                self.filename
            );
            body.extend(format!("{head}\r\nContent-Type: text/html\r\n\r\n").into_bytes());
            body.extend(file);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
        body
    }

    fn into_call(self) -> Call {
        let body = self.body();
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.call.unsigned_header("content-type", kind).body(body)
    }

    /// Sends it as it stands.
    async fn exchange(self) -> Reply {
        self.into_call().exchange().await
    }

    async fn send(self) -> Reply {
        self.signed().exchange().await
    }
}

/// A body with another text in it.
fn replace(body: &[u8], from: &str, to: &str) -> Vec<u8> {
    let body = String::from_utf8_lossy(body);
    body.replace(from, to).into_bytes()
}

fn md5_base64(bytes: &[u8]) -> String {
    base64(&Md5::digest(bytes))
}
