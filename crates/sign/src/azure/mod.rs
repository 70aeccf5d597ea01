//! Azure Blob Storage: shared access signatures (SAS), and shared-key headers for control calls.
//!
//! A SAS is not a signed request but a signed *grant*: who has it may do what its permissions say, with
//! any headers and any body. It can be for one blob, for everything below a directory, or for a whole
//! container; one signature then serves many objects.
//!
//! - [`Sas`] with an [`AccountKey`]: a service SAS. It holds as long as the key does.
//! - [`Sas`] with a [`UserDelegationKey`]: the same, signed with a key that Microsoft Entra handed out for
//!   a few days; it can be revoked, and no account key has to be anywhere.
//! - [`shared_key::authorize`]: a signature in headers.
//!
//! ```
//! use valetkey_sign::azure::{Account, AccountKey, Grant, Resource, Sas};
//!
//! let account = Account::new("myaccount")?;
//! let key = AccountKey::from_base64("bXkga2V5IGlzIG5vdCBhIHNlY3JldA==")?;
//! // Create, and only create: an existing blob cannot be replaced.
//! let grant = Grant::new("c", "2026-01-02T03:19:05Z")?;
//! let sas = Sas::new(&account, &key, &grant)?;
//! let mut url = String::new();
//! sas.url(&Resource::Blob { container: "photos", blob: "2026/beach.jpg" }, &mut url)?;
//! assert!(url.starts_with("https://myaccount.blob.core.windows.net/photos/2026/beach.jpg?sv="));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! <https://learn.microsoft.com/rest/api/storageservices/create-service-sas>

mod account;
mod grant;
mod key;
mod sas;
pub mod shared_key;

pub use account::{Account, Resource};
pub use grant::{Grant, Overrides, Protocol, SasTime};
pub use key::{AccountKey, SasKey, UserDelegationKey};
pub use sas::Sas;

/// The version of the storage service that signatures name (`sv`), unless told otherwise.
pub const VERSION: &str = "2024-11-04";

/// Why something for Azure could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AzureError {
    /// Not 1 to 63 of what account names are made of.
    #[error("account {name:?} is not made of 1 to 63 lower-case letters, digits and `-`")]
    Account {
        /// The name as it was given.
        name: String,
    },
    /// The address of the blob service cannot be used.
    #[error("endpoint cannot be used")]
    Endpoint(#[from] crate::EndpointError),
    /// A container's name that no container can have.
    #[error("container {name:?} is not made of 1 to 63 lower-case letters, digits, `-` and `$`")]
    Container {
        /// The name as it was given.
        name: String,
    },
    /// A blob or directory without a name.
    #[error("name of the blob or directory is empty")]
    EmptyName,
    /// A `.` or `..` segment: URL libraries and proxies would resolve it after we signed it.
    #[error("name of the blob or directory contains a `.` or `..` segment")]
    DotSegment,
    /// A directory's path with an empty segment: its depth would be another one for the service.
    #[error("path of the directory begins or ends with a slash, or has two in a row")]
    Directory,
    /// A control character would end a line of what is signed.
    #[error("{part} contains a control character")]
    Control {
        /// Which value.
        part: &'static str,
    },
    /// No letters, or others than permissions are made of.
    #[error("permissions {given:?} are not made of lower-case letters")]
    Permissions {
        /// The permissions as they were given.
        given: String,
    },
    /// No instant as Azure writes it.
    #[error("time {given:?} is not like 2026-01-02, 2026-01-02T03:04Z or 2026-01-02T03:04:05Z")]
    Time {
        /// The time as it was given.
        given: String,
    },
    /// No address and no range of two.
    #[error("IP {given:?} is no IPv4 address and no range such as 10.0.0.1-10.0.0.9")]
    Ip {
        /// The range as it was given.
        given: String,
    },
    /// A version this crate does not know the form of.
    #[error("version {given:?} is no date from {oldest} on")]
    Version {
        /// The version as it was given.
        given: String,
        /// The first version with this kind of signature.
        oldest: &'static str,
    },
    /// A protocol other than the two that there are.
    #[error("protocol {given:?} is neither https nor https,http")]
    Protocol {
        /// The protocol as it was given.
        given: String,
    },
    /// A key that is no base64.
    #[error("key is not in base64")]
    Key,
    /// A stored access policy and a user delegation key do not go together.
    #[error("a user delegation SAS cannot name a stored access policy")]
    PolicyWithDelegation,
    /// A header that cannot be signed.
    #[error("header cannot be signed")]
    Header(#[from] crate::SignError),
}
