//! URLs and cookies for CloudFront.

use jiff::Timestamp;
use valetkey_sign::cloudfront::{Hash, PrivateKey, Signer};

use super::PresignError;
use super::answer::Answer;
use super::line::{CloudFrontLine, HashName};
use super::signers::Signers;

pub(super) fn sign(signers: &mut Signers, line: &CloudFrontLine) -> Result<Answer, PresignError> {
    let key = signers.pair(&line.private_key)?;
    let hash = match line.hash {
        None | Some(HashName::Sha1) => Hash::Sha1,
        Some(HashName::Sha256) => Hash::Sha256,
    };
    let signer = Signer::new(&line.key_pair_id, key, hash)?;
    answer(&signer, line)
}

fn answer(signer: &Signer<&PrivateKey>, line: &CloudFrontLine) -> Result<Answer, PresignError> {
    let url = || {
        let url = line.url.as_deref();
        url.ok_or(PresignError::Wrong("`url` is missing"))
    };
    Ok(match (line.expires, &line.policy, line.cookies) {
        (Some(expires), None, false) => Answer::Url(signer.url(url()?, instant(expires)?)?),
        (Some(expires), None, true) => Answer::Cookies(signer.cookies(url()?, instant(expires)?)?),
        (None, Some(policy), false) => Answer::Url(signer.url_with_policy(url()?, policy)?),
        (None, Some(policy), true) => Answer::Cookies(signer.cookies_with_policy(policy)?),
        _ => return Err(PresignError::Wrong("give either `expires` or `policy`")),
    })
}

fn instant(seconds: i64) -> Result<Timestamp, PresignError> {
    Timestamp::from_second(seconds).map_err(|_| PresignError::Wrong("`expires` is out of range"))
}
