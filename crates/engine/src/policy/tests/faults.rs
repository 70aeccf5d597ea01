//! What cannot hold is refused, and the place is told.

use jiff::tz::Offset;

use crate::{Kind, Policies, PolicyFile, Vocabulary};

fn read(text: &str) -> Result<Policies, String> {
    let mut vocabulary = Vocabulary::default();
    vocabulary.claims.insert("plan".to_owned(), Kind::Text);
    let file = PolicyFile {
        name: "mine.cedar".to_owned(),
        text: text.to_owned(),
    };
    Policies::read(&[file], true, &vocabulary, Offset::UTC).map_err(|error| error.to_string())
}

/// What is written, how the message begins, and what it says.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "\n\n  permit (principal, action);",
        "mine.cedar:3:",
        "resource",
    ),
    (
        "permit (principal, action, resource)",
        "mine.cedar:1:",
        "unexpected end",
    ),
    (
        "permit (principal, action == Action::\"reed\", resource);",
        "mine.cedar:1:",
        "reed",
    ),
    (
        "permit (principal, action == Action::\"read\", resource)\nwhen { resource.ownr == \"x\" };",
        "mine.cedar:2:",
        "ownr",
    ),
    (
        "permit (principal, action == Action::\"read\", resource)\nwhen { resource.size == \"x\" };",
        "mine.cedar:2:",
        "types",
    ),
    // What may be missing is asked for first.
    (
        "permit (principal, action, resource)\nwhen { principal.claims.plan == \"x\" };",
        "mine.cedar:2:",
        "plan",
    ),
    (
        "permit (principal, action == Action::\"read\", resource)\nwhen { context.ip.isLoopback() };",
        "mine.cedar:2:",
        "ip",
    ),
    // Nobody has such a claim, so it would never hold: a `forbid` would forbid nothing.
    (
        "forbid (principal, action, resource)\nwhen { principal.claims has pln && principal.claims.pln == \"x\" };",
        "mine.cedar:1:",
        "impossible",
    ),
    (
        "permit (principal == User::\"alice\", action, resource == ?resource);",
        "mine.cedar",
        "template",
    ),
    (
        "@id(\"a\") permit (principal, action, resource);@id(\"a\") forbid (principal, action, resource);",
        "mine.cedar",
        "stands once",
    ),
    (
        "@id(\"everybody-uploads\") permit (principal, action, resource);",
        "mine.cedar",
        "everybody-uploads",
    ),
];

#[test]
fn what_cannot_hold_is_told_with_its_place() {
    for (text, start, says) in FAULTS {
        let fault = read(text).expect_err(text);
        assert!(fault.starts_with(start), "{text}: {fault}");
        assert!(fault.contains(says), "{text}: {fault}");
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let text = "permit (principal, action == Action::\"a\", resource);\npermit (principal, action == Action::\"b\", resource);";
    let faults = read(text).unwrap_err();
    assert!(
        faults.contains("mine.cedar:1:") && faults.contains("mine.cedar:2:"),
        "{faults}"
    );
}

#[test]
fn what_may_be_missing_may_be_asked_for() {
    let policies = read(
        "permit (principal, action, resource)\nwhen { principal.claims has plan && principal.claims.plan == \"gold\" };",
    );
    assert_eq!(policies.unwrap().len(), 4);
}
