use valetkey_protocol::bucket::Attribute;

use super::*;

const EXAMPLE: &str = include_str!("../../../../config.example.toml");

fn good() -> Config {
    let auth = AuthConfig {
        secret: Secret::new("b1946ac92492d2347c6235b4d2611184"),
        issuer: "app".to_owned(),
        audience: "valetkey".to_owned(),
        ..AuthConfig::default()
    };
    Config {
        auth,
        ..Config::default()
    }
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("config.toml"))
}

#[test]
fn the_example_is_exactly_the_defaults() {
    assert_eq!(parse(EXAMPLE).unwrap(), Config::default());
    assert_eq!(parse("").unwrap(), Config::default());
}

#[test]
fn the_example_names_every_key() {
    let printed = format!("{:?}", Config::default());
    let keys = printed
        .split([' ', '{', '('])
        .filter_map(|word| word.strip_suffix(':'));
    for key in keys.filter(|key| !key.contains('"')) {
        let named =
            EXAMPLE.contains(&format!("\n{key} = ")) || EXAMPLE.contains(&format!("[{key}"));
        let nested = EXAMPLE.contains(&format!(".{key}]"));
        assert!(named || nested, "{key} is missing in config.example.toml");
    }
}

#[test]
fn a_good_configuration_is_taken() {
    good().check().unwrap();
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    for text in [
        "\nlissten = 1",
        "[auth]\nsecrets = 1",
        "\n[buckets.a.x]",
        "[buckets.a.rules]\nx = 1",
    ] {
        let message = parse(text).unwrap_err().to_string();
        assert!(
            message.contains("config.toml, line 2: unknown field"),
            "{message}"
        );
    }
}

