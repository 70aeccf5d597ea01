//! `valetkey receipt`

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use valetkey_client::receipt::{ReceiptKeys, check_file, check_issuer};
use valetkey_protocol::Receipt as Claims;

use crate::error::Error;
use crate::text::{plain, print};

/// Check the proof of a verified file, or make a key to sign with.
#[derive(Args)]
pub(crate) struct Receipt {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Check a receipt, without asking the service anything but its keys
    Verify(Verify),
    /// Keys that receipts are signed with
    Key {
        #[command(subcommand)]
        verb: KeyVerb,
    },
}

#[derive(Subcommand)]
enum KeyVerb {
    /// Print a fresh private key (Ed25519, PKCS#8, PEM) for `receipts.key_file`
    New,
}

#[derive(Args)]
struct Verify {
    /// File with the receipt; - or nothing is the input
    #[arg(default_value = "-", value_name = "FILE")]
    receipt: PathBuf,
    /// The service's keys: its /.well-known/jwks.json (https), or a file that was saved from there
    #[arg(long, value_name = "URL|FILE")]
    jwks: String,
    /// Address of the service that must have made it, its `public_url`
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// A file whose size and checksum must be those of the receipt
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print the claims as JSON
    #[arg(long)]
    json: bool,
}

impl Receipt {
    /// Does what the verb says.
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self.verb {
            Verb::Verify(verify) => verify.run().await,
            Verb::Key { verb: KeyVerb::New } => {
                print(valetkey_server::receipts::new_key()?.expose().trim_end())
            }
        }
    }
}

impl Verify {
    async fn run(self) -> Result<(), Error> {
        let keys = match self.jwks.starts_with("https://") || self.jwks.starts_with("http://") {
            true => ReceiptKeys::fetch(&self.jwks).await?,
            false => {
                let keys = ReceiptKeys::parse(read(Path::new(&self.jwks))?.as_bytes());
                keys.map_err(valetkey_client::Error::from)?
            }
        };
        let claims = keys.verify(read(&self.receipt)?.trim());
        let claims = claims.map_err(valetkey_client::Error::from)?;
        if let Some(issuer) = &self.issuer {
            check_issuer(&claims, issuer).map_err(valetkey_client::Error::from)?;
        }
        if let Some(file) = &self.file {
            check_file(&claims, file).await?;
        }
        print(&match self.json {
            true => json!(claims).to_string(),
            false => told(&claims, self.file.as_deref()),
        })
    }
}

/// A whole file, or all of the input.
fn read(path: &Path) -> Result<String, Error> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        return read.map(|_| text).map_err(Error::Input);
    }
    std::fs::read_to_string(path).map_err(|source| Error::Local {
        path: path.to_owned(),
        source,
    })
}

/// What the receipt says, for people.
fn told(claims: &Claims, file: Option<&Path>) -> String {
    let mut text = format!("good: a receipt of {}\n", plain(&claims.iss));
    let checksum = claims.checksum.map_or("none".to_owned(), |checksum| {
        format!("{}:{}", checksum.algorithm(), checksum.to_base64())
    });
    let rows = [
        ("id", claims.id.to_string()),
        ("owner", claims.sub.as_str().to_owned()),
        ("bucket", claims.bucket.clone()),
        ("key", claims.key.as_str().to_owned()),
        ("size", claims.size.to_string()),
        ("checksum", checksum),
        ("integrity", claims.integrity.as_str().to_owned()),
        ("content type", claims.content_type.as_str().to_owned()),
        (
            "detected type",
            claims
                .detected_type
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
        ),
        ("etag", claims.etag.clone()),
        ("verified at", claims.verified_at.to_string()),
    ];
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<14} {}", plain(&value));
    }
    if let Some(file) = file {
        let name = file.display().to_string();
        let _ = writeln!(text, "  {} has these bytes", plain(&name));
    }
    text.trim_end().to_owned()
}
