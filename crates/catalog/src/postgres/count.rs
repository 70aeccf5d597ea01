//! Downloads are counted: all that wait at once, each file once.

use std::collections::BTreeMap;

use valetkey_protocol::FileId;

use super::row::uuid;
use super::session::{Ending, Session};
use super::writer::{Answers, Failure, Lane};

/// Locks rows in one order, whoever asks.
const LOCK: &str = "SELECT count(*) FROM \
     (SELECT 1 FROM upload WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE) AS locked";

const COUNT: &str = "UPDATE upload u SET download_count = u.download_count + n.more \
     FROM unnest($1::uuid[], $2::bigint[]) AS n (id, more) WHERE u.id = n.id AND u.state = 'available'";

/// The transactions that count downloads.
pub(super) struct Counts;

impl Lane for Counts {
    type Work = Vec<FileId>;
    type Answer = ();

    async fn commit(
        &mut self,
        session: &Session,
        works: &[&Vec<FileId>],
    ) -> Result<Answers<Self>, Failure> {
        let mut counts = BTreeMap::new();
        for id in works.iter().flat_map(|ids| ids.iter()) {
            *counts.entry(uuid(*id)).or_insert(0_i64) += 1;
        }
        let (ids, more): (Vec<_>, Vec<_>) = counts.into_iter().unzip();
        let (lock, count) = (
            session.statement(LOCK).await?,
            session.statement(COUNT).await?,
        );
        let mut ending = Ending::begin(session);
        ending.push(lock, vec![&ids]);
        ending.push(count, vec![&ids, &more]);
        ending.commit().await?;
        Ok(works.iter().map(|_| Ok(())).collect())
    }
}
