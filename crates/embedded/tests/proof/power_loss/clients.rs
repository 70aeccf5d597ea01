//! Clients that write, and remember what they wrote and which answer said so.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::disk::Dice;
use crate::support::*;

/// Writes of one client.
const WRITES: usize = 30;

/// Every key of one client, which nobody else writes to.
pub(super) type History = BTreeMap<String, KeyHistory>;

/// The states of one key, oldest first. It began with nothing.
#[derive(Default)]
pub(super) struct KeyHistory {
    states: Vec<(Option<Vec<u8>>, String)>,
}

impl KeyHistory {
    /// What may be found when these requests were acknowledged: the last such state, or the one after it,
    /// which was perhaps under way.
    pub(super) fn allowed(&self, acknowledged: impl Fn(&str) -> bool) -> Vec<&Option<Vec<u8>>> {
        let done = self
            .states
            .iter()
            .take_while(|(_, request)| acknowledged(request))
            .count();
        let last = done
            .checked_sub(1)
            .map_or(&None, |last| &self.states[last].0);
        let next = self.states.get(done).map(|(state, _)| state);
        [Some(last), next].into_iter().flatten().collect()
    }
}

/// Puts, overwrites, deletes, copies and uploads in parts, one after the other.
pub(super) async fn run(address: SocketAddr, number: usize, mut dice: Dice) -> History {
    let mut history = History::new();
    for write in 0..WRITES {
        let key = format!("client-{number}/{}", dice.below(4));
        let path = format!("/{BUCKET}/{key}");
        let seed = (number * WRITES + write) as u64 + 1;
        let body = bytes(seed, [1, 700, 20_000, 70_000][dice.below(4)]);
        let call = |method: &str| Call::new(address, method, &path);
        let source = history.iter().find_map(|(key, history)| {
            let bytes = history.states.last()?.0.clone()?;
            Some((key.clone(), bytes))
        });
        let (state, reply) = match (dice.below(8), source) {
            (0, _) => (None, call("DELETE").send().await.expect_status(204)),
            (1, Some((source, bytes))) if source != key => {
                let copy = call("PUT").header("x-amz-copy-source", format!("{BUCKET}/{source}"));
                (Some(bytes), copy.send().await.expect_status(200))
            }
            (2 | 3, _) => {
                let reply = in_parts(&call, &body).await;
                (Some(body), reply)
            }
            _ => {
                let put = call("PUT").body(&body).send().await;
                (Some(body), put.expect_status(200))
            }
        };
        let request = reply.header("x-amz-request-id").unwrap().to_owned();
        history
            .entry(key)
            .or_default()
            .states
            .push((state, request));
    }
    history
}

/// One part, as large as the last may be; the answer is that to Complete.
async fn in_parts(call: &impl Fn(&str) -> Call, body: &[u8]) -> Reply {
    let create = call("POST").query("uploads", "").send().await;
    let id = create.expect_status(200).tag("UploadId").unwrap();
    let part = call("PUT")
        .query("uploadId", &id)
        .query("partNumber", 1)
        .body(body);
    let etag = part.send().await.expect_status(200).etag();
    let complete = call("POST").query("uploadId", &id).body(format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ));
    complete.send().await.expect_status(200)
}
