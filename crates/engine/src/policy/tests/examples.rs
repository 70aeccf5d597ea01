//! The examples, each read from its file and held against a table.

use std::path::Path;

use jiff::tz::{Offset, offset};

use super::table::check;
use crate::{Policies, PolicyFile, Vocabulary};

/// An example, with the built-in policies where its first lines say so.
fn example(name: &str, offset: Offset) -> Policies {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/policies");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let beside = text.contains("//   include_default = true\n");
    let file = PolicyFile {
        name: name.to_owned(),
        text,
    };
    Policies::read(&[file], beside, &Vocabulary::default(), offset).unwrap()
}

fn holds(name: &str, table: &str) {
    assert!(check(name, &example(name, Offset::UTC), table) >= 64);
}

// In all of them: create list, read download, update delete, link, administer.

#[test]
fn everybody_has_a_folder() {
    holds(
        "per-user-paths.cedar",
        "
        alice       | files path=alice/2026                |  | +- ++ ++ + -
        alice       | files path=alice                     |  | +- ++ ++ + -
        alice       | files path=alice owner=bob           |  | +- ++ ++ + -
        alice       | files path=alicent                   |  | -- -- -- - -
        alice       | files path=bob owner=bob             |  | -- -- -- - -
        alice       | files path=bob/alice owner=alice     |  | -- -- -- - -
        alice       | files                                |  | -- -- -- - -
        alice       | files path=shared/x owner=bob        |  | +- ++ -- - -
        alice       | files path=shared/x owner=alice      |  | +- ++ ++ - -
        alice@acme  | files path=alice/2026                |  | +- -- -- - -
        alice@acme  | files path=shared                    |  | +- -- -- - -
        alice@acme  | files path=shared tenant=acme owner=bob | | +- ++ -- - -
        shared      | files path=shared owner=bob          |  | +- ++ ++ + -
        root +admin | files path=bob owner=bob             |  | ++ ++ ++ + +
        ",
    );
}

#[test]
fn roles_manage_documents() {
    holds(
        "documents.cedar",
        "
        alice                  | documents                              |  | -- -- -- - -
        alice +viewer          | documents owner=bob                    |  | -+ ++ -- - -
        alice +editor          | documents owner=bob                    |  | ++ ++ +- - -
        alice +auditor         | documents owner=bob                    |  | -+ +- -- - -
        alice +records-manager | documents owner=bob age=86400          |  | -+ ++ -+ - -
        alice +records-manager | documents owner=bob age=86399          |  | -+ ++ -- - -
        alice +auditor +editor | documents owner=bob                    |  | ++ ++ +- - -
        alice +editor          | files owner=bob                        |  | -- -- -- - -
        alice +viewer          | documents owner=bob confidential-to:hr |  | -+ -- -- - -
        alice +viewer +hr      | documents owner=bob confidential-to:hr |  | -+ ++ -- - -
        alice +hr              | documents owner=bob confidential-to:hr |  | -- -- -- - -
        alice +editor +law     | documents owner=bob confidential-to:hr |  | ++ -- -- - -
        alice +records-manager | documents age=90000 confidential-to:hr |  | -+ -- -+ - -
        root +admin            | documents owner=bob                    |  | ++ ++ ++ + +
        root +admin            | documents owner=bob confidential-to:hr |  | ++ -- -+ - +
        ",
    );
}

#[test]
fn a_licence_is_needed_to_download() {
    holds(
        "licences.cedar",
        "
        alice                | software owner=vendor product:studio               |         | -+ +- -- - -
        alice %studio        | software owner=vendor product:studio               |         | -+ ++ -- - -
        alice %studio        | software owner=vendor product:studio               | for=901 | -+ +- -- - -
        alice %other         | software owner=vendor product:studio               |         | -+ +- -- - -
        alice %Studio        | software owner=vendor product:studio               |         | -+ +- -- - -
        alice %studio        | software owner=vendor                              |         | -+ +- -- - -
        alice +studio        | software owner=vendor product:studio               |         | -+ +- -- - -
        alice                | software owner=vendor product:studio edition:trial | for=9999 | -+ ++ -- - -
        alice %a %studio     | software owner=vendor product:studio               |         | -+ ++ -- - -
        alice %studio        | files owner=vendor product:studio                  |         | +- -- -- - -
        alice                | files                                              |         | +- ++ ++ + -
        vendor +publisher    | software owner=vendor product:studio               |         | ++ ++ ++ + -
        root +admin          | software owner=vendor product:studio               |         | ++ ++ ++ + +
        ",
    );
}

