//! New uploads: the hot path. All that wait are let in, or not, in the order they came, and written by one statement.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join4;
use jiff::Timestamp;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::account::{self, Account, Changes};
use super::once::{self, Keys};
use super::row::{guarded, uuid};
use super::session::{Ending, Session};
use super::ticket;
use super::writer::{Answers, Failure, Lane};
use crate::value::{checksum_text, integer, metadata_text};
use crate::{CatalogError, Insertion, Intent, Once, Transfer, Usage};

const INSERT: &str = guarded!(
    "INSERT INTO upload (id, bucket, key, owner, filename, path, content_type, size, checksum, metadata, part_size, \
     multipart_id, created_at, session_ends_at, urls_end_at, retain_for, look_at, tenant, state, epoch, download_count, \
     leftovers) \
     SELECT id, bucket, key, owner, filename, path, content_type, size, checksum, metadata, part_size, \
     multipart_id, created_at, session_ends_at, urls_end_at, retain_for, look_at, tenant, 'pending', 0, 0, true \
     FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], \
     $10::text[], $11::text[], $12::bigint[], $13::text[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], \
     $19::text[]) \
     AS n (id, bucket, key, owner, filename, path, content_type, size, checksum, metadata, part_size, \
     multipart_id, created_at, session_ends_at, urls_end_at, retain_for, look_at, tenant)"
);

/// The transactions that create uploads.
pub(super) struct Inserts;

/// Uploads to be created, each fit to be written.
pub(super) enum Insert {
    /// Those that stay within their limits, all or none of these.
    All(Vec<Draft>),
    /// One, under a key that its owner did not use since then.
    Once(Box<(Draft, Once, Timestamp)>),
}

/// A new upload, and its values as they are written.
pub(super) struct Draft {
    pub(super) intent: Intent,
    checksum: Option<String>,
    metadata: Cow<'static, str>,
    part_size: Option<i64>,
    retain_for: Option<i64>,
}

impl Draft {
    /// Makes the values.
    ///
    /// # Errors
    /// One of them is too large to be written.
    pub(super) fn of(intent: Intent) -> Result<Self, CatalogError> {
        let upload = &intent.upload;
        let part_size = match upload.transfer {
            Transfer::Single => None,
            Transfer::Multipart { part_size, .. } => Some(integer("part_size", part_size)?),
        };
        let retain_for = upload.retain_for;
        let retain_for = retain_for.map(|seconds| integer("retain_for", seconds));
        Ok(Self {
            checksum: upload.checksum.as_ref().map(checksum_text),
            metadata: metadata_text(&upload.metadata)?,
            part_size,
            retain_for: retain_for.transpose()?,
            intent,
        })
    }

    fn multipart_id(&self) -> Option<&str> {
        match &self.intent.upload.transfer {
            Transfer::Multipart { upload_id, .. } => upload_id.as_deref(),
            Transfer::Single => None,
        }
    }
}

impl Insert {
    fn drafts(&self) -> &[Draft] {
        match self {
            Self::All(drafts) => drafts,
            Self::Once(once) => std::slice::from_ref(&once.0),
        }
    }
}

impl Lane for Inserts {
    type Work = Insert;
    type Answer = Vec<Insertion>;

    async fn commit(
        &mut self,
        session: &Session,
        works: &[&Insert],
    ) -> Result<Answers<Self>, Failure> {
        let drafts = works.iter().flat_map(|work| work.drafts());
        let accounts: BTreeSet<_> = drafts
            .flat_map(|draft| account::of(&draft.intent.upload))
            .collect();
        let (held, keys, tickets) = begin(session, &accounts, works).await?;
        let mut plan = Plan {
            held,
            keys,
            tickets,
            drafts: Vec::new(),
            changes: Changes::default(),
        };
        let answers = works.iter().map(|work| Ok(plan.take(work))).collect();
        plan.commit(session).await?;
        Ok(answers)
    }
}

/// Begins the transaction, with the accounts locked; first makes those that are not there.
async fn begin<'w>(
    session: &Session,
    accounts: &BTreeSet<Account<'w>>,
    works: &[&'w Insert],
) -> Result<(BTreeMap<Account<'w>, Usage>, Keys<'w>, ticket::Counts), Failure> {
    let names = account::Names::of(accounts);
    let lock = session.statement(account::LOCK).await?;
    let mut keys = Keys::of(works);
    let drafts = works.iter().flat_map(|work| work.drafts());
    let mut tickets = ticket::Counts::of(drafts);
    loop {
        let client = session.client();
        let (begun, locked, known, counted) = join4(
            client.batch_execute("BEGIN"),
            client.query(&lock, &names.lock()),
            keys.find(session),
            tickets.find(session),
        )
        .await;
        begun?;
        let held = account::read(&locked?, accounts).map_err(Failure::All)?;
        known?;
        counted?;
        if held.len() == accounts.len() {
            return Ok((held, keys, tickets));
        }
        // Not within this transaction: it would wait for others while it holds what they wait for.
        client.batch_execute("ROLLBACK").await?;
        session.execute(account::MAKE, &names.make()).await?;
    }
}

/// What is written, and how things stand with it.
struct Plan<'w> {
    held: BTreeMap<Account<'w>, Usage>,
    keys: Keys<'w>,
    tickets: ticket::Counts,
    drafts: Vec<&'w Draft>,
    changes: Changes<'w>,
}

