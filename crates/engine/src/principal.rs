//! Who asks.

use valetkey_protocol::Subject;

/// The role that may see and do everything.
pub const ADMIN: &str = "admin";

/// Somebody whose token held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who it is.
    pub subject: Subject,
    /// The roles the token names.
    pub roles: Vec<String>,
}

impl Principal {
    /// Whether the token names a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|one| one == role)
    }
}
