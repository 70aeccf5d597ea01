//! API keys, for administrators.

use reqwest::Method;
use valetkey_protocol::api_key::{ApiKey, ApiKeyId, ApiKeys, CreateApiKey, RotateApiKey};

use crate::{Client, Error, call};

impl Client {
    /// `POST /v1/keys`. It is sent once: a second time would make a second key.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn create_api_key(&self, create: &CreateApiKey) -> Result<ApiKey, Error> {
        let request = self.request(Method::POST, &["keys"]).json(create);
        call::json(call::once(&self.api, &request).await?).await
    }

    /// `GET /v1/keys`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn list_api_keys(&self) -> Result<Vec<ApiKey>, Error> {
        let request = self.request(Method::GET, &["keys"]);
        let keys = call::json::<ApiKeys>(self.send(request).await?).await?;
        Ok(keys.keys)
    }

    /// `DELETE /v1/keys/{id}`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn revoke_api_key(&self, id: &ApiKeyId) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["keys", id.as_str()]);
        self.send(request).await.map(drop)
    }

    /// `POST /v1/keys/{id}/rotate`. It is sent once: a second time would make another secret.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn rotate_api_key(
        &self,
        id: &ApiKeyId,
        rotate: &RotateApiKey,
    ) -> Result<ApiKey, Error> {
        let request = self.request(Method::POST, &["keys", id.as_str(), "rotate"]);
        call::json(call::once(&self.api, &request.json(rotate)).await?).await
    }
}
