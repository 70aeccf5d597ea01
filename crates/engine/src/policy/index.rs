//! Which policies can concern a question: those whose scope names its action and no bucket but its own. Cedar would look at
//! all the others, too, at every decision, to find that they do not.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicyId, PolicySet, ResourceConstraint};
use serde_json::{Value, json};

use super::facts::{is_bucket, uid_of};
use super::{About, Action, PolicyError, Question};

/// Policies that are asked together.
pub(super) struct Chapter {
    pub(super) set: PolicySet,
    /// None of them is the configuration's own.
    pub(super) built_in: bool,
    /// What they answer is the same for all files of one owner in one bucket.
    pub(super) coarse: bool,
}

/// Those of one action.
struct Part {
    /// For buckets that none of them names.
    others: Chapter,
    by_bucket: BTreeMap<String, Chapter>,
}

/// All policies, by what they can concern.
pub(super) struct Index(BTreeMap<&'static str, Part>);

/// A policy, and what its words say of it.
struct Entry<'p> {
    policy: &'p Policy,
    action: ActionConstraint,
    /// The only bucket that it can concern by its scope.
    bucket: Option<String>,
    built_in: bool,
    coarse: bool,
}

impl Index {
    /// Sorts policies; `built_in` are the names of those that are.
    ///
    /// # Errors
    /// None, for policies that are in one set already.
    pub(super) fn new(all: &PolicySet, built_in: &BTreeSet<PolicyId>) -> Result<Self, PolicyError> {
        let entry = |policy| Entry::new(policy, built_in);
        let entries: Vec<_> = all.policies().map(entry).collect();
        let mut parts = BTreeMap::new();
        for action in Action::ALL {
            parts.insert(action.as_str(), Part::new(*action, &entries)?);
        }
        Ok(Self(parts))
    }

    /// The policies that can concern a question.
    pub(super) fn chapter(&self, question: &Question<'_>) -> Option<&Chapter> {
        let part = self.0.get(question.action.as_str())?;
        let bucket = match &question.about {
            About::Service => None,
            About::Bucket(bucket) => Some(bucket.name),
            About::File(file) => Some(file.bucket.name),
        };
        let own = bucket.and_then(|name| part.by_bucket.get(name));
        Some(own.unwrap_or(&part.others))
    }
}

impl Part {
    fn new(action: Action, all: &[Entry<'_>]) -> Result<Self, PolicyError> {
        let uid = uid_of(action);
        let concerned: Vec<_> = all.iter().filter(|one| one.concerns(&uid)).collect();
        let chapter = |bucket: Option<&String>| {
            let fits = |one: &&Entry<'_>| one.bucket.is_none() || one.bucket.as_ref() == bucket;
            Chapter::new(concerned.iter().copied().filter(fits).collect())
        };
        let mut by_bucket = BTreeMap::new();
        let names: BTreeSet<_> = concerned
            .iter()
            .filter_map(|one| one.bucket.as_ref())
            .collect();
        for name in names {
            by_bucket.insert(name.clone(), chapter(Some(name))?);
        }
        let others = chapter(None)?;
        Ok(Self { others, by_bucket })
    }
}

impl Chapter {
    fn new(entries: Vec<&Entry<'_>>) -> Result<Self, PolicyError> {
        let policies = entries.iter().map(|one| one.policy.clone());
        Ok(Self {
            set: PolicySet::from_policies(policies)
                .map_err(|error| PolicyError(error.to_string()))?,
            built_in: !entries.is_empty() && entries.iter().all(|one| one.built_in),
            coarse: entries.iter().all(|one| one.coarse),
        })
    }
}

impl<'p> Entry<'p> {
    fn new(policy: &'p Policy, built_in: &BTreeSet<PolicyId>) -> Self {
        let named = named(policy);
        let bucket = named.as_ref().filter(|uid| is_bucket(uid));
        let one_file = named.is_some() && bucket.is_none();
        let json = policy.to_json();
        Self {
            policy,
            action: policy.action_constraint(),
            bucket: bucket.map(|uid| uid.id().unescaped().to_owned()),
            built_in: built_in.contains(policy.id()),
            coarse: !one_file && json.is_ok_and(|json| !looks_closer(&json["conditions"])),
        }
    }

    /// Whether its scope lets it concern an action; actions have no groups.
    fn concerns(&self, action: &EntityUid) -> bool {
        match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::In(actions) => actions.contains(action),
            ActionConstraint::Eq(only) => only == action,
        }
    }
}

/// What the scope of a policy names that it is about.
fn named(policy: &Policy) -> Option<EntityUid> {
    match policy.resource_constraint() {
        ResourceConstraint::In(uid)
        | ResourceConstraint::Eq(uid)
        | ResourceConstraint::IsIn(_, uid) => Some(uid),
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
    }
}

/// What files of one owner in one bucket have in common.
const COMMON: [&str; 3] = ["bucket", "owner", "tenant"];

/// Whether a condition, in the JSON of policies (<https://docs.cedarpolicy.com/policies/json-format.html>), has to do with a
/// file in any other way than by what it has in common with others.
fn looks_closer(condition: &Value) -> bool {
    let resource = json!({"Var": "resource"});
    match condition {
        _ if *condition == resource => true,
        Value::Object(members) => members.iter().any(|(name, inner)| {
            let common = name == "."
                && inner["left"] == resource
                && inner["attr"]
                    .as_str()
                    .is_some_and(|attr| COMMON.contains(&attr));
            !common && looks_closer(inner)
        }),
        Value::Array(items) => items.iter().any(looks_closer),
        _ => false,
    }
}
