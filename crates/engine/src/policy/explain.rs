//! Why somebody may do something, or may not: which policies decided, and which conditions of the others fail.

use cedar_policy::{Decision, Effect, Policy, PolicySet};
use serde_json::Value;
use valetkey_protocol::policy::{
    ExplainPolicy, NearestPolicy, PolicyAction as Action, PolicyExplanation, Somebody,
};
use valetkey_protocol::{Code, ContentType, Subject};

use super::{About, Attribute, Deed, Policies, Question, Wish};
use crate::{Engine, Error, Principal};

/// How many policies are named that would have permitted.
const NEAREST: usize = 5;

impl Engine {
    /// Says whether somebody may do something, and why.
    ///
    /// # Errors
    /// The caller is no administrator, or asks about another tenant; there is no such file or bucket.
    pub async fn explain_policy(
        &self,
        who: &Principal,
        asked: ExplainPolicy,
    ) -> Result<PolicyExplanation, Error> {
        self.check_tenant_admin(who, "explain policies")?;
        let mut them = principal(&asked.who)?;
        them.tenant = asked
            .who
            .tenant
            .clone()
            .unwrap_or_else(|| who.tenant.clone());
        them.address = asked.ip;
        if !self.is_within_reach(who, &them.tenant) {
            let detail = "as.tenant: administrators of a tenant ask about that one alone";
            return Err(Error::refused(Code::Forbidden, detail));
        }
        let policies = self.policies.current();
        let now = asked.at.unwrap_or_else(|| self.clock.now());
        let bucket = self.requested_bucket(asked.bucket.as_deref())?;
        let record = self.explained_file(who, &asked).await?;
        let (about, unreached) = match &record {
            Some(record) => (
                About::File(self.file_facts(record)),
                !self.is_within_reach(&them, &record.upload.tenant),
            ),
            None if asked.action == Action::Administer => (About::Service, false),
            None => (About::Bucket(bucket.facts()), false),
        };
        if unreached {
            return Ok(PolicyExplanation {
                why: "the file is in another tenant, and does not exist there".to_owned(),
                ..PolicyExplanation::default()
            });
        }
        let content_type = asked.content_type.as_deref();
        let question = Question {
            wish: (asked.action == Action::CreateUpload).then(|| Wish {
                filename: asked.filename.as_deref().unwrap_or("file"),
                path: asked.path.as_deref().unwrap_or_default(),
                content_type: content_type.unwrap_or(ContentType::OCTET_STREAM),
                size: asked.size.unwrap_or_default(),
            }),
            expires_in: match (&record, asked.action) {
                (Some(record), action) => {
                    let expires_in = asked.expires_in;
                    self.lifetime(Deed { action, expires_in }, record)
                }
                (None, Action::CreateUpload) => Some(bucket.rules.validity(asked.expires_in)?),
                _ => None,
            },
            ..Question::new(&them, asked.action, about, now)
        };
        policies.explain(&question)
    }

    async fn explained_file(
        &self,
        who: &Principal,
        asked: &ExplainPolicy,
    ) -> Result<Option<valetkey_catalog::Record>, Error> {
        let about_a_file = !matches!(
            asked.action,
            Action::CreateUpload | Action::ListAll | Action::Administer
        );
        let named = asked.file_id.as_deref();
        match (named, about_a_file) {
            (None, true) => Err(Error::invalid(
                "file_id",
                format!("{} is about a file: name one", asked.action.as_str()),
            )),
            (Some(_), false) => Err(Error::invalid(
                "file_id",
                format!("{} is about no file: leave it out", asked.action.as_str()),
            )),
            (None, false) => Ok(None),
            (Some(id), true) => {
                let id = id.parse().map_err(|_| Error::NotFound)?;
                let record = self.catalog.find(id).await?.ok_or(Error::NotFound)?;
                match self.is_within_reach(who, &record.upload.tenant) {
                    true => Ok(Some(record)),
                    false => Err(Error::NotFound),
                }
            }
        }
    }
}

/// Somebody as a token would make them.
fn principal(somebody: &Somebody) -> Result<Principal, Error> {
    let subject: Subject = somebody.subject.clone();
    let mut who = Principal::new(subject, somebody.roles.clone());
    who.licences.clone_from(&somebody.licences);
    for (name, value) in &somebody.claims {
        let value: Attribute = serde_json::from_value(value.clone()).map_err(|_| {
            let detail = format!("{name} is no text, whole number, boolean or list of texts");
            Error::invalid("as.claims", detail)
        })?;
        who.claims.insert(name.clone(), value);
    }
    Ok(who)
}

impl Policies {
    /// Why it is allowed or refused.
    fn explain(&self, question: &Question<'_>) -> Result<PolicyExplanation, Error> {
        let response = self.answer(question, &self.set).map_err(Error::Internal)?;
        let diagnostics = response.diagnostics();
        let errors: Vec<_> = diagnostics.errors().map(ToString::to_string).collect();
        let mut decided_by: Vec<_> = diagnostics.reason().map(ToString::to_string).collect();
        decided_by.sort();
        let allowed = response.decision() == Decision::Allow && errors.is_empty();
        let nearest = match allowed || !decided_by.is_empty() {
            true => Vec::new(),
            false => self.nearest(question)?,
        };
        let names = decided_by.join(", ");
        let why = match (allowed, errors.is_empty()) {
            (true, _) => format!("permitted by {names}"),
            (false, false) => "a policy cannot be evaluated, so it is refused".to_owned(),
            (false, true) if !decided_by.is_empty() => format!("forbidden by {names}"),
            (false, true) => match nearest.first() {
                Some(first) => format!(
                    "nothing permits it; {} would, if this held: {}",
                    first.policy,
                    first.failed.join(" and ")
                ),
                None => "no policy permits this action".to_owned(),
            },
        };
        Ok(PolicyExplanation {
            allowed,
            why,
            decided_by,
            nearest,
            errors,
        })
    }

