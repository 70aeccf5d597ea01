//! Downloads are counted: all that wait at once, each file once. Those that are announced become events of their own.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::history;
use super::partition::Weeks;
use super::row::uuid;
use super::session::{Ending, Session};
use super::writer::{Answers, Failure, Lane};
use crate::Issue;

/// Locks rows in one order, whoever asks.
const LOCK: &str = "SELECT count(*) FROM \
     (SELECT 1 FROM upload WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE) AS locked";

const COUNT: &str = "UPDATE upload u SET download_count = u.download_count + n.more \
     FROM unnest($1::uuid[], $2::bigint[]) AS n (id, more) WHERE u.id = n.id AND u.state = 'available'";

/// The last downloads of each file are those that are told.
const COUNT_AND_ANNOUNCE: &str = "WITH counted AS (\
     UPDATE upload u SET download_count = u.download_count + n.more \
     FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) AS n (id, more, told, at) \
     WHERE u.id = n.id AND u.state = 'available' \
     RETURNING u.id, u.download_count AS last, n.told, n.at, u.owner, u.bucket, u.tenant) \
     INSERT INTO outbox (position, upload_id, seq, kind, at, owner, bucket, tenant) \
     SELECT nextval('outbox_position'), n.* FROM (SELECT id, seq, 'download.issued', at, owner, bucket, tenant \
     FROM counted, generate_series(last - told + 1, last) AS seq ORDER BY id, seq) AS n";

/// The transactions that count downloads.
#[derive(Default)]
pub(super) struct Counts {
    weeks: Weeks,
}

/// What is counted of one file.
#[derive(Default)]
struct Count {
    more: i64,
    /// How many of them are told, and when the last of these was issued, in milliseconds.
    told: i64,
    at: i64,
}

impl Lane for Counts {
    type Work = Vec<Issue>;
    type Answer = ();

    async fn commit(
        &mut self,
        session: &Session,
        works: &[&Vec<Issue>],
    ) -> Result<Answers<Self>, Failure> {
        let issues = || works.iter().flat_map(|issues| issues.iter());
        let instants = issues().filter_map(|issue| issue.announced_at);
        self.weeks.provide(session, instants).await?;
        let committed = commit(session, &counts(issues())).await;
        if committed.is_err() {
            // Perhaps another server dropped one.
            self.weeks.forget();
        }
        committed?;
        Ok(works.iter().map(|_| Ok(())).collect())
    }
}

fn counts<'i>(issues: impl Iterator<Item = &'i Issue>) -> BTreeMap<Uuid, Count> {
    let mut counts = BTreeMap::<_, Count>::new();
    for issue in issues {
        let count = counts.entry(uuid(issue.id)).or_default();
        count.more += 1;
        if let Some(at) = issue.announced_at {
            count.told += 1;
            count.at = count.at.max(at.as_millisecond());
        }
    }
    counts
}

async fn commit(session: &Session, counts: &BTreeMap<Uuid, Count>) -> Result<(), Failure> {
    let ids: Vec<_> = counts.keys().copied().collect();
    let column = |value: fn(&Count) -> i64| counts.values().map(value).collect::<Vec<_>>();
    let more = column(|count| count.more);
    let (told, at) = (column(|count| count.told), column(|count| count.at));
    let mut ending = Ending::begin(session);
    ending.push(session.statement(LOCK).await?, vec![&ids]);
    if told.iter().all(|told| *told == 0) {
        ending.push(session.statement(COUNT).await?, vec![&ids, &more]);
    } else {
        ending.push(session.statement(history::QUEUE_UP).await?, Vec::new());
        ending.push(
            session.statement(COUNT_AND_ANNOUNCE).await?,
            vec![&ids, &more, &told, &at],
        );
    }
    ending.commit().await
}