#[test]
fn a_restricted_bucket_is_reached_from_the_office() {
    holds(
        "office-network.cedar",
        "
        alice       | secret level=3            | ip=10.20.3.4 for=300          | +- ++ ++ + -
        alice       | secret level=3            | ip=10.20.3.4 for=301          | +- +- ++ - -
        alice       | secret level=3            | ip=10.21.3.4 for=300          | -- -- -- - -
        alice       | secret level=3            | ip=2001:db8:20::7 for=300     | +- ++ ++ + -
        alice       | secret level=3            | ip=2001:db8:21::7 for=300     | -- -- -- - -
        alice       | secret level=3            | ip=::ffff:10.20.3.4 for=300   | +- ++ ++ + -
        alice       | secret level=3            | for=300                       | -- -- -- - -
        alice       | secret level=2            | ip=8.8.8.8                    | +- ++ ++ + -
        alice       | secret level=2            |                               | +- ++ ++ + -
        bob         | secret level=3            | ip=10.20.3.4 for=300          | +- -- -- - -
        root +admin | secret level=4            | ip=10.20.3.4 for=300          | ++ ++ ++ + +
        root +admin | secret level=4            | ip=8.8.8.8 for=300            | -- -- -- - +
        ",
    );
}

#[test]
fn contractors_work_in_business_hours() {
    let berlin = example("business-hours.cedar", offset(1));
    let decided = check(
        "business-hours.cedar",
        &berlin,
        "
        alice             | files | at=2026-03-07T23:00:00Z | +- ++ ++ + -
        alice +contractor | files | at=2026-03-02T07:00:00Z | +- ++ ++ + -
        alice +contractor | files | at=2026-03-02T06:59:59Z | -- +- -- - -
        alice +contractor | files | at=2026-03-02T16:59:59Z | +- ++ ++ + -
        alice +contractor | files | at=2026-03-02T17:00:00Z | -- +- -- - -
        alice +contractor | files | at=2026-03-06T12:00:00Z | +- ++ ++ + -
        alice +contractor | files | at=2026-03-07T12:00:00Z | -- +- -- - -
        alice +contractor | files | at=2026-03-08T12:00:00Z | -- +- -- - -
        alice +contractor | files | at=2026-03-01T23:30:00Z | -- +- -- - -
        alice +contractor | files owner=bob | at=2026-03-02T12:00:00Z | +- -- -- - -
        x +contractor +admin | files | at=2026-03-08T12:00:00Z | -+ +- -- - +
        ",
    );
    assert!(decided >= 64);
}

#[test]
fn assets_leave_by_link() {
    holds(
        "links-only.cedar",
        "
        alice            | marketing owner=bob approved:yes |              | -- -- -- - -
        mia +marketing   | marketing owner=bob approved:yes |              | ++ +- ++ + -
        mia +marketing   | marketing owner=bob approved:no  |              | ++ +- ++ - -
        mia +marketing   | marketing owner=bob              |              | ++ +- ++ - -
        mia +marketing   | marketing owner=bob approved:yes | for=2592000  | ++ +- ++ + -
        mia +marketing   | marketing owner=bob approved:yes | for=2592001  | ++ +- ++ - -
        alice            | marketing approved:yes           |              | -- +- ++ + -
        mia +marketing   | files owner=bob approved:yes     |              | +- -- -- - -
        alice            | files                            |              | +- ++ ++ + -
        root +admin      | marketing owner=bob approved:yes |              | ++ +- ++ + +
        root +admin      | files owner=bob                  |              | ++ ++ ++ + +
        ",
    );
}
