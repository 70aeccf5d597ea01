//! What the browser is told when the file is there.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::PostResponse;
use s3s::xml::{Serialize as _, Serializer};
use s3s::{Body, S3Error, S3Result};

use super::fields::Fields;
use crate::address;

/// All but the unreserved characters of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Sends the browser on, or answers with the status the form asked for: 204 when it did not.
pub(super) fn written(
    parts: &Parts,
    fields: &Fields,
    bucket: &str,
    key: &str,
    etag: &str,
) -> S3Result<Response<Body>> {
    let etag = format!("\"{etag}\"");
    let location = location(parts, key);
    let mut answer = Response::new(Body::empty());
    if let Some(target) = redirect(fields, bucket, key, &etag) {
        *answer.status_mut() = StatusCode::SEE_OTHER;
        set(answer.headers_mut(), header::LOCATION, &target)?;
    } else {
        *answer.status_mut() = match fields.get("success_action_status") {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        set(answer.headers_mut(), header::LOCATION, &location)?;
    }
    set(answer.headers_mut(), header::ETAG, &etag)?;
    if answer.status() == StatusCode::CREATED {
        *answer.body_mut() = describe(&PostResponse {
            location: &location,
            bucket,
            key,
            etag: &etag,
        })?;
        set(
            answer.headers_mut(),
            header::CONTENT_TYPE,
            "application/xml",
        )?;
    }
    Ok(answer)
}

/// Where the browser goes, when the form names a page.
fn redirect(fields: &Fields, bucket: &str, key: &str, etag: &str) -> Option<String> {
    let page = fields
        .get("success_action_redirect")
        .or_else(|| fields.get("redirect"))?;
    let uri = page.parse::<Uri>().ok()?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host()?.is_empty() {
        return None;
    }
    let (page, fragment) = match page.split_once('#') {
        Some((page, fragment)) => (page, format!("#{fragment}")),
        None => (page, String::new()),
    };
    let link = if page.contains('?') { '&' } else { '?' };
    let encode = |text| utf8_percent_encode(text, QUERY);
    Some(format!(
        "{page}{link}bucket={}&key={}&etag={}{fragment}",
        encode(bucket),
        encode(key),
        encode(etag)
    ))
}

/// The object's address, below that of the form.
fn location(parts: &Parts, key: &str) -> String {
    let host = address::host(&parts.headers);
    let folder = parts.uri.path().trim_end_matches('/');
    format!("http://{host}{folder}/{}", utf8_percent_encode(key, PATH))
}

fn describe(response: &PostResponse<'_>) -> S3Result<Body> {
    let mut text = Vec::new();
    let mut writer = Serializer::new(&mut text);
    writer
        .decl()
        .and_then(|()| response.serialize(&mut writer))
        .map_err(S3Error::internal_error)?;
    Ok(Body::from(text))
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) -> S3Result<()> {
    let value = HeaderValue::try_from(value).map_err(S3Error::internal_error)?;
    headers.insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_only_sent_to_web_pages() {
        for (page, expected) in [
            (
                "https://app.example/done",
                Some("https://app.example/done?bucket=b&key=a%2F%C3%A9%26&etag=%22e%22"),
            ),
            (
                "http://app.example?x=1#top",
                Some("http://app.example?x=1&bucket=b&key=a%2F%C3%A9%26&etag=%22e%22#top"),
            ),
            ("javascript:alert(1)", None),
            ("/done", None),
            ("ftp://app.example/", None),
            ("https://app.example/\r\nset-cookie: a=b", None),
            ("", None),
        ] {
            let mut fields = Fields::default();
            let page = page.to_owned();
            fields.add("success_action_redirect", page).unwrap();
            let target = redirect(&fields, "b", "a/é&", "\"e\"");
            assert_eq!(target.as_deref(), expected);
        }
    }
}
