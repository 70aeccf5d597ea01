//! Links to files, for those whose files they lead to.

use reqwest::Method;
use valetkey_protocol::FileId;
use valetkey_protocol::link::{CreateLink, Link, LinkPage, LinkUsePage, ListLinkUses, ListLinks};

use crate::{Client, Error, call};

impl Client {
    /// `POST /v1/links`. It is sent once: a second time would make a second link.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn create_link(&self, create: &CreateLink) -> Result<Link, Error> {
        let request = self.request(Method::POST, &["links"]).json(create);
        call::json(call::once(&self.api, &request).await?).await
    }

    /// `GET /v1/links`: one page.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn list_links(&self, list: &ListLinks) -> Result<LinkPage, Error> {
        let request = self.request(Method::GET, &["links"]).query(list);
        call::json(self.send(request).await?).await
    }

    /// `GET /v1/links/{id}`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn get_link(&self, id: FileId) -> Result<Link, Error> {
        let request = self.request(Method::GET, &["links", &id.to_string()]);
        call::json(self.send(request).await?).await
    }

    /// `GET /v1/links/{id}/uses`: one page.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn list_link_uses(
        &self,
        id: FileId,
        list: &ListLinkUses,
    ) -> Result<LinkUsePage, Error> {
        let request = self.request(Method::GET, &["links", &id.to_string(), "uses"]);
        call::json(self.send(request.query(list)).await?).await
    }

    /// `DELETE /v1/links/{id}`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn revoke_link(&self, id: FileId) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["links", &id.to_string()]);
        self.send(request).await.map(drop)
    }
}
