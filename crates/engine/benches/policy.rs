//! What a decision costs: by the built-in policies, with Cedar and without, and by each of `examples/policies`.
//!
//! `cargo bench -p valetkey-engine --bench policy` prints the table. Each decision is timed alone, from the facts to the
//! answer: policies are read before, and nothing of a decision is kept.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot run should say so at once"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures elapsed time"
)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::Offset;
use valetkey_engine::{
    About, Attributes, BucketFacts, DEFAULT_POLICIES, FileFacts, Policies, PolicyFile, Principal,
    Question, Vocabulary, Wish,
};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::{Metadata, Subject, Tenant};

/// How many decisions of a row are timed, and how many are made before.
const TIMED: usize = 20_000;
const BEFORE: usize = 1_000;

/// Each with a bucket that it speaks of.
const EXAMPLES: [(&str, &str); 6] = [
    ("per-user-paths", "documents"),
    ("documents", "documents"),
    ("licences", "software"),
    ("office-network", "documents"),
    ("business-hours", "documents"),
    ("links-only", "marketing"),
];

fn main() {
    println!("| policies | how many | action | p50 µs | p99 µs |");
    println!("|---|---|---|---|---|");
    rows("built-in", "documents", &read(&[], true));
    rows(
        "built-in, by Cedar",
        "documents",
        &read(&[("built-in", DEFAULT_POLICIES.to_owned())], false),
    );
    for (name, bucket) in EXAMPLES {
        let text = example(name);
        let beside = text.contains("//   include_default = true\n");
        rows(name, bucket, &read(&[(name, text)], beside));
    }
    let fifty: Vec<_> = (0..50).map(one_of_many).collect();
    rows(
        "fifty departments",
        "documents",
        &read(&[("fifty", fifty.concat())], true),
    );
}

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/policies");
    std::fs::read_to_string(folder.join(format!("{name}.cedar"))).unwrap()
}

fn one_of_many(number: usize) -> String {
    format!(
        "@id(\"department-{number}\") permit (principal, action in [Action::\"read\", Action::\"download\"], resource) \
         when {{ principal.roles.contains(\"department-{number}\") && resource.top == \"department-{number}\" }};\n"
    )
}

fn read(files: &[(&str, String)], with_built_in: bool) -> Policies {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| PolicyFile {
            name: (*name).to_owned(),
            text: text.clone(),
        })
        .collect();
    Policies::read(&files, with_built_in, &Vocabulary::default(), Offset::UTC).unwrap()
}

/// Times an upload, a look and a download: of somebody with two roles, two licences, and a file with two notes.
fn rows(name: &str, bucket: &str, policies: &Policies) {
    let mut who = Principal::new(
        Subject::parse("alice").unwrap(),
        vec!["viewer".to_owned(), "department-49".to_owned()],
    );
    who.licences = vec!["studio".to_owned(), "print".to_owned()];
    who.address = Some("10.20.3.4".parse().unwrap());
    let (nothing, tenant) = (Attributes::new(), Tenant::default());
    let pairs = [("product", "studio"), ("approved", "yes")];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let metadata = Metadata::new(pairs.into()).unwrap();
    let bucket = BucketFacts {
        name: bucket,
        security_level: 3,
        attributes: &nothing,
    };
    let file = FileFacts {
        bucket,
        id: "01936f3e-8b7a-7c3d-9e4f-0123456789ab".parse().unwrap(),
        tenant: &tenant,
        owner: &who.subject,
        filename: "notes.pdf",
        path: "alice/2026",
        content_type: "application/pdf",
        size: 1_000_000,
        metadata: &metadata,
        created_at: Timestamp::UNIX_EPOCH,
    };
    let wish = Wish {
        filename: file.filename,
        path: file.path,
        content_type: file.content_type,
        size: file.size,
    };
    let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let about = |action| Question::new(&who, action, About::File(file), now);
    let lasting = |question| Question {
        expires_in: Some(300),
        ..question
    };
    let create = Question {
        wish: Some(wish),
        ..Question::new(&who, Action::CreateUpload, About::Bucket(bucket), now)
    };
    for question in [
        lasting(create),
        about(Action::Read),
        lasting(about(Action::Download)),
    ] {
        let [p50, p99] = time(policies, &question).map(|time| time.as_secs_f64() * 1e6);
        let (count, action) = (policies.len(), question.action.as_str());
        println!("| {name} | {count} | {action} | {p50:.1} | {p99:.1} |");
    }
}

/// The middle decision, and the slowest but one in a hundred.
fn time(policies: &Policies, question: &Question<'_>) -> [Duration; 2] {
    for _ in 0..BEFORE {
        black_box(policies.permit(black_box(question)));
    }
    let mut times: Vec<_> = (0..TIMED)
        .map(|_| {
            let begin = Instant::now();
            black_box(policies.permit(black_box(question)));
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    [times[TIMED / 2], times[TIMED - TIMED / 100]]
}
