//! CORS rules of a bucket: put, get, delete.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html>.

use s3s::dto::*;
use s3s::{S3ErrorCode, S3Response};

use super::{Answer, Backend};
use crate::cors::{CorsRule, METHODS};
use crate::error::Failure;
use crate::index;

/// As many rules as a bucket may have.
const MAX_RULES: usize = 100;

pub(super) async fn put(
    backend: &Backend,
    input: PutBucketCorsInput,
) -> Answer<PutBucketCorsOutput> {
    let rules = input.cors_configuration.cors_rules;
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(Failure::malformed_xml().into());
    }
    let rules: Vec<CorsRule> = rules.into_iter().map(read).collect::<Result<_, _>>()?;
    backend
        .committer
        .write(move |tables| {
            index::change_bucket(tables, &input.bucket, |record| record.cors = rules)
        })
        .await?;
    Ok(S3Response::new(PutBucketCorsOutput::default()))
}

pub(super) async fn get(
    backend: &Backend,
    input: GetBucketCorsInput,
) -> Answer<GetBucketCorsOutput> {
    let record = backend
        .read(move |snapshot| index::find_bucket(snapshot, &input.bucket))
        .await?;
    if record.cors.is_empty() {
        return Err(Failure::refuse(
            S3ErrorCode::NoSuchCORSConfiguration,
            "The CORS configuration does not exist",
        )
        .into());
    }
    Ok(S3Response::new(GetBucketCorsOutput {
        cors_rules: Some(record.cors.into_iter().map(write).collect()),
    }))
}

pub(super) async fn delete(
    backend: &Backend,
    input: DeleteBucketCorsInput,
) -> Answer<DeleteBucketCorsOutput> {
    backend
        .committer
        .write(move |tables| {
            index::change_bucket(tables, &input.bucket, |record| record.cors.clear())
        })
        .await?;
    Ok(S3Response::new(DeleteBucketCorsOutput::default()))
}

fn read(rule: CORSRule) -> Result<CorsRule, Failure> {
    if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
        return Err(Failure::malformed_xml());
    }
    if let Some(method) = rule
        .allowed_methods
        .iter()
        .find(|method| !METHODS.contains(&method.as_str()))
    {
        return Err(invalid(format!(
            "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
        )));
    }
    let headers = rule.allowed_headers.unwrap_or_default();
    at_most_one_star("AllowedOrigin", &rule.allowed_origins)?;
    at_most_one_star("AllowedHeader", &headers)?;
    let exposed = rule.expose_headers.unwrap_or_default();
    if let Some(name) = exposed.iter().find(|name| name.contains('*')) {
        return Err(invalid(format!(
            "ExposeHeader \"{name}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
        )));
    }
    let max_age = rule.max_age_seconds.map(u32::try_from).transpose();
    Ok(CorsRule {
        id: rule.id,
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers,
        exposed,
        max_age: max_age.map_err(|_| invalid("MaxAgeSeconds cannot be negative".to_owned()))?,
    })
}

fn write(rule: CorsRule) -> CORSRule {
    let some = |names: Vec<String>| (!names.is_empty()).then_some(names);
    CORSRule {
        id: rule.id,
        allowed_origins: rule.origins,
        allowed_methods: rule.methods,
        allowed_headers: some(rule.headers),
        expose_headers: some(rule.exposed),
        max_age_seconds: rule.max_age.and_then(|seconds| i32::try_from(seconds).ok()),
    }
}

fn at_most_one_star(element: &str, values: &[String]) -> Result<(), Failure> {
    match values.iter().find(|value| value.matches('*').count() > 1) {
        None => Ok(()),
        Some(value) => Err(invalid(format!(
            "{element} \"{value}\" can not have more than one wildcard."
        ))),
    }
}

fn invalid(message: String) -> Failure {
    Failure::refuse(S3ErrorCode::InvalidRequest, message)
}
