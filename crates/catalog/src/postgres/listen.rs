//! The connection that hears of new events, made when somebody first waits for them. What it hears is a hint and no
//! more: the table is the truth, and whoever waits also looks there by themselves from time to time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::backoff::Backoff;
use super::session::{Connector, chain};

/// Notifications are sent on this channel by `history::QUEUE_UP`.
const LISTEN: &str = "LISTEN valetkey_outbox";

/// How often it is seen to that the connection still is one, and how long that may take.
const CHECK_EVERY: Duration = Duration::from_secs(5);
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// Whoever hears of events.
pub(super) struct Listener {
    connector: Arc<Connector>,
    backoff: Backoff,
    hints: watch::Sender<()>,
    task: OnceLock<AbortHandle>,
}

impl Listener {
    /// Connects when the first one waits.
    pub(super) fn new(connector: Arc<Connector>, backoff: Backoff) -> Self {
        Self {
            connector,
            backoff,
            hints: watch::Sender::default(),
            task: OnceLock::new(),
        }
    }

    /// Is marked as changed by every notification.
    pub(super) fn hints(&self) -> watch::Receiver<()> {
        self.task.get_or_init(|| {
            let (connector, hints) = (Arc::clone(&self.connector), self.hints.clone());
            tokio::spawn(run(connector, self.backoff.clone(), hints)).abort_handle()
        });
        self.hints.subscribe()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

async fn run(connector: Arc<Connector>, backoff: Backoff, hints: watch::Sender<()>) {
    let mut retry = 0;
    loop {
        let why = listen(&connector, &hints, &mut retry).await;
        if retry == 0 {
            tracing::warn!(why, "nobody tells of new events; they are looked for");
        }
        tokio::time::sleep(backoff.pause(retry)).await;
        retry += 1;
    }
}

/// Listens until the connection is lost, and says why it is. Gives `retry` back as 0 once it listened.
async fn listen(connector: &Connector, hints: &watch::Sender<()>, retry: &mut u32) -> String {
    let session = match connector.listen(hints.clone()).await {
        Ok(session) => session,
        Err(unreached) => return unreached.why,
    };
    if let Err(error) = session.client().batch_execute(LISTEN).await {
        return chain(&error);
    }
    *retry = 0;
    // Nobody told of what happened meanwhile.
    hints.send_replace(());
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        match timeout(CHECK_TIMEOUT, session.client().batch_execute("")).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return chain(&error),
            Err(_) => return "it does not answer".to_owned(),
        }
    }
}