impl<'w> Plan<'w> {
    fn take(&mut self, work: &'w Insert) -> Vec<Insertion> {
        match work {
            Insert::All(drafts) => drafts.iter().map(|draft| self.admit(draft)).collect(),
            Insert::Once(work) => {
                let (draft, once, since) = work.as_ref();
                let upload = &draft.intent.upload;
                if let Some(known) = self.keys.since(upload, &once.key, *since) {
                    return vec![Insertion::Known(known)];
                }
                let insertion = self.admit(draft);
                if insertion == Insertion::New {
                    self.keys.remember(upload, once);
                }
                vec![insertion]
            }
        }
    }

    /// Takes an upload up if it stays within its limits.
    fn admit(&mut self, draft: &'w Draft) -> Insertion {
        let Intent {
            upload,
            limits,
            ticket,
        } = &draft.intent;
        let [owner, bucket] = account::of(upload);
        let held = |account| self.held.get(&account).copied().unwrap_or_default();
        if let Some(over) = limits.exceeded(&held(owner), &held(bucket), upload.size) {
            return Insertion::Over(over);
        }
        if let Some(ticket) = ticket {
            if let Some(over) = self.tickets.over(ticket, upload.size) {
                return Insertion::Over(over);
            }
            self.tickets.add(ticket, upload.size);
        }
        for account in [owner, bucket] {
            let held = self.held.entry(account).or_default();
            held.open_uploads += 1;
            held.reserved_bytes += upload.size;
        }
        self.changes.reserve(upload);
        self.drafts.push(draft);
        Insertion::New
    }

    async fn commit(self, session: &Session) -> Result<(), Failure> {
        let table = Table::of(&self.drafts);
        let keys = self.keys.table();
        let tickets = ticket::Table::of(&self.drafts);
        let accounts = self.changes.accounts();
        let (names, deltas) = (account::Names::of(&accounts), self.changes.columns());
        let (uploads, changed) = (count(table.id.len()), count(accounts.len()));
        let mut ending = Ending::of(session);
        if let Some(keys) = &keys {
            ending.push(session.statement(once::FORGET_OLD).await?, keys.old());
            ending.push(session.statement(once::REMEMBER).await?, keys.rows());
        }
        if uploads > 0 {
            ending.push(insert(session).await?, table.values(&uploads));
            let mut values: Vec<&(dyn ToSql + Sync)> = vec![&changed];
            values.extend(names.lock());
            values.extend(deltas.iter().map(|column| column as &(dyn ToSql + Sync)));
            ending.push(session.statement(account::CHANGE).await?, values);
        }
        if let Some(tickets) = &tickets {
            ending.push(session.statement(ticket::REMEMBER).await?, tickets.values());
        }
        ending.commit().await
    }
}

async fn insert(session: &Session) -> Result<Statement, Failure> {
    Ok(session.statement(INSERT).await?)
}

/// The count of a guarded statement.
pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// New uploads by their columns.
#[derive(Default)]
struct Table<'a> {
    id: Vec<Uuid>,
    texts: [Vec<&'a str>; 8],
    optional_texts: [Vec<Option<&'a str>>; 2],
    size: Vec<i64>,
    optional_numbers: [Vec<Option<i64>>; 3],
    instants: [Vec<i64>; 3],
}

impl<'a> Table<'a> {
    fn of(drafts: &[&'a Draft]) -> Self {
        let mut table = Self::default();
        for draft in drafts {
            table.push(draft);
        }
        table
    }

    fn push(&mut self, draft: &'a Draft) {
        let upload = &draft.intent.upload;
        let texts = [
            upload.bucket.as_str(),
            upload.key.as_str(),
            upload.owner.as_str(),
            upload.filename.as_str(),
            upload.path.as_str(),
            upload.content_type.as_str(),
            &draft.metadata,
            upload.tenant.as_str(),
        ];
        let instants = [
            upload.created_at,
            upload.session_ends_at,
            upload.urls_end_at,
        ];
        let look_at = upload.look_at.map(Timestamp::as_millisecond);
        self.id.push(uuid(upload.id));
        // No account has room for more.
        self.size
            .push(i64::try_from(upload.size).unwrap_or(i64::MAX));
        push(&mut self.texts, texts);
        push(
            &mut self.optional_texts,
            [draft.checksum.as_deref(), draft.multipart_id()],
        );
        push(
            &mut self.optional_numbers,
            [draft.part_size, draft.retain_for, look_at],
        );
        push(&mut self.instants, instants.map(Timestamp::as_millisecond));
    }

    /// In the order of [`INSERT`].
    fn values<'t>(&'t self, count: &'t i64) -> Vec<&'t (dyn ToSql + Sync)> {
        let [
            bucket,
            key,
            owner,
            filename,
            path,
            content_type,
            metadata,
            tenant,
        ] = &self.texts;
        let [checksum, multipart_id] = &self.optional_texts;
        let [part_size, retain_for, look_at] = &self.optional_numbers;
        let [created_at, session_ends_at, urls_end_at] = &self.instants;
        vec![
            count,
            &self.id,
            bucket,
            key,
            owner,
            filename,
            path,
            content_type,
            &self.size,
            checksum,
            metadata,
            part_size,
            multipart_id,
            created_at,
            session_ends_at,
            urls_end_at,
            retain_for,
            look_at,
            tenant,
        ]
    }
}

/// Puts one value on each column.
pub(super) fn push<T, const N: usize>(columns: &mut [Vec<T>; N], values: [T; N]) {
    for (column, value) in columns.iter_mut().zip(values) {
        column.push(value);
    }
}
