//! What S3 would do, on a `BTreeMap`.
//!
//! The model does not talk HTTP, but it says what is to be sent and what must come back: an [`Exchange`].

mod list;
mod object;
mod upload;

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::step::{Condition, KEYS, ReadCondition, Step, Version, any_step};

pub(super) use list::Page;

/// Every kind of answer a run must have seen: otherwise it tested less than it says.
pub(super) const OUTCOMES: [&str; 23] = [
    "200",
    "200 list",
    "200 list of parts",
    "200 list of uploads",
    "200 object",
    "200 of many parts",
    "204",
    "206",
    "304",
    "400 BadDigest",
    "400 EntityTooSmall",
    "400 IncompleteBody",
    "400 InvalidPart",
    "400 InvalidPartOrder",
    "400 InvalidRequest",
    "400 MalformedXML",
    "404 NoSuchKey",
    "404 NoSuchUpload",
    "412 PreconditionFailed",
    "416 InvalidRange",
    "HEAD refused",
    "crash",
    "reopen",
];

/// Everything a store knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) objects: BTreeMap<String, Object>,
    /// Uploads in the order of their creation, ended ones too.
    pub(super) uploads: Vec<Upload>,
    /// What the last step was and must have come to.
    pub(super) last: Option<Action>,
}

/// A stored object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    /// With its quotes.
    pub(super) etag: String,
    /// Stands for everything a client says about an object.
    pub(super) mark: u8,
    /// Header and value, as HEAD shows them.
    pub(super) checksum: (&'static str, String),
    pub(super) checksum_type: &'static str,
}

pub(super) use upload::Upload;

/// What to do, and how to see that it was done.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Send(Box<Exchange>),
    List {
        prefix: &'static str,
        delimiter: bool,
        limit: usize,
        first_version: bool,
        pages: Vec<Page>,
    },
    ListParts {
        key: String,
        slot: usize,
        limit: usize,
        parts: Vec<(u16, usize, String)>,
    },
    ListUploads {
        limit: usize,
        uploads: Vec<(String, usize)>,
    },
    Reopen,
    Crash,
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) method: &'static str,
    /// `None` for the bucket itself.
    pub(super) key: Option<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// What the request says instead of the body's length.
    pub(super) length: Option<usize>,
    /// The upload it is about, of those that were created; a made-up one when there is no such.
    pub(super) upload: Option<usize>,
    pub(super) expected: Expected,
}

