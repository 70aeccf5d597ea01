use super::*;

const GOOD: &str = r#"
    secret = "b1946ac92492d2347c6235b4d2611184"
    issuer = "app"
    audience = "valetkey"
    [[keys]]
    id = "login"
    jwks_url = "https://login.example/jwks"
"#;

const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";

/// What is wrong with the good configuration when its key has these members and is without those.
fn problem(set: &str, without: &[&str]) -> Option<String> {
    let mut table: toml::Table = GOOD.parse().unwrap();
    let key = table["keys"][0].as_table_mut().unwrap();
    for name in without {
        key.remove(*name);
    }
    key.extend(set.parse::<toml::Table>().unwrap());
    let config: AuthConfig = table.try_into().unwrap();
    config.check().err().map(|error| error.to_string())
}

fn pem(more: &str) -> String {
    format!("public_key = '''{ED25519}'''\n{more}")
}

#[test]
fn each_kind_of_key_is_taken() {
    assert_eq!(problem("", &[]), None);
    let own = "algorithm = 'RS256'\nissuer = 'https://login.example/'";
    assert_eq!(problem(own, &[]), None);
    let secret = "secret = '9+1s7ZyZJcFcJv6QyQ9yq0o0s3p8m5N1xw2c4v6b8n0='";
    assert_eq!(problem(secret, &["jwks_url"]), None);
    assert_eq!(problem(&pem("algorithm = 'EdDSA'"), &["jwks_url"]), None);
    let claims = "claims = { subject = 'user.id', roles = '/a~1b/roles' }";
    assert_eq!(problem(claims, &[]), None);
}

#[test]
fn what_is_wrong_with_a_key_is_told_under_its_id() {
    let (bare, whole): (&[&str], &[&str]) = (&["jwks_url"], &[]);
    for (set, without, key, remedy) in [
        ("id = 'a b'", whole, "auth.keys.id", "1 to 64"),
        ("", bare, "auth.keys.login", "one of"),
        ("secret = 'x'", whole, "auth.keys.login", "one of"),
        ("secret = 'x'", bare, "auth.keys.login.secret", "openssl"),
        (
            "algorithm = 'RS256'\nsecret = 'x'",
            bare,
            "auth.keys.login",
            "HS256",
        ),
        ("algorithm = 'HS256'", whole, "auth.keys.login", "leave"),
        (
            "jwks_url = 'http://login.example/'",
            whole,
            "auth.keys.login.jwks_url",
            "https",
        ),
        (
            "jwks_url = 'http://127.0.0.1/'",
            whole,
            "auth.keys.login.jwks_url",
            "allow_loopback_http",
        ),
        (
            "claims = { subject = '' }",
            whole,
            "auth.keys.login.claims.subject",
            "sub",
        ),
        (
            "claims = { roles = '/a~b' }",
            whole,
            "auth.keys.login.claims.roles",
            "~1",
        ),
        (&pem(""), bare, "auth.keys.login", "RS256"),
        (
            &pem("algorithm = 'ES256'"),
            bare,
            "auth.keys.login.public_key",
            "ES256",
        ),
        (
            &pem("algorithm = 'HS256'"),
            bare,
            "auth.keys.login",
            "RS256",
        ),
    ] {
        let problem = problem(set, without).expect(set);
        assert!(problem.starts_with(&format!("`{key}`")), "{set}: {problem}");
        assert!(problem.contains(remedy), "{set}: {problem}");
    }
}

#[test]
fn only_with_keys_of_their_own_may_the_issuer_and_audience_be_left_out() {
    let problem = |text: &str| {
        let config: AuthConfig = toml::from_str(text).unwrap();
        config.check().err().map(|error| error.to_string())
    };
    let without = |text: &str, line: &str| text.replace(line, "");
    let half = without(GOOD, "audience = \"valetkey\"");
    assert!(
        problem(&half)
            .unwrap()
            .starts_with("`auth.audience` is empty")
    );
    let bare = without(&half, "issuer = \"app\"");
    let why = problem(&bare).unwrap();
    assert!(
        why.starts_with("`auth.keys.login.issuer` is empty"),
        "{why}"
    );
    let whole = format!("{bare}\nissuer = 'https://login.example/'\naudience = 'valetkey'");
    assert_eq!(problem(&whole), None);
    let twice = format!("{GOOD}\n[[keys]]\nid = 'login'\njwks_url = 'https://login.example/'");
    let why = problem(&twice).unwrap();
    assert!(
        why.starts_with("`auth.keys.login.id` is there twice"),
        "{why}"
    );
}

#[test]
fn keys_are_read_from_files_and_stand_in_one_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, ED25519).unwrap();
    let mut config: AuthConfig = toml::from_str(GOOD).unwrap();
    config.keys[0].jwks_url.clear();
    config.keys[0].algorithm = Some(KeyAlgorithm::EdDsa);
    config.keys[0].public_key_file = file.to_str().unwrap().to_owned();
    config.read_files().unwrap();
    config.check().unwrap();
    // What was read stands beside the file's name now.
    let twice = config.read_files().unwrap_err().to_string();
    assert!(twice.contains("keep one of the two"), "{twice}");
}
