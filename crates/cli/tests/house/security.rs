//! docs/security.md: every row is there, and what it says is tested is tested under its name.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, read, root};

/// How many weaknesses are known.
const ROWS: usize = 42;
/// How a row says that it has no test, and why.
const NOT_HERE: &str = "Does not apply: ";

#[test]
fn every_known_weakness_has_a_row_and_tests_that_exist() {
    let rows = rows(&read(&root().join("docs/security.md")));
    let numbers: Vec<_> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=ROWS).collect::<Vec<_>>());
    let sources = tests_named_after_rows();
    let mut wrong = Vec::new();
    for row in &rows {
        if row.tests.is_empty() && !row.text.contains(NOT_HERE) {
            wrong.push(format!(
                "A{} names no test and does not say why",
                row.number
            ));
        }
        for test in &row.tests {
            match sources.get(test) {
                None => wrong.push(format!("A{}: there is no test {test}", row.number)),
                Some(of) if !of.contains(&row.number) => {
                    wrong.push(format!("A{}: {test} is of another row", row.number));
                }
                Some(_) => {}
            }
        }
    }
    let told: BTreeSet<_> = rows.iter().flat_map(|row| &row.tests).collect();
    let untold = sources.keys().filter(|name| !told.contains(name));
    wrong.extend(untold.map(|name| format!("{name} is in no row")));
    assert!(wrong.is_empty(), "mend docs/security.md: {wrong:#?}");
}

#[test]
fn names_of_tests_say_which_rows_they_are_of() {
    assert_eq!(rows_in("a07_svg_is_never_shown"), [7]);
    assert_eq!(rows_in("test_a09_a11_nothing"), [9, 11]);
    assert!(rows_in("a_200_that_carries_an_error").is_empty());
    assert!(rows_in("a1_x").is_empty());
    let table =
        "| A1 | x | y | `a01_b`, `test_a01_c` |\n|---|\n| A2 | x | `y` | Does not apply: z |\n";
    let rows = rows(table);
    assert_eq!(rows[0].tests, ["a01_b", "test_a01_c"]);
    assert_eq!((rows[1].number, rows[1].tests.len()), (2, 0));
}

struct Row {
    number: usize,
    text: String,
    tests: Vec<String>,
}

fn rows(document: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in document.lines() {
        let Some((number, text)) = line
            .strip_prefix("| A")
            .and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        let last = text.trim_end_matches([' ', '|']).rsplit('|').next();
        let quoted = last.unwrap_or_default().split('`').skip(1).step_by(2);
        let tests = quoted.filter(|name| !rows_in(name).is_empty());
        rows.push(Row {
            number,
            text: text.to_owned(),
            tests: tests.map(str::to_owned).collect(),
        });
    }
    rows
}

/// The tests of the sources that are named after rows, with the numbers of these.
fn tests_named_after_rows() -> BTreeMap<String, Vec<usize>> {
    let mut found = BTreeMap::new();
    for path in files() {
        let is_source = path
            .extension()
            .is_some_and(|end| end == "rs" || end == "py");
        if !is_source {
            continue;
        }
        for line in read(&path).lines() {
            let line = line.trim_start();
            let words = ["pub", "crate)", "async", "fn", "def"];
            let name = line.split([' ', '(']).find(|word| !words.contains(word));
            let defines = line.contains("fn ") || line.starts_with("def ");
            if let Some(name) = name.filter(|_| defines) {
                let rows = rows_in(name);
                if !rows.is_empty() {
                    found.insert(name.to_owned(), rows);
                }
            }
        }
    }
    found
}

/// The numbers a test's name begins with: `a07_…`, `test_a07_…`, or several.
fn rows_in(name: &str) -> Vec<usize> {
    let parts = name.strip_prefix("test_").unwrap_or(name).split('_');
    let numbers = parts.map_while(|part| {
        let digits = part.strip_prefix('a').filter(|digits| digits.len() == 2)?;
        digits.parse().ok()
    });
    numbers.collect()
}
