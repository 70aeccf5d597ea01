//! `valetkey rm`

use crate::support::Dev;

#[test]
fn files_go_and_what_cannot_go_is_told() {
    let dev = Dev::start();
    let (first, second) = (dev.put("a.txt", "a"), dev.put("b.txt", "b"));

    let ran = dev.run("rm", &[&first, "nonsense", &second]);

    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stdout, format!("deleted {first}\ndeleted {second}\n"));
    assert!(ran.stderr.contains("error: nonsense: "), "{ran:?}");
    assert_eq!(dev.run("ls", &[]).well(), "");
    assert_eq!(dev.run("get", &[&first, "-"]).code, Some(1));
}
