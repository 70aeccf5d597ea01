//! Who may do what. Three things are said here and cannot be changed: what is in another tenant does not exist, a ticket
//! makes uploads and does nothing else, and an API key is good for its scopes and no more. The rest say policies, in
//! Cedar; the built-in ones let owners manage their own and the role `admin` everything.

mod book;
mod explain;
mod facts;
mod index;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use jiff::Timestamp;
use valetkey_catalog::{FilePatch, Record};
use valetkey_protocol::api_key::Scope;
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::{Code, Subject, Tenant};

pub use book::{DEFAULT_POLICIES, Policies, PolicyBook, PolicyError, PolicyFile, Vocabulary};
pub use facts::{About, Attribute, Attributes, BucketFacts, FileFacts, Kind, Question, Wish};

use crate::link::USUAL_LIFE;
use crate::{ADMIN, Bucket, Engine, Error, Principal};

/// What a question is about, and what else is asked for with it.
impl<'f> Question<'f> {
    /// Nothing besides.
    pub fn new(who: &'f Principal, action: Action, about: About<'f>, now: Timestamp) -> Self {
        Self {
            who,
            action,
            about,
            now,
            wish: None,
            expires_in: None,
        }
    }
}

impl Policies {
    /// Whether somebody may do something to what is within their reach.
    pub fn permit(&self, question: &Question<'_>) -> bool {
        let who = question.who;
        if who.ticket.is_some() && question.action != Action::CreateUpload {
            return false;
        }
        match self.index.chapter(question) {
            Some(chapter) if chapter.built_in => built_in(question),
            Some(chapter) => self.ask(question, &chapter.set),
            None => false,
        }
    }
}

/// What the built-in policies say, without asking Cedar: a test holds the two against each other.
fn built_in(question: &Question<'_>) -> bool {
    let who = question.who;
    if who.has_role(ADMIN) {
        return true;
    }
    match (question.action, &question.about) {
        (Action::CreateUpload, _) => true,
        (Action::ListAll | Action::Administer, _) => false,
        (_, About::File(file)) => *file.owner == who.subject && *file.tenant == who.tenant,
        _ => false,
    }
}

/// What somebody wants to do to a file, and for how long they asked it to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deed {
    pub(crate) action: Action,
    /// In seconds; what the bucket gives when absent.
    pub(crate) expires_in: Option<u64>,
}

impl Deed {
    /// Making a link that holds for so many seconds.
    pub(crate) fn create_link(seconds: u64) -> Self {
        Self {
            action: Action::CreateLink,
            expires_in: Some(seconds),
        }
    }

    /// Fetching, for so many seconds.
    pub(crate) fn download(expires_in: Option<u64>) -> Self {
        Self {
            action: Action::Download,
            expires_in,
        }
    }
}

impl From<Action> for Deed {
    fn from(action: Action) -> Self {
        Self {
            action,
            expires_in: None,
        }
    }
}

/// What an API key must be good for, for somebody to do this.
fn scope(action: Action) -> Option<Scope> {
    match action {
        Action::CreateUpload | Action::Update => Some(Scope::Upload),
        Action::Read | Action::Download | Action::ListAll => Some(Scope::Read),
        Action::CreateLink => Some(Scope::Read),
        Action::Delete => Some(Scope::Delete),
        Action::Administer => None,
    }
}

/// Lets through whoever may do this at all: what policies say of it comes after.
pub(crate) fn check_may(who: &Principal, action: Action) -> Result<(), Error> {
    if who.ticket.is_some() && action != Action::CreateUpload {
        let detail = "a ticket is for uploads alone; ask your application for the rest";
        return Err(Error::refused(Code::Forbidden, detail));
    }
    let missing = |scope: &Scope| {
        let scopes = who.scopes.as_ref();
        scopes.is_some_and(|scopes| !scopes.contains(scope))
    };
    match scope(action).filter(missing) {
        None => Ok(()),
        Some(scope) => {
            let scope = scope.as_str();
            let detail =
                format!("this API key does not have the scope `{scope}`; ask an administrator");
            Err(Error::refused(Code::Forbidden, detail))
        }
    }
}

impl Engine {
    /// The policies that hold at the moment.
    pub fn policies(&self) -> &PolicyBook {
        &self.policies
    }

    /// Whether the policies that hold at the moment permit it.
    fn permits(&self, question: &Question<'_>) -> bool {
        self.policies.current().permit(question)
    }

