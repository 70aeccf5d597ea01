//! Everything that is started: a folder, the store, the service, and the servers it is held against.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use valetkey_protocol::{Algorithm, Hasher};
use valetkey_server::{dev, receipts};

use super::error::DemoError;
use super::processes::Process;
use super::storage::{BUCKET, REGION, Storage, StoreKey, Where};

/// The one user.
const SUBJECT: &str = "demo";
/// How long its token holds, in seconds.
const LIFETIME: u64 = 86_400;

/// The three ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// The server receives the whole form, then sends to storage.
    Receive,
    /// The server sends to storage while it receives.
    Stream,
    /// Clients send to storage, and the service signs and verifies.
    Direct,
}

impl Way {
    /// All, in the order of the table.
    pub(super) const ALL: [Self; 3] = [Self::Receive, Self::Stream, Self::Direct];

    /// What it is called in JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Receive => "receive_then_send",
            Self::Stream => "streaming_proxy",
            Self::Direct => "direct",
        }
    }

    /// What it is called in the table.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Receive => "receive, then send",
            Self::Stream => "streaming proxy",
            Self::Direct => "direct (Valetkey)",
        }
    }
}

/// The servers of one link, or of none.
struct Servers {
    receive: Process,
    stream: Process,
    /// In front of the service.
    relay: Option<Process>,
}

/// All that runs. What is declared first is dropped first: the processes end before their folder goes.
pub(super) struct World {
    free: Servers,
    linked: Option<Servers>,
    api: Process,
    _store: Process,
    /// The bucket, to look at what arrived.
    pub(super) storage: Storage,
    /// The token of the one user.
    pub(super) token: String,
    folder: TempDir,
}

impl World {
    /// Makes the folder and starts everything; the servers a second time behind a link, if there is one.
    pub(super) async fn start(link: Option<u64>) -> Result<Self, DemoError> {
        let made = tempfile::Builder::new().prefix("valetkey-demo-").tempdir();
        let folder = made.map_err(DemoError::folder("make a folder in", std::env::temp_dir()))?;
        let path = folder.path();
        let key_file = path.join("store-key.json");
        let arguments = [
            "store".to_owned(),
            "--data-dir".to_owned(),
            text(&path.join("store"))?,
            "--key-file".to_owned(),
            text(&key_file)?,
        ];
        let store = Process::start("store", arguments.into(), path).await?;
        let place = Where {
            store: store.url.clone(),
            key_file,
        };
        let config = configure(path, &place)?;
        let arguments = ["api".to_owned(), "--config".to_owned(), text(&config)?];
        let api = Process::start("service", arguments.into(), path).await?;
        let linked = match link {
            Some(_) => Some(Servers::start(&place, &api, link, path).await?),
            None => None,
        };
        Ok(Self {
            free: Servers::start(&place, &api, None, path).await?,
            linked,
            api,
            _store: store,
            storage: Storage::open(&place, None)?,
            token: dev::mint_token(path, ("", SUBJECT), &[], LIFETIME)?,
            folder,
        })
    }

    /// Where everything lies.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address clients use.
    pub(super) fn url(&self, way: Way, linked: bool) -> &str {
        let servers = self.servers(linked);
        match (way, &servers.relay) {
            (Way::Receive, _) => &servers.receive.url,
            (Way::Stream, _) => &servers.stream.url,
            (Way::Direct, Some(relay)) => &relay.url,
            (Way::Direct, None) => &self.api.url,
        }
    }

    /// The server whose effort counts.
    pub(super) fn process(&self, way: Way, linked: bool) -> &Process {
        match way {
            Way::Receive => &self.servers(linked).receive,
            Way::Stream => &self.servers(linked).stream,
            Way::Direct => &self.api,
        }
    }

    fn servers(&self, linked: bool) -> &Servers {
        match &self.linked {
            Some(servers) if linked => servers,
            _ => &self.free,
        }
    }
}

impl Servers {
    async fn start(
        place: &Where,
        api: &Process,
        link: Option<u64>,
        folder: &Path,
    ) -> Result<Self, DemoError> {
        let proxy = |role: &str| -> Result<Vec<String>, DemoError> {
            let mut arguments = vec![
                role.to_owned(),
                "--store".to_owned(),
                place.store.clone(),
                "--key-file".to_owned(),
                text(&place.key_file)?,
            ];
            arguments.extend(link.map(|link| format!("--link={link}")));
            Ok(arguments)
        };
        let relay = match link {
            Some(link) => {
                let to = api.url.trim_start_matches("http://");
                let arguments = [
                    "relay".to_owned(),
                    format!("--to={to}"),
                    format!("--link={link}"),
                ];
                Some(Process::start("relay", arguments.into(), folder).await?)
            }
            None => None,
        };
        Ok(Self {
            receive: Process::start("receiving server", proxy("receive")?, folder).await?,
            stream: Process::start("streaming proxy", proxy("stream")?, folder).await?,
            relay,
        })
    }
}

/// Writes the service's configuration, on S3, as it is somewhere in earnest.
fn configure(folder: &Path, place: &Where) -> Result<PathBuf, DemoError> {
    let key = StoreKey::read(&place.key_file)?;
    // A key that was just made is a source of chance; hashed, it is a secret of one line.
    let made = receipts::new_key()?;
    let secret = Hasher::digest(Algorithm::Sha256, made.expose().as_bytes()).to_base64();
    // Named as `dev` names it, so that tokens are minted as there.
    let secret_file = folder.join("secret");
    write(&secret_file, &secret)?;
    let storage_secret = folder.join("storage-secret");
    write(&storage_secret, key.secret_key.expose())?;
    let mut toml = String::new();
    let catalog = format!("sqlite:{}", text(&folder.join("catalog.sqlite"))?);
    let lines = [
        ("listen", "127.0.0.1:0"),
        ("metrics_listen", ""),
        ("default_bucket", BUCKET),
        ("catalog", &catalog),
        ("auth.secret_file", &text(&secret_file)?),
        ("auth.issuer", "valetkey-dev"),
        ("auth.audience", "valetkey"),
        ("buckets.demo.provider", "s3"),
        ("buckets.demo.endpoint", &place.store),
        ("buckets.demo.region", REGION),
        ("buckets.demo.access_key_id", &key.access_key),
        (
            "buckets.demo.secret_access_key_file",
            &text(&storage_secret)?,
        ),
    ];
    for (name, value) in lines {
        // A JSON string is a TOML string.
        writeln!(toml, "{name} = {}", serde_json::json!(value)).ok();
    }
    toml.push_str("buckets.demo.rules.max_open_uploads = 1000000\n");
    let config = folder.join("valetkey.toml");
    write(&config, &toml)?;
    Ok(config)
}

fn write(path: &Path, content: &str) -> Result<(), DemoError> {
    std::fs::write(path, content).map_err(DemoError::folder("write", path))
}

fn text(path: &Path) -> Result<String, DemoError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        DemoError::Message(format!(
            "{} is not UTF-8: give another folder as TMPDIR",
            path.display()
        ))
    })
}
