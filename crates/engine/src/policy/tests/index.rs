//! Which policies are asked at all, and when one answer stands for many files.

use jiff::tz::Offset;
use valetkey_protocol::policy::PolicyAction as Action;

use super::table::read;
use crate::{Policies, PolicyFile, Vocabulary};

fn policies(text: &str) -> Policies {
    let file = PolicyFile {
        name: "these".to_owned(),
        text: text.to_owned(),
    };
    Policies::read(&[file], true, &Vocabulary::default(), Offset::UTC).unwrap()
}

/// How many are asked about a file of a bucket.
fn asked(policies: &Policies, bucket: &str, action: Action) -> usize {
    let (scene, _) = read(&format!("alice | {bucket} | | ++++++++"));
    scene.with_question(action, |question| {
        let chapter = policies.index.chapter(question).unwrap();
        chapter.set.num_of_policies()
    })
}

#[test]
fn policies_of_other_actions_and_other_buckets_are_not_asked() {
    let policies = policies(
        r#"
        permit (principal, action == Action::"read", resource in Bucket::"docs");
        forbid (principal, action in [Action::"read", Action::"delete"], resource is File in Bucket::"films")
          when { resource.size > 9 };
        permit (principal, action == Action::"list_all", resource == Bucket::"docs");
        forbid (principal, action, resource) when { principal.subject == "mallory" };
        "#,
    );
    // Two of the built-in ones, and the last, are asked about each.
    for (bucket, action, more) in [
        ("docs", Action::Read, 1),
        ("docs", Action::Delete, 0),
        ("films", Action::Read, 1),
        ("films", Action::Delete, 1),
        ("others", Action::Read, 0),
    ] {
        assert_eq!(
            asked(&policies, bucket, action),
            3 + more,
            "{action:?} in {bucket}"
        );
    }
    assert_eq!(asked(&policies, "docs", Action::ListAll), 3);
    assert_eq!(asked(&policies, "films", Action::ListAll), 2);
    assert_eq!(asked(&policies, "docs", Action::Administer), 2);
}

#[test]
fn one_answer_stands_for_many_files_where_nothing_else_of_them_is_looked_at() {
    for (condition, coarse) in [
        (r#"resource.bucket.security_level >= 3"#, true),
        (
            r#"resource.owner == principal.subject && context.hour < 8"#,
            true,
        ),
        (r#"resource.tenant == "acme""#, true),
        (r#"resource.bucket == Bucket::"docs""#, true),
        (r#"principal.roles.contains(resource.top)"#, false),
        (r#"resource.hasTag("draft")"#, false),
        (r#"resource.owner == "bob" && resource.size > 1"#, false),
        (r#"resource in Bucket::"docs""#, false),
        (r#"[resource].contains(resource)"#, false),
        (r#"context.time > 5 && !(resource.age_seconds < 60)"#, false),
    ] {
        let text = format!(
            r#"forbid (principal, action == Action::"read", resource) when {{ {condition} }};"#
        );
        let policies = policies(&text);
        let (scene, _) = read("alice | docs | | ++++++++");
        let found = scene.with_question(Action::Read, |question| policies.is_coarse(question));
        assert_eq!(found, coarse, "{condition}");
    }
    let one = r#"forbid (principal, action == Action::"read", resource == File::"01936f3e-8b7a-7c3d-9e4f-0123456789ab");"#;
    let (scene, _) = read("alice | docs | | ++++++++");
    assert!(!scene.with_question(Action::Read, |question| policies(one).is_coarse(question)));
}