    /// Lets administrators of the whole service through.
    pub(crate) fn check_admin(&self, who: &Principal, what: &str) -> Result<(), Error> {
        self.check_tenant_admin(who, what)?;
        if self.is_everywhere(who) {
            return Ok(());
        }
        let detail = format!("only the role {ADMIN} of the default tenant may {what}");
        Err(Error::refused(Code::Forbidden, detail))
    }

    /// Lets administrators of their tenant through.
    pub(crate) fn check_tenant_admin(&self, who: &Principal, what: &str) -> Result<(), Error> {
        if self.is_admin(who) {
            return Ok(());
        }
        let detail = match self.policies.current().built_in {
            true => format!("only the role {ADMIN} may {what}"),
            false => format!("policies do not let you administer, so you may not {what}"),
        };
        Err(Error::refused(Code::Forbidden, detail))
    }

    /// Whether somebody administers: in the default tenant the service, in another one that tenant.
    pub(crate) fn is_admin(&self, who: &Principal) -> bool {
        let now = self.clock.now();
        let question = Question::new(who, Action::Administer, About::Service, now);
        self.permits(&question)
    }

    /// Whether what is in a tenant may concern somebody at all, whatever policies say.
    pub(crate) fn is_within_reach(&self, who: &Principal, tenant: &Tenant) -> bool {
        *tenant == who.tenant || self.is_everywhere(who)
    }

    /// Whether somebody may look into every tenant: policies can take that from the role, and give it to nobody else.
    pub(crate) fn is_everywhere(&self, who: &Principal) -> bool {
        who.tenant.is_default() && who.has_role(ADMIN) && self.is_admin(who)
    }

    /// In which tenant the files of a list are: `None` is in every one.
    pub(crate) fn listed_tenant(&self, who: &Principal) -> Option<Tenant> {
        (!self.is_everywhere(who)).then(|| who.tenant.clone())
    }

    /// Whose files a list shows: `None` is everybody's, in that tenant. Of several buckets, everybody's are shown where all
    /// of them may be listed.
    pub(crate) fn listed_owner(&self, who: &Principal, bucket: Option<&Bucket>) -> Option<Subject> {
        let all = match bucket {
            Some(bucket) => self.may_list_all(who, bucket),
            None => self
                .buckets
                .values()
                .all(|bucket| self.may_list_all(who, bucket)),
        };
        (!all).then(|| who.subject.clone())
    }

    fn may_list_all(&self, who: &Principal, bucket: &Bucket) -> bool {
        let about = About::Bucket(bucket.facts());
        let question = Question::new(who, Action::ListAll, about, self.clock.now());
        self.permits(&question)
    }

    /// Lets an upload through that policies allow.
    pub(crate) fn check_create(
        &self,
        who: &Principal,
        bucket: &Bucket,
        wish: Wish<'_>,
        seconds: u64,
    ) -> Result<(), Error> {
        let about = About::Bucket(bucket.facts());
        let question = Question {
            wish: Some(wish),
            expires_in: Some(seconds),
            ..Question::new(who, Action::CreateUpload, about, self.clock.now())
        };
        if self.permits(&question) {
            return Ok(());
        }
        let detail = format!(
            "policies do not allow this upload to bucket {}; administrators see why with POST /v1/policy/explain",
            bucket.name
        );
        Err(Error::refused(Code::Forbidden, detail))
    }

    /// Lets through whoever may do this to a record. To those who may not read it, it does not exist; others are told.
    /// An upload under way is its owner's, who was let in when it was created.
    pub(crate) fn check_access(
        &self,
        who: &Principal,
        deed: Deed,
        record: &Record,
    ) -> Result<(), Error> {
        let action = deed.action;
        let upload = &record.upload;
        if !self.is_within_reach(who, &upload.tenant) {
            return Err(Error::NotFound);
        }
        if action == Action::CreateUpload {
            return self.check_owned(who, &upload.tenant, &upload.owner);
        }
        if self.may(who, deed, record) {
            return Ok(());
        }
        if action != Action::Read && self.may(who, Action::Read.into(), record) {
            let what = action.as_str();
            let detail = format!(
                "policies do not let you {what} this file; administrators see why with POST /v1/policy/explain"
            );
            return Err(Error::refused(Code::Forbidden, detail));
        }
        Err(Error::NotFound)
    }

