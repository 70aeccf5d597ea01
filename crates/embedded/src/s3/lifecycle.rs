//! Lifecycle rules of a bucket: put, get, delete. What is not done here is refused, not dropped.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>.

use std::collections::{BTreeMap, HashSet};

use s3s::dto::*;
use s3s::{S3ErrorCode, S3Response};

use super::convert::{check_tags, timestamp};
use super::{Answer, Backend};
use crate::error::Failure;
use crate::index;
use crate::lifecycle::{Expire, Filter, Form, LifecycleRule as Rule};

/// As many rules as a bucket may have.
const MAX_RULES: usize = 1000;
/// As long as the name of a rule may be.
const MAX_ID: usize = 255;

pub(super) async fn put(
    backend: &Backend,
    input: PutBucketLifecycleConfigurationInput,
) -> Answer<PutBucketLifecycleConfigurationOutput> {
    let rules = input
        .lifecycle_configuration
        .map(|configuration| configuration.rules)
        .unwrap_or_default();
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(Failure::malformed_xml().into());
    }
    let mut read_rules = Vec::with_capacity(rules.len());
    for rule in rules {
        let unnamed = backend.new_id()?.to_string();
        read_rules.push(read(rule, unnamed)?);
    }
    let mut ids = HashSet::new();
    if !read_rules.iter().all(|rule| ids.insert(&rule.id)) {
        return Err(invalid("Rule ID must be unique. Found same ID for more than one rule").into());
    }
    backend
        .committer
        .write(move |tables| {
            index::change_bucket(tables, &input.bucket, |record| {
                record.lifecycle = read_rules
            })
        })
        .await?;
    Ok(S3Response::new(
        PutBucketLifecycleConfigurationOutput::default(),
    ))
}

pub(super) async fn get(
    backend: &Backend,
    input: GetBucketLifecycleConfigurationInput,
) -> Answer<GetBucketLifecycleConfigurationOutput> {
    let record = backend
        .read(move |snapshot| index::find_bucket(snapshot, &input.bucket))
        .await?;
    if record.lifecycle.is_empty() {
        return Err(Failure::refuse(
            S3ErrorCode::NoSuchLifecycleConfiguration,
            "The lifecycle configuration does not exist",
        )
        .into());
    }
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(record.lifecycle.into_iter().map(write).collect()),
        ..GetBucketLifecycleConfigurationOutput::default()
    }))
}

pub(super) async fn delete(
    backend: &Backend,
    input: DeleteBucketLifecycleInput,
) -> Answer<DeleteBucketLifecycleOutput> {
    backend
        .committer
        .write(move |tables| {
            index::change_bucket(tables, &input.bucket, |record| record.lifecycle.clear())
        })
        .await?;
    Ok(S3Response::new(DeleteBucketLifecycleOutput::default()))
}

fn read(rule: LifecycleRule, unnamed: String) -> Result<Rule, Failure> {
    refuse_what_is_not_done(&rule)?;
    let enabled = match rule.status.as_str() {
        ExpirationStatus::ENABLED => true,
        ExpirationStatus::DISABLED => false,
        _ => return Err(Failure::malformed_xml()),
    };
    let id = rule.id.filter(|id| !id.is_empty()).unwrap_or(unnamed);
    if id.chars().count() > MAX_ID {
        return Err(argument("ID length should not exceed allowed limit of 255"));
    }
    let filter = read_filter(rule.filter, rule.prefix)?;
    let expire = rule.expiration.map(read_expiration).transpose()?;
    let abort_after = rule
        .abort_incomplete_multipart_upload
        .map(|abort| {
            positive(
                abort.days_after_initiation,
                "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
            )
        })
        .transpose()?;
    if expire.is_none() && abort_after.is_none() {
        return Err(invalid(
            "At least one action needs to be specified in a rule",
        ));
    }
    let sized = filter.larger_than.is_some() || filter.smaller_than.is_some();
    if abort_after.is_some() && (sized || !filter.tags.is_empty()) {
        return Err(invalid(
            "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes",
        ));
    }
    Ok(Rule {
        id,
        enabled,
        filter,
        expire,
        abort_after,
    })
}

/// There is one storage class, and there is one version of each object.
fn refuse_what_is_not_done(rule: &LifecycleRule) -> Result<(), Failure> {
    let delete_marker = rule
        .expiration
        .as_ref()
        .is_some_and(|expiration| expiration.expired_object_delete_marker.is_some());
    for (is_there, what) in [
        (rule.transitions.is_some(), "Transition"),
        (
            rule.noncurrent_version_transitions.is_some(),
            "NoncurrentVersionTransition",
        ),
        (
            rule.noncurrent_version_expiration.is_some(),
            "NoncurrentVersionExpiration",
        ),
        (delete_marker, "ExpiredObjectDeleteMarker"),
    ] {
        if is_there {
            return Err(Failure::refuse(
                S3ErrorCode::NotImplemented,
                format!("The lifecycle action {what} is not implemented"),
            ));
        }
    }
    Ok(())
}

