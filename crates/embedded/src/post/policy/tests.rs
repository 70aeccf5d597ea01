use super::*;

const BEFORE: &str = "2026-01-01T11:59:59Z";

fn parse(json: &str) -> Result<Policy, Failure> {
    Policy::parse(&BASE64.encode(json))
}

/// A policy with these conditions and one on the bucket, until noon of the first day of 2026.
fn policy(conditions: &str) -> Policy {
    parse(&format!(
        r#"{{"expiration":"2026-01-01T12:00:00.000Z","conditions":[{{"bucket":"files"}},{conditions}]}}"#
    ))
    .unwrap()
}

fn check(policy: &Policy, form: &[(&str, &str)]) -> Result<(), String> {
    let mut fields = Fields::default();
    for (name, value) in form {
        fields.add(name, (*value).to_owned()).unwrap();
    }
    let now = BEFORE.parse().unwrap();
    policy
        .check(&fields, "files", now)
        .map_err(|failure| failure.to_string())
}

#[test]
fn a_field_must_be_exactly_what_was_signed() {
    for condition in [
        r#"{"Key":"a"}"#,
        r#"["eq","$key","a"]"#,
        r#"["EQ","$KEY","a"]"#,
    ] {
        let policy = policy(condition);
        assert_eq!(check(&policy, &[("key", "a")]), Ok(()), "{condition}");
        for form in [
            [("key", "ab")].as_slice(),
            &[("key", "A")],
            &[("key", "")],
            &[],
        ] {
            assert_eq!(
                check(&policy, form).unwrap_err(),
                r#"Invalid according to Policy: Policy Condition failed: ["eq", "$key", "a"]"#
            );
        }
    }
}

