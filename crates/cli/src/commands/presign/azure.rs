//! Grants for Azure.

use valetkey_sign::azure::{
    Account, AccountKey, AzureError, Grant, Overrides, Resource, Sas, UserDelegationKey, VERSION,
};

use super::PresignError;
use super::answer::Answer;
use super::line::{AzureLine, DelegationKey};

pub(super) fn sign(line: &AzureLine) -> Result<Answer, PresignError> {
    let account = match &line.endpoint {
        Some(endpoint) => Account::with_endpoint(&line.account, endpoint)?,
        None => Account::new(&line.account)?,
    };
    let grant = grant(line)?;
    let sas = match (&line.account_key, &line.user_delegation_key) {
        (Some(key), None) => Sas::new(&account, &AccountKey::from_base64(key)?, &grant)?,
        (None, Some(key)) => Sas::new(&account, &delegation_key(key)?, &grant)?,
        _ => {
            return Err(PresignError::Wrong(
                "give either `account_key` or `user_delegation_key`",
            ));
        }
    };
    let container = &*line.container;
    let resource = match (&line.blob, &line.directory) {
        (Some(blob), None) => Resource::Blob { container, blob },
        (None, Some(directory)) => Resource::Directory {
            container,
            directory,
        },
        (None, None) => Resource::Container { container },
        (Some(_), Some(_)) => {
            return Err(PresignError::Wrong("give either `blob` or `directory`"));
        }
    };
    let mut url = String::new();
    sas.url(&resource, &mut url)?;
    Ok(Answer::Url(url))
}

fn grant(line: &AzureLine) -> Result<Grant<'_>, AzureError> {
    let overrides = &line.overrides;
    Ok(Grant {
        start: line.start.as_deref().map(str::parse).transpose()?,
        ip: line.ip.as_deref(),
        protocol: line.protocol.as_deref().map(str::parse).transpose()?,
        version: line.version.as_deref().unwrap_or(VERSION),
        overrides: Overrides {
            cache_control: overrides.cache_control.as_deref(),
            content_disposition: overrides.content_disposition.as_deref(),
            content_encoding: overrides.content_encoding.as_deref(),
            content_language: overrides.content_language.as_deref(),
            content_type: overrides.content_type.as_deref(),
        },
        ..Grant::new(&line.permissions, &line.expiry)?
    })
}

fn delegation_key(key: &DelegationKey) -> Result<UserDelegationKey, AzureError> {
    let mut made = UserDelegationKey::new(
        &key.signed_oid,
        &key.signed_tid,
        (&key.signed_start, &key.signed_expiry),
        &key.signed_service,
        &key.signed_version,
        &key.value,
    )?;
    made.signed_delegated_user_tid
        .clone_from(&key.signed_delegated_user_tid);
    Ok(made)
}