fn read_expiration(expiration: LifecycleExpiration) -> Result<Expire, Failure> {
    match (expiration.days, expiration.date) {
        (Some(days), None) => {
            let wrong = "'Days' for Expiration action must be a positive integer";
            Ok(Expire::Days(positive(Some(days), wrong)?))
        }
        (None, Some(date)) => {
            let date = instant(&date).ok_or_else(Failure::malformed_xml)?;
            if date.as_second() % (24 * 3600) != 0 || date.subsec_nanosecond() != 0 {
                return Err(argument("'Date' must be at midnight GMT"));
            }
            Ok(Expire::Date(date))
        }
        _ => Err(Failure::malformed_xml()),
    }
}

/// A date of `s3s` in our own type, by way of its text.
fn instant(date: &Timestamp) -> Option<jiff::Timestamp> {
    let mut text = Vec::new();
    date.format(TimestampFormat::DateTime, &mut text).ok()?;
    std::str::from_utf8(&text).ok()?.parse().ok()
}

fn read_filter(
    filter: Option<LifecycleRuleFilter>,
    prefix: Option<String>,
) -> Result<Filter, Failure> {
    let filter = match (filter, prefix) {
        (Some(filter), None) => filter,
        (None, Some(prefix)) => {
            return Ok(Filter {
                form: Form::Prefix,
                prefix: Some(prefix),
                ..Filter::default()
            });
        }
        _ => return Err(Failure::malformed_xml()),
    };
    let alone = [
        filter.and.is_some(),
        filter.prefix.is_some(),
        filter.tag.is_some(),
        filter.object_size_greater_than.is_some(),
        filter.object_size_less_than.is_some(),
    ];
    if alone.into_iter().filter(|is_there| *is_there).count() > 1 {
        return Err(Failure::malformed_xml());
    }
    let (form, said) = match filter.and {
        Some(and) => (Form::And, and),
        None => (
            Form::One,
            LifecycleRuleAndOperator {
                object_size_greater_than: filter.object_size_greater_than,
                object_size_less_than: filter.object_size_less_than,
                prefix: filter.prefix,
                tags: filter.tag.map(|tag| vec![tag]),
            },
        ),
    };
    let filter = Filter {
        form,
        prefix: said.prefix,
        tags: read_tags(said.tags.unwrap_or_default())?,
        larger_than: read_size(said.object_size_greater_than)?,
        smaller_than: read_size(said.object_size_less_than)?,
    };
    if let (Some(low), Some(high)) = (filter.larger_than, filter.smaller_than)
        && low >= high
    {
        return Err(invalid(
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'",
        ));
    }
    Ok(filter)
}

fn read_tags(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Failure> {
    check_tags(
        tags.into_iter()
            .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())),
    )
}

fn read_size(size: Option<i64>) -> Result<Option<u64>, Failure> {
    size.map(u64::try_from)
        .transpose()
        .map_err(|_| argument("An object size cannot be negative"))
}

fn positive(days: Option<i32>, wrong: &str) -> Result<u32, Failure> {
    days.and_then(|days| u32::try_from(days).ok())
        .filter(|days| *days > 0)
        .ok_or_else(|| argument(wrong))
}

fn write(rule: Rule) -> LifecycleRule {
    let status = match rule.enabled {
        true => ExpirationStatus::ENABLED,
        false => ExpirationStatus::DISABLED,
    };
    let (filter, prefix) = match rule.filter.form {
        Form::Prefix => (None, rule.filter.prefix),
        Form::One | Form::And => (Some(write_filter(rule.filter)), None),
    };
    LifecycleRule {
        id: Some(rule.id),
        status: ExpirationStatus::from_static(status),
        filter,
        prefix,
        expiration: rule.expire.map(write_expiration),
        abort_incomplete_multipart_upload: rule.abort_after.map(|days| {
            AbortIncompleteMultipartUpload {
                days_after_initiation: i32::try_from(days).ok(),
            }
        }),
        noncurrent_version_expiration: None,
        noncurrent_version_transitions: None,
        transitions: None,
    }
}

fn write_expiration(expire: Expire) -> LifecycleExpiration {
    match expire {
        Expire::Days(days) => LifecycleExpiration {
            days: i32::try_from(days).ok(),
            ..LifecycleExpiration::default()
        },
        Expire::Date(date) => LifecycleExpiration {
            date: Some(timestamp(date)),
            ..LifecycleExpiration::default()
        },
    }
}

fn write_filter(filter: Filter) -> LifecycleRuleFilter {
    let size = |size: Option<u64>| size.and_then(|size| i64::try_from(size).ok());
    let mut tags = filter.tags.into_iter().map(|(key, value)| Tag {
        key: Some(key),
        value: Some(value),
    });
    let (larger, smaller) = (size(filter.larger_than), size(filter.smaller_than));
    if filter.form == Form::And {
        let tags: Vec<Tag> = tags.collect();
        return LifecycleRuleFilter {
            and: Some(LifecycleRuleAndOperator {
                object_size_greater_than: larger,
                object_size_less_than: smaller,
                prefix: filter.prefix,
                tags: (!tags.is_empty()).then_some(tags),
            }),
            ..LifecycleRuleFilter::default()
        };
    }
    LifecycleRuleFilter {
        and: None,
        object_size_greater_than: larger,
        object_size_less_than: smaller,
        prefix: filter.prefix,
        tag: tags.next(),
    }
}

fn invalid(message: &str) -> Failure {
    Failure::refuse(S3ErrorCode::InvalidRequest, message)
}

fn argument(message: &str) -> Failure {
    Failure::refuse(S3ErrorCode::InvalidArgument, message)
}
