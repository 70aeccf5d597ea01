//! Tokens of identity providers, whose keys are fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use valetkey_server::config::{Config, KeyConfig};

use crate::world::{User, World, claims};

/// An identity provider on this machine.
struct Provider {
    url: String,
    hits: Arc<AtomicUsize>,
    pair: Vec<u8>,
}

impl Provider {
    async fn start(status: StatusCode) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "one", "use": "sig", "x": x});
        let keys = json!({ "keys": [key] }).to_string();
        let hits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&hits);
        let answer = move || async move {
            counted.fetch_add(1, Ordering::SeqCst);
            (status, keys)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let router = Router::new().route("/jwks", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            hits,
            pair: pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
        }
    }

    fn trusted(&self) -> impl FnOnce(&mut Config) + use<> {
        let key = json!({
            "id": "login", "jwks_url": self.url, "issuer": "https://login.test/",
            "claims": {"roles": "realm_access.roles"},
        });
        let key: KeyConfig = serde_json::from_value(key).unwrap();
        move |config| {
            config.auth.allow_loopback_http = true;
            config.auth.keys.push(key);
        }
    }

    fn user<'w>(&self, world: &'w World, id: &str, changes: &[(&str, Value)]) -> User<'w> {
        let mut claims = claims(json!({"iss": "https://login.test/"}));
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(id.to_owned());
        let key = EncodingKey::from_ed_der(&self.pair);
        User {
            world,
            token: jsonwebtoken::encode(&header, &claims, &key).unwrap(),
        }
    }
}

#[tokio::test]
async fn a_token_of_an_identity_provider_is_checked_with_its_keys() {
    let provider = Provider::start(StatusCode::OK).await;
    let world = World::with(provider.trusted()).await;
    let file = world.user("bob").upload("a.txt", b"a").await;
    let path = format!("/v1/files/{}", file["id"].as_str().unwrap());
    let alice = provider.user(&world, "one", &[]);
    alice.get("/v1/files").await.ok(200);
    alice.get(&path).await.problem(404, "not_found");
    let roles = json!({"roles": ["admin"]});
    let admin = provider.user(&world, "one", &[("realm_access", roles)]);
    admin.get(&path).await.ok(200);
    // The service's own issuer is another one, and so is a key that the provider does not have.
    let mixed = provider.user(&world, "one", &[("iss", json!("tests"))]);
    mixed.get("/v1/files").await.problem(401, "unauthenticated");
    for stranger in 0..20 {
        let user = provider.user(&world, &format!("stranger-{stranger}"), &[]);
        user.get("/v1/files").await.problem(401, "unauthenticated");
    }
    assert_eq!(provider.hits.load(Ordering::SeqCst), 1);
    let metrics = world.metrics().await;
    let fetched = "valetkey_auth_key_fetches_total{key=\"login\",outcome=\"ok\"} 1";
    assert!(metrics.contains(fetched), "{metrics}");
    assert!(!metrics.contains("valetkey_auth_keys_time_seconds{key=\"login\"} 0"));
}

#[tokio::test]
async fn a_provider_that_is_away_is_an_outage_and_no_refusal() {
    let provider = Provider::start(StatusCode::BAD_GATEWAY).await;
    let world = World::with(provider.trusted()).await;
    let reply = provider.user(&world, "one", &[]).get("/v1/files").await;
    let problem = reply.problem(503, "auth_unavailable");
    assert_eq!(reply.header("retry-after"), "30");
    assert_eq!(problem["retry_after"], 30);
    // Whoever needs none of its keys is served.
    world.user("bob").get("/v1/files").await.ok(200);
    world.nobody().get("/readyz").await.ok(200);
    let metrics = world.metrics().await;
    let failed = "valetkey_auth_key_fetches_total{key=\"login\",outcome=\"failed\"} 1";
    assert!(metrics.contains(failed), "{metrics}");
    assert!(metrics.contains("valetkey_auth_keys_time_seconds{key=\"login\"} 0"));
}

#[tokio::test]
async fn a_service_without_any_key_is_not_ready() {
    let provider = Provider::start(StatusCode::BAD_GATEWAY).await;
    let trusted = provider.trusted();
    let world = World::with(|config| {
        trusted(config);
        config.auth.keys[0].audience = std::mem::take(&mut config.auth.audience);
        config.auth.issuer.clear();
    })
    .await;
    let reply = world.nobody().get("/readyz").await;
    reply.problem(503, "auth_unavailable");
}
