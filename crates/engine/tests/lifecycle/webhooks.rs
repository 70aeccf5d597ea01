//! Webhooks over a real catalog, sinks that misbehave, and a clock that is told to go on.

mod managing;
mod sinks;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use valetkey_engine::{
    ConfiguredEndpoint, Delivered, WebhookAnswer, WebhookMessage, WebhookParts, WebhookSender,
    Webhooks,
};
use valetkey_protocol::Secret;
use valetkey_protocol::webhook::{CreateEndpoint, Endpoint, EndpointId};

use crate::support::{World, admin};

/// The post: it remembers what it was given, and what each sink is to answer. Unless told otherwise, that is 204.
#[derive(Default)]
struct Post {
    sent: Mutex<Vec<WebhookMessage>>,
    answers: Mutex<BTreeMap<String, Answer>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Status(u16, Option<u64>),
    Nothing,
}

#[async_trait]
impl WebhookSender for Post {
    async fn check(&self, url: &str) -> Result<(), String> {
        match url.starts_with("https://") {
            true => Ok(()),
            false => Err("is not https".to_owned()),
        }
    }

    async fn send(&self, message: WebhookMessage) -> Result<WebhookAnswer, String> {
        let answer = self.answers.lock().unwrap().get(&message.url).copied();
        self.sent.lock().unwrap().push(message);
        match answer.unwrap_or(Answer::Status(204, None)) {
            Answer::Nothing => Err("it did not answer within 15s".to_owned()),
            Answer::Status(status, retry_after) => Ok(WebhookAnswer {
                status,
                retry_after,
            }),
        }
    }
}

impl Post {
    fn answer(&self, url: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(url.to_owned(), answer);
    }

    /// The events a sink was sent, in order.
    fn told(&self, url: &str) -> Vec<serde_json::Value> {
        let sent = self.sent.lock().unwrap();
        let own = sent.iter().filter(|message| message.url == url);
        own.map(|message| {
            let event: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
            assert_eq!(event["id"], message.id);
            event
        })
        .collect()
    }

    fn forget(&self) {
        self.sent.lock().unwrap().clear();
    }
}

fn webhooks(world: &World, post: &Arc<Post>, endpoints: Vec<ConfiguredEndpoint>) -> Webhooks {
    let parts = WebhookParts {
        engine: Arc::clone(&world.engine),
        sender: post.clone(),
        secret: Secret::new("a secret of at least thirty-two bytes"),
        endpoints,
    };
    Webhooks::new(parts).unwrap()
}

fn to(url: &str) -> CreateEndpoint {
    CreateEndpoint {
        url: url.to_owned(),
        types: Vec::new(),
        buckets: Vec::new(),
    }
}

async fn made(webhooks: &Webhooks, url: &str) -> Endpoint {
    webhooks.create_endpoint(&admin(), to(url)).await.unwrap()
}

/// Hands on and delivers until nothing is due; says what the attempts came to.
async fn pump(webhooks: &Webhooks) -> Vec<(EndpointId, Delivered)> {
    let mut outcomes = Vec::new();
    while webhooks.fan_out().await.unwrap() {}
    for endpoint in webhooks.targets().await.unwrap() {
        loop {
            let claimed = webhooks.claim(&endpoint.id, 4).await.unwrap();
            if claimed.is_empty() {
                break;
            }
            for delivery in claimed {
                let outcome = webhooks.deliver(&endpoint, delivery).await.unwrap();
                outcomes.push((endpoint.id.clone(), outcome));
            }
        }
    }
    outcomes
}

/// A file that comes and goes: two events.
async fn come_and_go(world: &World) {
    let file = world.file(b"bytes").await;
    world.engine.delete_file(&admin(), file.id).await.unwrap();
}

/// The events of each file, in the order in which they were first told.
fn by_file(told: &[serde_json::Value]) -> BTreeMap<String, Vec<String>> {
    let mut files = BTreeMap::<_, Vec<String>>::new();
    for event in told {
        let file = event["data"]["id"].as_str().unwrap().to_owned();
        let kinds = files.entry(file).or_default();
        let kind = event["type"].as_str().unwrap().to_owned();
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    files
}
