//! The built-in policies: what they decide, and that Cedar decides the same.

use std::sync::LazyLock;

use proptest::prelude::*;
use valetkey_protocol::{Subject, Tenant};

use super::table::{ACTIONS, check, read};
use crate::Policies;

#[test]
fn owners_manage_their_own_and_administrators_everything() {
    //                            create list read download update delete link administer
    let decided = check(
        "built-in",
        &Policies::built_in().unwrap(),
        "
        alice                  | docs                           |                         | +-++ +++-
        alice                  | docs level=9 a:b type=x/y age=0 | ip=8.8.8.8 for=604800  | +-++ +++-
        alice                  | docs owner=bob                 |                         | +--- ----
        alice                  | docs owner=Alice               |                         | +--- ----
        alice                  | docs tenant=acme               |                         | +--- ----
        alice@acme             | docs tenant=acme               |                         | +-++ +++-
        alice@acme             | docs                           |                         | +--- ----
        alice +editor +Admin   | docs owner=bob                 |                         | +--- ----
        alice %admin           | docs owner=bob                 |                         | +--- ----
        admin                  | docs owner=bob                 |                         | +--- ----
        root +admin            | docs owner=bob                 |                         | ++++ ++++
        root +editor +admin    | docs owner=bob                 | at=1999-12-31T23:59:59Z | ++++ ++++
        root@acme +admin       | docs tenant=acme owner=bob     |                         | ++++ ++++
        ",
    );
    assert_eq!(decided, 13 * ACTIONS.len());
}

static BUILT_IN: LazyLock<Policies> = LazyLock::new(|| Policies::built_in().unwrap());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// They are decided without Cedar, which takes longer: this is the proof that nobody can tell.
    #[test]
    fn what_is_decided_without_cedar_is_what_cedar_decides(
        (subject, owner) in ("alice|bob|admin", "alice|bob|admin"),
        (tenant, of) in ("(acme)?", "(acme)?"),
        roles in prop::collection::vec("admin|Admin|admin |editor", 0..3),
        (bucket, path, level) in ("[a-z]{1,5}", "[a-z/]{0,8}", -3..9_i64),
        (size, age, lasts) in (any::<u64>(), -9..1_000_000_i64, any::<u64>()),
        tags in prop::collection::btree_map("[a-z-]{1,9}", "[ -~é]{0,9}", 0..3),
    ) {
        let (mut scene, _) = read("alice | docs | | ++++++++");
        scene.who.subject = Subject::parse(&subject).unwrap();
        scene.who.tenant = Tenant::parse(&tenant).unwrap();
        scene.who.roles = roles;
        scene.owner = Subject::parse(&owner).unwrap();
        scene.tenant = Tenant::parse(&of).unwrap();
        (scene.bucket, scene.path, scene.level) = (bucket, path, level);
        (scene.size, scene.age, scene.expires_in) = (size, age, lasts);
        scene.tags = tags;
        for action in ACTIONS {
            let (fast, cedar) = (scene.ask(&BUILT_IN, action, false), scene.ask(&BUILT_IN, action, true));
            prop_assert_eq!(fast, cedar, "{:?} in {:?}", action, scene);
        }
    }
}
