//! Google and CloudFront: what the kind of key costs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use valetkey_sign::cloudfront::{Hash, PrivateKey, Signer};
use valetkey_sign::gcs::{Method, Presigner, RsaPresigner, ServiceAccount, endpoint, hmac_key};
use valetkey_sign::{AddressingStyle, Credentials};

use crate::measure::{Contender, Goal, Mode, Row};
use crate::others::{AT, BUCKET, EXPIRES_IN, ID, KEY, SECRET};

const RSA: &str = include_str!("../../tests/keys/rsa.pem");
const ECDSA: &str = include_str!("../../tests/keys/ecdsa.pem");
const MESSAGE: &[u8; 128] = &[7; 128];

pub(crate) fn rows(mode: &Mode) -> Vec<Row> {
    vec![google(mode), cloudfront(mode)]
}

fn google(mode: &Mode) -> Row {
    let at = AT.parse().unwrap();
    let endpoint = endpoint(BUCKET, AddressingStyle::Path).unwrap();
    let account = ServiceAccount::new("signer@project.iam.gserviceaccount.com", RSA).unwrap();
    let rsa = RsaPresigner::new(&endpoint, &account, at, EXPIRES_IN).unwrap();
    let key = hmac_key(&Credentials::new(ID, SECRET), at).unwrap();
    let hmac = Presigner::new(&endpoint, &key, at, EXPIRES_IN).unwrap();
    let headers = [("x-goog-if-generation-match", "0")];
    let (mut url, mut bare) = (String::new(), bare_rsa());
    let contenders = vec![
        Contender::new("valetkey-sign, RSA-2048", |_| {
            let url = rsa.presign(Method::Put, KEY.as_bytes(), &[], &headers);
            url.unwrap().len()
        }),
        Contender::new("valetkey-sign, HMAC", |_| {
            url.clear();
            hmac.presign(Method::Put, KEY.as_bytes(), &[], &headers, &mut url)
                .unwrap();
            url.len()
        }),
        Contender::new("bare RSA-2048", move |_| bare()),
    ];
    let goals = vec![Goal::AtMost("bare RSA-2048", 1.1)];
    mode.row("Google Cloud Storage: a PUT", contenders, goals)
}

fn cloudfront(mode: &Mode) -> Row {
    let signer = |pem, hash| {
        let key = PrivateKey::from_pem(pem).unwrap();
        Signer::new("K2JCJMDEHXQW5F", key, hash).unwrap()
    };
    let sign = |signer: &Signer| {
        let url = "https://d111111abcdef8.cloudfront.net/photos/beach.jpg";
        signer.url(url, AT.parse().unwrap()).unwrap().len()
    };
    let (ecdsa, rsa) = (signer(ECDSA, Hash::Sha256), signer(RSA, Hash::Sha256));
    let rsa_sha1 = signer(RSA, Hash::Sha1);
    let (mut bare_rsa, mut bare_ecdsa) = (bare_rsa(), bare_ecdsa());
    let contenders = vec![
        Contender::new("valetkey-sign, ECDSA P-256", |_| sign(&ecdsa)),
        Contender::new("valetkey-sign, RSA-2048 with SHA-256", |_| sign(&rsa)),
        Contender::new("valetkey-sign, RSA-2048 with SHA-1 (pure Rust)", |_| {
            sign(&rsa_sha1)
        }),
        Contender::new("bare ECDSA P-256", move |_| bare_ecdsa()),
        Contender::new("bare RSA-2048", move |_| bare_rsa()),
    ];
    mode.row(
        "CloudFront: a URL with the canned policy",
        contenders,
        Vec::new(),
    )
}

fn bare_rsa() -> impl FnMut() -> usize {
    let pair = RsaKeyPair::from_pkcs8(&der(RSA)).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = SystemRandom::new();
    move || {
        let algorithm = &RSA_PKCS1_SHA256;
        pair.sign(algorithm, &random, MESSAGE, &mut signature)
            .unwrap();
        usize::from(signature[0])
    }
}

fn bare_ecdsa() -> impl FnMut() -> usize {
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, &der(ECDSA)).unwrap();
    let random = SystemRandom::new();
    move || pair.sign(&random, MESSAGE).unwrap().as_ref().len()
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}
