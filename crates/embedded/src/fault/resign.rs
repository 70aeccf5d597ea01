//! Reads what a signature covers, and makes another one that fits the request as it is.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use http::{HeaderValue, Uri, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use valetkey_sign::encode::encode_component;

use crate::id::hex;
use crate::options::AccessKey;
use crate::strict::read_amz_date;

/// The names of the headers a signature covers; none without a signature.
pub(super) fn signed_headers(parts: &Parts) -> Vec<String> {
    let names = parameter(parts, "X-Amz-SignedHeaders")
        .or_else(|| Some(authorization(parts, "SignedHeaders")?.to_owned()));
    let names = names.unwrap_or_default();
    names.split(';').map(str::to_owned).collect()
}

/// When a request with a header signature was signed.
pub(super) fn header_date(parts: &Parts) -> Option<Timestamp> {
    authorization(parts, "Signature")?;
    let date = parts.headers.get("x-amz-date")?.to_str().ok()?;
    read_amz_date(date)
}

/// Replaces the signature by one that is right. Leaves a request alone that it does not understand.
pub(super) fn resign(parts: &mut Parts, key: &AccessKey) {
    let _ = try_resign(parts, key);
}

fn try_resign(parts: &mut Parts, key: &AccessKey) -> Option<()> {
    let in_query = parameter(parts, "X-Amz-Signature");
    let date = match in_query {
        Some(_) => parameter(parts, "X-Amz-Date")?,
        None => parts.headers.get("x-amz-date")?.to_str().ok()?.to_owned(),
    };
    let credential = match in_query {
        Some(_) => parameter(parts, "X-Amz-Credential")?,
        None => authorization(parts, "Credential")?.to_owned(),
    };
    let (_, scope) = credential.split_once('/')?;
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&Sha256::digest(canonical(parts)))
    );
    let mut secret = format!("AWS4{}", key.secret()).into_bytes();
    for part in scope.split('/') {
        secret = mac(&secret, part)?;
    }
    let right = hex(&mac(&secret, &text)?);
    match in_query {
        Some(wrong) => {
            let uri = parts.uri.to_string();
            parts.uri = Uri::try_from(uri.replace(&wrong, &right)).ok()?;
        }
        None => {
            let wrong = authorization(parts, "Signature")?;
            let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
            let value = HeaderValue::try_from(value.replace(wrong, &right)).ok()?;
            parts.headers.insert(header::AUTHORIZATION, value);
        }
    }
    Some(())
}

fn canonical(parts: &Parts) -> String {
    let mut query: Vec<String> = parameters(parts)
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value)))
        .collect();
    query.sort();
    let names = signed_headers(parts);
    let text = |name: &str| {
        let value = parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().trim()
    };
    let headers: String = names
        .iter()
        .map(|name| format!("{name}:{}\n", text(name)))
        .collect();
    let payload = match text("x-amz-content-sha256") {
        "" => "UNSIGNED-PAYLOAD",
        payload => payload,
    };
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{payload}",
        parts.method,
        parts.uri.path(),
        query.join("&"),
        names.join(";")
    )
}

fn parameters(parts: &Parts) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let query = parts.uri.query().unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(move |pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

fn parameter(parts: &Parts, name: &str) -> Option<String> {
    parameters(parts).find_map(|(known, value)| (known == name).then_some(value))
}

/// A field of the `Authorization` header.
fn authorization<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let fields = value.strip_prefix("AWS4-HMAC-SHA256")?;
    fields
        .split(',')
        .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    encode_component(text.as_bytes(), &mut out);
    out
}

fn mac(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}
