//! The embedded store alone: an S3 on one machine, without the service.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use valetkey_embedded::{AccessKey, CorsRules, EmbeddedStore, Faults, Options};
use valetkey_protocol::Clock as _;

use crate::app::{bind, local_address, local_url};
use crate::clock::SystemClock;
use crate::listen::{self, ListenerCounters, ListenerOptions};
use crate::store_key::StoreKey;
use crate::{ServeError, files};

/// How long running requests may take to end. Closing the store comes after; together less than ten seconds.
const GRACE: Duration = Duration::from_secs(6);

/// The most bytes buffered for one connection: its bodies are large ones.
const BUFFER: usize = 256 * 1024;

/// The permissions of people who neither own a file nor share its group.
const OTHERS: u32 = 0o007;

/// What a store is started with. Port 0 takes any free one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// The folder of everything it keeps; made when it does not exist.
    pub data_dir: PathBuf,
    /// Where it listens.
    pub listen: String,
    /// The key that may sign, `{"access_key": …, "secret_key": …}`; made when it does not exist.
    pub access_key_file: PathBuf,
    /// Buckets that exist from the start.
    pub buckets: Vec<String>,
    /// The region that signatures name.
    pub region: String,
    /// The name below which each bucket has a host of its own.
    pub domain: String,
    /// Web pages that may talk to buckets without rules of their own; `*` for all.
    pub cors_origins: Vec<String>,
    /// Faults (TOML), for tests only.
    pub faults: Option<PathBuf>,
}

/// A store, bound and open but not yet serving.
pub struct StoreServer {
    /// Its URL for programs on this machine.
    pub url: String,
    /// The id of its key.
    pub access_key: String,
    /// Whether the key was made just now.
    pub made_key: bool,
    listener: TcpListener,
    store: EmbeddedStore,
}

impl StoreServer {
    /// Serves until `shutdown`, then ends within ten seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let options = ListenerOptions {
            max_buffer: BUFFER,
            grace: GRACE,
            ..ListenerOptions::default()
        };
        let (service, counters) = (self.store.service(), ListenerCounters::default());
        listen::serve(self.listener, service, options, counters, shutdown).await;
        self.store.close().await;
    }
}

/// Makes what is missing, binds the address and opens the store.
///
/// # Errors
/// The first part that cannot be had, and what to do about it.
pub async fn start(options: StoreOptions) -> Result<StoreServer, ServeError> {
    let faults = options.faults.as_deref().map(read_faults).transpose()?;
    let (key, made_key) = read_key(&options.access_key_file)?;
    files::private_folder(&options.data_dir)?;
    let listener = bind(&options.listen, "listen", "--listen").await?;
    let url = local_url(local_address(&listener)?);
    let access_key = key.access_key.clone();
    let options = Options {
        data_dir: options.data_dir,
        region: options.region,
        access_key: AccessKey::new(&key.access_key, key.secret_key.expose()),
        cors: CorsRules {
            allowed_origins: options.cors_origins,
            ..CorsRules::default()
        },
        buckets: options.buckets,
        domain: Some(options.domain),
        clock: Arc::new(|| SystemClock.now()),
    };
    let open = move || match faults {
        None => EmbeddedStore::open(options),
        Some(faults) => EmbeddedStore::open_with_faults(options, faults),
    };
    Ok(StoreServer {
        url,
        access_key,
        made_key,
        listener,
        store: tokio::task::spawn_blocking(open).await??,
    })
}

/// The key, and whether it was made just now. One that everybody can read is nobody's secret.
fn read_key(path: &Path) -> Result<(StoreKey, bool), ServeError> {
    let made = !path.exists();
    let key = StoreKey::read_or_make_file(path)?;
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode());
    let mode = mode.map_err(|source| ServeError::File {
        path: path.to_owned(),
        source,
    })?;
    if mode & OTHERS != 0 {
        return Err(ServeError::Exposed {
            path: path.to_owned(),
        });
    }
    Ok((key, made))
}

fn read_faults(path: &Path) -> Result<Faults, ServeError> {
    let text = fs::read_to_string(path).map_err(|source| ServeError::File {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| ServeError::Faults {
        path: path.to_owned(),
        why: error.to_string().trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path) -> StoreOptions {
        StoreOptions {
            data_dir: folder.join("data"),
            listen: "127.0.0.1:0".to_owned(),
            access_key_file: folder.join("key.json"),
            buckets: vec!["files".to_owned()],
            region: "us-east-1".to_owned(),
            domain: "localhost".to_owned(),
            cors_origins: Vec::new(),
            faults: None,
        }
    }

    async fn refusal(options: StoreOptions) -> String {
        match start(options).await {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = start(options(folder.path())).await.unwrap();
        assert!(first.made_key);
        let mode = fs::metadata(folder.path().join("key.json")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        let id = first.access_key.clone();
        first.run(std::future::ready(())).await;
        let second = start(options(folder.path())).await.unwrap();
        assert_eq!((second.access_key, second.made_key), (id, false));
    }

    #[tokio::test]
    async fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        fs::write(&path, r#"{"access_key":"a","secret_key":"b"}"#).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let message = refusal(options(folder.path())).await;
        assert!(message.contains("chmod o= "), "{message}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(start(options(folder.path())).await.is_ok());
    }

    #[test]
    fn the_faults_in_the_documentation_are_faults() {
        let page = include_str!("../../../docs/embedded-store.md");
        let (_, rest) = page.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let faults: Faults = toml::from_str(example).unwrap();
        assert_eq!(faults.rules.len(), 3);
    }

    #[tokio::test]
    async fn a_folder_in_use_and_faults_that_are_none_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let faults = folder.path().join("faults.toml");
        let with_faults = StoreOptions {
            faults: Some(faults.clone()),
            ..options(folder.path())
        };
        fs::write(&faults, "[[rules]]\nfault = { kind = 'slow-up' }\n").unwrap();
        let message = refusal(with_faults.clone()).await;
        assert!(message.contains("slow-up"), "{message}");
        fs::write(&faults, "[[rules]]\nfault = { kind = 'slow-down' }\n").unwrap();
        let first = start(with_faults).await.unwrap();
        let error = start(options(folder.path())).await.err().unwrap();
        assert!(matches!(error, ServeError::Embedded(_)), "{error}");
        drop(first);
    }
}
