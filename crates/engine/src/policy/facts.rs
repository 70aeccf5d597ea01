//! What policies are told: who asks, for what, and about what, in Cedar's words.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use jiff::Timestamp;
use jiff::tz::Offset;
pub use valetkey_protocol::bucket::{Attribute, Kind};
use valetkey_protocol::{FileId, Metadata, Subject, Tenant};

use super::Action;
use crate::Principal;

/// What Cedar calls a kind of value.
pub(super) fn in_cedar(kind: Kind) -> &'static str {
    match kind {
        Kind::Flag => "Bool",
        Kind::Number => "Long",
        Kind::Text => "String",
        Kind::Texts => "Set<String>",
    }
}

fn expression(attribute: &Attribute) -> RestrictedExpression {
    match attribute {
        Attribute::Flag(flag) => RestrictedExpression::new_bool(*flag),
        Attribute::Number(number) => RestrictedExpression::new_long(*number),
        Attribute::Text(text) => string(text),
        Attribute::Texts(texts) => strings(texts),
    }
}

/// Attributes by their names.
pub type Attributes = BTreeMap<String, Attribute>;

/// A bucket, as policies see it.
#[derive(Debug, Clone, Copy)]
pub struct BucketFacts<'f> {
    /// What the configuration calls it.
    pub name: &'f str,
    /// How carefully it is to be treated.
    pub security_level: i64,
    /// What else policies are to know of it.
    pub attributes: &'f Attributes,
}

/// A file, as policies see it.
#[derive(Debug, Clone, Copy)]
pub struct FileFacts<'f> {
    /// The bucket it lies in.
    pub bucket: BucketFacts<'f>,
    /// Its id.
    pub id: FileId,
    /// In which tenant its owner is.
    pub tenant: &'f Tenant,
    /// Whose it is.
    pub owner: &'f Subject,
    /// Its true name.
    pub filename: &'f str,
    /// Its folder.
    pub path: &'f str,
    /// Its media type without parameters, in lower case.
    pub content_type: &'f str,
    /// Its bytes.
    pub size: u64,
    /// The application's notes.
    pub metadata: &'f Metadata,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What a question is about.
#[derive(Debug, Clone, Copy)]
pub enum About<'f> {
    /// The service itself.
    Service,
    /// A bucket.
    Bucket(BucketFacts<'f>),
    /// A file.
    File(FileFacts<'f>),
}

/// An upload that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'f> {
    /// What it is to be called.
    pub filename: &'f str,
    /// In which folder.
    pub path: &'f str,
    /// Its media type without parameters, in lower case.
    pub content_type: &'f str,
    /// Its bytes, or the most there may be.
    pub size: u64,
}

/// Whether somebody may do something.
#[derive(Debug, Clone, Copy)]
pub struct Question<'f> {
    /// Who asks.
    pub who: &'f Principal,
    /// What they want to do.
    pub action: Action,
    /// What it is about.
    pub about: About<'f>,
    /// When.
    pub now: Timestamp,
    /// The upload that is asked for.
    pub wish: Option<Wish<'f>>,
    /// For how many seconds a URL will hold.
    pub expires_in: Option<u64>,
}

