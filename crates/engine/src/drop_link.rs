//! Drop links: what their makers do with them, and what whoever has one may do. A drop link is a ticket that is made
//! anew each time: uploads are counted, bounded and tied to it as to any other.

use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::{DropLink, DropList};
use valetkey_protocol::drop_link::{
    CreateDrop, Drop as View, DropPage, DropTicket, ListDrops, MAX_NAME_BYTES, PREFIX,
};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::ticket::TicketClaim;
use valetkey_protocol::{
    Code, ContentType, FileId, Filename, PresignedRequest, PresignedUrl, Secret,
};

use crate::engine::later;
use crate::page::{cut, page_limit};
use crate::policy;
use crate::seal::Purpose;
use crate::{Engine, Error, LateUpload, Principal, Ticket};

/// How many drop links somebody may have.
const MOST: u32 = 1000;
/// How long one lasts when nobody says otherwise, and at most, in seconds.
const USUAL_LIFE: u64 = 7 * 24 * 3600;
const LONGEST_LIFE: u64 = 366 * 24 * 3600;
/// How many files may be sent when nobody says otherwise, and at most.
const USUAL_FILES: u64 = 100;
const MOST_FILES: u64 = 10_000;
/// The most bytes of one PUT (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
const MOST_OF_ONE_PUT: u64 = 5 << 30;
/// Who makes these tickets: no issuer of tokens is called so.
const ISSUER: &str = "valetkey drop";

/// A drop link that can be used.
pub struct OpenDrop {
    link: DropLink,
    token: String,
    url: String,
}

impl OpenDrop {
    /// What it is for, in words; may be empty.
    pub fn name(&self) -> &str {
        &self.link.name
    }

    /// The link itself.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The most bytes of a file.
    pub fn max_size(&self) -> Option<u64> {
        self.link.max_size
    }

    /// Which types it takes; any the bucket does when there are none.
    pub fn content_types(&self) -> &[String] {
        &self.link.content_types
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.link.expires_at
    }

    /// The ticket of its page.
    pub fn ticket(&self) -> DropTicket {
        DropTicket {
            token: Secret::new(format!("{PREFIX}{}", self.token)),
            expires_at: self.link.expires_at,
        }
    }
}

impl Engine {
    /// Makes a drop link into a folder of the caller's.
    ///
    /// # Errors
    /// There is no such bucket, a field is wrong, the caller has too many, or the catalog does not answer.
    pub async fn create_drop(&self, who: &Principal, create: CreateDrop) -> Result<View, Error> {
        policy::check_may(who, Action::CreateLink)?;
        policy::check_may(who, Action::CreateUpload)?;
        let life = check(&create)?;
        let bucket = self
            .requested_bucket(create.bucket.as_deref())?
            .name
            .clone();
        let now = self.clock.now();
        let link = DropLink {
            id: self.ids.file_id(now),
            tenant: who.tenant.clone(),
            owner: who.subject.clone(),
            bucket,
            path: create.path,
            name: create.name,
            created_at: now,
            expires_at: later(now, life),
            max_files: Some(create.max_files.unwrap_or(USUAL_FILES)),
            max_size: create.max_size,
            max_bytes: create.max_bytes,
            content_types: create.content_types,
            revoked_at: None,
        };
        if !self.catalog.insert_drop(link.clone(), MOST).await? {
            let detail = format!("you have {MOST} drop links, the most there may be; revoke one");
            return Err(Error::refused(Code::Conflict, detail));
        }
        let (by, id) = (&who.subject, link.id);
        tracing::info!(%by, %id, "a drop link was made");
        Ok(self.drop_view(link, (0, 0)))
    }