#[test]
fn a_field_must_begin_as_was_signed() {
    let prefix = policy(r#"["starts-with","$key","user/1/"]"#);
    assert_eq!(check(&prefix, &[("key", "user/1/x")]), Ok(()));
    for key in ["user/1", "user/2/x", "/user/1/x", "User/1/x"] {
        assert_eq!(
            check(&prefix, &[("key", key)]).unwrap_err(),
            r#"Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "user/1/"]"#
        );
    }
    let any = policy(r#"["starts-with","$key",""]"#);
    assert_eq!(check(&any, &[("key", "anything")]), Ok(()));
    assert_eq!(check(&any, &[("key", "")]), Ok(()));
    assert!(check(&any, &[]).is_err(), "the field must be there");
}

#[test]
fn each_type_of_a_list_must_begin_as_was_signed() {
    let images = policy(r#"["starts-with","$Content-Type","image/"]"#);
    for (types, fits) in [
        ("image/png", true),
        ("image/png,image/gif", true),
        ("image/png, image/gif", true),
        ("image/png,text/html", false),
        ("text/html,image/png", false),
        ("image/png,", false),
    ] {
        assert_eq!(
            check(&images, &[("content-type", types)]).is_ok(),
            fits,
            "{types}"
        );
    }
    let keys = policy(r#"["starts-with","$key","a"]"#);
    assert_eq!(check(&keys, &[("key", "a,b")]), Ok(()));
}

#[test]
fn all_conditions_on_a_field_must_hold() {
    let both = policy(r#"["starts-with","$key","a"],["starts-with","$key","ab"]"#);
    assert!(check(&both, &[("key", "ab")]).is_ok());
    assert!(check(&both, &[("key", "ac")]).is_err());
    let sizes = policy(r#"["content-length-range",1,9],["content-length-range","5",20]"#);
    assert_eq!(sizes.size, (5, 9));
}

#[test]
fn every_field_needs_a_condition() {
    let policy = policy(r#"["eq","$key","a"]"#);
    let exempt = [
        ("key", "a"),
        ("policy", ""),
        ("X-Amz-Signature", ""),
        ("x-ignore-me", "1"),
    ];
    assert_eq!(check(&policy, &exempt), Ok(()));
    assert_eq!(
        check(&policy, &[("key", "a"), ("x-amz-meta-a", "1"), ("b", "2")]).unwrap_err(),
        "Invalid according to Policy: Extra input fields: x-amz-meta-a, b"
    );
    let nowhere = parse(r#"{"expiration":"2026-01-01T12:00:00Z","conditions":[{"key":"a"}]}"#);
    assert_eq!(
        check(&nowhere.unwrap(), &[("key", "a")]).unwrap_err(),
        "Invalid according to Policy: Extra input fields: bucket"
    );
}

#[test]
fn the_bucket_is_the_one_that_was_addressed() {
    let policy = policy(r#"{"key":"a"}"#);
    let named = |bucket| check(&policy, &[("key", "a"), ("bucket", bucket)]);
    assert_eq!(named("files"), Ok(()));
    assert!(named("other").is_err());
    let other = parse(
        r#"{"expiration":"2026-01-01T12:00:00Z","conditions":[{"bucket":"other"},{"key":"a"}]}"#,
    );
    let other = other.unwrap();
    assert!(check(&other, &[("key", "a")]).is_err());
    assert!(check(&other, &[("key", "a"), ("bucket", "other")]).is_err());
}

#[test]
fn a_policy_ends_when_it_says() {
    let policy = policy(r#"{"key":"a"}"#);
    let mut fields = Fields::default();
    fields.add("key", "a".to_owned()).unwrap();
    let at = |time: &str| policy.check(&fields, "files", time.parse().unwrap());
    assert!(at(BEFORE).is_ok());
    assert_eq!(
        at("2026-01-01T12:00:00Z").unwrap_err().to_string(),
        "Invalid according to Policy: Policy expired."
    );
}

#[test]
fn what_is_no_policy_is_refused() {
    let until = r#""expiration":"2026-01-01T12:00:00Z""#;
    for wrong in [
        "".to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
        format!("{{{until}}}"),
        format!(r#"{{{until},"conditions":[]}}"#),
        format!(r#"{{{until},"conditions":{{"key":"a"}}}}"#),
        format!(r#"{{{until},"CONDITIONS":[{{"key":"a"}}]}}"#),
        format!(r#"{{{until},{until},"conditions":[{{"key":"a"}}]}}"#),
        r#"{"conditions":[{"key":"a"}]}"#.to_owned(),
        r#"{"expiration":"2026-01-01 12:00:00Z","conditions":[{"key":"a"}]}"#.to_owned(),
        r#"{"expiration":"2026-01-01T12:00:00+01:00","conditions":[{"key":"a"}]}"#.to_owned(),
        r#"{"expiration":1767268800,"conditions":[{"key":"a"}]}"#.to_owned(),
    ] {
        assert!(parse(&wrong).is_err(), "{wrong}");
    }
    for condition in [
        r#""key""#,
        "{}",
        r#"{"key":"a","acl":"private"}"#,
        r#"{"key":1}"#,
        r#"["eq","$key"]"#,
        r#"["eq","$key","a","b"]"#,
        r#"["eq","key","a"]"#,
        r#"["eq","$key",1]"#,
        r#"["ends-with","$key","a"]"#,
        r#"["content-length-range",1]"#,
        r#"["content-length-range",-1,5]"#,
        r#"["content-length-range",5,1]"#,
        r#"["content-length-range",1.5,5]"#,
    ] {
        let json = format!(r#"{{{until},"conditions":[{condition}]}}"#);
        assert!(parse(&json).is_err(), "{condition}");
    }
    assert!(Policy::parse("not base64!").is_err());
    assert!(Policy::parse(&BASE64.encode([0xff, 0xfe])).is_err());
}

#[test]
fn the_escapes_of_s3_are_understood() {
    let escaped = policy(r#"["eq","$key","\$a\v\\\"\n\u00e9\\$"]"#);
    assert_eq!(check(&escaped, &[("key", "$a\u{b}\\\"\né\\$")]), Ok(()));
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
#[test]
fn the_published_example_holds_for_the_published_form() {
    let example = include_str!("../../../tests/vectors/aws_post_example.json");
    let example: Value = serde_json::from_str(example).unwrap();
    let text = |name: &str| example[name].as_str().unwrap();
    let policy = Policy::parse(text("policy_base64")).unwrap();
    let form = [
        ("key", "user/user1/MyPhoto.jpg"),
        ("acl", "public-read"),
        (
            "success_action_redirect",
            "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        ),
        ("Content-Type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-server-side-encryption", "AES256"),
        ("X-Amz-Credential", text("credential")),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", text("date")),
        ("x-amz-meta-tag", ""),
        ("Policy", text("policy_base64")),
        ("X-Amz-Signature", text("signature")),
    ];
    let mut fields = Fields::default();
    for (name, value) in form {
        fields.add(name, value.to_owned()).unwrap();
    }
    let now = "2015-12-29T12:00:00Z".parse().unwrap();
    policy.check(&fields, text("bucket"), now).unwrap();
    assert!(policy.check(&fields, "another", now).is_err());
}
