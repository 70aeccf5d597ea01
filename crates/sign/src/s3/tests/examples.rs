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
    stages: Stages,
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
    stages: Stages,
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
        SigningKey::derive(&credentials, self.timestamp, &self.region, SERVICE).unwrap()
    }
}

#[test]
fn the_presigned_get_example_matches_at_every_stage() {
    let examples = Examples::load();
    let (endpoint, key, at) = (examples.endpoint(), examples.key(), examples.timestamp);
    let example = &examples.presigned_get;
    let presigner = Presigner::new(&endpoint, &key, at, example.expires).unwrap();

    let headers = SignedHeaders::new(endpoint.authority(), &[]).unwrap();
    let mut query = String::new();
    presigner.push_query(&Query::new(&[]).unwrap(), &headers, &mut query);
    let request = CanonicalRequest {
        method: Method::Get,
        path: &format!("/{}", example.key),
        query: &query,
        headers: &headers,
        payload: "UNSIGNED-PAYLOAD",
    };
    assert_eq!(Stages::of(&request, &key, at), example.stages);

    let mut url = String::new();
    let object = example.key.as_bytes();
    presigner
        .presign(Method::Get, object, &[], &[], &mut url)
        .unwrap();
    assert_eq!(url, example.url);
}

#[test]
fn the_header_examples_match_at_every_stage() {
    let examples = Examples::load();
    let (endpoint, key, at) = (examples.endpoint(), examples.key(), examples.timestamp);
    assert_eq!(examples.header_signed.len(), 4);
    for example in &examples.header_signed {
        let query: Vec<_> = pairs(&example.query);
        let headers: Vec<_> = pairs(&example.headers);
        let request = Request {
            method: method(&example.method),
            endpoint: &endpoint,
            key: example.key.as_bytes(),
            query: &query,
            headers: &headers,
            payload: example
                .body
                .as_ref()
                .map_or(Payload::Empty, |body| Payload::of(body.as_bytes())),
        };
        let signed = authorize(&key, &request, at).unwrap();
        let value = |name| {
            let (_, value) = signed.headers.iter().find(|(n, _)| *n == name).unwrap();
            value.as_str()
        };

        let target = signed.url.strip_prefix("https://").unwrap();
        let target = target.strip_prefix(endpoint.authority()).unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let payload = value(X_AMZ_CONTENT_SHA256);
        let canonical_request = CanonicalRequest {
            method: request.method,
            path,
            query,
            headers: &SignedHeaders::new(endpoint.authority(), &headers)
                .unwrap()
                .and([
                    (X_AMZ_CONTENT_SHA256, payload),
                    (X_AMZ_DATE, value(X_AMZ_DATE)),
                ]),
            payload,
        };
        let stages = Stages::of(&canonical_request, &key, at);
        assert_eq!(stages, example.stages, "{}", example.name);
        assert_eq!(
            value("authorization"),
            example.authorization,
            "{}",
            example.name
        );
    }
}
