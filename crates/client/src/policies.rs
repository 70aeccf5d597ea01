//! Policies, for administrators.

use reqwest::Method;
use valetkey_protocol::policy::{ExplainPolicy, PolicyExplanation};

use crate::{Client, Error, call};

impl Client {
    /// `POST /v1/policy/explain`. Nothing is done, so it may be sent again.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn explain_policy(&self, asked: &ExplainPolicy) -> Result<PolicyExplanation, Error> {
        let request = self.request(Method::POST, &["policy", "explain"]);
        call::json(self.send(request.json(asked)).await?).await
    }
}
