use serde_json::json;
use valetkey_protocol::file::PatchFile;
use valetkey_protocol::upload::{CompleteUpload, CreateUpload, CreateUploads, SignParts};

use super::*;

fn refusal<T: DeserializeOwned>(body: impl AsRef<[u8]>) -> Problem {
    match parse::<T>(body.as_ref()) {
        Ok(_) => panic!("it was taken"),
        Err(failure) => failure.problem,
    }
}

fn create(change: &str) -> String {
    format!(r#"{{"filename":"a.txt","content_type":"text/plain",{change}}}"#)
}

#[test]
fn what_is_no_json_is_malformed() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        b"".as_slice(),
        b"{",
        b"{\"size\":01}",
        b"{} {}",
        b"\xff\xfe",
        b"{\"filename\":\"\xc3\x28\"}",
        b"{\"size\":NaN}",
        b"{\"filename\":\"a\nb\"}",
        b"{\"filename\":\"\\ud800\"}",
        deep.as_bytes(),
    ] {
        let problem = refusal::<CreateUpload>(body);
        assert_eq!(problem.code, Code::MalformedRequest, "{}", problem.detail);
    }
}

#[test]
fn what_many_send_by_mistake_is_called_by_its_name() {
    for (body, said) in [
        ("", "empty"),
        (" \n", "empty"),
        ("\u{feff}{}", "byte order mark"),
    ] {
        let problem = refusal::<CreateUpload>(body);
        assert_eq!(problem.code, Code::MalformedRequest);
        assert!(problem.detail.contains(said), "{}", problem.detail);
    }
}

#[test]
fn a38_a_name_that_stands_twice_is_malformed_wherever_it_stands() {
    for body in [
        create(r#""size":1,"size":2"#),
        create(r#""size":1,"si\u007ae":2"#),
        create(r#""size":1,"metadata":{"a":"1","a":"2"}"#),
        create(r#""size":1,"unknown":{"a":{"b":1,"b":2}}"#),
    ] {
        let problem = refusal::<CreateUpload>(&body);
        assert_eq!(problem.code, Code::MalformedRequest, "{body}");
        assert!(problem.detail.contains("twice"), "{}", problem.detail);
    }
    let problem = refusal::<CompleteUpload>(r#"{"parts":[{"ETag":"a","ETag":"b"}]}"#);
    assert_eq!(problem.code, Code::MalformedRequest);
}

#[test]
fn a_field_nobody_knows_is_named_with_its_path() {
    let problem = refusal::<CreateUpload>(create(r#""size":1,"sise":1"#));
    assert_eq!(problem.code, Code::UnknownField);
    assert_eq!(problem.facts["field"], json!("sise"));
    assert!(
        problem
            .detail
            .contains("known here: filename, content_type, size")
    );

    let batch = format!(
        r#"{{"uploads":[{},{}]}}"#,
        create("\"size\":1"),
        create("\"size\":1,\"x\":1")
    );
    let problem = refusal::<CreateUploads>(batch);
    assert_eq!(problem.facts["field"], json!("uploads[1].x"));
}

#[test]
fn a_wrong_value_is_named_with_its_path_and_said_in_plain_words() {
    let checksum = r#""checksum":{"algorithm":"crc32c","value":"AA=="}"#;
    let cases = [
        (
            r#""size":"5""#,
            "size",
            "must be a whole number, 0 to 18446744073709551615, and is the text \"5\"",
        ),
        (r#""size":-1"#, "size", "and is -1"),
        (r#""size":1.5"#, "size", "and is 1.5"),
        (
            r#""size":18446744073709551616"#,
            "size",
            "must be a whole number",
        ),
        (r#""size":null"#, "size", "and is null"),
        (r#""size":[1]"#, "size", "and is a list"),
        (r#""size":{}"#, "size", "and is an object"),
        (r#""path":"""#, "size", "is required"),
        (r#""size":1,"path":5"#, "path", "must be a text, and is 5"),
        (
            r#""size":1,"path":"a//b""#,
            "path",
            "must be folders like 'photos/2026'",
        ),
        (
            r#""size":1,"metadata":[]"#,
            "metadata",
            "must be an object, and is a list",
        ),
        (
            r#""size":1,"checksum":{"algorithm":"md5","value":""}"#,
            "checksum.algorithm",
            "must be one of sha256, crc64nvme, crc32c",
        ),
        (
            r#""size":1,"checksum":{"algorithm":"crc32c"}"#,
            "checksum.value",
            "is required",
        ),
        (checksum, "checksum", "base64 of the 4 bytes"),
    ];
    for (change, field, words) in cases {
        let problem = refusal::<CreateUpload>(create(change));
        assert_eq!(problem.code, Code::InvalidRequest, "{change}");
        assert_eq!(
            problem.facts["field"],
            json!(field),
            "{change}: {}",
            problem.detail
        );
        assert!(
            problem.detail.contains(words),
            "{change}: {}",
            problem.detail
        );
    }
}

#[test]
fn a_wrong_value_deep_in_a_list_is_found() {
    let batch = format!(
        r#"{{"uploads":[{},{}]}}"#,
        create("\"size\":1"),
        create("\"size\":\"1\"")
    );
    assert_eq!(
        refusal::<CreateUploads>(batch).facts["field"],
        json!("uploads[1].size")
    );
    let problem = refusal::<SignParts>(r#"{"part_numbers":[1,0]}"#);
    assert_eq!(problem.facts["field"], json!("part_numbers[1]"));
    let problem = refusal::<PatchFile>(r#"{"metadata":{"a":5}}"#);
    assert_eq!(problem.facts["field"], json!("metadata.a"));
}

#[test]
fn a_body_of_another_kind_is_refused_as_a_whole() {
    let problem = refusal::<CreateUpload>("[]");
    assert_eq!(problem.code, Code::InvalidRequest);
    let problem = refusal::<CreateUpload>("5");
    assert_eq!(problem.detail, "the body: must be an object, and is 5");
}

#[test]
fn a_list_of_values_is_no_object_at_any_depth() {
    let values = r#"["note.txt","text/plain",5]"#;
    assert_eq!(
        refusal::<CreateUpload>(values).detail,
        "the body: must be an object, and is a list"
    );
    let checksum = create(r#""size":5,"checksum":["crc32c","AAAAAA=="]"#);
    assert_eq!(refusal::<CreateUpload>(checksum).facts["field"], "checksum");
    let item = format!(r#"{{"uploads":[{values}]}}"#);
    assert_eq!(refusal::<CreateUploads>(item).facts["field"], "uploads[0]");
}

#[test]
fn a_long_value_is_not_repeated_in_full() {
    let problem = refusal::<CreateUpload>(create(&format!(r#""size":"{}""#, "x".repeat(5000))));
    assert!(problem.detail.len() < 300);
}

#[test]
fn only_json_is_json() {
    let headers = |value: &'static str| {
        HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static(value),
        )])
    };
    for good in ["application/json", "Application/JSON; charset=utf-8"] {
        assert!(is_json(&Method::POST, &headers(good)), "{good}");
    }
    for bad in [
        "text/plain",
        "application/jsonx",
        "",
        "application/merge-patch+json",
    ] {
        assert!(!is_json(&Method::POST, &headers(bad)), "{bad}");
    }
    assert!(is_json(
        &Method::PATCH,
        &headers("application/merge-patch+json")
    ));
    assert!(!is_json(&Method::POST, &HeaderMap::new()));
}
