//! Receipts, checked without the service: with its keys alone, which may have been saved long ago.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use reqwest::Url;
use serde::Deserialize;
use valetkey_protocol::Receipt;
use valetkey_protocol::receipt::TYPE;

use crate::Error;
use crate::call;
use crate::client::plain;
use crate::error::Peer;
use crate::source::Source;

/// No set of keys is longer, in bytes.
const MAX_KEYS: usize = 64 * 1024;
/// How long the keys may take to come.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// What a receipt looks like.
const FORM: &str = "it is not three pieces of base64url with dots between, a header for EdDSA first and JSON second";

/// Why a receipt proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// It is something else.
    #[error("this is no receipt: {0}")]
    Other(&'static str),
    /// Nobody knows its key.
    #[error(
        "the receipt names the key '{kid}', which is not among these keys: get them anew, or it is not of this service"
    )]
    UnknownKey {
        /// The key it names.
        kid: String,
    },
    /// It is not what was signed.
    #[error(
        "the signature does not hold: the receipt was changed, or its key is not the one it names"
    )]
    Signature,
    /// It was signed, and is no receipt of this version.
    #[error("the receipt cannot be understood: {0}")]
    Claims(String),
    /// Another service made it.
    #[error("the receipt is of '{found}', not of '{expected}'")]
    Issuer {
        /// Who made it.
        found: String,
        /// Who should have.
        expected: String,
    },
    /// There is nothing to check a receipt with.
    #[error(
        "there is no Ed25519 key among these keys: is this the service's /.well-known/jwks.json?"
    )]
    NoKeys,
    /// Keys that came over the network in the open.
    #[error("'{url}' is no address to trust keys from: use https, or a file")]
    Open {
        /// Where they would have come from.
        url: String,
    },
    /// A file with other bytes.
    #[error("{} is not the file of the receipt: {what}", path.display())]
    Bytes {
        /// The file.
        path: PathBuf,
        /// What differs, or cannot be compared.
        what: String,
    },
}

/// The keys of a service. Keys of other kinds, which may stand beside them, are left out.
#[derive(Debug, Clone)]
pub struct ReceiptKeys(Vec<Key>);

#[derive(Debug, Clone, Deserialize)]
struct Key {
    kty: String,
    crv: String,
    kid: String,
    x: String,
}

impl ReceiptKeys {
    /// Reads a set of keys (RFC 7517 §5).
    ///
    /// # Errors
    /// There is no Ed25519 key in it.
    pub fn parse(json: &[u8]) -> Result<Self, ReceiptError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| ReceiptError::NoKeys)?;
        let keys = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<_> = keys
            .filter(|key: &Key| key.kty == "OKP" && key.crv == "Ed25519")
            .collect();
        match keys.is_empty() {
            true => Err(ReceiptError::NoKeys),
            false => Ok(Self(keys)),
        }
    }

    /// Gets a set of keys: over https, or from this machine.
    ///
    /// # Errors
    /// An address that is none or cannot be trusted, no connection, or no Ed25519 key there.
    pub async fn fetch(address: &str) -> Result<Self, Error> {
        let url = Url::parse(address).ok().filter(is_trusted);
        let url = url.ok_or_else(|| ReceiptError::Open {
            url: address.to_owned(),
        })?;
        let failed = |error| Error::network(Peer::Service, error);
        let http = plain().timeout(FETCH_TIMEOUT).build().map_err(failed)?;
        let answer = http.get(url).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            let status = answer.status().as_u16();
            return Err(Error::Unexpected { status });
        }
        Ok(Self::parse(&call::beginning(answer, MAX_KEYS).await)?)
    }

    /// Checks that one of these keys signed a receipt, with EdDSA and nothing else, and gives what it says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, receipt: &str) -> Result<Receipt, ReceiptError> {
        let header = jsonwebtoken::decode_header(receipt).map_err(|_| ReceiptError::Other(FORM))?;
        check_header(&header)?;
        let kid = header.kid.unwrap_or_default();
        let key = self.0.iter().find(|key| key.kid == kid);
        let Some(key) = key else {
            return Err(ReceiptError::UnknownKey { kid });
        };
        let key = DecodingKey::from_ed_components(&key.x).map_err(|_| ReceiptError::Signature)?;
        // A receipt is for whoever reads it and for as long as its key is trusted: there is no `aud` and no `exp`.
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_required_spec_claims(&["iss", "sub"]);
        rules.validate_exp = false;
        rules.validate_aud = false;
        let decoded = jsonwebtoken::decode::<Receipt>(receipt, &key, &rules);
        decoded
            .map(|data| data.claims)
            .map_err(|error| not_read(error.kind()))
    }
}

/// Holds a receipt against the service that should have made it.
///
/// # Errors
/// Another one made it.
pub fn check_issuer(receipt: &Receipt, issuer: &str) -> Result<(), ReceiptError> {
    let expected = issuer.trim_end_matches('/');
    if receipt.iss == expected {
        return Ok(());
    }
    Err(ReceiptError::Issuer {
        found: receipt.iss.clone(),
        expected: expected.to_owned(),
    })
}

/// Holds a file on this machine against a receipt: its size and its checksum.
///
/// # Errors
/// It cannot be read, has other bytes, or the receipt names no checksum.
pub async fn check_file(receipt: &Receipt, path: &Path) -> Result<(), Error> {
    let differs = |what| ReceiptError::Bytes {
        path: path.to_owned(),
        what,
    };
    let source = Source::open(path).await?;
    if source.size() != receipt.size {
        let what = format!("it has {} bytes instead of {}", source.size(), receipt.size);
        return Err(differs(what).into());
    }
    let Some(expected) = receipt.checksum else {
        let what =
            "it has as many bytes, and the receipt names no checksum to tell them from others";
        return Err(differs(what.to_owned()).into());
    };
    let found = source.checksum(expected.algorithm()).await?;
    if found != expected {
        let algorithm = expected.algorithm();
        return Err(differs(format!("its {algorithm} is another one")).into());
    }
    Ok(())
}

fn check_header(header: &Header) -> Result<(), ReceiptError> {
    if header.alg != Algorithm::EdDSA {
        return Err(ReceiptError::Other("it is not signed with EdDSA"));
    }
    if header.typ.as_deref() != Some(TYPE) {
        return Err(ReceiptError::Other("its `typ` is not receipt+jwt"));
    }
    if header.crit.is_some() {
        return Err(ReceiptError::Other(
            "its header has `crit`, which receipts never have",
        ));
    }
    Ok(())
}

fn not_read(kind: &ErrorKind) -> ReceiptError {
    match kind {
        ErrorKind::InvalidSignature => ReceiptError::Signature,
        ErrorKind::MissingRequiredClaim(name) => {
            ReceiptError::Claims(format!("it has no `{name}`"))
        }
        ErrorKind::Json(error) if error.is_data() => ReceiptError::Claims(error.to_string()),
        _ => ReceiptError::Other(FORM),
    }
}

/// Keys decide what is believed: nobody on the way may change them.
fn is_trusted(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    url.scheme() == "https" || (url.scheme() == "http" && local)
}

#[cfg(test)]
mod tests;