    /// Lets through whoever made something, or administers where it is. To all others it does not exist.
    pub(crate) fn check_owned(
        &self,
        who: &Principal,
        tenant: &Tenant,
        owner: &Subject,
    ) -> Result<(), Error> {
        let own = *owner == who.subject && *tenant == who.tenant;
        match own || (self.is_within_reach(who, tenant) && self.is_admin(who)) {
            true => Ok(()),
            false => Err(Error::NotFound),
        }
    }

    /// Whose links, or events, a list shows: `None` is everybody's, in the tenants within reach.
    pub(crate) fn managed_owner(&self, who: &Principal) -> Option<Subject> {
        (!self.is_admin(who)).then(|| who.subject.clone())
    }

    /// Whether policies let somebody do this to a file that is within reach.
    fn may(&self, who: &Principal, deed: Deed, record: &Record) -> bool {
        self.may_facts(who, deed, record, self.file_facts(record))
    }

    fn may_facts(
        &self,
        who: &Principal,
        deed: Deed,
        record: &Record,
        facts: FileFacts<'_>,
    ) -> bool {
        self.permits(&self.question(who, deed, record, facts))
    }

    fn question<'f>(
        &self,
        who: &'f Principal,
        deed: Deed,
        record: &Record,
        facts: FileFacts<'f>,
    ) -> Question<'f> {
        Question {
            expires_in: self.lifetime(deed, record),
            ..Question::new(who, deed.action, About::File(facts), self.clock.now())
        }
    }

    /// Lets a change through that leaves a file its owner might still change: nobody moves a file to where other policies
    /// hold for it than those that let them.
    pub(crate) fn check_becoming(
        &self,
        who: &Principal,
        record: &Record,
        change: &FilePatch,
    ) -> Result<(), Error> {
        let facts = FileFacts {
            filename: change.filename.as_str(),
            path: change.path.as_str(),
            metadata: &change.metadata,
            ..self.file_facts(record)
        };
        if self.may_facts(who, Action::Update.into(), record, facts) {
            return Ok(());
        }
        let detail = "policies do not let you give this file these values; administrators see why with POST /v1/policy/explain";
        Err(Error::refused(Code::Forbidden, detail))
    }

    /// For how many seconds a URL or a link will hold; what was asked for, where the bucket does not allow that.
    pub(super) fn lifetime(&self, deed: Deed, record: &Record) -> Option<u64> {
        match deed.action {
            Action::Download => {}
            Action::CreateLink => return Some(deed.expires_in.unwrap_or(USUAL_LIFE)),
            _ => return None,
        }
        let bucket = self.buckets.get(&record.upload.bucket)?;
        bucket
            .rules
            .validity(deed.expires_in)
            .ok()
            .or(deed.expires_in)
    }

    /// Leaves of a page what may be read. The built-in policies let everything be read that is listed, and where policies look
    /// at nothing but bucket and owner they are asked once for each of these.
    pub(crate) fn keep_readable(&self, who: &Principal, records: &mut Vec<Record>) {
        let policies = self.policies.current();
        if policies.built_in {
            return;
        }
        let mut answers = HashMap::new();
        let readable = |record| {
            let facts = self.file_facts(record);
            let question = self.question(who, Action::Read.into(), record, facts);
            match policies.is_coarse(&question) {
                true => *answers
                    .entry((facts.bucket.name, facts.tenant, facts.owner))
                    .or_insert_with(|| policies.permit(&question)),
                false => policies.permit(&question),
            }
        };
        let mut readable = records.iter().map(readable).collect::<Vec<_>>().into_iter();
        records.retain(|_| readable.next() == Some(true));
    }

    /// A file, as policies see it.
    fn file_facts<'f>(&'f self, record: &'f Record) -> FileFacts<'f> {
        let upload = &record.upload;
        let bucket = self.buckets.get(&upload.bucket);
        FileFacts {
            bucket: bucket.map_or(BucketFacts::unknown(&upload.bucket), Bucket::facts),
            id: upload.id,
            tenant: &upload.tenant,
            owner: &upload.owner,
            filename: upload.filename.as_str(),
            path: upload.path.as_str(),
            content_type: upload.content_type.essence(),
            size: upload.size,
            metadata: &upload.metadata,
            created_at: upload.created_at,
        }
    }
}
