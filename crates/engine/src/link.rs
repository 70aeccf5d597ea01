//! Links: what owners do with them. [`visit`] is what whoever has one does.

mod password;
mod visit;

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use valetkey_catalog::{Link, LinkList, SecretHash};
use valetkey_protocol::link::{
    CreateLink, Link as View, LinkDay, LinkPage, LinkUse, LinkUsePage, ListLinkUses, ListLinks,
    MAX_NAME_BYTES, MAX_PASSWORD_BYTES,
};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::{Code, FileId, PresignedUrl, hex};

pub use visit::{LinkVisit, OpenLink};

use crate::engine::later;
use crate::page::{cut, page_limit};
use crate::policy::{self, Deed};
use crate::{Engine, Error, Principal};

/// How many links there may be to a file.
const MOST: u32 = 1000;
/// How long a link lasts when nobody says otherwise, and at most, in seconds.
pub(crate) const USUAL_LIFE: u64 = 7 * 24 * 3600;
const LONGEST_LIFE: u64 = 366 * 24 * 3600;
/// How many networks a link may name.
const MOST_NETWORKS: usize = 20;
/// How many days are counted.
const DAYS: u32 = 366;

/// What a link is made of that nobody can guess.
pub struct LinkChance {
    /// The token.
    pub token: [u8; 20],
    /// What its password is salted with.
    pub salt: [u8; 16],
}

impl Engine {
    /// Makes a link to a file. The answer has its URL, which is shown only now.
    ///
    /// # Errors
    /// It is no file of the caller's, a field is wrong, it has too many links, or the catalog does not answer.
    pub async fn create_link(
        &self,
        who: &Principal,
        create: CreateLink,
        chance: LinkChance,
    ) -> Result<View, Error> {
        let life = check(&create)?;
        let networks = create.networks.iter().map(|text| network(text));
        let networks: Vec<_> = networks.collect::<Result<_, _>>()?;
        let file = create.file.parse().map_err(|_| Error::NotFound)?;
        let record = self.find_file(who, Deed::create_link(life), file).await?;
        let now = self.clock.now();
        let token = hex(&chance.token);
        let password = match create.password {
            None => None,
            Some(password) => Some(password::hash(password, chance.salt).await?),
        };
        let link = Link {
            id: self.ids.file_id(now),
            hash: hash(&token),
            file,
            tenant: record.upload.tenant,
            owner: record.upload.owner,
            made_by: who.subject.clone(),
            name: create.name,
            created_at: now,
            expires_at: later(now, life),
            max_downloads: create.max_downloads,
            downloads: 0,
            networks: networks.iter().map(IpNet::to_string).collect(),
            password,
            landing: create.landing,
            revoked_at: None,
        };
        if !self.catalog.insert_link(link.clone(), MOST).await? {
            let detail = format!(
                "this file has {MOST} links, the most there may be; those that end are forgotten after a while"
            );
            return Err(Error::refused(Code::Conflict, detail));
        }
        let (by, id) = (&who.subject, link.id);
        tracing::info!(%by, %id, %file, "a link was made");
        Ok(View {
            url: Some(PresignedUrl::new(format!("{}/l/{token}", self.public_url))),
            ..view(link)
        })
    }

    /// Lists links to the caller's files, or to everybody's for an administrator, the newest first.
    ///
    /// # Errors
    /// A limit or a cursor that is none, or the catalog does not answer.
    pub async fn list_links(&self, who: &Principal, query: ListLinks) -> Result<LinkPage, Error> {
        policy::check_may(who, Action::Read)?;
        let limit = page_limit(query.limit)?;
        let before = self.open_page(who, "l", query.cursor.as_deref())?;
        let list = LinkList {
            tenant: self.listed_tenant(who),
            owner: self.managed_owner(who),
            file: query.file,
            before,
            limit: limit + 1,
        };
        let mut links = self.catalog.list_links(list).await?;
        let last = cut(&mut links, limit);
        Ok(LinkPage {
            next_cursor: last.map(|link| self.seal_page(who, "l", link.id)),
            links: links.into_iter().map(view).collect(),
        })
    }

    /// Looks at a link, and how often it was used on which day.
    ///
    /// # Errors
    /// There is none, or the catalog does not answer.
    pub async fn get_link(&self, who: &Principal, id: FileId) -> Result<View, Error> {
        let link = self.managed_link(who, Action::Read, id).await?;
        let days = self.catalog.link_days(id, DAYS).await?;
        Ok(View {
            days: days.into_iter().map(day).collect(),
            ..view(link)
        })
    }

