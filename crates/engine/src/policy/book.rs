//! Policies that were read: parsed, checked with the schema, and exchanged whole while the service runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::str::FromStr as _;
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{
    Authorizer, Decision, Policy, PolicyId, PolicySet, Response, Schema, ValidationMode, Validator,
};
use jiff::tz::Offset;
use miette::Diagnostic;

use super::Question;
use super::facts::{Attributes, Kind, in_cedar};
use super::index::Index;

const SCHEMA: &str = include_str!("valetkey.cedarschema");
const DEFAULT: &str = include_str!("default.cedar");

/// Who may do what when nothing is configured, in Cedar.
pub const DEFAULT_POLICIES: &str = DEFAULT;

/// A file of policies: its name, for messages, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// What it is called.
    pub name: String,
    /// The policies, in Cedar.
    pub text: String,
}

/// The names that a service adds to the schema, and what kind of values they have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Claims of tokens: `principal.claims`.
    pub claims: BTreeMap<String, Kind>,
    /// Attributes of buckets: `attributes`.
    pub attributes: BTreeMap<String, Kind>,
}

impl Vocabulary {
    /// Takes up what a bucket has.
    ///
    /// # Errors
    /// The name of the attribute that is of another kind in another bucket.
    pub fn take(&mut self, attributes: &Attributes) -> Result<(), String> {
        for (name, value) in attributes {
            let kind = *self.attributes.entry(name.clone()).or_insert(value.kind());
            if kind != value.kind() {
                return Err(name.clone());
            }
        }
        Ok(())
    }

    /// The schema with these names.
    ///
    /// # Errors
    /// A name that cannot stand in a schema.
    pub fn schema(&self) -> Result<String, PolicyError> {
        let text = SCHEMA
            .replace("{/* claims */}", &record(&self.claims)?)
            .replace("{/* attributes */}", &record(&self.attributes)?);
        Ok(text)
    }
}

fn record(names: &BTreeMap<String, Kind>) -> Result<String, PolicyError> {
    let mut text = String::from("{");
    for (name, kind) in names {
        let mut letters = name.chars();
        let plain = letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|one| one.is_ascii_alphanumeric() || one == '_');
        if !plain {
            let why = format!(
                "'{name}' is no name for policies: write letters, digits and _, a letter first"
            );
            return Err(PolicyError(why));
        }
        let _ = write!(text, " \"{name}\"?: {},", in_cedar(*kind));
    }
    text.push_str(" }");
    Ok(text)
}

/// Why policies cannot hold: for every fault, in which file, line and column it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(pub String);

/// A set of policies that hold together.
pub struct Policies {
    pub(super) set: PolicySet,
    /// For hours and weekdays.
    pub(super) offset: Offset,
    /// These are the built-in ones and no others.
    pub(super) built_in: bool,
    pub(super) index: Index,
    authorizer: Authorizer,
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.set.num_of_policies();
        f.debug_struct("Policies")
            .field("count", &count)
            .finish_non_exhaustive()
    }
}

