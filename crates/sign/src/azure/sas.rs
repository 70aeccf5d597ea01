//! Shared access signatures.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/create-service-sas>,
//! <https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas>

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Account, AzureError, Grant, Resource, SasKey};
use crate::digest::PrefixedHmac;
use crate::encode::{encode_component, push_ascii};

/// The versions in which the text that is signed got more lines.
const WITH_RESOURCE: &str = "2018-11-09";
const WITH_DIRECTORY: &str = "2020-02-10";
const WITH_SCOPE: &str = "2020-12-06";
const WITH_DELEGATED_USER: &str = "2025-07-05";
const WITH_REQUEST: &str = "2026-04-06";

/// The first versions with each kind of signature.
const OLDEST_SERVICE: &str = "2015-04-05";
const OLDEST_DELEGATION: &str = "2018-11-09";

/// Signs one grant for any number of resources.
///
/// What they have in common is put together and hashed once; a signature for one more resource allocates
/// nothing but the growth of the caller's buffer.
#[derive(Clone)]
pub struct Sas {
    account: Account,
    /// Knows the text up to the resource.
    signer: PrefixedHmac,
    /// The lines after the resource and before its kind, and those after its kind.
    lines: (String, String),
    /// The query before and after the kind of resource; encoded.
    query: (String, String),
    version: String,
}

impl Sas {
    /// Prepares to sign a grant.
    ///
    /// # Errors
    /// [`AzureError`], the first part of the grant that cannot be signed.
    pub fn new<'k>(
        account: &Account,
        key: impl Into<SasKey<'k>>,
        grant: &Grant<'_>,
    ) -> Result<Self, AzureError> {
        let key = key.into();
        grant.check(match key {
            SasKey::Account(_) => OLDEST_SERVICE,
            SasKey::Delegation(_) => OLDEST_DELEGATION,
        })?;
        if let SasKey::Delegation(key) = key {
            key.check()?;
            if grant.identifier.is_some() {
                return Err(AzureError::PolicyWithDelegation);
            }
        }
        let start = grant.start.as_ref().map_or("", |start| start.as_str());
        let head = format!(
            "{}\n{start}\n{}\n/blob/{}/",
            grant.permissions,
            grant.expiry.as_str(),
            account.name()
        );
        Ok(Self {
            signer: key.hmac().with_prefix(head.as_bytes()),
            lines: lines(key, grant),
            query: query(key, grant),
            version: grant.version.to_owned(),
            account: account.clone(),
        })
    }

    /// Appends the URL of a resource with its signature, or nothing when it is refused.
    ///
    /// # Errors
    /// [`AzureError::Container`], [`AzureError::EmptyName`], [`AzureError::DotSegment`],
    /// [`AzureError::Control`] and, for directories, [`AzureError::Directory`] and [`AzureError::Version`].
    pub fn url(&self, resource: &Resource<'_>, out: &mut String) -> Result<(), AzureError> {
        self.check(resource)?;
        self.account.push_url(resource, out)?;
        out.push('?');
        self.push_token(resource, out);
        Ok(())
    }

    /// Appends the signature alone, as a query: of a container or directory, it goes behind the URL of
    /// every blob below.
    ///
    /// # Errors
    /// As [`url`](Self::url).
    pub fn token(&self, resource: &Resource<'_>, out: &mut String) -> Result<(), AzureError> {
        self.check(resource)?;
        resource.check()?;
        self.push_token(resource, out);
        Ok(())
    }

    fn check(&self, resource: &Resource<'_>) -> Result<(), AzureError> {
        if resource.depth().is_some() && *self.version < *WITH_DIRECTORY {
            return Err(AzureError::Version {
                given: self.version.clone(),
                oldest: WITH_DIRECTORY,
            });
        }
        Ok(())
    }

    fn push_token(&self, resource: &Resource<'_>, out: &mut String) {
        let (before, after) = &self.query;
        out.push_str(before);
        out.push_str(resource.kind());
        if let Some(depth) = resource.depth() {
            out.push_str("&sdd=");
            push_number(depth, out);
        }
        out.push_str(after);
        out.push_str("&sig=");
        let mut signature = [0; 44];
        let written = STANDARD.encode_slice(self.mac(resource), &mut signature);
        // 32 bytes are always 44 letters: nothing is ever left out here.
        encode_component(&signature[..written.unwrap_or(0)], out);
    }

    fn mac(&self, resource: &Resource<'_>) -> [u8; 32] {
        let (before, after) = &self.lines;
        let (slash, name) = match resource.name() {
            Some(name) => ("/", name),
            None => ("", ""),
        };
        let kind = if *self.version >= *WITH_RESOURCE {
            resource.kind()
        } else {
            ""
        };
        let pieces = [resource.container(), slash, name, before, kind, after];
        self.signer.mac_of(&pieces.map(str::as_bytes))
    }
}

