//! Where the catalog is: `sqlite:PATH` or a URL of PostgreSQL.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use valetkey_catalog::postgres::Settings;
use valetkey_protocol::Secret;

use super::{ConfigError, invalid};

/// The environment variable that takes the place of `catalog`.
pub const CATALOG_VARIABLE: &str = "VALETKEY_CATALOG";

/// The environment variable with the password of a URL without one; libpq has the same.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// What is remembered, and where. Neither Debug nor Display show a password.
#[derive(Clone, PartialEq, Eq)]
pub enum CatalogConfig {
    /// In one SQLite file, for one server.
    Sqlite(PathBuf),
    /// In PostgreSQL, for any number of servers.
    Postgres {
        /// The URL, perhaps with a password.
        url: Secret,
        /// The password of a URL without one.
        password: Option<Secret>,
    },
}

/// Where a catalog is.
pub(crate) enum Place<'a> {
    Sqlite(&'a Path),
    Postgres(Box<Settings>),
}

impl Default for CatalogConfig {
    fn default() -> Self {
        Self::Sqlite(PathBuf::from("valetkey-data/catalog.sqlite"))
    }
}

impl CatalogConfig {
    /// Reads what a command line says, where everybody on the machine can see it: no password.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn argument(text: &str) -> Result<Self, String> {
        match text.parse()? {
            Self::Postgres { url, .. } if Settings::has_password(url.expose()) => Err(format!(
                "a password in the command line can be read by everybody on this machine: set {PASSWORD_VARIABLE}, \
                 add ?password_file=PATH to the URL, or put the URL into {CATALOG_VARIABLE}"
            )),
            read => Ok(read),
        }
    }

    /// Takes what the environment says: the catalog, unless the command line named it, and the password.
    ///
    /// # Errors
    /// The variable holds something else.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge where the environment is read"
    )]
    pub fn from_environment(self, argument: Option<Self>) -> Result<Self, ConfigError> {
        let variable = std::env::var(CATALOG_VARIABLE).ok();
        let read = match (argument, variable.filter(|text| !text.is_empty())) {
            (Some(argument), _) => argument,
            (None, Some(text)) => text
                .parse()
                .map_err(|problem: String| invalid(CATALOG_VARIABLE, problem))?,
            (None, None) => self,
        };
        Ok(match read {
            Self::Postgres { url, password } => {
                let outside = std::env::var(PASSWORD_VARIABLE).ok();
                let outside = outside.filter(|text| !text.is_empty()).map(Secret::new);
                Self::Postgres {
                    url,
                    password: password.or(outside),
                }
            }
            sqlite @ Self::Sqlite(_) => sqlite,
        })
    }

    /// Where it is, read.
    ///
    /// # Errors
    /// The URL cannot be used, and what to do.
    pub(crate) fn place(&self) -> Result<Place<'_>, ConfigError> {
        match self {
            Self::Sqlite(path) => Ok(Place::Sqlite(path)),
            Self::Postgres { url, password } => {
                let settings = Settings::parse(url.expose(), password.as_ref());
                let settings = settings.map_err(|problem| invalid("catalog", problem));
                settings.map(Box::new).map(Place::Postgres)
            }
        }
    }

    /// The folder of a catalog that this machine alone has.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => path.parent(),
            Self::Postgres { .. } => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Sqlite(path) if path.as_os_str().is_empty() => Err(invalid(
                "catalog",
                "names no file: write sqlite:PATH, such as sqlite:valetkey-data/catalog.sqlite",
            )),
            _ => self.place().map(|_| ()),
        }
    }
}

impl FromStr for CatalogConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres {
                url: Secret::new(text),
                password: None,
            });
        }
        Err("is no catalog: write sqlite:PATH or postgres://USER@HOST/DATABASE".to_owned())
    }
}

impl<'de> Deserialize<'de> for CatalogConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What is there is not told: it may be a password.
        let text = String::deserialize(deserializer).map_err(|_| {
            de::Error::custom("`catalog` must be a text: sqlite:PATH or postgres://…")
        })?;
        text.parse()
            .map_err(|problem: String| de::Error::custom(format!("`catalog` {problem}")))
    }
}

impl fmt::Debug for CatalogConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for CatalogConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            Ok(Place::Sqlite(path)) => write!(f, "sqlite:{}", path.display()),
            Ok(Place::Postgres(settings)) => settings.fmt(f),
            Err(_) => f.write_str("postgres://[redacted]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_is_named_by_one_text() {
        let sqlite: CatalogConfig = "sqlite:/data/catalog.sqlite".parse().unwrap();
        assert_eq!(sqlite, CatalogConfig::Sqlite("/data/catalog.sqlite".into()));
        assert_eq!(sqlite.to_string(), "sqlite:/data/catalog.sqlite");
        for wrong in ["", "catalog.sqlite", "mysql://db/files", "sqlite:"] {
            let checked = wrong.parse::<CatalogConfig>();
            let checked = checked.and_then(|one| one.check().map_err(|error| error.to_string()));
            assert!(checked.unwrap_err().contains("sqlite:PATH"), "{wrong}");
        }
    }

    #[test]
    fn no_password_is_shown_and_none_is_taken_from_the_command_line() {
        let url = "postgres://app:hunter2@db/files";
        let read: CatalogConfig = url.parse().unwrap();
        read.check().unwrap();
        assert_eq!(format!("{read} {read:?}").matches("hunter2").count(), 0);
        let refused = CatalogConfig::argument(url).unwrap_err();
        assert!(refused.contains("PGPASSWORD") && !refused.contains("hunter2"));
        assert!(CatalogConfig::argument("postgres://app@db/files").is_ok());
        let damaged: CatalogConfig = "postgres://app:hunter2@db:port/files".parse().unwrap();
        let message = damaged.check().unwrap_err().to_string();
        assert!(
            message.contains("catalog") && !message.contains("hunter2"),
            "{message}"
        );
        assert!(!format!("{damaged:?}").contains("hunter2"));
    }
}
