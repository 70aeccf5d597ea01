//! Changes of the tables: which were made, and which are missing.

use std::fmt;

use refinery::Migration;

/// What begins the name of a migration that takes away what older programs need, and the number of the migration that
/// a program must know to do without it: `V9__contract_7_old_column`.
const CONTRACT: &str = "contract_";

/// The migrations of a catalog, each as `V3__truth`, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrations {
    /// Those that were made.
    pub made: Vec<String>,
    /// Those that this program has and the catalog has not.
    pub missing: Vec<String>,
    /// Those that only a newer program has.
    pub newer: Vec<String>,
    /// Why this program cannot use the catalog, with what to do.
    pub refused: Option<String>,
}

impl Migrations {
    /// Compares what a program has with what was made.
    pub(crate) fn of(ours: &[Migration], made: &[Migration]) -> Self {
        let names = |all: Vec<&Migration>| all.iter().map(ToString::to_string).collect();
        let known = |one: &&Migration| ours.iter().any(|our| our.version() == one.version());
        let is_made = |one: &&Migration| made.iter().any(|other| other.version() == one.version());
        let newer: Vec<_> = made.iter().filter(|one| !known(one)).collect();
        let diverged = made
            .iter()
            .find(|one| known(one) && !ours.contains(one))
            .map(diverged);
        let last = ours
            .iter()
            .map(Migration::version)
            .max()
            .unwrap_or_default();
        let contract = newer.iter().find(|one| needs(one.name()) > last);
        Self {
            refused: diverged.or(contract.map(too_new)),
            made: names(made.iter().collect()),
            missing: names(ours.iter().filter(|one| !is_made(one)).collect()),
            newer: names(newer),
        }
    }
}

/// The migration that a program must know to live with this one.
fn needs(name: &str) -> i32 {
    let number = name.strip_prefix(CONTRACT);
    let number = number.map(|rest| rest.split('_').next().unwrap_or_default());
    number.map_or(0, |number| number.parse().unwrap_or(i32::MAX))
}

/// A newer program changed the tables.
pub(crate) fn too_new(migration: impl fmt::Display) -> String {
    format!(
        "a newer version of this program wrote it (it has the change {migration}); run that version, or restore the \
         backup made before it"
    )
}

/// Another program made the tables.
pub(crate) fn diverged(migration: impl fmt::Display) -> String {
    format!(
        "its tables were made by a different program (its change {migration} is not ours); restore a backup"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(name: &str) -> Migration {
        Migration::unapplied(name, "SELECT 1").unwrap()
    }

    fn compare(ours: &[&str], made: &[&str]) -> Migrations {
        let all = |names: &[&str]| names.iter().map(|name| migration(name)).collect::<Vec<_>>();
        Migrations::of(&all(ours), &all(made))
    }

    #[test]
    fn what_a_newer_program_added_is_no_hindrance_and_what_it_took_away_may_be() {
        let ours = ["V1__a", "V2__b"];
        let same = compare(&ours, &ours);
        assert_eq!(
            (same.missing.len(), same.newer.len(), same.refused),
            (0, 0, None)
        );
        let older = compare(&ours, &["V1__a"]);
        assert_eq!(
            (older.missing, older.refused),
            (vec!["V2__b".to_owned()], None)
        );
        let newer = compare(&ours, &["V1__a", "V2__b", "V3__c", "V4__contract_2_a"]);
        assert_eq!((newer.newer.len(), newer.refused), (2, None));
        for name in ["V4__contract_3_b", "V4__contract_of_something"] {
            let refused = compare(&ours, &["V1__a", "V2__b", "V3__c", name]).refused;
            assert!(refused.unwrap().contains(name));
        }
        let other = compare(&ours, &["V1__a", "V2__other"]).refused;
        assert!(other.unwrap().contains("V2__other"));
    }
}
