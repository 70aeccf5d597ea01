//! Who asks.

use std::sync::Arc;

use valetkey_catalog::Owner;
use valetkey_protocol::api_key::Scope;
use valetkey_protocol::{Subject, Tenant};

use crate::Ticket;

/// The role that may see and do everything: in the default tenant all there is, in another what is that tenant's.
pub const ADMIN: &str = "admin";

/// Somebody whose token or API key held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Among whose customers; subjects of different tenants have nothing to do with one another.
    pub tenant: Tenant,
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
    /// Somebody of the default tenant, with roles and nothing that narrows them.
    pub fn new(subject: Subject, roles: Vec<String>) -> Self {
        Self {
            tenant: Tenant::default(),
            subject,
            roles,
            ticket: None,
            scopes: None,
        }
    }

    /// Somebody of the default tenant, with a ticket.
    pub fn with_ticket(subject: Subject, ticket: Ticket) -> Self {
        Self {
            tenant: Tenant::default(),
            subject,
            roles: Vec::new(),
            ticket: Some(Arc::new(ticket)),
            scopes: None,
        }
    }

    /// The same one, in a tenant.
    #[must_use]
    pub fn of_tenant(self, tenant: Tenant) -> Self {
        Self { tenant, ..self }
    }

    /// Who it is, in which tenant: whose its uploads are.
    pub fn owner(&self) -> Owner {
        Owner {
            tenant: self.tenant.clone(),
            subject: self.subject.clone(),
        }
    }

    /// Whether the token names a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|one| one == role)
    }
}
