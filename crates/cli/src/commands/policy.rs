//! `valetkey policy`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};
use valetkey_protocol::policy::{
    ExplainPolicy, PolicyAction as Action, PolicyExplanation, Somebody,
};
use valetkey_protocol::{FileId, InvalidValue, Subject, Tenant};
use valetkey_server::config::Config;

use super::token::seconds;
use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print};

/// Check policies, and ask what decides.
#[derive(Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Check files of policies without a service; says file, line and column of every fault
    Check(Check),
    /// Ask a service whether somebody may do something, and which policies say so
    Explain(Box<Explain>),
}

#[derive(Args)]
struct Check {
    /// Files of policies, and folders whose *.cedar are; those of the configuration when absent
    #[arg(value_name = "FILE", required_unless_present = "config")]
    files: Vec<PathBuf>,
    /// The configuration that names claims and buckets, TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check them beside the built-in policies
    #[arg(long)]
    include_default: bool,
}

/// It needs a token with the role admin.
#[derive(Args)]
struct Explain {
    /// Who asks
    #[arg(long = "as", value_name = "SUBJECT")]
    subject: Subject,
    /// In which tenant they are; in yours when absent
    #[arg(long, value_name = "TENANT")]
    tenant: Option<Tenant>,
    /// A role they have; may be given more than once
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A licence they have; may be given more than once
    #[arg(long = "licence", value_name = "LICENCE")]
    licences: Vec<String>,
    /// A claim as [policy.claims] names it: a text, or a number, boolean or list as JSON; may be given more than once
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, Value)>,
    /// create_upload, read, list_all, download, update, delete, create_link or administer
    #[arg(long, value_name = "ACTION", value_parser = action)]
    action: Action,
    /// The id of the file it is about
    #[arg(long, value_name = "ID", conflicts_with = "bucket")]
    file: Option<FileId>,
    /// The bucket it is about, for create_upload and list_all; the default one when absent
    #[arg(long, value_name = "BUCKET")]
    bucket: Option<String>,
    /// The address they ask from
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// When, as 2026-03-02T09:00:00Z; now when absent
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
    /// For create_upload: the name of the file
    #[arg(long, value_name = "NAME")]
    filename: Option<String>,
    /// For create_upload: its folder
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// For create_upload: its media type
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// For create_upload: its size in bytes
    #[arg(long, value_name = "BYTES")]
    size: Option<u64>,
    /// For how long the URL is to hold: seconds, or a number with s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    expires_in: Option<u64>,
    /// Print the whole answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Policy {
    /// Does it.
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self.what {
            What::Check(check) => check.run(),
            What::Explain(explain) => explain.run().await,
        }
    }
}

impl Check {
    fn run(self) -> Result<(), Error> {
        let mut config = match &self.config {
            Some(path) => Config::read_file(path)?,
            None => Config::default(),
        };
        if !self.files.is_empty() {
            config.policy.files = self.files;
        }
        config.policy.include_default |= self.include_default;
        match config.read_policies()?.len() {
            1 => print("1 policy holds"),
            count => print(&format!("{count} policies hold")),
        }
    }
}

impl Explain {
    async fn run(self) -> Result<(), Error> {
        let client = self.connection.client()?;
        let asked = ExplainPolicy {
            who: Somebody {
                subject: self.subject,
                tenant: self.tenant,
                roles: self.roles,
                licences: self.licences,
                claims: BTreeMap::from_iter(self.claims),
            },
            action: self.action,
            file_id: self.file.map(|id| id.to_string()),
            bucket: self.bucket,
            ip: self.ip,
            at: self.at,
            filename: self.filename,
            path: self.path,
            content_type: self.content_type,
            size: self.size,
            expires_in: self.expires_in,
        };
        let told = client.explain_policy(&asked).await?;
        match self.json {
            true => print(&json!(told).to_string()),
            false => print(&in_words(&told)),
        }
    }
}

/// What decided, and then each policy that would have permitted, with what fails of it.
fn in_words(told: &PolicyExplanation) -> String {
    let answer = if told.allowed { "allowed" } else { "refused" };
    let mut text = format!("{answer}: {}", plain(&told.why));
    for near in &told.nearest {
        let _ = write!(text, "\n\n{} fails of:", plain(&near.policy));
        for failed in &near.failed {
            let lines = failed.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            let _ = write!(text, "\n  {}", plain(&lines));
        }
    }
    for error in &told.errors {
        let _ = write!(text, "\n\n{}", plain(error));
    }
    text
}

fn action(text: &str) -> Result<Action, InvalidValue> {
    let mut all = Action::ALL.iter().copied();
    let found = all.find(|action| action.as_str() == text);
    let names: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
    found.ok_or_else(|| InvalidValue::new(format!("must be one of {}", names.join(", "))))
}

/// `plan=gold`, `level=3`, `staff=true`, `teams=["a","b"]`: what is no JSON of these kinds is a text.
fn claim(text: &str) -> Result<(String, Value), InvalidValue> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or_else(|| InvalidValue::new("must be like plan=gold"))?;
    let read = serde_json::from_str(value).ok();
    let read = read.filter(|value: &Value| !value.is_null() && !value.is_object());
    Ok((name.to_owned(), read.unwrap_or_else(|| value.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_of_the_kind_they_look_like() {
        for (text, value) in [
            ("a=gold", json!("gold")),
            ("a=3", json!(3)),
            ("a=\"3\"", json!("3")),
            ("a=true", json!(true)),
            ("a=[\"x\",\"y\"]", json!(["x", "y"])),
            ("a=b=c", json!("b=c")),
            ("a=", json!("")),
            ("a=null", json!("null")),
        ] {
            assert_eq!(claim(text).unwrap(), ("a".to_owned(), value), "{text}");
        }
        assert!(claim("gold").is_err() && claim("=gold").is_err());
    }

    #[test]
    fn every_action_has_its_name() {
        for one in Action::ALL {
            assert_eq!(action(one.as_str()).unwrap(), *one);
        }
        assert!(
            action("write")
                .unwrap_err()
                .to_string()
                .contains("create_upload, read")
        );
    }
}
