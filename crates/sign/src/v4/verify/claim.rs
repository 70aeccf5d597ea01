//! What a request says about its signature.

use jiff::Timestamp;

use super::{VerifyError, check_time, header, malformed, query, same};
use crate::Credentials;
use crate::instant::day_of;
use crate::v4::canonical_request::CanonicalRequest;
use crate::v4::dialect::Dialect;
use crate::v4::general::{PathRules, canonical_query};
use crate::v4::headers::{HOST, Header, SignedHeaders};
use crate::v4::key::SigningKey;

/// A request as it came.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Path and query as they stood in the request line.
    pub target: &'a str,
    /// All headers, names in any case, in the order in which they came.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> Received<'a> {
    /// The values of a header, by its name in lower case.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let of_name = self
            .headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| *value)
    }

    /// The value of a header that must not be there twice.
    pub(super) fn once(
        &self,
        name: &str,
        part: &'static str,
    ) -> Result<Option<&'a str>, VerifyError> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(malformed(part));
        }
        Ok(first)
    }
}

/// What a signed request says: who signed it, when, for how long and what. Nothing of it is proven
/// before [`verify`](Self::verify) has said so.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    pub(super) received: Received<'a>,
    pub(super) dialect: Dialect,
    pub(super) scope: ClaimedScope,
    /// The compact form, as it was signed.
    pub(super) date: String,
    pub(super) signed_at: Timestamp,
    /// For how many seconds, for presigned requests.
    pub(super) expires_in: Option<u32>,
    pub(super) signed_headers: Vec<String>,
    pub(super) token: Option<String>,
    pub(super) payload: String,
    pub(super) signature: String,
}

impl std::fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// `id/day/region/service/aws4_request`.
#[derive(Clone, Debug)]
pub(super) struct ClaimedScope {
    pub(super) access_key_id: String,
    day: String,
    region: String,
    service: String,
}

impl ClaimedScope {
    /// From the right: an access key id may hold anything but a slash.
    pub(super) fn read(dialect: Dialect, credential: &str) -> Option<Self> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [id, day, region, service, terminator] = *parts else {
            return None;
        };
        let filled = ![id, day, region, service].contains(&"");
        (filled && terminator == dialect.terminator()).then(|| Self {
            access_key_id: id.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }

    pub(super) fn day(&self) -> &str {
        &self.day
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }
}

/// For how long a signature in headers holds, in seconds.
const HEADER_LIFETIME: i64 = super::SKEW;

impl<'a> Claim<'a> {
    /// Reads the signature of a request, in its query or in its headers.
    ///
    /// # Errors
    /// [`VerifyError::Unsigned`], [`VerifyError::SignedTwice`] and [`VerifyError::Malformed`].
    pub fn read(received: Received<'a>) -> Result<Self, VerifyError> {
        let in_query = query::read(received)?;
        let in_headers = received.once("authorization", "authorization header")?;
        match (in_query, in_headers) {
            (None, None) => Err(VerifyError::Unsigned),
            (Some(_), Some(_)) => Err(VerifyError::SignedTwice),
            (Some(claim), None) => Ok(claim),
            (None, Some(authorization)) => header::read(received, authorization),
        }
    }

    /// Who is said to have signed: find the secret by it.
    pub fn access_key_id(&self) -> &str {
        &self.scope.access_key_id
    }

    /// The region the signature is for.
    pub fn region(&self) -> &str {
        &self.scope.region
    }

    /// The service the signature is for: `s3`.
    pub fn service(&self) -> &str {
        &self.scope.service
    }

    /// Whose algorithm it was signed with.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// When it was signed.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// The lifetime of a presigned request in seconds; `None` for one that is signed in its headers.
    pub fn expires_in_seconds(&self) -> Option<u32> {
        self.expires_in
    }

    /// The names of the signed headers, in lower case, in order.
    pub fn signed_headers(&self) -> &[String] {
        &self.signed_headers
    }

