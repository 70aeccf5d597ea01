//! WHAT do both ends say? The ids, keys, checksums, part plans, wire types and problem codes that
//! the server, the client and the SDKs share. No I/O, no clock: values in, values out.

pub mod api_key;
pub mod bucket;
pub mod checksum;
pub mod classic;
pub mod clock;
pub mod content_type;
pub mod disposition;
pub mod download;
pub mod drop_link;
pub mod error;
pub mod event;
pub mod file;
pub mod filename;
pub mod id;
pub mod key;
pub mod link;
pub mod metadata;
pub mod part;
pub mod path;
pub mod policy;
pub mod problem;
pub mod receipt;
pub mod request;
pub mod secret;
pub mod subject;
pub mod sweep;
pub mod tenant;
pub mod ticket;
pub mod upload;
pub mod usage;
pub mod webhook;

mod text;
mod words;

pub use checksum::{Algorithm, Checksum, Hasher};
pub use clock::Clock;
pub use content_type::ContentType;
pub use error::InvalidValue;
pub use filename::Filename;
pub use id::FileId;
pub use key::ObjectKey;
pub use metadata::Metadata;
pub use part::{PartNumber, PartPlan};
pub use path::FolderPath;
pub use problem::{Code, Problem};
pub use receipt::{Jwk, Jwks, Receipt};
pub use request::PresignedRequest;
pub use secret::{PresignedUrl, Secret};
pub use subject::Subject;
pub use tenant::Tenant;
pub use text::hex;
