//! A schema of its own for each test, in the database that `VALETKEY_TEST_POSTGRES` names.
#![expect(
    clippy::disallowed_methods,
    reason = "the environment names the database"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};
use valetkey_catalog::postgres::{PostgresCatalog, Settings};

use super::conformance::sample::Shared;

/// A catalog in a schema of its own.
pub(crate) struct Home {
    pub(crate) catalog: Shared,
    pub(crate) url: String,
}

pub(crate) async fn home() -> Home {
    let url = schema().await;
    Home {
        catalog: open(&url).await,
        url,
    }
}

/// One more server on the same tables.
pub(crate) async fn open(url: &str) -> Shared {
    let settings = Settings::parse(url, None).unwrap();
    Arc::new(PostgresCatalog::open(&settings, 7).await.unwrap())
}

/// The URL of a schema that is not there.
pub(crate) async fn schema() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{count}", std::process::id());
    let client = raw(&database()).await;
    let sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE");
    client.batch_execute(&sql).await.unwrap();
    format!("{}?options=-csearch_path%3D{name}", database())
}

/// A connection that is nobody's.
pub(crate) async fn raw(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn database() -> String {
    std::env::var("VALETKEY_TEST_POSTGRES")
        .expect("VALETKEY_TEST_POSTGRES names a database that tests may use: run scripts/test")
}

/// A URL with one more parameter.
pub(crate) fn with(url: &str, parameters: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{parameters}")
}

/// The path of a certificate of the test database.
pub(crate) fn certificate(name: &str) -> String {
    let folder = std::env::var("VALETKEY_TEST_POSTGRES_FOLDER")
        .expect("VALETKEY_TEST_POSTGRES_FOLDER is where the database lies: run scripts/test");
    format!("{folder}/{name}.pem")
}
