//! Webhooks: how a message is sent so that it can go nowhere it should not, and the worker that sends what is due.

mod address;
mod resolve;
mod sender;
mod worker;

pub(crate) use address::Network;
pub(crate) use sender::{HttpSender, SenderOptions, parse_url};
pub(crate) use worker::WebhookWorker;

#[cfg(test)]
mod tests;
