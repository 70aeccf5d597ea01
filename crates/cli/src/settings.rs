//! Which service a command talks to, and as whom.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use valetkey_client::Client;

/// Where `valetkey dev` keeps everything unless told otherwise.
pub(crate) const DATA_DIR: &str = "./valetkey-data";

/// The service and the token: from flags, else from the environment, else from a development service's folder.
#[derive(Args, Clone, Default)]
pub(crate) struct Connection {
    /// Address of the service
    #[arg(long, env = "VALETKEY_URL", value_name = "URL")]
    url: Option<String>,
    /// Token to use it with
    #[arg(long, env = "VALETKEY_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Folder of a development service, whose dev.json gives what is not given otherwise
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Why it is not known which service to talk to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Nothing was given and nothing found.
    #[error(
        "no service to talk to: give --url and --token (or VALETKEY_URL and VALETKEY_TOKEN), or --data-dir of a running `valetkey dev`"
    )]
    Nothing,
    /// An address without a token.
    #[error("no token for {url}: give --token or VALETKEY_TOKEN")]
    NoToken {
        /// The service's address.
        url: String,
    },
    /// The folder has no readable dev.json.
    #[error("cannot read {}: is this the --data-dir of a `valetkey dev` that was started?", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// What a development service writes for scripts, as far as a client needs it.
#[derive(Deserialize, Clone)]
struct DevFile {
    api: String,
    token: String,
}

impl Connection {
    /// A client of the service that was meant.
    ///
    /// # Errors
    /// It is not known which one, or its address or token is malformed.
    pub(crate) fn client(&self) -> Result<Client, crate::error::Error> {
        let (url, token) = self.resolve(read)?;
        Ok(Client::new(&url, &token)?)
    }

    /// The default folder counts only when no address was given: its token is for its own service.
    fn resolve(
        &self,
        read: impl Fn(&Path) -> io::Result<DevFile>,
    ) -> Result<(String, String), SettingsError> {
        let given = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
        let (url, token) = (given(&self.url), given(&self.token));
        if let (Some(url), Some(token)) = (&url, &token) {
            return Ok((url.clone(), token.clone()));
        }
        let (folder, named) = match (&self.data_dir, &url) {
            (Some(folder), _) => (folder.as_path(), true),
            (None, None) => (Path::new(DATA_DIR), false),
            (None, Some(url)) => return Err(SettingsError::NoToken { url: url.clone() }),
        };
        let path = folder.join("dev.json");
        match read(&path) {
            Ok(file) => Ok((url.unwrap_or(file.api), token.unwrap_or(file.token))),
            Err(error) if !named && error.kind() == io::ErrorKind::NotFound => {
                Err(SettingsError::Nothing)
            }
            Err(source) => Err(SettingsError::Unreadable { path, source }),
        }
    }
}

fn read(path: &Path) -> io::Result<DevFile> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: Option<&str>, token: Option<&str>, folder: Option<&str>) -> Connection {
        Connection {
            url: url.map(str::to_owned),
            token: token.map(str::to_owned),
            data_dir: folder.map(PathBuf::from),
        }
    }

    fn found(path: &Path) -> io::Result<DevFile> {
        Ok(DevFile {
            api: format!("http://of{}", path.parent().unwrap().display()),
            token: "dev".to_owned(),
        })
    }

    fn missing(_: &Path) -> io::Result<DevFile> {
        Err(io::ErrorKind::NotFound.into())
    }

    #[test]
    fn what_is_given_goes_before_what_is_found() {
        let resolve = |url, token, folder| {
            let (url, token) = connection(url, token, folder).resolve(found).unwrap();
            format!("{url} {token}")
        };
        assert_eq!(resolve(Some("u"), Some("t"), Some("/d")), "u t");
        assert_eq!(resolve(None, Some("t"), Some("/d")), "http://of/d t");
        assert_eq!(resolve(Some("u"), None, Some("/d")), "u dev");
        assert_eq!(resolve(None, None, Some("/d")), "http://of/d dev");
        assert_eq!(resolve(None, None, None), "http://of./valetkey-data dev");
        assert_eq!(resolve(Some(""), Some(""), Some("/d")), "http://of/d dev");
    }

    #[test]
    fn a_development_token_is_never_sent_to_another_address_unasked() {
        let refused = connection(Some("http://u"), None, None).resolve(found);
        assert!(matches!(refused, Err(SettingsError::NoToken { .. })));
    }

    #[test]
    fn who_gives_nothing_is_told_what_to_give() {
        let refused = connection(None, None, None).resolve(missing).unwrap_err();
        assert!(refused.to_string().contains("--data-dir"), "{refused}");
        let refused = connection(None, None, Some("/d"))
            .resolve(missing)
            .unwrap_err();
        assert!(refused.to_string().contains("/d/dev.json"), "{refused}");
    }
}