    /// The policies that permit this action to somebody, and what of them does not hold.
    fn nearest(&self, question: &Question<'_>) -> Result<Vec<NearestPolicy>, Error> {
        let mut found = Vec::new();
        for policy in self.set.policies() {
            if policy.effect() != Effect::Permit {
                continue;
            }
            let json = policy
                .to_json()
                .map_err(|error| Error::Internal(error.to_string()))?;
            if !self.holds(question, &scope_of_action(&json))? {
                continue;
            }
            let mut failed = Vec::new();
            for part in ["principal", "resource"] {
                let alone = only(&json, part);
                if !self.holds(question, &alone)? {
                    failed.push(format!("the {part} it names"));
                }
            }
            for condition in conditions(&json) {
                let alone = with_condition(&json, &condition);
                if !self.holds(question, &alone)? {
                    failed.push(words(&alone));
                }
            }
            found.push(NearestPolicy {
                policy: policy.id().to_string(),
                failed,
            });
        }
        found.sort_by_key(|near| near.failed.len());
        found.truncate(NEAREST);
        Ok(found)
    }

    /// Whether a policy of this form permits it. One that cannot be evaluated alone does not.
    fn holds(&self, question: &Question<'_>, json: &Value) -> Result<bool, Error> {
        let internal = |error: String| Error::Internal(error);
        let policy = Policy::from_json(None, json.clone()).map_err(|e| internal(e.to_string()))?;
        let set = PolicySet::from_policies([policy]).map_err(|e| internal(e.to_string()))?;
        let response = self.answer(question, &set).map_err(internal)?;
        Ok(response.decision() == Decision::Allow)
    }
}

/// What a policy in JSON says of nobody and nothing in particular.
fn anybody(json: &Value) -> Value {
    let mut alone = json.clone();
    for part in ["principal", "action", "resource"] {
        alone[part] = serde_json::json!({ "op": "All" });
    }
    alone["conditions"] = serde_json::json!([]);
    alone["effect"] = "permit".into();
    alone["annotations"] = serde_json::json!({});
    alone
}

fn scope_of_action(json: &Value) -> Value {
    only(json, "action")
}

fn only(json: &Value, part: &str) -> Value {
    let mut alone = anybody(json);
    alone[part] = json[part].clone();
    alone
}

fn with_condition(json: &Value, condition: &Value) -> Value {
    let mut alone = anybody(json);
    alone["conditions"] = serde_json::json!([condition]);
    alone
}

/// The conditions of a policy, those that are joined by `&&` apart: each must hold.
fn conditions(json: &Value) -> Vec<Value> {
    let conditions = json["conditions"].as_array().into_iter().flatten();
    let mut all = Vec::new();
    for condition in conditions {
        if condition["kind"] == "unless" {
            all.push(condition.clone());
            continue;
        }
        let mut bodies = Vec::new();
        split(&condition["body"], &mut bodies);
        let one = |body: &Value| serde_json::json!({ "kind": "when", "body": body });
        all.extend(bodies.into_iter().map(one));
    }
    all
}

fn split<'v>(body: &'v Value, into: &mut Vec<&'v Value>) {
    match body.get("&&") {
        Some(both) => {
            split(&both["left"], into);
            split(&both["right"], into);
        }
        None => into.push(body),
    }
}

/// The one condition of a policy in JSON, as it is written in Cedar.
fn words(json: &Value) -> String {
    let policy = Policy::from_json(None, json.clone()).ok();
    let text = policy
        .and_then(|policy| policy.to_cedar())
        .unwrap_or_default();
    let body = |text: &str| {
        Some(
            text.get(text.find('{')? + 1..text.rfind('}')?)?
                .trim()
                .to_owned(),
        )
    };
    let found = body(&text).unwrap_or(text.clone());
    // Cedar writes `unless { a }` as `when { !(a) }`.
    let refused = found
        .strip_prefix("!(")
        .and_then(|rest| rest.strip_suffix(')'));
    match refused.filter(|_| json["conditions"][0]["kind"] == "unless") {
        Some(refused) => format!("not ({})", unfolded(refused)),
        None => unfolded(&found),
    }
}

/// Cedar remembers `a >= b` as `!(a < b)`: this is how it was written, where it is one comparison and nothing else.
fn unfolded(text: &str) -> String {
    let plain = |inner: &&str| !inner.contains(['(', ')', '&', '|']);
    let inner = text.strip_prefix("!(");
    let inner = inner.and_then(|rest| rest.strip_suffix(')'));
    let Some(inner) = inner.filter(plain) else {
        return text.to_owned();
    };
    for (folded, written) in [(" < ", " >= "), (" <= ", " > "), (" == ", " != ")] {
        // What stands in quotes is no comparison.
        if let Some((left, right)) = inner.split_once(folded)
            && !left.contains('"')
        {
            return format!("{left}{written}{right}");
        }
    }
    text.to_owned()
}
