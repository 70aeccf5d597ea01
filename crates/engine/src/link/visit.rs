//! What whoever has a link does with it.

use std::net::IpAddr;

use ipnet::IpNet;
use valetkey_catalog::{Link, LinkUse, Record};
use valetkey_protocol::{Code, FileId, Filename, PresignedUrl, Secret};

use super::{hash, password};
use crate::engine::seconds_until;
use crate::{Engine, Error, Reading};

/// For how many seconds at most the way to the bytes is signed: it is used at once.
const SECONDS: u64 = 60;

/// Who uses a link, as far as that is to be remembered.
#[derive(Debug, Clone, Default)]
pub struct LinkVisit {
    /// From where.
    pub address: Option<String>,
    /// What the program calls itself.
    pub agent: Option<String>,
}

/// A link that can be used, but for its password.
pub struct OpenLink {
    link: Link,
    record: Record,
}

impl OpenLink {
    /// Its id.
    pub fn id(&self) -> FileId {
        self.link.id
    }

    /// Whether a page comes first.
    pub fn landing(&self) -> bool {
        self.link.landing
    }

    /// Whether it has a password.
    pub fn locked(&self) -> bool {
        self.link.password.is_some()
    }

    /// The name of its file.
    pub fn filename(&self) -> &Filename {
        &self.record.upload.filename
    }

    /// How many bytes its file has.
    pub fn size(&self) -> u64 {
        self.record.upload.size
    }
}

impl Engine {
    /// Finds the link with a token, for somebody at an address; one that is not sure is in no network.
    ///
    /// # Errors
    /// There is none, it is revoked, over or used up, its file is gone, it is not for this address, or the catalog does
    /// not answer.
    pub async fn open_link(&self, token: &str, address: Option<IpAddr>) -> Result<OpenLink, Error> {
        let link = self.catalog.find_link_by_hash(hash(token)).await?;
        let link = link.ok_or_else(unknown)?;
        let used_up = link.max_downloads.is_some_and(|max| link.downloads >= max);
        if link.revoked_at.is_some() {
            return Err(over("was revoked"));
        } else if link.expires_at <= self.clock.now() {
            return Err(over("has expired"));
        } else if used_up {
            return Err(over("was used as often as it may be"));
        } else if !admits(&link, address) {
            let detail = "this link may not be used from your network; ask whoever gave it to you";
            return Err(Error::refused(Code::Forbidden, detail));
        }
        let record = self.catalog.find(link.file).await?;
        let record = record.filter(|record| self.check_available(record).is_ok());
        let record = record.ok_or_else(|| over("leads to a file that is gone"))?;
        Ok(OpenLink { link, record })
    }

    /// Whether a password is that of a link; a link without one takes any.
    ///
    /// # Errors
    /// It cannot be computed.
    pub async fn unlocks(&self, open: &OpenLink, password: Secret) -> Result<bool, Error> {
        match &open.link.password {
            None => Ok(true),
            Some(phc) => password::holds(password, phc).await,
        }
    }

    /// The way to the headers of a link's file. It counts as no use.
    ///
    /// # Errors
    /// Nothing can be signed at the moment.
    pub fn peek_link(&self, open: &OpenLink) -> Result<PresignedUrl, Error> {
        self.sign_once(&open.record, Reading::Headers, seconds(self, open))
    }

    /// The way to the bytes of a link's file: counts a use, if there still may be one.
    ///
    /// # Errors
    /// The link ended meanwhile, or the catalog does not answer.
    pub async fn use_link(&self, open: &OpenLink, visit: LinkVisit) -> Result<PresignedUrl, Error> {
        let url = self.sign_once(&open.record, Reading::Bytes, seconds(self, open))?;
        let usage = LinkUse {
            at: self.clock.now(),
            address: visit.address,
            agent: visit.agent,
        };
        match self.catalog.use_link(open.link.id, usage).await? {
            Some(_) => self.count_once(&open.record).await?,
            None => return Err(over("was used as often as it may be, or has ended")),
        }
        Ok(url)
    }
}

fn seconds(engine: &Engine, open: &OpenLink) -> u64 {
    SECONDS.min(seconds_until(engine.clock.now(), open.link.expires_at))
}

/// Whether a link may be used at an address. One whose networks cannot be read may not be used anywhere.
fn admits(link: &Link, address: Option<IpAddr>) -> bool {
    let address = address.map(|address| address.to_canonical());
    let holds = |text: &String| {
        let network = text.parse::<IpNet>().ok();
        let both = network.zip(address);
        both.is_some_and(|(network, address)| network.contains(&address))
    };
    link.networks.is_empty() || link.networks.iter().any(holds)
}

fn unknown() -> Error {
    let detail = "there is no such link; ask whoever gave it to you for another one";
    Error::refused(Code::NotFound, detail)
}

fn over(why: &str) -> Error {
    let detail = format!("this link {why}; ask whoever gave it to you for another one");
    Error::refused(Code::LinkOver, detail)
}
