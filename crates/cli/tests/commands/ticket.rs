//! The example that makes tickets in Rust, and the command line as the holder of one.

use crate::support::Dev;

#[expect(
    dead_code,
    unreachable_pub,
    reason = "it is a program of its own, and one function of it is tested here"
)]
#[path = "../../../../examples/tickets/mint.rs"]
mod example;

/// The first bytes of an image, and enough of it to be told.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

#[test]
fn the_holder_of_a_ticket_puts_one_image_and_sees_nothing() {
    let dev = Dev::start();
    let secret = std::fs::read_to_string(dev.data().join("secret")).unwrap();
    let names = ["valetkey-dev", "valetkey", "alice"];
    let ticket = example::mint(secret.trim(), names, "ticket-1").unwrap();
    for name in ["a.png", "b.png", "c.txt"] {
        dev.write(name, PNG);
    }
    let holder = |command: &str, arguments: &[&str]| {
        let mut all = vec!["--token", &ticket];
        all.extend(arguments);
        dev.run(command, &all)
    };
    let text = holder("put", &["c.txt"]);
    assert!(text.stderr.contains("image/*"), "{text:?}");
    holder("put", &["a.png"]).well();
    let spent = holder("put", &["b.png"]);
    assert_eq!(spent.code, Some(1));
    assert!(spent.stderr.contains("for 1 uploads"), "{spent:?}");
    let list = holder("ls", &[]);
    assert!(list.stderr.contains("ticket"), "{list:?}");
}
