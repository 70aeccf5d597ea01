//! Which secrets are none.

use valetkey_protocol::Secret;

/// The fewest bytes of a secret (RFC 7518 §3.2: as long as the hash).
const MIN_BYTES: usize = 32;

/// What has to be left of a secret without the words everybody knows.
const MIN_DISTINCT: usize = 8;

/// Words of examples, defaults and key-board walks, without anything but letters and digits; long ones first.
const KNOWN: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "minioadmin",
    "yoursecretkey",
    "1234567890",
    "0123456789",
    "123456789",
    "12345678",
    "qwertyuiop",
    "changeme",
    "changethis",
    "password",
    "passphrase",
    "replaceme",
    "valetkey",
    "secret",
    "default",
    "example",
    "letmein",
    "insecure",
    "admin",
    "your",
    "super",
    "token",
    "dummy",
    "test",
    "demo",
    "this",
    "that",
    "jwt",
    "key",
    "dev",
    "my",
    "is",
];

/// Refuses what is too short to be a secret, or so well known that it is none.
///
/// # Errors
/// What is wrong, and how to make a good one.
pub(super) fn check(secret: &Secret) -> Result<(), String> {
    const REMEDY: &str = "make one with `openssl rand -base64 48`";
    let text = secret.expose();
    if text.is_empty() {
        return Err(format!(
            "is empty: {REMEDY}, and set it here, in `auth.secret_file` or in {}",
            super::SECRET_VARIABLE
        ));
    }
    if text.len() < MIN_BYTES {
        return Err(format!("has fewer than {MIN_BYTES} bytes: {REMEDY}"));
    }
    if is_well_known(text) {
        return Err(format!("is well known or easy to guess: {REMEDY}"));
    }
    Ok(())
}

/// Whether little is left once case, punctuation and well-known words are taken away.
fn is_well_known(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    let mut rest: String = letters.flat_map(char::to_lowercase).collect();
    for word in KNOWN {
        rest = rest.replace(word, "");
    }
    let mut distinct: Vec<char> = rest.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() < MIN_DISTINCT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_everybody_knows_are_refused_however_long() {
        for text in [
            "",
            "short",
            "your-secret-key-your-secret-key-your-secret-key",
            "changeme-changeme-changeme-changeme",
            "minioadminminioadminminioadminminioadmin",
            "secret00000000000000000000000000000000",
            "SECRET_SECRET_SECRET_SECRET_SECRET!!",
            "12345678901234567890123456789012",
            "                                        ",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "this-is-my-super-secret-jwt-key-12345678",
            "0123456789012345678901234567890123456789",
        ] {
            assert!(check(&Secret::new(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn what_chance_made_is_taken() {
        for text in [
            "b1946ac92492d2347c6235b4d2611184",
            "9+1s7ZyZJcFcJv6QyQ9yq0o0s3p8m5N1xw2c4v6b8n0=",
            "correct horse battery staple reading lamp",
        ] {
            check(&Secret::new(text)).unwrap();
        }
    }
}
