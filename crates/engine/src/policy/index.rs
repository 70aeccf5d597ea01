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

impl Index {
    /// Sorts policies; `built_in` are the names of those that are.
    ///
    /// # Errors
    /// None, for policies that are in one set already.
    pub(super) fn new(all: &PolicySet, built_in: &BTreeSet<PolicyId>) -> Result<Self, PolicyError> {
        let mut parts = BTreeMap::new();
        for action in Action::ALL {
            parts.insert(action.as_str(), Part::new(*action, all, built_in)?);
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
    fn new(
        action: Action,
        all: &PolicySet,
        built_in: &BTreeSet<PolicyId>,
    ) -> Result<Self, PolicyError> {
        let uid = uid_of(action);
        let concerned: Vec<_> = all
            .policies()
            .filter(|policy| concerns(policy, &uid))
            .map(|policy| (policy, bucket_of(policy)))
            .collect();
        let names: BTreeSet<_> = concerned
            .iter()
            .filter_map(|(_, name)| name.clone())
            .collect();
        let chapter = |bucket: Option<&String>| {
            let fitting = concerned
                .iter()
                .filter(|(_, named)| named.is_none() || named.as_ref() == bucket);
            Chapter::new(fitting.map(|(policy, _)| *policy), built_in)
        };
        let mut by_bucket = BTreeMap::new();
        for name in &names {
            by_bucket.insert(name.clone(), chapter(Some(name))?);
        }
        let others = chapter(None)?;
        Ok(Self { others, by_bucket })
    }
}

impl Chapter {
    fn new<'p>(
        policies: impl Iterator<Item = &'p Policy>,
        built_in: &BTreeSet<PolicyId>,
    ) -> Result<Self, PolicyError> {
        let policies: Vec<_> = policies.collect();
        Ok(Self {
            built_in: !built_in.is_empty()
                && policies.iter().all(|one| built_in.contains(one.id())),
            coarse: policies.iter().all(|one| is_coarse(one)),
            set: PolicySet::from_policies(policies.into_iter().cloned())
                .map_err(|error| PolicyError(error.to_string()))?,
        })
    }
}

/// Whether the scope of a policy lets it concern an action; actions have no groups.
fn concerns(policy: &Policy, action: &EntityUid) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::In(actions) => actions.contains(action),
        ActionConstraint::Eq(only) => only == *action,
    }
}

/// The only bucket that a policy can concern by its scope.
fn bucket_of(policy: &Policy) -> Option<String> {
    let uid = match policy.resource_constraint() {
        ResourceConstraint::In(uid)
        | ResourceConstraint::Eq(uid)
        | ResourceConstraint::IsIn(_, uid) => uid,
        ResourceConstraint::Any | ResourceConstraint::Is(_) => return None,
    };
    is_bucket(&uid).then(|| uid.id().unescaped().to_owned())
}

/// What files of one owner in one bucket have in common.
const COMMON: [&str; 3] = ["bucket", "owner", "tenant"];

/// Whether a policy looks at nothing of a file but what it has in common with others.
fn is_coarse(policy: &Policy) -> bool {
    let names_one = match policy.resource_constraint() {
        ResourceConstraint::In(uid)
        | ResourceConstraint::Eq(uid)
        | ResourceConstraint::IsIn(_, uid) => !is_bucket(&uid),
        ResourceConstraint::Any | ResourceConstraint::Is(_) => false,
    };
    !names_one
        && policy
            .to_json()
            .is_ok_and(|json| !looks_closer(&json["conditions"]))
}

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
