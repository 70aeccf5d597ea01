//! Tables of decisions. A row is `who | file | around | marks`, and each mark is one decision about that file, about an
//! upload of it, and about its bucket: `+` it is allowed, `-` it is not.
//!
//! - who: `alice@acme +editor %studio plan=gold`: subject, tenant, roles, licences, claims.
//! - file: `docs owner=bob tenant=acme path=a/b name=x.pdf type=text/plain size=10 age=60 level=2 product:studio`: bucket,
//!   what it is, its bucket's level, and tags. Whatever is not said is alice's, in the default tenant, and plain.
//! - around: `ip=10.0.0.1 at=2026-03-02T09:00:00Z for=900`: address, instant, seconds. Monday at nine when not said.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::{Metadata, Subject, Tenant};

use crate::policy::{About, BucketFacts, FileFacts, Policies, Question, Wish};
use crate::{Attribute, Attributes, Principal};

/// What is decided in every row, in the order of its marks.
pub(super) const ACTIONS: [Action; 8] = [
    Action::CreateUpload,
    Action::ListAll,
    Action::Read,
    Action::Download,
    Action::Update,
    Action::Delete,
    Action::CreateLink,
    Action::Administer,
];

/// Somebody, something, and when: eight questions may be asked about it.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) who: Principal,
    pub(super) bucket: String,
    pub(super) level: i64,
    pub(super) tenant: Tenant,
    pub(super) owner: Subject,
    pub(super) path: String,
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) size: u64,
    pub(super) age: i64,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) now: Timestamp,
    pub(super) expires_in: u64,
}

impl Scene {
    /// Asks; with `bare`, Cedar itself, of all policies, also where it is decided without it or of fewer.
    pub(super) fn ask(&self, policies: &Policies, action: Action, bare: bool) -> bool {
        self.with_question(action, |question| match bare {
            true => policies.ask(question, &policies.set),
            false => policies.permit(question),
        })
    }

    /// Does something with a question about it.
    pub(super) fn with_question<T>(
        &self,
        action: Action,
        work: impl FnOnce(&Question<'_>) -> T,
    ) -> T {
        let nothing = Attributes::new();
        let bucket = BucketFacts {
            name: &self.bucket,
            security_level: self.level,
            attributes: &nothing,
        };
        let metadata = Metadata::new(self.tags.clone()).unwrap();
        let file = FileFacts {
            bucket,
            id: "01936f3e-8b7a-7c3d-9e4f-0123456789ab".parse().unwrap(),
            tenant: &self.tenant,
            owner: &self.owner,
            filename: &self.name,
            path: &self.path,
            content_type: &self.content_type,
            size: self.size,
            metadata: &metadata,
            created_at: self.now - SignedDuration::from_secs(self.age),
        };
        let about = match action {
            Action::CreateUpload | Action::ListAll => About::Bucket(bucket),
            Action::Administer => About::Service,
            _ => About::File(file),
        };
        let lasts = matches!(
            action,
            Action::CreateUpload | Action::Download | Action::CreateLink
        );
        let question = Question {
            wish: (action == Action::CreateUpload).then_some(Wish {
                filename: &self.name,
                path: &self.path,
                content_type: &self.content_type,
                size: self.size,
            }),
            expires_in: lasts.then_some(self.expires_in),
            ..Question::new(&self.who, action, about, self.now)
        };
        work(&question)
    }
}

/// Holds policies against a table; says how many decisions that were.
pub(super) fn check(name: &str, policies: &Policies, table: &str) -> usize {
    let mut count = 0;
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (scene, marks) = read(row);
        let asked = |bare| -> String {
            let mark = |action: &Action| match scene.ask(policies, *action, bare) {
                true => '+',
                false => '-',
            };
            ACTIONS.iter().map(mark).collect()
        };
        assert_eq!(asked(false), marks, "{name}: {row}");
        assert_eq!(asked(true), marks, "{name}, by Cedar: {row}");
        count += ACTIONS.len();
    }
    count
}

/// A row, and its marks.
pub(super) fn read(row: &str) -> (Scene, String) {
    let fields: Vec<_> = row.split('|').map(str::trim).collect();
    let [who, file, around, marks] = fields[..] else {
        panic!("four fields: {row}");
    };
    let mut scene = Scene {
        who: somebody(who),
        bucket: "files".to_owned(),
        level: 0,
        tenant: Tenant::default(),
        owner: Subject::parse("alice").unwrap(),
        path: String::new(),
        name: "notes.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size: 10,
        age: 60,
        tags: BTreeMap::new(),
        now: "2026-03-02T09:00:00Z".parse().unwrap(),
        expires_in: 900,
    };
    for word in file.split_whitespace() {
        scene.take_file(word);
    }
    for word in around.split_whitespace() {
        match word.split_once('=').unwrap() {
            ("ip", ip) => scene.who.address = Some(ip.parse().unwrap()),
            ("at", at) => scene.now = at.parse().unwrap(),
            ("for", seconds) => scene.expires_in = seconds.parse().unwrap(),
            _ => panic!("{word}: {row}"),
        }
    }
    let marks: String = marks.split_whitespace().collect();
    assert_eq!(marks.len(), ACTIONS.len(), "eight marks: {row}");
    (scene, marks)
}

impl Scene {
    fn take_file(&mut self, word: &str) {
        if let Some((key, value)) = word.split_once(':') {
            self.tags.insert(key.to_owned(), value.to_owned());
            return;
        }
        match word.split_once('=') {
            None => word.clone_into(&mut self.bucket),
            Some(("owner", owner)) => self.owner = Subject::parse(owner).unwrap(),
            Some(("tenant", tenant)) => self.tenant = Tenant::parse(tenant).unwrap(),
            Some(("path", path)) => path.clone_into(&mut self.path),
            Some(("name", name)) => name.clone_into(&mut self.name),
            Some(("type", kind)) => kind.clone_into(&mut self.content_type),
            Some(("size", size)) => self.size = size.parse().unwrap(),
            Some(("age", age)) => self.age = age.parse().unwrap(),
            Some(("level", level)) => self.level = level.parse().unwrap(),
            Some(_) => panic!("a file has no {word}"),
        }
    }
}

fn somebody(text: &str) -> Principal {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap();
    let (subject, tenant) = name.split_once('@').unwrap_or((name, ""));
    let mut who = Principal::new(Subject::parse(subject).unwrap(), Vec::new());
    who.tenant = Tenant::parse(tenant).unwrap();
    for word in words {
        if let Some(role) = word.strip_prefix('+') {
            who.roles.push(role.to_owned());
        } else if let Some(licence) = word.strip_prefix('%') {
            who.licences.push(licence.to_owned());
        } else {
            let (name, value) = word.split_once('=').unwrap();
            let value = Attribute::Text(value.to_owned());
            who.claims.insert(name.to_owned(), value);
        }
    }
    who
}
