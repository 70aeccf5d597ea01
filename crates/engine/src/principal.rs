//! Who asks.

use std::sync::Arc;

use valetkey_protocol::Subject;
use valetkey_protocol::api_key::Scope;

use crate::Ticket;

/// The role that may see and do everything.
pub const ADMIN: &str = "admin";

/// Somebody whose token or API key held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who it is.
    pub subject: Subject,
    /// The roles the token names.
    pub roles: Vec<String>,
    /// What the token is narrowed to, if it is a ticket.
    pub ticket: Option<Arc<Ticket>>,
    /// What the API key is good for, if it is one; a token is good for everything its holder may.
    pub scopes: Option<Vec<Scope>>,
}

impl Principal {
    /// Somebody with roles, and nothing that narrows them.
    pub fn new(subject: Subject, roles: Vec<String>) -> Self {
        Self {
            subject,
            roles,
            ticket: None,
            scopes: None,
        }
    }

    /// Somebody with a ticket.
    pub fn with_ticket(subject: Subject, ticket: Ticket) -> Self {
        Self {
            subject,
            roles: Vec::new(),
            ticket: Some(Arc::new(ticket)),
            scopes: None,
        }
    }

    /// Whether the token names a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|one| one == role)
    }
}
