//! Signatures are checked with the public half, by aws-lc.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, KeyPair as _, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};

use super::*;

const RSA: &str = include_str!("../../tests/keys/rsa.pem");
const RSA_PKCS1: &str = include_str!("../../tests/keys/rsa-pkcs1.pem");
const ECDSA: &str = include_str!("../../tests/keys/ecdsa.pem");
const ECDSA_SEC1: &str = include_str!("../../tests/keys/ecdsa-sec1.pem");

fn public(key: &PrivateKey) -> Vec<u8> {
    match &key.0 {
        Kind::Rsa { pair, .. } => pair.public_key().as_ref().to_vec(),
        Kind::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
    }
}

#[test]
fn rsa_signs_over_both_hashes_whatever_form_the_key_came_in() {
    for pem in [RSA, RSA_PKCS1] {
        let key = PrivateKey::from_pem(pem).unwrap();
        assert!(key.is_rsa());
        for (hash, algorithm) in [
            (Hash::Sha1, &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
            (Hash::Sha256, &RSA_PKCS1_2048_8192_SHA256),
        ] {
            let signature = key.sign(hash, b"message").unwrap();
            assert_eq!(signature, key.sign(hash, b"message").unwrap());
            let verifier = UnparsedPublicKey::new(algorithm, public(&key));
            assert!(verifier.verify(b"message", &signature).is_ok(), "{hash:?}");
            assert!(verifier.verify(b"massage", &signature).is_err(), "{hash:?}");
        }
    }
}

#[test]
fn ecdsa_signs_over_both_hashes_whatever_form_the_key_came_in() {
    use aws_lc_rs::signature::ParsedPublicKey;
    for pem in [ECDSA, ECDSA_SEC1] {
        let key = PrivateKey::from_pem(pem).unwrap();
        assert!(!key.is_rsa());
        let signature = key.sign(Hash::Sha256, b"message").unwrap();
        let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public(&key));
        assert!(verifier.verify(b"message", &signature).is_ok());

        let signature = key.sign(Hash::Sha1, b"message").unwrap();
        let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA1_ASN1;
        let verifier = ParsedPublicKey::new(algorithm, public(&key)).unwrap();
        assert!(verifier.verify_sig(b"message", &signature).is_ok());
        assert!(verifier.verify_sig(b"massage", &signature).is_err());
    }
}

#[test]
fn what_is_no_key_is_refused_and_a_key_is_never_shown() {
    for pem in [
        "",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END",
    ] {
        assert_eq!(
            PrivateKey::from_pem(pem).err(),
            Some(KeyError::Pem),
            "{pem}"
        );
    }
    let nonsense = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    assert_eq!(PrivateKey::from_pem(nonsense).err(), Some(KeyError::Kind));
    let cut = RSA.replacen("MII", "MIIA", 1);
    assert!(PrivateKey::from_pem(&cut).is_err());
    assert_eq!(
        format!("{:?}", PrivateKey::from_pem(RSA).unwrap()),
        "PrivateKey(RSA)"
    );
}
