//! `valetkey key`

use clap::{Args, Subcommand};
use serde_json::json;
use valetkey_protocol::api_key::{ApiKey, ApiKeyId, CreateApiKey, RotateApiKey, Scope};
use valetkey_protocol::{InvalidValue, Subject, Tenant};

use super::token::seconds;
use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print};

/// Make, list, rotate and revoke API keys.
///
/// It needs a token with the role admin.
#[derive(Args)]
pub(crate) struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a key, and print its secret, which is shown only now
    Create(Create),
    /// List all keys
    List(List),
    /// Give a key another secret, and print it
    Rotate(Rotate),
    /// Let a key hold no more
    Revoke(Revoke),
}

#[derive(Args)]
struct Create {
    /// What it is for, in words
    #[arg(long)]
    name: String,
    /// Who its holder is
    #[arg(long, value_name = "SUBJECT")]
    sub: Subject,
    /// In which tenant its holder is; in yours when absent
    #[arg(long, value_name = "TENANT")]
    tenant: Option<Tenant>,
    /// What it is good for: upload, read, delete, admin or on_behalf; may be given more than once
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
    scopes: Vec<Scope>,
    /// How long it lasts: seconds, or a number with s, m, h or d; for ever when absent
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    expires_in: Option<u64>,
    /// Print the whole key as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
struct List {
    /// Print one JSON object for each key
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
struct Rotate {
    /// The id of the key
    id: ApiKeyId,
    /// How long the secret so far holds as well: 0, seconds, or a number with s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = overlap)]
    overlap: Option<u64>,
    /// Print the whole key as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
struct Revoke {
    /// The id of the key
    id: ApiKeyId,
    #[command(flatten)]
    connection: Connection,
}

impl Key {
    /// Does it.
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self.what {
            What::Create(create) => create.run().await,
            What::List(list) => list.run().await,
            What::Rotate(rotate) => rotate.run().await,
            What::Revoke(revoke) => {
                let client = revoke.connection.client()?;
                Ok(client.revoke_api_key(&revoke.id).await?)
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Error> {
        let create = CreateApiKey {
            name: self.name,
            tenant: self.tenant,
            subject: self.sub,
            scopes: self.scopes,
            expires_in: self.expires_in,
        };
        let client = self.connection.client()?;
        print_secret(&client.create_api_key(&create).await?, self.json)
    }
}

impl List {
    async fn run(self) -> Result<(), Error> {
        for key in self.connection.client()?.list_api_keys().await? {
            match self.json {
                true => print(&json!(key).to_string())?,
                false => print(&row(&key))?,
            }
        }
        Ok(())
    }
}

impl Rotate {
    async fn run(self) -> Result<(), Error> {
        let rotate = RotateApiKey {
            overlap: self.overlap,
        };
        let client = self.connection.client()?;
        print_secret(&client.rotate_api_key(&self.id, &rotate).await?, self.json)
    }
}

/// The secret alone, for a pipe, or all there is.
fn print_secret(key: &ApiKey, whole: bool) -> Result<(), Error> {
    match &key.secret {
        Some(secret) if !whole => print(secret.expose()),
        _ => print(&json!(key).to_string()),
    }
}

/// Id, in which tenant and who, scopes, until when, last used, and what for.
fn row(key: &ApiKey) -> String {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let when = |at: Option<jiff::Timestamp>| match at {
        Some(at) => at.strftime("%Y-%m-%d").to_string(),
        None => "never".to_owned(),
    };
    let who = match key.tenant.is_default() {
        true => plain(key.subject.as_str()).into_owned(),
        false => plain(&format!("{}/{}", key.tenant, key.subject)).into_owned(),
    };
    format!(
        "{}  {:<20} {:<28} ends {:<10}  used {:<10}  {}",
        key.id,
        who,
        scopes.join(","),
        when(key.expires_at),
        when(key.last_used_at),
        plain(&key.name),
    )
}

fn scope(text: &str) -> Result<Scope, InvalidValue> {
    let mut all = Scope::ALL.iter().copied();
    let found = all.find(|scope| scope.as_str() == text);
    found.ok_or_else(|| InvalidValue::new("must be upload, read, delete, admin or on_behalf"))
}

fn overlap(text: &str) -> Result<u64, InvalidValue> {
    match text {
        "0" => Ok(0),
        text => seconds(text),
    }
}
