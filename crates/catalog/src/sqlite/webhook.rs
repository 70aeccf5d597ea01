//! Webhooks: the trait, over the two files that know the SQL.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use valetkey_protocol::webhook::EndpointId;

use super::{SqliteCatalog, delivery, endpoint};
use crate::{
    CatalogError, Deliveries, Delivery, DeliveryBacklog, DeliveryClaim, DeliveryList, Endpoint,
    FanOut, Settlement,
};

#[async_trait]
impl Deliveries for SqliteCatalog {
    async fn insert_endpoint(&self, endpoint: Endpoint, most: u32) -> Result<bool, CatalogError> {
        self.write("insert_endpoint", move |connection| {
            endpoint::insert(connection, &endpoint, most)
        })
        .await
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, CatalogError> {
        self.read(endpoint::list).await
    }

    async fn update_endpoint(&self, endpoint: Endpoint) -> Result<bool, CatalogError> {
        self.write("update_endpoint", move |connection| {
            endpoint::update(connection, &endpoint)
        })
        .await
    }

    async fn remove_endpoint(&self, id: EndpointId, limit: u32) -> Result<bool, CatalogError> {
        self.relieve("remove_endpoint", move |connection| {
            endpoint::remove(connection, &id, limit)
        })
        .await
    }

    async fn fan_out(&self, fan_out: FanOut) -> Result<bool, CatalogError> {
        self.write("fan_out", move |connection| {
            delivery::fan_out(connection, &fan_out)
        })
        .await
    }

    async fn rewind_endpoint(&self, id: EndpointId, position: u64) -> Result<bool, CatalogError> {
        self.write("rewind_endpoint", move |connection| {
            endpoint::rewind(connection, &id, position)
        })
        .await
    }

    async fn claim_deliveries(&self, claim: DeliveryClaim) -> Result<Vec<Delivery>, CatalogError> {
        self.write("claim_deliveries", move |connection| {
            delivery::claim(connection, &claim)
        })
        .await
    }

    async fn settle_delivery(&self, settlement: Settlement) -> Result<bool, CatalogError> {
        self.write("settle_delivery", move |connection| {
            delivery::settle(connection, &settlement)
        })
        .await
    }

    async fn revive_deliveries(
        &self,
        id: EndpointId,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, CatalogError> {
        self.write("revive_deliveries", move |connection| {
            delivery::revive(connection, &id, now, limit)
        })
        .await
    }

    async fn list_deliveries(&self, list: DeliveryList) -> Result<Vec<Delivery>, CatalogError> {
        self.read(move |connection| delivery::list(connection, &list))
            .await
    }

    async fn forget_deliveries(
        &self,
        done_until: Timestamp,
        dead_until: Timestamp,
        limit: u32,
    ) -> Result<(), CatalogError> {
        self.relieve("forget_deliveries", move |connection: &Connection| {
            delivery::forget(connection, done_until, dead_until, limit)
        })
        .await
    }

    async fn delivery_backlog(&self) -> Result<Vec<DeliveryBacklog>, CatalogError> {
        self.read(delivery::backlog).await
    }
}
