//! Which catalog it is.

use std::sync::Arc;

use valetkey_catalog::postgres::PostgresCatalog;
use valetkey_catalog::sqlite::SqliteCatalog;
use valetkey_catalog::{Catalog, Migrations};

use crate::config::{CatalogConfig, Place};
use crate::{ServeError, files, random};

/// Opens the catalog, and brings its tables up to date where needed.
///
/// # Errors
/// It cannot be opened, and what to do.
pub(crate) async fn open(config: &CatalogConfig) -> Result<Arc<dyn Catalog>, ServeError> {
    let path = match config.place()? {
        Place::Sqlite(path) => path.to_owned(),
        Place::Postgres(settings) => {
            let catalog = PostgresCatalog::open(&settings, random::seed()?).await?;
            return Ok(Arc::new(catalog));
        }
    };
    let mut folder = path.parent().into_iter();
    if let Some(folder) = folder.find(|folder| !folder.as_os_str().is_empty()) {
        files::private_folder(folder)?;
    }
    let opened = tokio::task::spawn_blocking(move || SqliteCatalog::open(&path));
    Ok(Arc::new(opened.await??))
}

/// Brings the tables of a catalog up to date, and says what was missing.
///
/// # Errors
/// It cannot be opened, and what to do.
pub async fn migrate(config: &CatalogConfig) -> Result<Migrations, ServeError> {
    config.check()?;
    match config.place()? {
        Place::Postgres(settings) => Ok(PostgresCatalog::migrate(&settings).await?),
        Place::Sqlite(path) => {
            let path = path.to_owned();
            let migrated = tokio::task::spawn_blocking(move || SqliteCatalog::migrate(&path));
            Ok(migrated.await??)
        }
    }
}

/// Says which changes of the tables were made and which are missing, and makes none.
///
/// # Errors
/// It cannot be read, and what to do.
pub async fn migrations(config: &CatalogConfig) -> Result<Migrations, ServeError> {
    config.check()?;
    match config.place()? {
        Place::Postgres(settings) => Ok(PostgresCatalog::migrations(&settings).await?),
        Place::Sqlite(path) => {
            let path = path.to_owned();
            let looked = tokio::task::spawn_blocking(move || SqliteCatalog::migrations(&path));
            Ok(looked.await??)
        }
    }
}