    /// What is signed of the body: its SHA-256 in hexadecimal, or a word such as `UNSIGNED-PAYLOAD`.
    ///
    /// The signature covers this text; that the body has this hash is for the reader of the body to check.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Checks the signature and the time.
    ///
    /// `credentials` are those of [`access_key_id`](Self::access_key_id). The clocks may be 15 minutes
    /// apart; a request signed in its headers holds for 15 minutes.
    ///
    /// The algorithm takes some requests for the same, and who acts on one must do so too: escapes in path and query
    /// are undone once; parameters have no order, not even those of one name; a header that is there twice is one
    /// with both values, and unless a header is a list, there must be one of it.
    ///
    /// # Errors
    /// [`VerifyError`], the first reason that is found. Callers on the network should be told no more
    /// than that it was refused.
    pub fn verify(&self, credentials: &Credentials, now: Timestamp) -> Result<(), VerifyError> {
        let key = SigningKey::derive_in(
            self.dialect,
            credentials,
            self.signed_at,
            &self.scope.region,
            &self.scope.service,
        );
        self.verify_with(&key.map_err(|_| malformed("credential"))?, now)
    }

    /// The same with a key that was derived before.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_with(&self, key: &SigningKey, now: Timestamp) -> Result<(), VerifyError> {
        let scope = key.scope();
        let named = format!(
            "{}/{}/{}/{}/{}",
            self.scope.access_key_id,
            self.scope.day,
            self.scope.region,
            self.scope.service,
            self.dialect.terminator()
        );
        let same_token = scope.token() == self.token.as_deref();
        if scope.credential != named || scope.dialect != self.dialect || !same_token {
            return Err(VerifyError::OtherCredentials);
        }
        self.check_headers()?;
        let signer = key.signer_at(&self.date);
        let signer = signer.map_err(|_| malformed("date"))?;
        let expected = signer.sign(&self.canonical_sha256()?);
        if !same(&expected, self.signature.as_bytes()) {
            return Err(VerifyError::Signature);
        }
        let lifetime = self.expires_in.map_or(HEADER_LIFETIME, i64::from);
        check_time(self.signed_at, lifetime, now)
    }

    /// `host` and every header of the provider must be signed: nobody may add one on the way.
    fn check_headers(&self) -> Result<(), VerifyError> {
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        let own = self
            .received
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase());
        let of_provider = own.filter(|name| name.starts_with(self.dialect.header_prefix()));
        for name in of_provider.chain([HOST.to_owned()]) {
            if !is_signed(&name) {
                return Err(VerifyError::HeaderNotSigned { name });
            }
        }
        Ok(())
    }

    fn canonical_sha256(&self) -> Result<[u8; 32], VerifyError> {
        let (path, query) = match self.received.target.split_once('?') {
            Some((path, query)) => (path, query),
            None => (self.received.target, ""),
        };
        // Nobody signs one that is not escaped, and who reads the query might take it for a space.
        if query.contains('+') {
            return Err(malformed("query"));
        }
        let path = PathRules::OBJECT_STORAGE.apply(path);
        // Encoded names: the signature's has nothing in it that would be escaped.
        let signature = format!("{}Signature", self.dialect.parameter_prefix());
        let query = canonical_query(query, |name| name != signature);
        let mut headers: Vec<Header<'_>> = Vec::new();
        for name in self.signed_headers.iter().filter(|name| *name != HOST) {
            let before = headers.len();
            headers.extend(self.received.values(name).map(|value| (&**name, value)));
            if headers.len() == before {
                return Err(VerifyError::HeaderMissing { name: name.clone() });
            }
        }
        let host = self.received.once(HOST, "host")?;
        let request = CanonicalRequest {
            method: self.received.method,
            path: &path.ok_or(malformed("path"))?,
            query: &query.ok_or(malformed("query"))?,
            headers: &SignedHeaders::unchecked(host.ok_or(malformed("host"))?, &headers),
            payload: &self.payload,
        };
        Ok(request.sha256())
    }
}

/// The names of signed headers: lower case, sorted, each once.
pub(super) fn read_names(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    let sound = |name: &String| {
        let token = |b: u8| {
            b.is_ascii_graphic() && !b.is_ascii_uppercase() && !b"\"(),/:;<=>?@[\\]{}".contains(&b)
        };
        !name.is_empty() && name.bytes().all(token)
    };
    (names.iter().all(sound) && names.is_sorted_by(|a, b| a < b)).then_some(names)
}

/// Whether a scope and a date are of the same day, and the instant of that date.
pub(super) fn read_date(scope: &ClaimedScope, date: &str) -> Result<Timestamp, VerifyError> {
    let at = crate::instant::parse_compact(date).ok_or(malformed("date"))?;
    if scope.day() != day_of(date) {
        return Err(malformed("credential"));
    }
    Ok(at)
}

pub(super) fn is_signature(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
}