impl Question<'_> {
    /// The request, and the entities it speaks of. What policies cannot be told is said in words.
    pub(super) fn in_cedar(&self, offset: Offset) -> Result<(Request, Entities), String> {
        let user = uid(&TYPES.user, &self.who.owner().to_string());
        let mut entities = vec![self.user(user.clone())?];
        let resource = match &self.about {
            About::Service => {
                let service = uid(&TYPES.service, "valetkey");
                entities.push(Entity::with_uid(service.clone()));
                service
            }
            About::Bucket(facts) => {
                let bucket = uid(&TYPES.bucket, facts.name);
                entities.push(facts.entity(bucket.clone())?);
                bucket
            }
            About::File(facts) => {
                let (bucket, file) = (
                    uid(&TYPES.bucket, facts.bucket.name),
                    uid(&TYPES.file, &facts.id.to_string()),
                );
                entities.push(facts.bucket.entity(bucket.clone())?);
                entities.push(facts.entity(file.clone(), bucket, self.now)?);
                file
            }
        };
        let action = uid_of(self.action);
        let context = Context::from_pairs(self.context(offset)).map_err(text)?;
        let request = Request::new(user, action, resource, context, None).map_err(text)?;
        let entities = Entities::from_entities(entities, None).map_err(text)?;
        Ok((request, entities))
    }

    fn user(&self, uid: EntityUid) -> Result<Entity, String> {
        let who = self.who;
        let claims = who.claims.iter();
        let claims = claims.map(|(name, value)| (name.clone(), expression(value)));
        let claims = RestrictedExpression::new_record(claims).map_err(text)?;
        let attributes = [
            ("subject", string(who.subject.as_str())),
            ("tenant", string(who.tenant.as_str())),
            ("roles", strings(&who.roles)),
            ("licences", strings(&who.licences)),
            ("claims", claims),
        ];
        entity(uid, attributes, None)
    }

    fn context(&self, offset: Offset) -> Vec<(String, RestrictedExpression)> {
        let local = offset.to_datetime(self.now);
        let weekday = local.weekday().to_monday_one_offset();
        let mut pairs = vec![
            ("time", number(self.now.as_second())),
            ("hour", number(local.hour())),
            ("weekday", number(weekday)),
        ];
        if let Some(address) = self.who.address {
            pairs.push(("ip", ip(address)));
        }
        if let Some(seconds) = self.expires_in {
            pairs.push(("expires_in", size(seconds)));
        }
        if let Some(wish) = &self.wish {
            pairs.extend([
                ("filename", string(wish.filename)),
                ("path", string(wish.path)),
                ("top", string(top(wish.path))),
                ("content_type", string(wish.content_type)),
                ("size", size(wish.size)),
            ]);
        }
        let pairs = pairs.into_iter();
        pairs
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

impl<'f> BucketFacts<'f> {
    /// One that is not configured any more.
    pub(crate) fn unknown(name: &'f str) -> Self {
        static NONE: Attributes = Attributes::new();
        Self {
            name,
            security_level: 0,
            attributes: &NONE,
        }
    }

    fn entity(&self, uid: EntityUid) -> Result<Entity, String> {
        let own = self.attributes.iter();
        let own = own.map(|(name, value)| (name.clone(), expression(value)));
        let attributes = [
            ("name", string(self.name)),
            (
                "security_level",
                RestrictedExpression::new_long(self.security_level),
            ),
            (
                "attributes",
                RestrictedExpression::new_record(own).map_err(text)?,
            ),
        ];
        entity(uid, attributes, None)
    }
}

impl FileFacts<'_> {
    fn entity(&self, uid: EntityUid, bucket: EntityUid, now: Timestamp) -> Result<Entity, String> {
        let age = now.duration_since(self.created_at).as_secs();
        let attributes = [
            (
                "bucket",
                RestrictedExpression::new_entity_uid(bucket.clone()),
            ),
            ("owner", string(self.owner.as_str())),
            ("tenant", string(self.tenant.as_str())),
            ("filename", string(self.filename)),
            ("path", string(self.path)),
            ("top", string(top(self.path))),
            ("content_type", string(self.content_type)),
            ("size", size(self.size)),
            ("age_seconds", number(age.max(0))),
        ];
        let tags = self.metadata.pairs().iter();
        let tags = tags.map(|(key, value)| (key.to_string(), string(value)));
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        Entity::new_with_tags(uid, attributes, [bucket], tags).map_err(text)
    }
}

/// The names of the schema, read once.
struct Types {
    user: EntityTypeName,
    service: EntityTypeName,
    bucket: EntityTypeName,
    file: EntityTypeName,
    action: EntityTypeName,
}

#[expect(clippy::expect_used, reason = "the names are ours, and are names")]
static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let name = |text: &str| text.parse().expect("it is a name");
    Types {
        user: name("User"),
        service: name("Service"),
        bucket: name("Bucket"),
        file: name("File"),
        action: name("Action"),
    }
});

/// What Cedar calls an action.
pub(super) fn uid_of(action: Action) -> EntityUid {
    uid(&TYPES.action, action.as_str())
}

/// Whether an entity is a bucket.
pub(super) fn is_bucket(uid: &EntityUid) -> bool {
    *uid.type_name() == TYPES.bucket
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn entity<const N: usize>(
    uid: EntityUid,
    attributes: [(&str, RestrictedExpression); N],
    parent: Option<EntityUid>,
) -> Result<Entity, String> {
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
    let parents = HashSet::from_iter(parent);
    Entity::new(uid, attributes.into_iter().collect(), parents).map_err(text)
}

/// The first step of a folder's path.
fn top(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn strings(texts: &[String]) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.iter().map(|text| string(text)))
}

fn number(value: impl Into<i64>) -> RestrictedExpression {
    RestrictedExpression::new_long(value.into())
}

/// No file and no time is larger than what Cedar can say.
fn size(value: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(value).unwrap_or(i64::MAX))
}

/// An IPv4 address within an IPv6 one is that address.
fn ip(address: IpAddr) -> RestrictedExpression {
    RestrictedExpression::new_ip(address.to_canonical().to_string())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
