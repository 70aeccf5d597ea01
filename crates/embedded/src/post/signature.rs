//! Who signed the policy, and when.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html>.

use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use s3s::S3ErrorCode;
use sha2::Sha256;

use super::fields::Fields;
use super::invalid;
use crate::error::Failure;
use crate::id::unhex;
use crate::options::AccessKey;
use crate::strict::{MAX_SKEW, check_scope, read_amz_date};

/// How long a signing key is good for.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Checks the signature of a form's policy, which it hands back.
pub(super) fn verify<'a>(
    fields: &'a Fields,
    key: &AccessKey,
    region: &str,
    now: Timestamp,
) -> Result<&'a str, Failure> {
    if fields.get("awsaccesskeyid").is_some() || fields.get("signature").is_some() {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ));
    }
    // Nobody but the owner may write, so a form without a policy is nobody's.
    let policy = fields
        .get("policy")
        .ok_or_else(|| Failure::refuse(S3ErrorCode::AccessDenied, "Access Denied"))?;
    if fields.require("x-amz-algorithm")? != "AWS4-HMAC-SHA256" {
        return Err(invalid(
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
        ));
    }
    let credential = fields.require("x-amz-credential")?;
    let date = fields.require("x-amz-date")?;
    let signature = fields.require("x-amz-signature")?;
    check_scope(credential, region).map_err(invalid)?;
    check_age(date, now)?;
    let mut scope = credential.rsplitn(5, '/').skip(3);
    let (day, id) = (scope.next(), scope.next());
    if id != Some(key.id.as_str()) {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records.",
        ));
    }
    let day = day.unwrap_or_default();
    let mac = mac(key.secret(), day, region, policy)
        .map_err(|_| Failure::Broken("a key of any length signs"))?;
    let signed = unhex::<32>(signature).is_some_and(|bytes| mac.verify_slice(&bytes).is_ok());
    if !date.starts_with(&format!("{day}T")) || !signed {
        return Err(Failure::refuse(
            S3ErrorCode::SignatureDoesNotMatch,
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        ));
    }
    if fields.get("x-amz-security-token").is_some() {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidToken,
            "The provided token is malformed or otherwise invalid.",
        ));
    }
    Ok(policy)
}

fn check_age(date: &str, now: Timestamp) -> Result<(), Failure> {
    let signed = read_amz_date(date).ok_or_else(|| {
        invalid("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    })?;
    let age = now.duration_since(signed);
    let denied = |why| Err(Failure::refuse(S3ErrorCode::AccessDenied, why));
    if age < -MAX_SKEW {
        return denied("Request is not valid yet");
    }
    if age > MAX_AGE {
        return denied("Request has expired");
    }
    Ok(())
}

/// The string to sign of a form is its policy, in base64 as it was sent.
fn mac(secret: &str, day: &str, region: &str, policy: &str) -> Result<Hmac<Sha256>, InvalidLength> {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, region, "s3", "aws4_request"] {
        let mac = Hmac::<Sha256>::new_from_slice(&key)?;
        key = mac.chain_update(part).finalize().into_bytes().to_vec();
    }
    Ok(Hmac::new_from_slice(&key)?.chain_update(policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
    const EXAMPLE: &str = include_str!("../../tests/vectors/aws_post_example.json");

    fn published() -> (AccessKey, Fields) {
        let example: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
        let text = |name: &str| example[name].as_str().unwrap().to_owned();
        let mut fields = Fields::default();
        for (name, value) in [
            ("Policy", text("policy_base64")),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", text("credential")),
            ("X-Amz-Date", text("date")),
            ("X-Amz-Signature", text("signature")),
        ] {
            fields.add(name, value).unwrap();
        }
        let key = AccessKey::new(text("access_key_id"), text("secret_access_key"));
        (key, fields)
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn the_published_example_is_signed_as_published() {
        let (key, fields) = published();
        let noon = at("2015-12-29T12:00:00Z");
        verify(&fields, &key, "us-east-1", noon).unwrap();

        let other = AccessKey::new(key.id.clone(), "another secret");
        assert!(verify(&fields, &other, "us-east-1", noon).is_err());
        assert!(verify(&fields, &key, "eu-west-1", noon).is_err());
    }

    #[test]
    fn a_signing_key_is_good_from_a_quarter_of_an_hour_before_its_date_for_seven_days() {
        let (key, fields) = published();
        for (time, good) in [
            ("2015-12-28T23:44:59Z", false),
            ("2015-12-28T23:45:00Z", true),
            ("2016-01-05T00:00:00Z", true),
            ("2016-01-05T00:00:01Z", false),
        ] {
            let verified = verify(&fields, &key, "us-east-1", at(time));
            assert_eq!(verified.is_ok(), good, "{time}");
        }
    }
}