impl Policies {
    /// The policies that hold when nothing is configured.
    ///
    /// # Errors
    /// None; they are tested.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::read(&[], true, &Vocabulary::default(), Offset::UTC)
    }

    /// Reads and checks policies; the built-in ones are among them if asked for.
    ///
    /// # Errors
    /// Every fault of every file, each on a line: what is no policy, what the schema does not know, what can never
    /// hold, two policies of one name, templates.
    pub fn read(
        files: &[PolicyFile],
        with_built_in: bool,
        vocabulary: &Vocabulary,
        offset: Offset,
    ) -> Result<Self, PolicyError> {
        let schema = schema(&vocabulary.schema()?)?;
        let built_in = PolicyFile {
            name: "built-in".to_owned(),
            text: DEFAULT.to_owned(),
        };
        let (mut set, mut faults) = (PolicySet::new(), Vec::new());
        if with_built_in {
            read_file(&built_in, &schema, &mut set, &mut faults);
        }
        let own: BTreeSet<_> = set.policies().map(|policy| policy.id().clone()).collect();
        for file in files {
            read_file(file, &schema, &mut set, &mut faults);
        }
        if !faults.is_empty() {
            return Err(PolicyError(faults.join("\n")));
        }
        let index = Index::new(&set, &own)?;
        Ok(Self {
            built_in: with_built_in && set.num_of_policies() == own.len(),
            set,
            offset,
            index,
            authorizer: Authorizer::new(),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.set.num_of_policies()
    }

    /// Whether there is none: then nobody may do anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the answer is the same for all files of one owner in one bucket.
    pub(super) fn is_coarse(&self, question: &Question<'_>) -> bool {
        let chapter = self.index.chapter(question);
        chapter.is_some_and(|chapter| chapter.coarse)
    }

    /// What Cedar answers. A policy that cannot be evaluated refuses: it may be the one that forbids.
    pub(super) fn ask(&self, question: &Question<'_>, set: &PolicySet) -> bool {
        match self.answer(question, set) {
            Ok(response) => {
                let mut errors = response.diagnostics().errors().peekable();
                let sound = errors.peek().is_none();
                for error in errors {
                    tracing::error!(%error, "a policy cannot be evaluated, so it refuses");
                }
                sound && response.decision() == Decision::Allow
            }
            Err(error) => {
                tracing::error!(error, "policies cannot be asked, so they refuse");
                false
            }
        }
    }

    /// What Cedar answers, with its reasons.
    pub(super) fn answer(
        &self,
        question: &Question<'_>,
        set: &PolicySet,
    ) -> Result<Response, String> {
        let (request, entities) = question.in_cedar(self.offset)?;
        Ok(self.authorizer.is_authorized(&request, set, &entities))
    }
}

fn schema(text: &str) -> Result<Schema, PolicyError> {
    match Schema::from_cedarschema_str(text) {
        Ok((schema, _)) => Ok(schema),
        Err(error) => Err(PolicyError(format!("the schema: {error}"))),
    }
}

/// Adds what a file says, or what is wrong with it.
fn read_file(file: &PolicyFile, schema: &Schema, set: &mut PolicySet, faults: &mut Vec<String>) {
    let read = match PolicySet::from_str(&file.text) {
        Ok(read) => read,
        Err(error) => {
            let each = error.iter().map(|one| fault(file, one, &one.to_string()));
            return faults.extend(each);
        }
    };
    if read.num_of_templates() > 0 {
        let why = "has templates (?principal, ?resource), which this service does not link; write policies";
        return faults.push(format!("{}: {why}", file.name));
    }
    let checked = Validator::new(schema.clone()).validate(&read, ValidationMode::Strict);
    faults.extend(
        checked
            .validation_errors()
            .map(|one| fault(file, one, &one.to_string())),
    );
    // A policy that can never hold names what nobody has, and letters that look like others deceive whoever reads it.
    faults.extend(
        checked
            .validation_warnings()
            .map(|one| fault(file, one, &one.to_string())),
    );
    let mut policies: Vec<_> = read.policies().collect();
    policies.sort_by_key(|policy| number(policy));
    for policy in policies {
        let id = policy_name(file, policy, set);
        if set.add(policy.new_id(PolicyId::new(&id))).is_err() {
            let why = "there are two policies of this name; each @id stands once";
            faults.push(format!("{}: {id}: {why}", file.name));
        }
    }
}

/// Which one of its file it is: Cedar counts them, `policy0` first.
fn number(policy: &Policy) -> usize {
    let id = policy.id().to_string();
    let number = id.trim_start_matches("policy").parse();
    number.unwrap_or(usize::MAX)
}

/// Its `@id`, or else its file and line. Of policies without an `@id` that are word for word the same, each has its own line.
fn policy_name(file: &PolicyFile, policy: &Policy, set: &PolicySet) -> String {
    if let Some(id) = policy.annotation("id").filter(|id| !id.is_empty()) {
        return id.to_owned();
    }
    let text = policy.to_cedar().unwrap_or_default();
    let places = file.text.match_indices(&text);
    let mut names = places.map(|(at, _)| format!("{}:{}", file.name, place(&file.text, at).0));
    names
        .find(|name| set.policy(&PolicyId::new(name)).is_none())
        .unwrap_or_else(|| format!("{}: {}", file.name, policy.id()))
}

/// `file:line:column: what is wrong`, and what helps.
fn fault(file: &PolicyFile, diagnostic: &dyn Diagnostic, what: &str) -> String {
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    let mut text = file.name.clone();
    if let Some(label) = &label {
        let (line, column) = place(&file.text, label.offset());
        let _ = write!(text, ":{line}:{column}");
    }
    // Cedar names policies by their number in the file, which says nothing that the place does not.
    let what = what
        .strip_prefix("for policy `")
        .and_then(|rest| rest.split_once("`, "))
        .map_or(what, |(_, what)| what);
    let _ = write!(text, ": {what}");
    if let Some(label) = label.as_ref().and_then(|label| label.label()) {
        let _ = write!(text, ": {label}");
    }
    if let Some(help) = diagnostic.help() {
        let _ = write!(text, " ({help})");
    }
    text
}

/// Line and column of a place in a text, each from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default();
    (line, column.chars().count() + 1)
}

/// The policies that hold at the moment. They are exchanged whole, and decisions are never kept.
#[derive(Debug)]
pub struct PolicyBook(RwLock<Arc<Policies>>);

impl PolicyBook {
    /// Begins with these.
    pub fn new(policies: Policies) -> Self {
        Self(RwLock::new(Arc::new(policies)))
    }

    /// Those that hold.
    pub fn current(&self) -> Arc<Policies> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held)
    }

    /// Puts others in their place: requests that begin now are decided by them.
    pub fn replace(&self, policies: Policies) {
        let policies = Arc::new(policies);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = policies;
    }
}