    /// Lists the uses of a link that are remembered, the last first.
    ///
    /// # Errors
    /// There is none, a limit or a cursor that is none, or the catalog does not answer.
    pub async fn list_link_uses(
        &self,
        who: &Principal,
        id: FileId,
        query: ListLinkUses,
    ) -> Result<LinkUsePage, Error> {
        let limit = page_limit(query.limit)?;
        self.managed_link(who, Action::Read, id).await?;
        let kind = format!("u{id}");
        let before = self.open_page(who, &kind, query.cursor.as_deref())?;
        let mut uses = self.catalog.link_uses(id, before, limit + 1).await?;
        let last = cut(&mut uses, limit);
        Ok(LinkUsePage {
            next_cursor: last.map(|(number, _)| self.seal_page(who, &kind, *number)),
            uses: uses.into_iter().map(used).collect(),
        })
    }

    /// Ends a link, for ever; one that is over already is fine.
    ///
    /// # Errors
    /// There is none, or the catalog does not answer.
    pub async fn revoke_link(&self, who: &Principal, id: FileId) -> Result<(), Error> {
        self.managed_link(who, Action::CreateLink, id).await?;
        if self.catalog.revoke_link(id, self.clock.now()).await? {
            let by = &who.subject;
            tracing::info!(%by, %id, "a link was revoked");
        }
        Ok(())
    }

    /// Forgets uses of links, and links that ended, once they are so old.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn forget_links(&self, older_than: SignedDuration) -> Result<(), Error> {
        let now = self.clock.now();
        let then = now.checked_sub(older_than).unwrap_or(Timestamp::MIN);
        Ok(self.catalog.forget_links_until(then).await?)
    }

    async fn managed_link(
        &self,
        who: &Principal,
        action: Action,
        id: FileId,
    ) -> Result<Link, Error> {
        policy::check_may(who, action)?;
        let link = self.catalog.find_link(id).await?;
        let link = link.ok_or(Error::NotFound)?;
        self.check_owned(who, &link.tenant, &link.owner)?;
        Ok(link)
    }
}

/// Checks what a link is to be, and says for how many seconds.
fn check(create: &CreateLink) -> Result<u64, Error> {
    let name = &create.name;
    if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        let detail = format!("must be at most {MAX_NAME_BYTES} bytes without control characters");
        return Err(Error::invalid("name", detail));
    }
    let life = create.expires_in.unwrap_or(USUAL_LIFE);
    if !(1..=LONGEST_LIFE).contains(&life) {
        let detail = format!("must be 1 to {LONGEST_LIFE} seconds");
        return Err(Error::invalid("expires_in", detail));
    }
    if create.max_downloads == Some(0) {
        return Err(Error::invalid(
            "max_downloads",
            "must be 1 or more; leave it out for no limit",
        ));
    }
    if create.networks.len() > MOST_NETWORKS {
        let detail = format!("are more than {MOST_NETWORKS}");
        return Err(Error::invalid("networks", detail));
    }
    let length = create.password.as_ref().map(|one| one.expose().len());
    if length.is_some_and(|length| !(1..=MAX_PASSWORD_BYTES).contains(&length)) {
        let detail = format!("must be 1 to {MAX_PASSWORD_BYTES} bytes; leave it out for none");
        return Err(Error::invalid("password", detail));
    }
    Ok(life)
}

/// A network, or an address alone.
fn network(text: &str) -> Result<IpNet, Error> {
    let alone = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().or_else(|_| alone());
    let wrong = |_| {
        Error::invalid(
            "networks",
            "write each like 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7",
        )
    };
    network.map(|network| network.trunc()).map_err(wrong)
}

/// 160 random bits, which nobody guesses, however fast the hash.
fn hash(token: &str) -> SecretHash {
    Sha256::digest(token).into()
}

fn view(link: Link) -> View {
    View {
        id: link.id,
        file: link.file,
        name: link.name,
        made_by: link.made_by,
        created_at: link.created_at,
        expires_at: link.expires_at,
        max_downloads: link.max_downloads,
        downloads: link.downloads,
        networks: link.networks,
        password: link.password.is_some(),
        landing: link.landing,
        revoked_at: link.revoked_at,
        days: Vec::new(),
        url: None,
    }
}

fn day((day, downloads): (i64, u64)) -> LinkDay {
    let start = Timestamp::from_second(day.saturating_mul(24 * 3600)).unwrap_or_default();
    LinkDay {
        day: start.strftime("%Y-%m-%d").to_string(),
        downloads,
    }
}

fn used((number, usage): (u64, valetkey_catalog::LinkUse)) -> LinkUse {
    LinkUse {
        number,
        at: usage.at,
        address: usage.address,
        agent: usage.agent,
    }
}
