//! The parts of a large upload.

use std::time::Duration;

use rusty_s3::S3Action as _;

use crate::measure::{BARE, Contender, Goal, Mode, Row};
use crate::others::{Aws, EXPIRES_IN, HOST, KEY, Rusty, bare, blocks_of, signature};
use crate::single::presigner;

/// As long as those of AWS.
const UPLOAD_ID: &str =
    "ibZBv_75gd9r8lH_gqXatLdxMVpAlj6ZQjEs.OwyF3953YdwbcQnMA2BLGn8Lx12fQNICtMw5KyteFeHw.Sjng--";

pub(crate) fn rows(mode: &Mode) -> Vec<Row> {
    // As long as those that STS hands out.
    let token = "IQoJb3JpZ2luX2Vj+/".repeat(43)[..764].to_owned();
    vec![
        parts(mode, "10,000 parts of one upload", None, 10.0),
        parts(
            mode,
            "10,000 parts, with a session token of 764 characters",
            Some(&token),
            18.0,
        ),
    ]
}

fn parts(mode: &Mode, title: &'static str, token: Option<&str>, goal: f64) -> Row {
    let (ours, rusty, aws) = (presigner(token), Rusty::new(token), Aws::new(token));
    let parts = ours.parts(KEY.as_bytes(), UPLOAD_ID, &[]).unwrap();
    let expires = Duration::from_secs(u64::from(EXPIRES_IN));
    let of_rusty = |number: u32| {
        let number = u16::try_from(number).unwrap();
        let action = rusty
            .bucket
            .upload_part(Some(&rusty.credentials), KEY, number, UPLOAD_ID);
        String::from(action.sign_with_time(expires, &rusty.at))
    };
    let of_aws = |number: u32| {
        let uri = format!("https://{HOST}/{KEY}?partNumber={number}&uploadId={UPLOAD_ID}");
        aws.url(&uri, &[])
    };
    let mut url = String::new();
    parts.presign(1_234, &[], &mut url).unwrap();
    assert_eq!(signature(&of_rusty(1_234)), signature(&url));
    assert_eq!(signature(&of_aws(1_234)), signature(&url));

    // What comes after the part number, and what is left of the block before it.
    let tail = format!("1234&uploadId={UPLOAD_ID}\nhost:{HOST}\n\nhost\nUNSIGNED-PAYLOAD");
    let blocks = blocks_of(tail.len() + 31);
    let contenders = vec![
        Contender::new("valetkey-sign", |number| {
            url.clear();
            parts.presign(number, &[], &mut url).unwrap();
            url.len()
        }),
        Contender::new("rusty-s3", |number| of_rusty(number).len()),
        Contender::new("aws-sigv4", |number| of_aws(number).len()),
        Contender::new(BARE, |_| bare(&blocks)),
    ];
    let goals = vec![Goal::Faster("rusty-s3", goal), Goal::NoAllocations];
    mode.row(title, contenders, goals)
}
