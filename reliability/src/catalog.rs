//! Which catalog a folder goes with: the SQLite file in it, or what it says instead.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use valetkey_catalog::Catalog;
use valetkey_catalog::postgres::{PostgresCatalog, Settings};
use valetkey_catalog::sqlite::SqliteCatalog;

use crate::error::{Failure, Outcome};
use crate::postgres::Postgres;
use crate::scenario::histories::memory_folder;

/// Where a folder says which catalog it goes with.
const NOTE: &str = "catalog";

/// The catalog of a folder, as a configuration says it.
pub fn of(folder: &Path) -> String {
    let noted = fs::read_to_string(folder.join(NOTE));
    noted.unwrap_or_else(|_| format!("sqlite:{}/catalog.sqlite", folder.display()))
}

/// Lets a folder say which catalog it goes with.
///
/// # Errors
/// The folder cannot be written.
pub fn note(folder: &Path, catalog: &str) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    Ok(fs::write(folder.join(NOTE), catalog)?)
}

/// Where the catalogs of a scenario's folders are.
#[derive(Debug)]
pub enum Catalogs {
    /// In the folders, with SQLite.
    InFolders,
    /// In databases of this PostgreSQL.
    In(Postgres),
}

impl Catalogs {
    /// An empty folder with a catalog of its own.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub async fn home(&self) -> Outcome<TempDir> {
        let folder = memory_folder()?;
        if let Self::In(postgres) = self {
            note(folder.path(), &postgres.database(None).await?)?;
        }
        Ok(folder)
    }

    /// A copy of a folder, with a copy of its catalog. Nobody has them open.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub async fn copy(&self, folder: &Path) -> Outcome<TempDir> {
        let copy = memory_folder()?;
        copy_folder(folder, copy.path())?;
        if let Self::In(postgres) = self {
            let database = postgres.database(Some(&of(folder))).await?;
            note(copy.path(), &database)?;
        }
        Ok(copy)
    }

    /// Forgets a folder and its catalog.
    ///
    /// # Errors
    /// The database cannot be dropped.
    pub async fn forget(&self, folder: TempDir) -> Outcome<()> {
        match self {
            Self::InFolders => Ok(()),
            Self::In(postgres) => postgres.forget(&of(folder.path())).await,
        }
    }
}

/// Opens a catalog.
///
/// # Errors
/// It cannot be opened.
pub async fn open(catalog: &str) -> Outcome<Arc<dyn Catalog>> {
    let Some(path) = catalog.strip_prefix("sqlite:") else {
        let settings = Settings::parse(catalog, None).map_err(Failure::new)?;
        return Ok(Arc::new(PostgresCatalog::open(&settings, 1).await?));
    };
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || SqliteCatalog::open(Path::new(&path)));
    Ok(Arc::new(opened.await??))
}

fn copy_folder(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}
