//! The worked examples of the S3 API reference.

use super::*;

#[derive(Deserialize)]
struct Examples {
    credentials: ExampleCredentials,
    endpoint: String,
    bucket: String,
    region: String,
    timestamp: jiff::Timestamp,
    presigned_get: PresignedGet,
    header_signed: Vec<HeaderSigned>,
    post_policy: PostExample,
}

#[derive(Deserialize)]
struct ExampleCredentials {
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Deserialize)]
struct PresignedGet {
    key: String,
    expires: u32,
    url: String,
    #[serde(flatten)]
    stages: Published,
}

#[derive(Deserialize)]
struct HeaderSigned {
    name: String,
    method: String,
    key: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    authorization: String,
    #[serde(flatten)]
    stages: Published,
}

#[derive(Deserialize)]
struct PostExample {
    region: String,
    timestamp: jiff::Timestamp,
    policy_utf8_crlf: String,
    policy_base64: String,
    signature: String,
}

impl Examples {
    fn load() -> Self {
        serde_json::from_str(include_str!("../../../tests/vectors/aws_s3_examples.json")).unwrap()
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.endpoint, &self.bucket, AddressingStyle::VirtualHost).unwrap()
    }

    fn key(&self) -> SigningKey {
        let credentials = Credentials::new(
            &self.credentials.access_key_id,
            &self.credentials.secret_access_key,
        );
        SigningKey::derive(&credentials, self.timestamp, &self.region, "s3").unwrap()
    }
}

#[test]
fn the_presigned_get_example_matches_at_every_stage() {
    let examples = Examples::load();
    let (endpoint, key, at) = (examples.endpoint(), examples.key(), examples.timestamp);
    let example = &examples.presigned_get;
    let presigner = Presigner::new(&endpoint, &key, at, example.expires).unwrap();
    let mut url = String::new();
    let object = example.key.as_bytes();
    presigner
        .presign(Method::Get, object, &[], &[], &mut url)
        .unwrap();
    assert_eq!(url, example.url);

    let (_, query) = url.split_once('?').unwrap();
    let (query, _) = query.rsplit_once("&X-Amz-Signature=").unwrap();
    let query: Vec<(String, String)> = query
        .split('&')
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap();
            (name.to_owned(), value.replace("%2F", "/"))
        })
        .collect();
    let request = WireRequest {
        method: "GET",
        path: &format!("/{}", example.key),
        query: &pairs(&query),
        headers: &[("host", endpoint.authority())],
        payload: "UNSIGNED-PAYLOAD",
    };
    let stages = sign_general(&key, PathRules::OBJECT_STORAGE, &request, at).unwrap();
    assert_eq!(stages, example.stages.stages());
}

#[test]
fn the_header_examples_match_at_every_stage() {
    let examples = Examples::load();
    let (endpoint, key, at) = (examples.endpoint(), examples.key(), examples.timestamp);
    assert_eq!(examples.header_signed.len(), 4);
    for example in &examples.header_signed {
        let query: Vec<_> = pairs(&example.query);
        let headers: Vec<_> = pairs(&example.headers);
        let body = example.body.as_deref();
        let request = Request {
            method: example.method.parse().unwrap(),
            endpoint: &endpoint,
            key: example.key.as_bytes(),
            query: &query,
            headers: &headers,
            payload: body.map_or(Payload::Empty, |body| Payload::of(body.as_bytes())),
        };
        let signed = authorize(&key, &request, at).unwrap();
        let value = |name| {
            let (_, value) = signed.headers.iter().find(|(n, _)| *n == name).unwrap();
            value.as_str()
        };
        let target = signed.url.strip_prefix("https://").unwrap();
        let target = target.strip_prefix(endpoint.authority()).unwrap();
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        let mut all = headers.clone();
        all.push(("host", endpoint.authority()));
        all.extend(["x-amz-date", "x-amz-content-sha256"].map(|name| (name, value(name))));
        let request = WireRequest {
            method: &example.method,
            path,
            query: &query,
            headers: &all,
            payload: &hash_of(body.unwrap_or_default()),
        };
        let stages = sign_general(&key, PathRules::OBJECT_STORAGE, &request, at).unwrap();
        assert_eq!(stages, example.stages.stages(), "{}", example.name);
        assert_eq!(
            value("authorization"),
            example.authorization,
            "{}",
            example.name
        );
    }
}

#[test]
fn the_form_example_has_the_published_signature() {
    use base64::Engine as _;
    let examples = Examples::load();
    let example = &examples.post_policy;
    let credentials = Credentials::new(
        &examples.credentials.access_key_id,
        &examples.credentials.secret_access_key,
    );
    let key = SigningKey::derive(&credentials, example.timestamp, &example.region, "s3").unwrap();
    let policy = base64::engine::general_purpose::STANDARD.encode(&example.policy_utf8_crlf);
    assert_eq!(policy, example.policy_base64);
    let mut signature = String::new();
    push_ascii(&hex(&key.sign_text(&policy)), &mut signature);
    assert_eq!(signature, example.signature);
}
