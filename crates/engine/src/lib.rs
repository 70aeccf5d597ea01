//! WHO may do WHAT, and what happens then? Policy and use cases. What they need from outside comes
//! through ports: the catalog, the stores, the clock and the ids.

mod api_key;
mod bucket;
mod download;
mod drop_link;
mod engine;
mod error;
mod event;
mod file;
mod link;
mod page;
mod policy;
mod principal;
mod receipt;
mod seal;
mod sniff;
mod sweep;
mod ticket;
mod upload;
mod usage;
mod webhook;

pub use bucket::{Bucket, BucketRules, KeyTemplate};
pub use download::Reading;
pub use drop_link::OpenDrop;
pub use engine::{Engine, EngineParts, Ids, Observer};
pub use error::Error;
pub use event::{Follower, Told};
pub use file::PublicRead;
pub use link::{LinkChance, LinkVisit, OpenLink};
pub use policy::{
    About, Attribute, Attributes, BucketFacts, DEFAULT_POLICIES, FileFacts, Kind, Policies,
    PolicyBook, PolicyError, PolicyFile, Question, Vocabulary, Wish,
};
pub use principal::{ADMIN, Principal};
pub use receipt::ReceiptSigner;
pub use sweep::{Surveyed, SweepReport};
pub use ticket::Ticket;
pub use upload::{Completion, LateGrant, LateUpload};
pub use usage::{BucketVitals, Vitals};
pub use valetkey_catalog::Owner;
pub use webhook::{
    ConfiguredEndpoint, Delivered, WebhookAnswer, WebhookMessage, WebhookParts, WebhookSender,
    Webhooks, check_webhook_secret,
};