#[derive(Clone, Debug)]
pub(super) enum Expected {
    Refused(u16, &'static str),
    /// The answer to a HEAD has no body to read a code from.
    HeadRefused(u16),
    Done {
        status: u16,
        etag: Option<String>,
    },
    /// The ETag is in the body.
    DoneInXml {
        etag: String,
        parts: usize,
    },
    Created,
    Object {
        status: u16,
        object: Object,
        bytes: Option<Bytes>,
    },
}

impl Exchange {
    pub(super) fn new(method: &'static str, key: &str) -> Self {
        Self {
            method,
            key: Some(key.to_owned()),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            length: None,
            upload: None,
            expected: Expected::Done {
                status: 200,
                etag: None,
            },
        }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(super) fn header(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    /// A condition, if there is one.
    pub(super) fn maybe(mut self, header: Option<(&'static str, String)>) -> Self {
        self.headers
            .extend(header.map(|(name, value)| (name.to_owned(), value)));
        self
    }

    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(super) fn upload(mut self, slot: usize) -> Self {
        self.upload = Some(slot);
        self
    }

    pub(super) fn expect(mut self, expected: Expected) -> Action {
        self.expected = expected;
        Action::Send(Box::new(self))
    }

    pub(super) fn refused(self, (status, code): Refusal) -> Action {
        let expected = if self.method == "HEAD" {
            Expected::HeadRefused(status)
        } else {
            Expected::Refused(status, code)
        };
        self.expect(expected)
    }
}

/// A status and S3's code.
pub(super) type Refusal = (u16, &'static str);

pub(super) const FAILED: Refusal = (412, "PreconditionFailed");
pub(super) const NO_KEY: Refusal = (404, "NoSuchKey");

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        any_step()
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        let action = model.take(step);
        model.last = Some(action);
        model
    }
}

impl Model {
    fn take(&mut self, step: &Step) -> Action {
        match step.clone() {
            Step::Put {
                key,
                body,
                condition,
                digest,
            } => self.put(KEYS[key], body, condition, digest),
            Step::Truncated { key, body } => object::truncated(KEYS[key], body),
            Step::Get {
                key,
                condition,
                range,
            } => self.get(KEYS[key], condition, range),
            Step::Head { key, condition } => self.head(KEYS[key], condition),
            Step::Delete { key, version } => self.delete(KEYS[key], version),
            Step::DeleteMany { keys } => self.delete_many(&keys),
            Step::Copy {
                source,
                target,
                source_condition,
                condition,
                replace,
            } => self.copy(
                (KEYS[source], source_condition),
                (KEYS[target], condition),
                replace,
            ),
            Step::Create { key, sums, mark } => self.create(KEYS[key], sums, mark),
            Step::Part {
                slot,
                number,
                body,
                right,
            } => self.part(slot, number, body, right),
            Step::CopyPart {
                slot,
                number,
                source,
                range,
            } => self.copy_part(slot, number, KEYS[source], range),
            Step::Complete {
                slot,
                choice,
                condition,
            } => self.complete(slot, choice, condition),
            Step::Abort { slot } => self.abort(slot),
            Step::ListParts { slot, limit } => self.list_parts(slot, limit),
            Step::ListUploads { limit } => self.list_uploads(limit),
            Step::List {
                prefix,
                delimiter,
                limit,
                first_version,
            } => self.list(prefix, delimiter, limit, first_version),
            Step::Reopen => Action::Reopen,
            Step::Crash => Action::Crash,
        }
    }

    /// What kind of answer the last step must get.
    pub(super) fn outcome(&self) -> &'static str {
        let Some(action) = &self.last else {
            return "nothing";
        };
        let exchange = match action {
            Action::Send(exchange) => exchange,
            Action::List { .. } => return "200 list",
            Action::ListParts { .. } => return "200 list of parts",
            Action::ListUploads { .. } => return "200 list of uploads",
            Action::Reopen => return "reopen",
            Action::Crash => return "crash",
        };
        match &exchange.expected {
            Expected::Refused(304, _) => "304",
            Expected::Refused(status, code) => OUTCOMES
                .into_iter()
                .find(|outcome| *outcome == format!("{status} {code}"))
                .unwrap_or("another refusal"),
            Expected::HeadRefused(_) => "HEAD refused",
            Expected::Done { status: 204, .. } => "204",
            Expected::DoneInXml { parts: 2.., .. } => "200 of many parts",
            Expected::Done { .. } | Expected::DoneInXml { .. } | Expected::Created => "200",
            Expected::Object { status: 206, .. } => "206",
            Expected::Object { .. } => "200 object",
        }
    }

    /// The ETag that a condition names.
    fn version(&self, key: &str, version: Version) -> String {
        match (version, self.objects.get(key)) {
            (Version::Current, Some(object)) => object.etag.clone(),
            _ => "\"0123456789abcdef0123456789abcdef\"".to_owned(),
        }
    }

    /// The header of a condition, and whether it stands in the way of writing.
    fn condition(
        &self,
        key: &str,
        condition: Condition,
    ) -> (Option<(&'static str, String)>, Option<Refusal>) {
        let exists = self.objects.contains_key(key);
        match condition {
            Condition::None => (None, None),
            Condition::Absent => (
                Some(("if-none-match", "*".to_owned())),
                exists.then_some(FAILED),
            ),
            Condition::Match(version) => {
                let refusal = match version {
                    _ if !exists => Some(NO_KEY),
                    Version::Current => None,
                    Version::Other => Some(FAILED),
                };
                (Some(("if-match", self.version(key, version))), refusal)
            }
        }
    }

    /// The header of a condition on an object that is there, and whether it stands in the way of reading.
    fn read_condition(
        &self,
        key: &str,
        condition: ReadCondition,
    ) -> (Option<(&'static str, String)>, Option<Refusal>) {
        const PAST: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
        const FUTURE: &str = "Wed, 21 Oct 2065 07:28:00 GMT";
        let date = |future: bool| if future { FUTURE } else { PAST }.to_owned();
        let unchanged = (304, "NotModified");
        match condition {
            ReadCondition::None => (None, None),
            ReadCondition::Match(version) => {
                let refusal = matches!(version, Version::Other).then_some(FAILED);
                (Some(("if-match", self.version(key, version))), refusal)
            }
            ReadCondition::NoneMatch(version) => {
                let refusal = matches!(version, Version::Current).then_some(unchanged);
                (Some(("if-none-match", self.version(key, version))), refusal)
            }
            ReadCondition::ModifiedSince { future } => (
                Some(("if-modified-since", date(future))),
                future.then_some(unchanged),
            ),
            ReadCondition::UnmodifiedSince { future } => (
                Some(("if-unmodified-since", date(future))),
                (!future).then_some(FAILED),
            ),
        }
    }
}
