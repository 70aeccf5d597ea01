//! Webhooks: the trait, over the two files that know the SQL.

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::webhook::EndpointId;

use super::{PostgresCatalog, delivery, endpoint, written};
use crate::{
    CatalogError, Deliveries, Delivery, DeliveryBacklog, DeliveryClaim, DeliveryList, Endpoint,
    FanOut, Settlement,
};

#[async_trait]
impl Deliveries for PostgresCatalog {
    async fn insert_endpoint(&self, endpoint: Endpoint, most: u32) -> Result<bool, CatalogError> {
        let work = endpoint::insert(&self.pool, &endpoint, most);
        written("insert_endpoint", work).await
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, CatalogError> {
        endpoint::list(&self.pool).await
    }

    async fn update_endpoint(&self, endpoint: Endpoint) -> Result<bool, CatalogError> {
        let work = endpoint::update(&self.pool, &endpoint);
        written("update_endpoint", work).await
    }

    async fn remove_endpoint(&self, id: EndpointId, limit: u32) -> Result<bool, CatalogError> {
        let work = endpoint::remove(&self.pool, &id, limit);
        written("remove_endpoint", work).await
    }

    async fn fan_out(&self, fan_out: FanOut) -> Result<bool, CatalogError> {
        written("fan_out", delivery::fan_out(&self.pool, &fan_out)).await
    }

    async fn rewind_endpoint(&self, id: EndpointId, position: u64) -> Result<bool, CatalogError> {
        let work = endpoint::rewind(&self.pool, &id, position);
        written("rewind_endpoint", work).await
    }

    async fn claim_deliveries(&self, claim: DeliveryClaim) -> Result<Vec<Delivery>, CatalogError> {
        written("claim_deliveries", delivery::claim(&self.pool, &claim)).await
    }

    async fn settle_delivery(&self, settlement: Settlement) -> Result<bool, CatalogError> {
        let work = delivery::settle(&self.pool, &settlement);
        written("settle_delivery", work).await
    }

    async fn revive_deliveries(
        &self,
        id: EndpointId,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, CatalogError> {
        let work = delivery::revive(&self.pool, &id, now, limit);
        written("revive_deliveries", work).await
    }

    async fn list_deliveries(&self, list: DeliveryList) -> Result<Vec<Delivery>, CatalogError> {
        delivery::list(&self.pool, &list).await
    }

    async fn forget_deliveries(
        &self,
        done_until: Timestamp,
        dead_until: Timestamp,
        limit: u32,
    ) -> Result<(), CatalogError> {
        let work = delivery::forget(&self.pool, done_until, dead_until, limit);
        written("forget_deliveries", work).await
    }

    async fn delivery_backlog(&self) -> Result<Vec<DeliveryBacklog>, CatalogError> {
        delivery::backlog(&self.pool).await
    }
}