#[test]
fn a_message_never_repeats_what_a_line_holds() {
    let message = parse("[auth]\nsecret = \"hunter2hunter2\" x").unwrap_err();
    assert!(!format!("{message} {message:?}").contains("hunter2"));
    assert!(!format!("{:?}", good()).contains("b1946ac92492d2347c6235b4d2611184"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn what_cannot_be_used_is_named_with_its_remedy() {
    let s3 = |change: fn(&mut BucketConfig)| {
        let mut bucket = BucketConfig {
            provider: Provider::S3,
            endpoint: "http://127.0.0.1:1".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: Secret::new("x"),
            ..BucketConfig::default()
        };
        change(&mut bucket);
        move |config: &mut Config| {
            config.buckets.insert("files".to_owned(), bucket.clone());
        }
    };
    type Spoil = Box<dyn Fn(&mut Config)>;
    let classic = |change: fn(&mut ClassicConfig)| -> Spoil {
        Box::new(move |config| {
            config.compat.classic.enabled = true;
            change(&mut config.compat.classic);
        })
    };
    let cases: Vec<(&str, Spoil)> = vec![
        (
            "`buckets.files.session_token_expires_at` is empty, but `session_token` is set",
            Box::new(s3(|b| b.session_token = Secret::new("token"))),
        ),
        (
            "`buckets.files.session_token_expires_at` has no meaning without `session_token`",
            Box::new(s3(|b| {
                b.session_token_expires_at = "2026-11-28T12:00:00Z".to_owned()
            })),
        ),
        (
            "`buckets.files.session_token_expires_at` is no instant",
            Box::new(s3(|b| {
                b.session_token = Secret::new("token");
                b.session_token_expires_at = "soon".to_owned();
            })),
        ),
        (
            "`auth.secret` is empty: make one",
            Box::new(|c| c.auth.secret = Secret::new("")),
        ),
        (
            "`auth.secret` has fewer than 32 bytes",
            Box::new(|c| c.auth.secret = Secret::new("short")),
        ),
        (
            "`auth.secret` is well known",
            Box::new(|c| c.auth.secret = Secret::new("your-secret-key".repeat(3))),
        ),
        (
            "`auth.issuer` is empty",
            Box::new(|c| c.auth.issuer.clear()),
        ),
        (
            "`auth.audience` is empty",
            Box::new(|c| c.auth.audience.clear()),
        ),
        (
            "`auth.max_lifetime` is 0",
            Box::new(|c| c.auth.max_lifetime = 0),
        ),
        (
            "`listen` is no address",
            Box::new(|c| c.listen = "8080".to_owned()),
        ),
        (
            "`metrics_listen` is no address",
            Box::new(|c| c.metrics_listen = "x:y".to_owned()),
        ),
        (
            "`public_url` is empty",
            Box::new(|c| c.listen = "0.0.0.0:8080".to_owned()),
        ),
        (
            "`public_url` is no base URL",
            Box::new(|c| c.public_url = "files.example".to_owned()),
        ),
        (
            "`embedded.public_endpoint` is empty",
            Box::new(|c| c.embedded.listen = "[::]:9000".to_owned()),
        ),
        (
            "`cors_origins` has something that is no origin",
            Box::new(|c| c.cors_origins = vec!["https://a.example/".to_owned()]),
        ),
        (
            "`max_connections` is 0",
            Box::new(|c| c.max_connections = 0),
        ),
        (
            "`default_bucket` names no bucket",
            Box::new(|c| c.default_bucket = "other".to_owned()),
        ),
        (
            "`buckets.files.endpoint` has no meaning",
            Box::new(|c| {
                c.buckets
                    .values_mut()
                    .for_each(|b| b.endpoint = "http://a".to_owned())
            }),
        ),
        (
            "`buckets.files.encryption` has no meaning",
            Box::new(|c| {
                c.buckets
                    .values_mut()
                    .for_each(|b| b.encryption = BucketEncryption::SseS3)
            }),
        ),
        (
            "`buckets.files.storage_class` has no meaning",
            Box::new(|c| {
                c.buckets
                    .values_mut()
                    .for_each(|b| b.storage_class = "STANDARD_IA".to_owned())
            }),
        ),
        (
            "`buckets.files.kms_key_id` is set, and encryption is not",
            Box::new(s3(|b| b.kms_key_id = "alias/files".to_owned())),
        ),
        (
            "`buckets.files.rules` do not fit together: min_size",
            Box::new(|c| {
                c.buckets
                    .values_mut()
                    .for_each(|b| b.rules.min_size = u64::MAX)
            }),
        ),
        (
            "`auth.claims.tenant` is no JSON pointer",
            Box::new(|c| c.auth.claims.tenant = "/a~2".to_owned()),
        ),
        (
            "`buckets.files.rules` do not fit together: part_size",
            Box::new(|c| c.buckets.values_mut().for_each(|b| b.rules.part_size = 1)),
        ),
        (
            "`buckets.files.endpoint` is empty",
            Box::new(s3(|b| b.endpoint.clear())),
        ),
        (
            "`buckets.files.endpoint` is no base URL",
            Box::new(s3(|b| b.endpoint.push('/'))),
        ),
        (
            "`buckets.files.public_endpoint` is no base URL",
            Box::new(s3(|b| b.public_endpoint = "ftp://a".to_owned())),
        ),
        (
            "`buckets.files.access_key_id` is empty",
            Box::new(s3(|b| b.access_key_id.clear())),
        ),
        (
            "`buckets.files.secret_access_key` is empty",
            Box::new(s3(|b| b.secret_access_key = Secret::new(""))),
        ),
        (
            "`compat.classic.anonymous` has no meaning",
            Box::new(|c| c.compat.classic.anonymous = "guest".to_owned()),
        ),
        (
            "`compat.classic.anonymous` must",
            classic(|c| c.anonymous = "é".to_owned()),
        ),
        (
            "`compat.classic.bucket` names no bucket",
            classic(|c| c.bucket = "other".to_owned()),
        ),
        (
            "`compat.classic.images_bucket` names a bucket that nobody may read",
            classic(|c| c.images_bucket = "files".to_owned()),
        ),
        (
            "`compat.classic.bucket` leads to a bucket that requires checksums",
            Box::new(|c| {
                c.compat.classic.enabled = true;
                c.buckets
                    .values_mut()
                    .for_each(|b| b.rules.checksum_required = true)
            }),
        ),
        (
            "`buckets.Files` is no name",
            Box::new(|c| {
                c.buckets
                    .insert("Files".to_owned(), BucketConfig::default());
            }),
        ),
    ];
    for (start, spoil) in cases {
        let mut config = good();
        spoil(&mut config);
        let message = config.check().expect_err(start).to_string();
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn attributes_and_templates_are_read_and_what_is_none_is_named() {
    let rules = |text: &str| {
        let text = format!("[buckets.files.rules]\n{text}\n");
        parse(&text).map(|config| config.buckets["files"].rules.clone())
    };
    let read = rules(
        "security_level = 3\nattributes = { department = \"legal\", sealed = true }\nkey_template = \"{id}{ext}\"",
    )
    .unwrap();
    assert_eq!(read.security_level, 3);
    assert_eq!(read.attributes["sealed"], Attribute::Flag(true));
    for (text, word) in [
        ("security_level = 1.5", "i64"),
        ("attributes = { a = [1] }", "a string"),
        ("key_template = \"{owner}/{name}\"", "no {id}"),
    ] {
        let message = rules(text).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_secret_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, path) = (
        folder.path().join("secret"),
        folder.path().join("config.toml"),
    );
    std::fs::write(&file, "b1946ac92492d2347c6235b4d2611184\n").unwrap();
    let text = format!(
        "[auth]\nissuer = \"a\"\naudience = \"b\"\nsecret_file = {:?}\n",
        file
    );
    std::fs::write(&path, &text).unwrap();
    let config = Config::load(&path, None).unwrap();
    assert_eq!(
        config.auth.secret.expose(),
        "b1946ac92492d2347c6235b4d2611184"
    );

    std::fs::write(&path, format!("{text}secret = \"x\"\n")).unwrap();
    let message = Config::load(&path, None).unwrap_err().to_string();
    assert!(message.contains("keep one of the two"), "{message}");

    std::fs::remove_file(&file).unwrap();
    std::fs::write(&path, text).unwrap();
    let message = Config::load(&path, None).unwrap_err().to_string();
    assert!(message.contains("cannot read"), "{message}");
}

#[test]
fn two_buckets_of_one_place_are_refused_and_two_of_two_are_not() {
    let s3 = |endpoint: &str, bucket: &str| BucketConfig {
        provider: Provider::S3,
        endpoint: endpoint.to_owned(),
        bucket: bucket.to_owned(),
        access_key_id: "id".to_owned(),
        secret_access_key: Secret::new("x"),
        ..BucketConfig::default()
    };
    let embedded = |bucket: &str| BucketConfig {
        bucket: bucket.to_owned(),
        ..BucketConfig::default()
    };
    let checked = |one: BucketConfig, other: BucketConfig| {
        let mut config = good();
        config.buckets.insert("files".to_owned(), one);
        config.buckets.insert("more".to_owned(), other);
        config.check()
    };
    for (one, other) in [
        (s3("https://s3.test", "b"), s3("https://S3.test:443", "b")),
        (
            s3("http://s3.test/x", "more"),
            s3("http://s3.test:80/x", ""),
        ),
        (embedded(""), embedded("files")),
    ] {
        let message = checked(one, other).unwrap_err().to_string();
        let start = "`buckets.more` is the same storage bucket as buckets.files: give";
        assert!(message.starts_with(start), "{message}");
    }
    for (one, other) in [
        (s3("https://s3.test", "b"), s3("https://s3.test", "c")),
        (s3("https://s3.test", "b"), s3("https://s3.test:8443", "b")),
        (s3("https://s3.test", "files"), embedded("files")),
        (embedded(""), embedded("")),
    ] {
        checked(one, other).unwrap();
    }
}
