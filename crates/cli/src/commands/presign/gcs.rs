//! Requests to Google Cloud Storage.

use valetkey_sign::gcs::{ORIGIN, REGION, RsaPresigner};
use valetkey_sign::v4::Dialect;
use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

use super::PresignError;
use super::answer::Answer;
use super::line::{GcsLine, GcsSigner};
use super::s3::{borrowed, form, form_of, lower, method, with_key};
use super::signers::{Signers, instant};

pub(super) fn sign(signers: &mut Signers, line: &GcsLine) -> Result<Answer, PresignError> {
    let ask = &line.ask;
    let style = ask.style.map_or(AddressingStyle::Path, Into::into);
    let origin = ask.endpoint.as_deref().unwrap_or(ORIGIN);
    let endpoint = Endpoint::parse(origin, &ask.bucket, style)?;
    let at = instant(ask.at.as_deref())?;
    match &line.signer {
        GcsSigner {
            client_email: None,
            private_key: None,
            hmac_access_id: Some(id),
            hmac_secret: Some(secret),
        } => {
            let credentials = Credentials::new(id, secret);
            let key = signers.derived(Dialect::GoogleHmac, credentials, REGION, at)?;
            with_key(key, &endpoint, ask, at)
        }
        GcsSigner {
            client_email: Some(email),
            private_key: Some(pem),
            hmac_access_id: None,
            hmac_secret: None,
        } => {
            let account = signers.account(email, pem)?;
            let mut presigner = RsaPresigner::new(&endpoint, account, at, ask.expires_in)?;
            if let Some(form) = form(ask)? {
                let fields = borrowed(&form.fields);
                return Ok(presigner.form(&form_of(ask, form, &fields))?.into());
            }
            if ask.allow_dot_segments {
                presigner = presigner.allowing_dot_segments();
            }
            let headers = lower(&ask.headers);
            let (query, headers) = (borrowed(&ask.query), borrowed(&headers));
            let url = presigner.presign(method(ask)?, ask.key.as_bytes(), &query, &headers)?;
            Ok(Answer::Url(url))
        }
        _ => Err(PresignError::Wrong(
            "give either `hmac_access_id` and `hmac_secret` or `client_email` and `private_key`",
        )),
    }
}
