//! The built-in policy: owners manage their own, `admin` manages all, nobody learns what is not theirs, and the holder of
//! a ticket makes uploads and does nothing else. All of that within a tenant; what is in another one does not exist.
//! An API key is good for its scopes and no more.

use valetkey_catalog::{Link, Record};
use valetkey_protocol::api_key::Scope;
use valetkey_protocol::{Code, Subject, Tenant};

use crate::{ADMIN, Error, Principal};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Create uploads, and bring those to their end.
    Upload,
    /// See files, events and usage, and fetch bytes.
    Read,
    /// Change what people may change of a file.
    Change,
    /// Delete a file.
    Delete,
    /// Make a link to a file, or end one.
    CreateLink,
}

/// Lets through whoever may do this to anything at all.
pub(crate) fn check_may(who: &Principal, action: Action) -> Result<(), Error> {
    if who.ticket.is_some() && action != Action::Upload {
        let detail = "a ticket is for uploads alone; ask your application for the rest";
        return Err(Error::refused(Code::Forbidden, detail));
    }
    let scope = match action {
        Action::Upload | Action::Change => Scope::Upload,
        Action::Read | Action::CreateLink => Scope::Read,
        Action::Delete => Scope::Delete,
    };
    match &who.scopes {
        Some(scopes) if !scopes.contains(&scope) => {
            let scope = scope.as_str();
            let detail =
                format!("this API key does not have the scope `{scope}`; ask an administrator");
            Err(Error::refused(Code::Forbidden, detail))
        }
        _ => Ok(()),
    }
}

/// Lets administrators of the whole service through.
pub(crate) fn check_admin(who: &Principal, what: &str) -> Result<(), Error> {
    check_tenant_admin(who, what)?;
    if who.tenant.is_default() {
        return Ok(());
    }
    let detail = format!("only the role {ADMIN} of the default tenant may {what}");
    Err(Error::refused(Code::Forbidden, detail))
}

/// Lets administrators of their tenant through.
pub(crate) fn check_tenant_admin(who: &Principal, what: &str) -> Result<(), Error> {
    if is_admin(who) {
        return Ok(());
    }
    let detail = format!("only the role {ADMIN} may {what}");
    Err(Error::refused(Code::Forbidden, detail))
}

/// Whether somebody sees and manages what is others': in the default tenant everybody's, in another one that tenant's.
pub(crate) fn is_admin(who: &Principal) -> bool {
    who.has_role(ADMIN) && who.ticket.is_none()
}

/// Whether what is in a tenant may concern somebody at all.
pub(crate) fn is_within_reach(who: &Principal, tenant: &Tenant) -> bool {
    *tenant == who.tenant || (who.tenant.is_default() && is_admin(who))
}

/// Lets through whoever may act on this record. To all others it does not exist.
pub(crate) fn check_access(who: &Principal, record: &Record) -> Result<(), Error> {
    check_owned(who, &record.upload.tenant, &record.upload.owner)
}

/// Lets through whoever may act on this link: whoever may on its file. To all others it does not exist.
pub(crate) fn check_link_access(who: &Principal, link: &Link) -> Result<(), Error> {
    check_owned(who, &link.tenant, &link.owner)
}

/// Lets through whoever may act on what is somebody's. To all others it does not exist.
pub(crate) fn check_owned(who: &Principal, tenant: &Tenant, owner: &Subject) -> Result<(), Error> {
    if is_within_reach(who, tenant) && (*owner == who.subject || is_admin(who)) {
        Ok(())
    } else {
        Err(Error::NotFound)
    }
}

/// In which tenant the files of a list are: `None` is in every one.
pub(crate) fn listed_tenant(who: &Principal) -> Option<Tenant> {
    let everywhere = who.tenant.is_default() && is_admin(who);
    (!everywhere).then(|| who.tenant.clone())
}

/// Whose files a list shows: `None` is everybody's, in that tenant.
pub(crate) fn listed_owner(who: &Principal) -> Option<Subject> {
    (!is_admin(who)).then(|| who.subject.clone())
}