impl fmt::Debug for Sas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sas")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// The lines after the resource: up to its kind, and from there on.
fn lines(key: SasKey<'_>, grant: &Grant<'_>) -> (String, String) {
    let version = grant.version;
    let mut before = vec![""];
    match key {
        SasKey::Account(_) => before.push(grant.identifier.unwrap_or_default()),
        SasKey::Delegation(key) => {
            before.extend(key.parts().map(|(_, value)| value));
            if version >= WITH_DIRECTORY {
                // Agents that are authorised, or not, and a correlation id: of no use to URLs.
                before.extend(["", "", ""]);
            }
            if version >= WITH_DELEGATED_USER {
                before.push(key.signed_delegated_user_tid.as_deref().unwrap_or_default());
                before.push("");
            }
        }
    }
    before.push(grant.ip.unwrap_or_default());
    before.push(grant.protocol.map_or("", |protocol| protocol.as_str()));
    before.push(version);
    let mut after = Vec::new();
    if version >= WITH_RESOURCE {
        before.push("");
        // The snapshot.
        after.extend(["", ""]);
    }
    if version >= WITH_SCOPE {
        after.push(grant.encryption_scope.unwrap_or_default());
    }
    if version >= WITH_REQUEST && matches!(key, SasKey::Delegation(_)) {
        // Headers and parameters that a request must have.
        after.extend(["", ""]);
    }
    if after.is_empty() {
        after.push("");
    }
    after.extend(overrides(grant).map(|(_, value)| value.unwrap_or_default()));
    (before.join("\n"), after.join("\n"))
}

/// The query before the kind of resource, and after it.
fn query(key: SasKey<'_>, grant: &Grant<'_>) -> (String, String) {
    let mut before = String::new();
    let mut after = String::new();
    let add = |query: &mut String, name: &str, value: Option<&str>| {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return;
        };
        query.push('&');
        query.push_str(name);
        query.push('=');
        encode_component(value.as_bytes(), query);
    };
    push_ascii(b"sv=", &mut before);
    encode_component(grant.version.as_bytes(), &mut before);
    add(
        &mut before,
        "st",
        grant.start.as_ref().map(|start| start.as_str()),
    );
    add(&mut before, "se", Some(grant.expiry.as_str()));
    before.push_str("&sr=");
    add(&mut after, "sp", Some(grant.permissions));
    add(&mut after, "si", grant.identifier);
    add(&mut after, "sip", grant.ip);
    add(
        &mut after,
        "spr",
        grant.protocol.map(|protocol| protocol.as_str()),
    );
    if let SasKey::Delegation(key) = key {
        for (name, value) in key.parts() {
            add(&mut after, name, Some(value));
        }
        let tenant = key.signed_delegated_user_tid.as_deref();
        let tenant = tenant.filter(|_| grant.version >= WITH_DELEGATED_USER);
        add(&mut after, "skdutid", tenant);
    }
    let scope = grant
        .encryption_scope
        .filter(|_| grant.version >= WITH_SCOPE);
    add(&mut after, "ses", scope);
    for (name, value) in overrides(grant) {
        add(&mut after, name, value);
    }
    (before, after)
}

fn overrides<'a>(grant: &Grant<'a>) -> [(&'static str, Option<&'a str>); 5] {
    let overrides = grant.overrides;
    [
        ("rscc", overrides.cache_control),
        ("rscd", overrides.content_disposition),
        ("rsce", overrides.content_encoding),
        ("rscl", overrides.content_language),
        ("rsct", overrides.content_type),
    ]
}

fn push_number(number: usize, out: &mut String) {
    use std::fmt::Write as _;
    // Writing to a string cannot fail.
    let _ = write!(out, "{number}");
}
