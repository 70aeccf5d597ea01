//! The catalog of a test: a SQLite file in its folder or, when `VALETKEY_TEST_POSTGRES` names a database, a schema
//! there that has the folder's name.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::runtime::Runtime;
use valetkey_catalog::Catalog;
use valetkey_catalog::postgres::{PostgresCatalog, Settings};
use valetkey_catalog::sqlite::SqliteCatalog;

/// The connections of all tests live here: those of one outlive its own runtime.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

#[expect(
    clippy::disallowed_methods,
    reason = "the environment names the database"
)]
pub(crate) fn open(folder: &Path) -> Arc<dyn Catalog> {
    let Ok(url) = std::env::var("VALETKEY_TEST_POSTGRES") else {
        return Arc::new(SqliteCatalog::open(&folder.join("catalog.sqlite")).unwrap());
    };
    let name = folder.file_name().unwrap().to_str().unwrap().to_lowercase();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let url = format!("{url}?options=-csearch_path%3Dlifecycle_{name}");
    let opening = std::thread::spawn(move || {
        let settings = Settings::parse(&url, None).unwrap();
        let runtime = RUNTIME.get_or_init(|| Runtime::new().unwrap());
        runtime
            .block_on(PostgresCatalog::open(&settings, 7))
            .unwrap()
    });
    Arc::new(opening.join().unwrap())
}