    /// Lists the caller's drop links, or everybody's for an administrator, the newest first.
    ///
    /// # Errors
    /// A limit or a cursor that is none, or the catalog does not answer.
    pub async fn list_drops(&self, who: &Principal, query: ListDrops) -> Result<DropPage, Error> {
        policy::check_may(who, Action::Read)?;
        let limit = page_limit(query.limit)?;
        let before = self.open_page(who, "d", query.cursor.as_deref())?;
        let list = DropList {
            tenant: self.listed_tenant(who),
            owner: self.managed_owner(who),
            before,
            limit: limit + 1,
        };
        let mut links = self.catalog.list_drops(list).await?;
        let last = cut(&mut links, limit);
        let next_cursor = last.map(|link| self.seal_page(who, "d", link.id));
        let tickets = links.iter().map(|link| self.drop_ticket_id(link)).collect();
        let sums = self.catalog.ticket_sums(tickets).await?;
        let drops = links.into_iter().zip(sums);
        Ok(DropPage {
            drops: drops.map(|(link, sum)| self.drop_view(link, sum)).collect(),
            next_cursor,
        })
    }

    /// Looks at a drop link.
    ///
    /// # Errors
    /// There is none, or the catalog does not answer.
    pub async fn get_drop(&self, who: &Principal, id: FileId) -> Result<View, Error> {
        let link = self.managed_drop(who, Action::Read, id).await?;
        let sum = self.drop_sum(&link).await?;
        Ok(self.drop_view(link, sum))
    }

    /// Ends a drop link, for ever; one that is over already is fine. What was sent stays.
    ///
    /// # Errors
    /// There is none, or the catalog does not answer.
    pub async fn revoke_drop(&self, who: &Principal, id: FileId) -> Result<(), Error> {
        self.managed_drop(who, Action::CreateLink, id).await?;
        if self.catalog.revoke_drop(id, self.clock.now()).await? {
            let by = &who.subject;
            tracing::info!(%by, %id, "a drop link was revoked");
        }
        Ok(())
    }

    /// Finds the drop link with a token.
    ///
    /// # Errors
    /// There is none, it is revoked, over or used up, or the catalog does not answer.
    pub async fn open_drop(&self, token: &str) -> Result<OpenDrop, Error> {
        let open = self.find_drop(token).await?;
        let (files, _) = self.drop_sum(&open.link).await?;
        match open.link.max_files {
            Some(max) if files >= max => Err(over("has taken as many files as it may")),
            _ => Ok(open),
        }
    }

    /// Who somebody with a token of a drop link acts as, and when that ends. The catalog is asked each time, so that what
    /// was revoked is at once. One that is used up holds: what was begun is brought to its end.
    ///
    /// # Errors
    /// It is none, or none any more.
    pub async fn drop_holder(&self, token: &str) -> Result<(Principal, Timestamp), Error> {
        let open = self.find_drop(token).await.map_err(|error| match error {
            Error::Refused(problem) => Error::refused(Code::Unauthenticated, problem.detail),
            other => other,
        })?;
        let ends = open.link.expires_at;
        Ok((holder(open.link), ends))
    }

    /// Creates an upload of so many bytes by a drop link, for a client that sends the bytes and nothing else.
    ///
    /// # Errors
    /// The link or the bucket says no, or an outage of the catalog.
    pub async fn create_drop_upload(
        &self,
        token: &str,
        filename: Filename,
        content_type: ContentType,
        size: u64,
    ) -> Result<PresignedRequest, Error> {
        let link = self.open_drop(token).await?.link;
        if size > MOST_OF_ONE_PUT {
            let detail = format!("send at most {MOST_OF_ONE_PUT} bytes so; the page takes more");
            return Err(Error::refused(Code::FileTooLarge, detail));
        }
        let late = LateUpload {
            bucket: Some(link.bucket.clone()),
            filename,
            content_type: Some(content_type),
        };
        let path = link.path.clone();
        let who = holder(link);
        self.create_untyped_put(&who, late, path, size).await
    }

    async fn find_drop(&self, token: &str) -> Result<OpenDrop, Error> {
        let id = self.sealer.open(Purpose::Drop, token);
        let id = id.and_then(|id| String::from_utf8(id).ok()?.parse().ok());
        let id = id.ok_or_else(unknown)?;
        let link = self.catalog.find_drop(id).await?.ok_or_else(unknown)?;
        if link.revoked_at.is_some() {
            return Err(over("was revoked"));
        } else if link.expires_at <= self.clock.now() {
            return Err(over("has expired"));
        }
        Ok(OpenDrop {
            link,
            token: token.to_owned(),
            url: self.drop_url(token),
        })
    }

