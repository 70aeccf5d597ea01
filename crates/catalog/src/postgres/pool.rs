//! The connections that read, and write what is rare: a few, made when they are needed, made anew when they are lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::PATIENCE;
use super::backoff::Backoff;
use super::error::{Class, class, from_postgres, unavailable};
use super::session::{Connector, Session};
use crate::CatalogError;

/// How many there are at most.
const SESSIONS: usize = 4;

/// A few connections.
pub(super) struct Pool {
    connector: Arc<Connector>,
    backoff: Backoff,
    free: Semaphore,
    idle: Mutex<Vec<Arc<Session>>>,
}

impl Pool {
    /// Connects when the first one asks.
    pub(super) fn new(connector: Arc<Connector>, backoff: Backoff) -> Self {
        Self {
            connector,
            backoff,
            free: Semaphore::new(SESSIONS),
            idle: Mutex::default(),
        }
    }

    /// Reads. What a lost connection did not answer is asked again on another one.
    pub(super) async fn read(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, CatalogError> {
        let reading = async {
            loop {
                let mut session = self.borrow().await?;
                match session.ask(sql, values).await {
                    Err(error) if class(&error) == Class::Gone => {}
                    answer => return answer.map_err(from_postgres),
                }
            }
        };
        patiently(reading).await
    }

    /// Asks once: for changes of which nobody knows, when the connection is lost, whether they were made.
    pub(super) async fn once(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, CatalogError> {
        patiently(async {
            let mut loan = self.borrow().await?;
            loan.ask(sql, values).await.map_err(from_postgres)
        })
        .await
    }

    /// Changes what may be changed twice, and says how many rows that were.
    pub(super) async fn repeat(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, CatalogError> {
        self.read(
            &format!("WITH done AS ({sql} RETURNING 1) SELECT count(*) FROM done"),
            values,
        )
        .await
        .and_then(|rows| super::row::count(&rows))
    }

    /// Begins several statements that count as one. When it is dropped before its end, all of them are undone, and the
    /// connection is not used again.
    pub(super) async fn begin(&self) -> Result<Transaction<'_>, CatalogError> {
        let mut loan = self.borrow().await?;
        let begun = loan.begin().client().batch_execute("BEGIN").await;
        begun.map_err(from_postgres)?;
        Ok(Transaction(loan))
    }

    /// A connection for one's own use. It goes back when it is dropped, if it was left as it was found.
    pub(super) async fn borrow(&self) -> Result<Loan<'_>, CatalogError> {
        let permit = self.free.acquire().await;
        let permit = permit.map_err(|_| unavailable("the catalog is closed"))?;
        let mut retry = 0;
        loop {
            let idle = self.idle().pop();
            let session = match idle {
                Some(session) if session.is_closed() => continue,
                Some(session) => Ok(session),
                None => self.connector.connect().await.map(Arc::new),
            };
            match session {
                Ok(session) => {
                    return Ok(Loan {
                        pool: self,
                        session,
                        clean: true,
                        _permit: permit,
                    });
                }
                Err(unreached) if unreached.hopeless => return Err(unavailable(&unreached.why)),
                Err(unreached) => {
                    tracing::debug!(why = unreached.why, "the catalog is not reached");
                    tokio::time::sleep(self.backoff.pause(retry)).await;
                    retry += 1;
                }
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives up when it takes too long.
pub(super) async fn patiently<T>(
    work: impl Future<Output = Result<T, CatalogError>>,
) -> Result<T, CatalogError> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(unavailable("the database took too long")))
}

/// Statements that count as one.
pub(super) struct Transaction<'p>(Loan<'p>);

impl Transaction<'_> {
    /// All rows a statement gives.
    pub(super) async fn query(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, CatalogError> {
        let asked = self.0.session.query(sql, values).await;
        asked.map_err(from_postgres)
    }

    /// How many rows a statement changed.
    pub(super) async fn execute(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, CatalogError> {
        let changed = self.0.session.execute(sql, values).await;
        changed.map_err(from_postgres)
    }

    /// Has them count.
    pub(super) async fn commit(mut self) -> Result<(), CatalogError> {
        let ended = self.0.session.client().batch_execute("COMMIT").await;
        ended.map_err(from_postgres)?;
        self.0.end();
        Ok(())
    }
}

/// A connection that is borrowed.
pub(super) struct Loan<'p> {
    pool: &'p Pool,
    session: Arc<Session>,
    clean: bool,
    _permit: SemaphorePermit<'p>,
}

impl Loan<'_> {
    /// Asks, once. A connection that did not answer to the end is not used again.
    async fn ask(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let answer = self.begin().query(sql, values).await;
        if !matches!(&answer, Err(error) if class(error) == Class::Gone) {
            self.end();
        }
        answer
    }

    /// The connection, for something that must come to its end.
    pub(super) fn begin(&mut self) -> &Session {
        self.clean = false;
        &self.session
    }

    /// It came to its end.
    pub(super) fn end(&mut self) {
        self.clean = true;
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if self.clean && !self.session.is_closed() {
            self.pool.idle().push(Arc::clone(&self.session));
        }
    }
}
