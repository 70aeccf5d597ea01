//! Drop links, for those who receive files by them.

use reqwest::Method;
use valetkey_protocol::FileId;
use valetkey_protocol::drop_link::{CreateDrop, Drop, DropPage, ListDrops};

use crate::{Client, Error, call};

impl Client {
    /// `POST /v1/drops`. It is sent once: a second time would make a second one.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn create_drop(&self, create: &CreateDrop) -> Result<Drop, Error> {
        let request = self.request(Method::POST, &["drops"]).json(create);
        call::json(call::once(&self.api, &request).await?).await
    }

    /// `GET /v1/drops`: one page.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn list_drops(&self, list: &ListDrops) -> Result<DropPage, Error> {
        let request = self.request(Method::GET, &["drops"]).query(list);
        call::json(self.send(request).await?).await
    }

    /// `DELETE /v1/drops/{id}`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn revoke_drop(&self, id: FileId) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["drops", &id.to_string()]);
        self.send(request).await.map(drop)
    }
}