    async fn managed_drop(
        &self,
        who: &Principal,
        action: Action,
        id: FileId,
    ) -> Result<DropLink, Error> {
        policy::check_may(who, action)?;
        let link = self.catalog.find_drop(id).await?;
        let link = link.ok_or(Error::NotFound)?;
        self.check_owned(who, &link.tenant, &link.owner)?;
        Ok(link)
    }

    async fn drop_sum(&self, link: &DropLink) -> Result<(u64, u64), Error> {
        let sums = self.catalog.ticket_sums(vec![self.drop_ticket_id(link)]);
        Ok(sums.await?.first().copied().unwrap_or_default())
    }

    fn drop_url(&self, token: &str) -> String {
        format!("{}/d/{token}", self.public_url)
    }

    fn drop_ticket_id(&self, link: &DropLink) -> valetkey_catalog::TicketId {
        let used = self.ticket_use(&holder(link.clone()));
        used.map_or([0; 32], |used| used.id)
    }

    fn drop_view(&self, link: DropLink, (files, bytes): (u64, u64)) -> View {
        let token = self
            .sealer
            .seal(Purpose::Drop, link.id.to_string().as_bytes());
        View {
            id: link.id,
            url: PresignedUrl::new(self.drop_url(&token)),
            bucket: link.bucket,
            path: link.path,
            name: link.name,
            owner: link.owner,
            created_at: link.created_at,
            expires_at: link.expires_at,
            max_files: link.max_files,
            max_size: link.max_size,
            max_bytes: link.max_bytes,
            content_types: link.content_types,
            files,
            bytes,
            revoked_at: link.revoked_at,
        }
    }

    /// Forgets drop links that ended, once they are so old.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn forget_drops(&self, older_than: SignedDuration) -> Result<(), Error> {
        let now = self.clock.now();
        let then = now.checked_sub(older_than).unwrap_or(Timestamp::MIN);
        Ok(self.catalog.forget_drops_until(then).await?)
    }
}

/// Its maker, narrowed to it.
fn holder(link: DropLink) -> Principal {
    let ticket = Ticket {
        issuer: ISSUER.to_owned(),
        name: link.id.to_string(),
        expires_at: link.expires_at,
        claim: TicketClaim {
            bucket: Some(link.bucket),
            content_types: (!link.content_types.is_empty()).then_some(link.content_types),
            max_size: link.max_size,
            max_count: link.max_files,
            path: Some(link.path),
            metadata: None,
            sub: None,
        },
        max_bytes: link.max_bytes,
    };
    Principal::with_ticket(link.owner, ticket).of_tenant(link.tenant)
}

/// Checks what a drop link is to be, and says for how many seconds.
fn check(create: &CreateDrop) -> Result<u64, Error> {
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
    if !(1..=MOST_FILES).contains(&create.max_files.unwrap_or(USUAL_FILES)) {
        let detail = format!("must be 1 to {MOST_FILES}");
        return Err(Error::invalid("max_files", detail));
    }
    for (field, value) in [
        ("max_size", create.max_size),
        ("max_bytes", create.max_bytes),
    ] {
        if value.is_some_and(|value| value == 0 || i64::try_from(value).is_err()) {
            return Err(Error::invalid(
                field,
                "must be 1 or more; leave it out for no limit",
            ));
        }
    }
    if create.content_types.is_empty() {
        return Ok(life);
    }
    let claim = TicketClaim {
        content_types: Some(create.content_types.clone()),
        ..TicketClaim::default()
    };
    claim
        .check()
        .map_err(|why| Error::invalid("content_types", why))?;
    match create.content_types.iter().any(|one| one.contains(',')) {
        true => Err(Error::invalid("content_types", "write each by itself")),
        false => Ok(life),
    }
}

fn unknown() -> Error {
    let detail = "there is no such link; ask whoever gave it to you for another one";
    Error::refused(Code::NotFound, detail)
}

fn over(why: &str) -> Error {
    let detail = format!("this link {why}; ask whoever gave it to you for another one");
    Error::refused(Code::LinkOver, detail)
}
