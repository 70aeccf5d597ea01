//! Servers of one release and the next share the tables: a migration adds what an older server can live with, or says
//! by its name, `V9__contract_7_old_column`, which migration its readers must know (CONTRIBUTING.md).
#![expect(
    clippy::unwrap_used,
    reason = "a check that cannot read the migrations should say so at once"
)]

#[path = "migrations/sql.rs"]
mod sql;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sql::{Statement, statements};

/// What is not of this kind and was there before the first release: nobody has tables of before.
const BEFORE_THE_FIRST_RELEASE: &[(&str, &str, &str)] = &[(
    "sqlite",
    "V3__truth",
    "ALTER TABLE upload RENAME COLUMN quarantined TO leftovers",
)];

/// The migrations of one catalog: names by their numbers, and texts.
type Side = BTreeMap<u32, (String, String)>;

fn side(catalog: &str) -> Side {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut side = Side::new();
    for entry in fs::read_dir(folder.join(catalog)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let number = name
            .strip_prefix('V')
            .and_then(|rest| rest.split_once("__"));
        let number = number.and_then(|(number, _)| number.parse().ok());
        let number = number.unwrap_or_else(|| panic!("{name}: call it like V9__what_it_is_for"));
        let text = fs::read_to_string(&path).unwrap();
        let twice = side.insert(number, (name, text));
        assert!(twice.is_none(), "{catalog}: two migrations are V{number}");
    }
    side
}

/// What is wrong with a migration, if it may not be there.
fn problems(number: u32, name: &str, text: &str) -> Vec<String> {
    let label = name.split_once("__").map_or("", |(_, label)| label);
    if let Some(rest) = label.strip_prefix("contract_") {
        let known = rest
            .split_once('_')
            .and_then(|(known, _)| known.parse().ok());
        return match known {
            Some(known) if (1..number).contains(&known) => Vec::new(),
            _ => vec![format!(
                "{name}: what contracts is named for an older migration, like V{number}__contract_{}_what_goes",
                number - 1
            )],
        };
    }
    let statements = statements(text).into_iter();
    statements
        .filter_map(|statement| Some((statement.why_not()?, statement)))
        .map(|(why, statement)| format!("{name}: `{statement}` {why}"))
        .collect()
}

#[test]
fn both_catalogs_have_the_same_migrations() {
    let names = |catalog| {
        let side = side(catalog);
        let named = side.into_iter().map(|(number, (name, _))| (number, name));
        named.collect::<BTreeMap<_, _>>()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert_eq!(sqlite, postgres, "the same numbers and names on both sides");
}

#[test]
fn a_migration_adds_what_an_older_server_can_live_with() {
    let mut excused = 0;
    for catalog in ["sqlite", "postgres"] {
        for (number, (name, text)) in side(catalog) {
            for problem in problems(number, &name, &text) {
                let excuse = |&&(where_, which, what): &&(&str, &str, &str)| {
                    where_ == catalog && which == name && problem.contains(&format!("`{what}`"))
                };
                assert!(
                    BEFORE_THE_FIRST_RELEASE.iter().any(|one| excuse(&one)),
                    "{catalog}: {problem}"
                );
                excused += 1;
            }
        }
    }
    assert_eq!(
        excused,
        BEFORE_THE_FIRST_RELEASE.len(),
        "an excuse of nothing"
    );
}

#[test]
fn what_an_older_server_cannot_live_with_is_found() {
    for bad in [
        "ALTER TABLE upload DROP COLUMN etag",
        "alter table upload drop etag;",
        "ALTER TABLE upload RENAME COLUMN etag TO tag",
        "ALTER TABLE upload RENAME TO uploads",
        "DROP TABLE task",
        "DROP SEQUENCE outbox_position",
        "ALTER TABLE upload ADD COLUMN color text NOT NULL",
        "ALTER TABLE upload ADD color text NOT NULL",
        "ALTER TABLE upload ADD COLUMN color text NOT NULL CHECK (color <> 'a DEFAULT')",
        "ALTER TABLE upload ADD COLUMN color text UNIQUE",
        "ALTER TABLE upload ADD COLUMN color text, DROP COLUMN etag",
        "ALTER TABLE upload ADD COLUMN price numeric(8, 2), ADD COLUMN color text NOT NULL",
        "ALTER TABLE upload ADD CONSTRAINT positive CHECK (size > 0)",
        "ALTER TABLE upload ALTER COLUMN size TYPE integer",
        "ALTER TABLE upload ALTER COLUMN size SET DATA TYPE integer",
        "ALTER TABLE upload ALTER etag SET NOT NULL",
        "ALTER TABLE upload ALTER etag DROP NOT NULL",
        "CREATE UNIQUE INDEX one_key ON upload (key)",
        "DELETE FROM task",
        "TRUNCATE task",
        "CREATE INDEX upload_by_key ON upload (key); -- it is used no more:\nDROP TABLE task;",
        "SELECT ';'; /* ; */ DROP TABLE task",
    ] {
        assert!(!problems(9, "V9__something", bad).is_empty(), "{bad}");
        assert!(
            problems(9, "V9__contract_7_something", bad).is_empty(),
            "{bad}"
        );
    }
}

#[test]
fn what_contracts_names_the_migration_its_readers_must_know() {
    let drop = "ALTER TABLE upload DROP COLUMN etag";
    for name in [
        "V9__contract_9_etag",
        "V9__contract_10_etag",
        "V9__contract_0_etag",
        "V9__contract_etag",
        "V9__contract_8",
        "V9__etag_contract_8_",
    ] {
        assert!(!problems(9, name, drop).is_empty(), "{name}");
    }
}

#[test]
fn what_only_adds_is_allowed() {
    let good = "-- DROP TABLE upload; no: it stays
        CREATE TABLE note (id uuid NOT NULL PRIMARY KEY, text text NOT NULL UNIQUE CHECK (text <> 'DROP TABLE;'));
        CREATE UNIQUE INDEX note_by_text ON note (text);
        CREATE SEQUENCE note_position;
        ALTER TABLE upload ADD COLUMN color text;
        ALTER TABLE upload ADD COLUMN price numeric(8, 2) NOT NULL DEFAULT 0, ADD COLUMN tax bigint;
        ALTER TABLE upload ALTER COLUMN color SET DEFAULT 'red';
        DROP INDEX upload_by_owner;
        CREATE INDEX upload_by_owner ON upload (owner, color, id);
        UPDATE upload SET color = 'DROP COLUMN';
        INSERT INTO note SELECT id, key FROM upload";
    assert_eq!(problems(9, "V9__notes", good), Vec::<String>::new());
    let statement: Statement = statements("CREATE  TABLE\n a (b int) ;").pop().unwrap();
    assert_eq!(statement.to_string(), "CREATE TABLE a (b int)");
}
