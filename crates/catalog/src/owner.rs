//! Whose something is: somebody in a tenant. Two of one name in different tenants have nothing in common.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use valetkey_protocol::{Subject, Tenant};

use crate::NewUpload;

/// What stands between tenant and subject where one column names both; neither has such a character.
const BETWEEN: u8 = 0x1f;

/// Somebody in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// In which.
    pub tenant: Tenant,
    /// Who.
    pub subject: Subject,
}

/// Whose things are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's, in every tenant.
    #[default]
    Everybody,
    /// Everybody's in one tenant.
    Tenant(Tenant),
    /// One owner's.
    Owner(Owner),
}

impl Owner {
    pub(crate) fn holder(&self) -> Holder<'_> {
        Holder {
            tenant: self.tenant.as_str(),
            owner: self.subject.as_str(),
        }
    }
}

impl fmt::Display for Owner {
    /// One text that no other owner has: in the default tenant the subject.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.holder().text())
    }
}

/// Whose account or key it is: somebody in a tenant or, without a name, everybody.
///
/// It is one column, as in tables of before there were tenants: of the default tenant it is the subject, of another one
/// `tenant`, U+001F, `subject`, which no subject is. The order is that of the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder<'a> {
    pub(crate) tenant: &'a str,
    owner: &'a str,
}

impl<'a> Holder<'a> {
    /// Whoever is there: the holder of the accounts that count all tenants. No subject is empty.
    pub(crate) const EVERYBODY: Holder<'static> = Holder {
        tenant: "",
        owner: "",
    };

    /// The owner of an upload.
    pub(crate) fn of(upload: &'a NewUpload) -> Self {
        Self {
            tenant: upload.tenant.as_str(),
            owner: upload.owner.as_str(),
        }
    }

    /// The column.
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self.tenant {
            "" => Cow::Borrowed(self.owner),
            tenant => Cow::Owned(format!("{tenant}{}{}", char::from(BETWEEN), self.owner)),
        }
    }

    /// Whether the column says so.
    pub(crate) fn is(self, text: &str) -> bool {
        self.bytes().eq(text.bytes())
    }

    fn bytes(self) -> impl Iterator<Item = u8> + use<'a> {
        let between = (!self.tenant.is_empty()).then_some(BETWEEN);
        let tenant = self.tenant.bytes().chain(between);
        tenant.chain(self.owner.bytes())
    }
}

impl Ord for Holder<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.tenant, other.tenant) {
            ("", "") => self.owner.cmp(other.owner),
            _ => self.bytes().cmp(other.bytes()),
        }
    }
}

impl PartialOrd for Holder<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_its_column_in_its_order() {
        let names = [
            ("", ""),
            ("", "a"),
            ("", "ab"),
            ("a", "b"),
            ("a", "a"),
            ("a b", "a"),
            ("ab", "a"),
            ("b", ""),
        ];
        let holders = names.map(|(tenant, owner)| Holder { tenant, owner });
        for one in holders {
            assert!(one.is(&one.text()), "{one:?}");
            for other in holders {
                assert_eq!(
                    one.cmp(&other),
                    one.text().cmp(&other.text()),
                    "{one:?} {other:?}"
                );
                assert_eq!(one == other, one.text() == other.text());
                assert_eq!(one == other, one.is(&other.text()));
            }
        }
    }
}
