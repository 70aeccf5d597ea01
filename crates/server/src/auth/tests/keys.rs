//! Keys of every kind, and tokens that mistake one for another.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::auth::key::KeySet;
use crate::config::Config;

/// Signs as the owner of a private key would.
pub(in crate::auth) enum Signer {
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    fn all() -> [Self; 3] {
        [Self::rsa(), Self::p256(), Self::ed25519()]
    }

    fn rsa() -> Self {
        Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn p256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(in crate::auth) fn ed25519() -> Self {
        Self::EdDsa(Ed25519KeyPair::generate().unwrap())
    }

    fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Rs256(_) => KeyAlgorithm::RS256,
            Self::Es256(_) => KeyAlgorithm::ES256,
            Self::EdDsa(_) => KeyAlgorithm::EdDsa,
        }
    }

    fn pem(&self) -> String {
        let der = match self {
            Self::Rs256(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Es256(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        };
        pem("PUBLIC KEY", &der)
    }

    /// The public half as identity providers publish it.
    pub(in crate::auth) fn jwk(&self, id: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rs256(pair) => {
                let public = pair.public_key();
                let [n, e] = [public.modulus(), public.exponent()]
                    .map(|number| text(number.big_endian_without_leading_zero()));
                json!({"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": n, "e": e})
            }
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (text(&point[1..33]), text(&point[33..]));
                json!({"kty": "EC", "kid": id, "crv": "P-256", "x": x, "y": y})
            }
            Self::EdDsa(pair) => {
                let x = text(pair.public_key().as_ref());
                json!({"kty": "OKP", "kid": id, "crv": "Ed25519", "x": x})
            }
        }
    }

    fn sign(&self, header: Value, claims: &Claims) -> String {
        let part = |json: &[u8]| URL_SAFE_NO_PAD.encode(json);
        let header = part(header.to_string().as_bytes());
        let message = format!("{header}.{}", part(&serde_json::to_vec(claims).unwrap()));
        let (bytes, random) = (message.as_bytes(), SystemRandom::new());
        let signature = match self {
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature)
                    .unwrap();
                signature
            }
            Self::Es256(pair) => pair.sign(&random, bytes).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(bytes).as_ref().to_vec(),
        };
        format!("{message}.{}", part(&signature))
    }

    /// A good token, with a name of its key or without.
    fn token(&self, id: Option<&str>) -> String {
        let mut header = json!({"alg": self.algorithm().as_str()});
        if let Some(id) = id {
            header["kid"] = json!(id);
        }
        self.sign(header, &good())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

fn trusting(signers: &[&Signer]) -> AuthConfig {
    let key = |(index, signer): (usize, &&Signer)| {
        let (id, algorithm) = (format!("key-{index}"), signer.algorithm().as_str());
        let key = json!({"id": id, "algorithm": algorithm, "public_key": signer.pem()});
        serde_json::from_value(key).unwrap()
    };
    AuthConfig {
        keys: signers.iter().enumerate().map(key).collect(),
        ..config()
    }
}

fn whole(auth: &AuthConfig) -> Config {
    Config {
        auth: auth.clone(),
        ..Config::default()
    }
}

fn by(config: &AuthConfig, token: &str) -> Result<Principal, Problem> {
    present(&[&format!("Bearer {token}")], config)
}

#[test]
fn a_token_may_be_signed_with_each_kind_of_key() {
    for signer in Signer::all() {
        let config = trusting(&[&signer]);
        whole(&config).check().unwrap();
        for id in [None, Some("key-0")] {
            let token = signer.token(id);
            assert_eq!(by(&config, &token).unwrap().subject.as_str(), "alice");
            let cut = &token[..token.len() - 4];
            assert!(by(&config, &format!("{cut}AAAA")).is_err());
        }
        // By another key's name; with another key of its kind; and the secret counts beside it.
        assert!(by(&config, &signer.token(Some("key-1"))).is_err());
        assert!(by(&config, &hs256(&good())).is_ok());
    }
    let config = trusting(&[&Signer::ed25519()]);
    assert!(by(&config, &Signer::ed25519().token(Some("key-0"))).is_err());
}

/// A17: a public key is no secret of HS256, whatever a header says.
#[test]
fn a17_a_public_key_is_never_a_secret() {
    let rsa = Signer::rsa();
    let config = trusting(&[&rsa]);
    let pem = rsa.pem();
    for secret in [pem.as_str(), pem.trim_end()] {
        for header in [
            json!({"alg": "HS256"}),
            json!({"alg": "HS256", "kid": "key-0"}),
        ] {
            let forger = AuthConfig {
                secret: Secret::new(secret),
                ..AuthConfig::default()
            };
            assert!(by(&config, &sign(header, &good(), &forger)).is_err());
        }
    }
    // Nor is a key of one kind asked about a signature of another.
    for alg in ["RS384", "RS512", "PS256", "ES256", "EdDSA", "HS512"] {
        let token = rsa.sign(json!({ "alg": alg }), &good());
        assert!(by(&config, &token).is_err(), "{alg}");
    }
}

#[test]
fn each_issuer_has_its_own_keys_audience_and_claims() {
    let (ours, theirs) = (Signer::ed25519(), Signer::ed25519());
    let mut config = trusting(&[&ours, &theirs]);
    config.keys[1].issuer = "https://other.example".to_owned();
    config.keys[1].audience = "api".to_owned();
    config.keys[1].claims = Some(ClaimsConfig {
        roles: "realm_access.roles".to_owned(),
        ..ClaimsConfig::default()
    });
    let other = claims(json!({
        "iss": "https://other.example", "aud": "api", "realm_access": {"roles": ["admin"]},
    }));
    let header = json!({"alg": "EdDSA"});
    let principal = by(&config, &theirs.sign(header.clone(), &other)).unwrap();
    assert_eq!(principal.roles, ["admin"]);
    for token in [
        ours.sign(header.clone(), &other),
        theirs.sign(header.clone(), &good()),
        theirs.sign(header, &claims(json!({"iss": "https://other.example"}))),
    ] {
        assert!(by(&config, &token).is_err());
    }
}

#[test]
fn without_an_issuer_the_secret_signs_no_token() {
    let signer = Signer::ed25519();
    let mut config = trusting(&[&signer]);
    config.keys[0].issuer = std::mem::take(&mut config.issuer);
    config.keys[0].audience = std::mem::take(&mut config.audience);
    whole(&config).check().unwrap();
    assert!(by(&config, &signer.token(None)).is_ok());
    assert!(by(&config, &hs256(&good())).is_err());
}

#[test]
fn a_pem_is_the_public_half_of_the_right_kind_and_long_enough() {
    let [rsa, p256, ed25519] = Signer::all();
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let p384 = pem("PUBLIC KEY", p384.public_key().as_der().unwrap().as_ref());
    for (algorithm, text) in [
        (KeyAlgorithm::RS256, p256.pem()),
        (KeyAlgorithm::RS256, ed25519.pem()),
        (KeyAlgorithm::RS256, SHORT_RSA.to_owned()),
        (KeyAlgorithm::RS256, pem("PRIVATE KEY", b"0123456789")),
        (KeyAlgorithm::ES256, rsa.pem()),
        (KeyAlgorithm::ES256, p384),
        (KeyAlgorithm::EdDsa, p256.pem()),
        (KeyAlgorithm::EdDsa, String::new()),
        (KeyAlgorithm::HS256, ed25519.pem()),
    ] {
        let read = VerifyingKey::from_pem(algorithm, &text);
        assert!(read.is_err(), "{algorithm:?}: {text}");
    }
}

#[test]
fn of_a_key_set_what_cannot_be_used_is_left_out() {
    let signers = Signer::all();
    let [rsa, p256, ed25519] = &signers;
    let changed = |signer: &Signer, name: &str, value: Value| {
        let mut key = signer.jwk("bad");
        key[name] = value;
        key
    };
    let mut keys: Vec<_> = signers.iter().map(|signer| signer.jwk("good")).collect();
    keys.extend([
        json!({"kty": "oct", "kid": "bad", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode([7; 32])}),
        json!({"kty": "new", "kid": "bad"}),
        json!("no key"),
        changed(rsa, "use", json!("enc")),
        changed(rsa, "alg", json!("HS256")),
        changed(rsa, "alg", json!("RSA-OAEP")),
        changed(rsa, "n", json!(URL_SAFE_NO_PAD.encode([0xff; 128]))),
        changed(rsa, "key_ops", json!(["encrypt"])),
        changed(p256, "crv", json!("P-384")),
        changed(p256, "x", json!("AAAA")),
        changed(ed25519, "x", json!(URL_SAFE_NO_PAD.encode([7; 31]))),
    ]);
    let parse = |keys: &[Value], only| {
        let set = json!({ "keys": keys }).to_string();
        KeySet::parse(set.as_bytes(), only)
    };
    let set = parse(&keys, None).unwrap();
    for algorithm in KeyAlgorithm::ALL {
        let good = usize::from(algorithm != KeyAlgorithm::HS256);
        for (id, count) in [(Some("bad"), 0), (Some("good"), good), (None, good)] {
            assert_eq!(set.find(algorithm, id).len(), count, "{algorithm:?} {id:?}");
        }
    }
    let only = parse(&keys, Some(KeyAlgorithm::ES256)).unwrap();
    assert_eq!(only.find(KeyAlgorithm::RS256, Some("good")).len(), 0);
    assert_eq!(only.find(KeyAlgorithm::ES256, Some("good")).len(), 1);
    assert!(parse(&[], None).is_err());
    assert!(KeySet::parse(b"<html>", None).is_err());
    // Of two keys none is guessed.
    let two = parse(&[ed25519.jwk("a"), Signer::ed25519().jwk("b")], None).unwrap();
    assert_eq!(two.find(KeyAlgorithm::EdDsa, None).len(), 0);
}

/// 1024 bits, of nobody.
const SHORT_RSA: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCzMIdYiVt5u5kiiX2y4XnABmPm
WmX1nJhZCEImgrASLaGcubryDb47TochBYFkj+QWHwfTZOtz9npwkXtJDyYLoIow
vKlAI/5VKwqk3ntJuCAl5XZXCUe3yFW8gLERjOmH/al+P1mTd+7G0GKAtchyPF/k
oTcN97oopgTU+UNYdQIDAQAB
-----END PUBLIC KEY-----
";
