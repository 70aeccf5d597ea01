//! What AWS's documentation says, sentence by sentence, asked of a store. The table in `docs/embedded-store.md`
//! is the outcome: the test fails when the two differ, and `UPDATE=1` writes the table anew.
//!
//! A row that does not hold carries a note that says why; it fails the test when it holds after all.

mod buckets;
mod checksums;
mod conditions;
mod copies;
mod cors;
mod listing;
mod multipart;
mod reading;
mod signatures;
mod writing;

use std::fmt::Write as _;
use std::fs;
use std::pin::Pin;

use crate::support::{World, wanted};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/embedded-store.md");
const BEGIN: &str = "<!-- conformance:begin -->\n";
const END: &str = "<!-- conformance:end -->";
const AWS: &str = "https://docs.aws.amazon.com/AmazonS3/latest";

type Check = fn(World) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// One thing S3 is documented to do.
struct Row {
    /// As the documentation has it, in our words.
    says: &'static str,
    /// Where, below [`AWS`] and without `.html`.
    page: &'static str,
    check: Check,
    /// Why it is otherwise here.
    differs: Option<&'static str>,
}

impl Row {
    /// Marks a row that does not hold.
    fn differs(mut self, note: &'static str) -> Self {
        self.differs = Some(note);
        self
    }
}

/// `row!("what S3 does", "API/API_PutObject", |world| { … })`
macro_rules! row {
    ($says:literal, $page:literal, |$world:ident| $check:block) => {
        $crate::conformance::Row {
            says: $says,
            page: $page,
            check: |$world: $crate::support::World| Box::pin(async move { $check }),
            differs: None,
        }
    };
}
use row;

fn chapters() -> [(&'static str, Vec<Row>); 10] {
    [
        ("Writing", writing::rows()),
        ("Reading", reading::rows()),
        ("Conditions", conditions::rows()),
        ("Checksums", checksums::rows()),
        ("Uploads in parts", multipart::rows()),
        ("Copies", copies::rows()),
        ("Lists", listing::rows()),
        ("Buckets", buckets::rows()),
        ("Signatures", signatures::rows()),
        ("Cross-origin requests", cors::rows()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_conformance_is_true() {
    let mut table = String::new();
    let (mut held, mut asked, mut surprises) = (0, 0, Vec::new());
    for (chapter, rows) in chapters() {
        let _ = write!(
            table,
            "\n### {chapter}\n\n| S3 | | holds |\n|---|---|---|\n"
        );
        for row in rows {
            let world = World::in_memory().await;
            let holds = tokio::spawn((row.check)(world)).await.is_ok();
            if holds != row.differs.is_none() {
                surprises.push(row.says);
            }
            let mark = match row.differs {
                None => "✓".to_owned(),
                Some(note) => format!("✗ {note}"),
            };
            let name = row.page.rsplit('/').next().unwrap();
            let _ = writeln!(
                table,
                "| {} | [{name}]({AWS}/{}.html) | {mark} |",
                row.says, row.page
            );
            held += usize::from(holds);
            asked += 1;
        }
    }
    assert!(
        surprises.is_empty(),
        "other than the table says: {surprises:#?}"
    );
    let table = format!("{held} of {asked} hold.\n{table}\n");
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (old, after) = rest.split_once(END).unwrap();
    if wanted("UPDATE", 0) == 1 {
        fs::write(PAGE, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert!(
        old == table,
        "docs/embedded-store.md is out of date: run this test with UPDATE=1"
    );
}
