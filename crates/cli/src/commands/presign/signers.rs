//! Keys that are kept from one line to the next.

use jiff::Timestamp;
use valetkey_sign::cloudfront::PrivateKey;
use valetkey_sign::gcs::ServiceAccount;
use valetkey_sign::s3::SigningKey;
use valetkey_sign::v4::Dialect;
use valetkey_sign::{AddressingStyle, Credentials, gcs, s3};

use super::PresignError;
use super::answer::Answer;
use super::line::{Line, Style};

/// Signs lines. Those that follow each other mostly have the same key: the last one of each kind is kept.
#[derive(Default)]
pub(super) struct Signers {
    derived: Option<Derived>,
    account: Option<(String, String, ServiceAccount)>,
    pair: Option<(String, PrivateKey)>,
}

/// A derived key, and what from.
struct Derived {
    dialect: Dialect,
    credentials: Credentials,
    region: String,
    key: SigningKey,
}

impl Signers {
    pub(super) fn sign(&mut self, line: &Line) -> Result<Answer, PresignError> {
        match line {
            Line::S3(line) => super::s3::sign(self, line),
            Line::Gcs(line) => super::gcs::sign(self, line),
            Line::Azure(line) => super::azure::sign(line),
            Line::CloudFront(line) => super::cloudfront::sign(self, line),
        }
    }

    /// The day's key of a shared secret; Google's has no region of its own.
    pub(super) fn derived(
        &mut self,
        dialect: Dialect,
        credentials: Credentials,
        region: &str,
        at: Timestamp,
    ) -> Result<&SigningKey, PresignError> {
        let kept = self.derived.take().filter(|kept| {
            kept.dialect == dialect
                && kept.credentials == credentials
                && kept.region == region
                && kept.key.covers(at)
        });
        let derived = match kept {
            Some(kept) => kept,
            None => Derived {
                key: match dialect {
                    Dialect::Aws => SigningKey::derive(&credentials, at, region, s3::SERVICE)?,
                    Dialect::GoogleHmac | Dialect::GoogleRsa => gcs::hmac_key(&credentials, at)?,
                },
                dialect,
                credentials,
                region: region.to_owned(),
            },
        };
        Ok(&self.derived.insert(derived).key)
    }

    pub(super) fn account(
        &mut self,
        email: &str,
        pem: &str,
    ) -> Result<&ServiceAccount, PresignError> {
        let kept = self.account.take();
        let account = match kept.filter(|(e, p, _)| e == email && p == pem) {
            Some(kept) => kept,
            None => {
                let account = ServiceAccount::new(email, pem)?;
                (email.to_owned(), pem.to_owned(), account)
            }
        };
        Ok(&self.account.insert(account).2)
    }

    pub(super) fn pair(&mut self, pem: &str) -> Result<&PrivateKey, PresignError> {
        let kept = self.pair.take().filter(|(p, _)| p == pem);
        let pair = match kept {
            Some(kept) => kept,
            None => (pem.to_owned(), PrivateKey::from_pem(pem)?),
        };
        Ok(&self.pair.insert(pair).1)
    }
}

/// An instant in the form of the line; now, when there is none.
pub(super) fn instant(text: Option<&str>) -> Result<Timestamp, PresignError> {
    let Some(text) = text else {
        return Ok(now());
    };
    let wrong = || PresignError::Time {
        given: text.to_owned(),
    };
    let digits = |from: usize, to: usize| text.get(from..to).ok_or_else(wrong);
    let extended = format!(
        "{}-{}-{}T{}:{}:{}",
        digits(0, 4)?,
        digits(4, 6)?,
        digits(6, 8)?,
        text.get(9..11).ok_or_else(wrong)?,
        digits(11, 13)?,
        digits(13, 16)?,
    );
    let at = extended.parse().map_err(|_| wrong())?;
    let is_compact =
        text.len() == 16 && text.as_bytes().get(8) == Some(&b'T') && text.ends_with('Z');
    if !is_compact {
        return Err(wrong());
    }
    Ok(at)
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever names no instant means this one"
)]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

impl From<Style> for AddressingStyle {
    fn from(style: Style) -> Self {
        match style {
            Style::Virtual => Self::VirtualHost,
            Style::Path => Self::Path,
            Style::Bound => Self::Bound,
        }
    }
}
