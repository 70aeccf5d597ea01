//! Usage: what uploads and files take, how much they may, and what a caller is told about it.

use jiff::Timestamp;
use valetkey_catalog::{Backlog, DeliveryBacklog, Limit, Over, Usage, Whose};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::usage::{Account, BucketUsage, Usage as UsageView};
use valetkey_protocol::{Code, Problem};

use crate::bucket::unless_zero;
use crate::policy;
use crate::{Engine, Error, Principal};

/// How long a client with too many open uploads waits, in seconds.
const RETRY_AFTER: u64 = 10;

/// How the service is, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vitals {
    /// What is in each configured bucket.
    pub buckets: Vec<BucketVitals>,
    /// The work there is.
    pub backlog: Backlog,
    /// What each webhook is owed.
    pub webhooks: Vec<DeliveryBacklog>,
    /// When that was.
    pub at: Timestamp,
}

/// What is in one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketVitals {
    /// Its name.
    pub name: String,
    /// What all together take.
    pub usage: Usage,
    /// How many bytes they may; no limit when absent.
    pub quota: Option<u64>,
}

impl Engine {
    /// What the caller takes in each bucket, and may; administrators also see what all together do, in their tenant or, in
    /// the default one, in every one.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn get_usage(&self, who: &Principal) -> Result<UsageView, Error> {
        policy::check_may(who, Action::Read)?;
        let yours = self.catalog.usage(Whose::Owner(who.owner())).await?;
        let tenant = self.listed_tenant(who);
        let is_tenants = tenant.is_some();
        let everybody = match self.is_admin(who) {
            true => {
                let whose = tenant.map_or(Whose::Everybody, Whose::Tenant);
                Some(self.catalog.usage(whose).await?)
            }
            false => None,
        };
        let view = |bucket: &crate::Bucket| {
            let (name, rules) = (&bucket.name, &bucket.rules);
            // The quota of a bucket is for all tenants together.
            let quota = unless_zero(rules.quota).filter(|_| !is_tenants);
            let all = |usage| account(usage, None, quota);
            BucketUsage {
                bucket: name.clone(),
                yours: account(
                    of_bucket(&yours, name),
                    Some(rules.max_open_uploads),
                    unless_zero(rules.principal_quota),
                ),
                everybody: everybody.as_ref().map(|usage| all(of_bucket(usage, name))),
            }
        };
        Ok(UsageView {
            buckets: self.buckets.values().map(view).collect(),
        })
    }

    /// What is remembered of buckets that are not configured any more: nobody looks after it until they are again.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn forsaken(&self) -> Result<Vec<(String, Usage)>, Error> {
        let mut usage = self.catalog.usage(Whose::Everybody).await?;
        usage.retain(|(bucket, usage)| {
            !self.buckets.contains_key(bucket) && *usage != Usage::default()
        });
        Ok(usage)
    }

    /// How the service is, in numbers.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn vitals(&self) -> Result<Vitals, Error> {
        let usage = self.catalog.usage(Whose::Everybody).await?;
        let now = self.clock.now();
        let backlog = self.catalog.backlog(now).await?;
        let webhooks = self.catalog.delivery_backlog().await?;
        let vitals = |bucket: &crate::Bucket| BucketVitals {
            name: bucket.name.clone(),
            usage: of_bucket(&usage, &bucket.name),
            quota: unless_zero(bucket.rules.quota),
        };
        Ok(Vitals {
            buckets: self.buckets.values().map(vitals).collect(),
            backlog,
            webhooks,
            at: now,
        })
    }
}

/// The problem of an upload that goes over a limit.
pub(crate) fn over_limit(over: &Over, bucket: &str) -> Error {
    let Over { allowed, used, .. } = over;
    let quota = |whose: &str, scope: &str| {
        let free = allowed.saturating_sub(*used);
        let detail = format!(
            "{whose} quota in bucket {bucket} is {allowed} bytes, of which {free} are free; delete files or \
             abort uploads, GET /v1/usage says what takes the room"
        );
        Problem::new(Code::QuotaExceeded, detail).with("scope", scope)
    };
    let problem = match over.limit {
        Limit::OpenUploads => {
            let detail = format!(
                "you have {used} open uploads in bucket {bucket}, the most there may be; complete or abort some"
            );
            Problem::new(Code::TooManyUploads, detail).with("retry_after", RETRY_AFTER)
        }
        Limit::OwnerBytes => quota("your", "principal"),
        Limit::BucketBytes => quota("the common", "bucket"),
        Limit::TicketUploads => {
            let detail = format!(
                "this ticket is for {allowed} uploads, and they were created; ask your application for another"
            );
            Problem::new(Code::QuotaExceeded, detail).with("scope", "ticket")
        }
        Limit::TicketBytes => {
            let free = allowed.saturating_sub(*used);
            let detail = format!(
                "all files together may have {allowed} bytes here, of which {free} are left; send a smaller file"
            );
            Problem::new(Code::QuotaExceeded, detail).with("scope", "ticket")
        }
    };
    Error::Refused(problem.with("limit", *allowed).with("used", *used))
}

fn of_bucket(usage: &[(String, Usage)], name: &str) -> Usage {
    let found = usage.iter().find(|(bucket, _)| bucket == name);
    found.map(|(_, usage)| *usage).unwrap_or_default()
}

fn account(usage: Usage, max_open_uploads: Option<u64>, quota: Option<u64>) -> Account {
    Account {
        open_uploads: usage.open_uploads,
        max_open_uploads,
        reserved_bytes: usage.reserved_bytes,
        files: usage.files,
        stored_bytes: usage.stored_bytes,
        quota,
    }
}
