//! One connection, made with the settings our promises rest on.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Error, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::is_hopeless;
use super::settings::Settings;
use super::writer::Failure;

/// How long one host may take to let us in, handshakes and all.
const HOST_TIMEOUT: Duration = Duration::from_secs(2);

/// Statements kept prepared by each connection; lists have many shapes.
const STATEMENTS: usize = 64;

/// The oldest PostgreSQL that is supported, as `server_version_num`.
const OLDEST: u32 = 150_000;

/// A statement may run for a little less than a call is waited for, and wait for half of that; who holds locks and
/// does nothing, a stopped process, loses them after two seconds.
///
/// Plans are made once and never change with the values. That is only good if the planner, which may look at tables
/// that are still empty, has no choice: each statement has its index, and reading whole tables is out of the question.
///
/// Whoever is answered wants it on disk; what waits for standbys is left as the database has it.
const SETTINGS: &str = "SET statement_timeout = 2500; SET lock_timeout = 1200; \
     SET idle_in_transaction_session_timeout = 2000; SET plan_cache_mode = force_generic_plan; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Makes connections.
pub(super) struct Connector {
    settings: Settings,
    tls: MakeRustlsConnect,
}

/// Why there is no connection.
pub(super) struct Unreached {
    pub(super) why: String,
    /// It would not be otherwise a moment later.
    pub(super) hopeless: bool,
}

impl Unreached {
    fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            hopeless: false,
        }
    }
}

impl Connector {
    /// Reads the files that TLS needs.
    pub(super) fn new(settings: Settings) -> Result<Self, String> {
        Ok(Self {
            tls: settings.trust.connector()?,
            settings,
        })
    }

    /// Where it connects to.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Connects to the first host that lets us in and takes writes.
    pub(super) async fn connect(&self) -> Result<Session, Unreached> {
        self.reach(None).await
    }

    /// Connects, and marks this as changed by every notification.
    pub(super) async fn listen(&self, hints: watch::Sender<()>) -> Result<Session, Unreached> {
        self.reach(Some(hints)).await
    }

    async fn reach(&self, hints: Option<watch::Sender<()>>) -> Result<Session, Unreached> {
        let mut last = Unreached::new("there is no host");
        for config in &self.settings.hosts {
            let config = self.with_password(config).await?;
            match timeout(HOST_TIMEOUT, self.enter(&config, hints.clone())).await {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(error)) => {
                    last = Unreached {
                        hopeless: is_hopeless(&error),
                        why: chain(&error),
                    }
                }
                Err(_) => last = Unreached::new("it does not answer"),
            }
        }
        Err(last)
    }

    /// The password may have changed since the last time.
    async fn with_password(&self, config: &Config) -> Result<Config, Unreached> {
        let mut config = config.clone();
        if let Some(path) = &self.settings.password_file {
            let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                Unreached::new(format!(
                    "password_file {} cannot be read: {error}",
                    path.display()
                ))
            })?;
            config.password(text.trim_end_matches(['\r', '\n']));
        }
        Ok(config)
    }

    async fn enter(
        &self,
        config: &Config,
        hints: Option<watch::Sender<()>>,
    ) -> Result<Session, Error> {
        let (client, mut connection) = config.connect(self.tls.clone()).await?;
        let driver = tokio::spawn(async move {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(_))) => {
                        if let Some(hints) = &hints {
                            hints.send_replace(());
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        let error = chain(&error);
                        return tracing::debug!(error, "a connection to the catalog ended");
                    }
                    None => return,
                }
            }
        });
        let session = Session {
            client,
            statements: Mutex::default(),
            driver: driver.abort_handle(),
        };
        session.client.batch_execute(SETTINGS).await?;
        Ok(session)
    }
}

/// A connection, and what it has prepared.
pub(super) struct Session {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    driver: AbortHandle,
}

impl Drop for Session {
    /// Not waiting for what a server that hangs still owes us.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// The connection itself, to send several statements at once.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The connection itself, for whoever must have it alone.
    pub(super) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Whether it was lost.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Prepares a statement, once.
    pub(super) async fn statement(&self, sql: &str) -> Result<Statement, Error> {
        if let Some(known) = self.known().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        let mut known = self.known();
        if known.len() >= STATEMENTS {
            known.clear();
        }
        known.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// All rows a statement gives.
    pub(super) async fn query(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await?;
        self.client.query(&statement, values).await
    }

    /// How many rows a statement changed.
    pub(super) async fn execute(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        let statement = self.statement(sql).await?;
        self.client.execute(&statement, values).await
    }

    /// Why the server is too old, if it is.
    pub(super) async fn check_version(&self) -> Result<Option<String>, Error> {
        let sql =
            "SELECT current_setting('server_version_num')::int4, current_setting('server_version')";
        let row = self.client.query_one(sql, &[]).await?;
        let (number, name): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
        let old = u32::try_from(number).is_ok_and(|number| number < OLDEST);
        Ok(old.then(|| format!("it is PostgreSQL {name}; version 15 or newer is needed")))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Statement>> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last statements of a transaction, sent at once with its end behind them: a statement that fails makes the end
/// undo it all.
pub(super) struct Ending<'s> {
    client: &'s Client,
    statements: Vec<BoxFuture<'s, Result<(), Error>>>,
}

impl<'s> Ending<'s> {
    pub(super) fn of(session: &'s Session) -> Self {
        Self {
            client: &session.client,
            statements: Vec::with_capacity(8),
        }
    }

    /// With its beginning in front of them.
    pub(super) fn begin(session: &'s Session) -> Self {
        let mut whole = Self::of(session);
        whole
            .statements
            .push(whole.client.batch_execute("BEGIN").boxed());
        whole
    }

    /// One more statement. What it gives is not looked at.
    pub(super) fn push(&mut self, statement: Statement, values: Vec<&'s (dyn ToSql + Sync)>) {
        let client = self.client;
        let asking = async move { client.query(&statement, &values).await.map(drop) };
        self.statements.push(asking.boxed());
    }

    /// Sends them and the end, in this order, and waits for all.
    pub(super) async fn commit(mut self) -> Result<(), Failure> {
        let end = self.statements.len();
        self.statements
            .push(self.client.batch_execute("COMMIT").boxed());
        // They are sent as they are polled, and they are polled in their order.
        let answers = join_all(self.statements).await.into_iter().enumerate();
        for (index, answer) in answers {
            let Err(error) = answer else { continue };
            let told = error.as_db_error().is_some() && index < end;
            return Err(match Failure::from(error) {
                Failure::Gone(error) if !told => Failure::Doubt(error),
                failure => failure,
            });
        }
        Ok(())
    }
}

/// An error with what is behind it; no error of a connection knows its password.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
