//! Ways in: TLS as it is asked for, passwords that change and are never told.

use std::sync::atomic::{AtomicU32, Ordering};

use valetkey_catalog::Catalog as _;
use valetkey_catalog::postgres::{PostgresCatalog, Settings};

use super::support::{certificate, raw, schema, with};

async fn enter(url: &str) -> Result<PostgresCatalog, String> {
    let settings = Settings::parse(url, None)?;
    let opened = PostgresCatalog::open(&settings, 7).await;
    opened.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn tls_is_used_and_checked_as_it_is_asked_for() {
    let by_address = schema().await;
    let by_name = by_address.replace("127.0.0.1", "localhost");
    let (ca, other) = (certificate("ca"), certificate("other-ca"));
    // The certificate is for localhost, by `ca`.
    for (url, parameters, good) in [
        (&by_name, "sslmode=disable".to_owned(), true),
        (&by_address, "sslmode=require".to_owned(), true),
        (
            &by_address,
            format!("sslmode=require&sslrootcert={other}"),
            false,
        ),
        (
            &by_address,
            format!("sslmode=verify-ca&sslrootcert={ca}"),
            true,
        ),
        (
            &by_address,
            format!("sslmode=verify-ca&sslrootcert={other}"),
            false,
        ),
        (
            &by_name,
            format!("sslmode=verify-full&sslrootcert={ca}"),
            true,
        ),
        (
            &by_address,
            format!("sslmode=verify-full&sslrootcert={ca}"),
            false,
        ),
        (&by_name, "sslmode=verify-full".to_owned(), false),
    ] {
        let url = with(url, &parameters);
        match enter(&url).await {
            Ok(catalog) => {
                assert!(good, "{parameters}");
                catalog.ping().await.unwrap();
            }
            Err(error) => assert!(!good, "{parameters}: {error}"),
        }
    }
    let encrypted = raw(&with(&by_address, "sslmode=disable")).await;
    let sql = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
         WHERE s.ssl AND a.application_name = 'tls-or-not'";
    let count = async || {
        encrypted
            .query_one(sql, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
    };
    let named = with(&by_address, "sslmode=require&application_name=tls-or-not");
    let catalog = enter(&named).await.unwrap();
    catalog.ping().await.unwrap();
    assert!(count().await > 0);
}

/// A role, and the schema of the URL as its own.
async fn role(url: &str, password: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("app_{}_{count}", std::process::id());
    let client = raw(url).await;
    let sql = format!(
        "DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN PASSWORD '{password}'; \
         DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I AUTHORIZATION {name}', current_setting('search_path')); END $$"
    );
    client.batch_execute(&sql).await.unwrap();
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_password_comes_from_a_file_and_may_change() {
    let admin = schema().await;
    let name = role(&admin, "first-secret").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "first-secret\n").unwrap();
    let (_, place) = admin.split_once('@').unwrap();
    let url = format!("postgres://{name}@{place}&password_file={}", path.display());
    let catalog = enter(&url).await.unwrap();
    catalog.ping().await.unwrap();

    let client = raw(&admin).await;
    let change = format!("ALTER ROLE {name} PASSWORD 'second-secret'");
    client.batch_execute(&change).await.unwrap();
    std::fs::write(&path, "second-secret\n").unwrap();
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'");
    client.batch_execute(&end).await.unwrap();
    catalog.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_wrong_password_is_told_at_once_and_without_showing_it() {
    let admin = schema().await;
    let name = role(&admin, "right-secret").await;
    let (_, place) = admin.split_once('@').unwrap();
    let refused = enter(&format!("postgres://{name}:wrong-secret@{place}")).await;
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("password authentication failed"),
        "{refused}"
    );
    assert!(!refused.contains("wrong-secret"), "{refused}");
}
