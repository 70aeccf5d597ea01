//! The built-in policy: owners manage their own, `admin` manages all, and nobody learns what is not theirs.

use valetkey_catalog::Record;
use valetkey_protocol::Subject;

use crate::{ADMIN, Error, Principal};

/// Lets through whoever may act on this record. To all others it does not exist.
pub(crate) fn check_access(who: &Principal, record: &Record) -> Result<(), Error> {
    if record.upload.owner == who.subject || who.has_role(ADMIN) {
        Ok(())
    } else {
        Err(Error::NotFound)
    }
}

/// Whose files a list shows: `None` is everybody's.
pub(crate) fn listed_owner(who: &Principal) -> Option<Subject> {
    (!who.has_role(ADMIN)).then(|| who.subject.clone())
}
