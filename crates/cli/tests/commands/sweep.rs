//! `valetkey sweep`

use crate::support::{Dev, Ran};

fn sweep(dev: &Dev, arguments: &[&str]) -> Ran {
    let token = dev
        .run("token", &["--sub", "root", "--role", "admin"])
        .well();
    let mut all = vec!["--token", token.trim_end()];
    all.extend(arguments);
    dev.run("sweep", &all)
}

#[test]
fn a_service_in_order_has_nothing_to_sweep() {
    let dev = Dev::start();
    dev.put("a.txt", "a");
    assert_eq!(sweep(&dev, &["--dry-run"]).well(), "looked at 3, found 0\n");
    assert_eq!(sweep(&dev, &["--json"]).well(), "");
}

#[test]
fn whoever_is_no_administrator_is_told_so() {
    let dev = Dev::start();
    let ran = dev.run("sweep", &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("only the role admin"), "{ran:?}");
}
