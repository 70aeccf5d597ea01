//! What is sent, and where it never goes.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use valetkey_engine::{WebhookAnswer, WebhookMessage, WebhookSender};

use super::resolve::Lookup;
use super::sender::{HttpSender, SenderOptions};

/// Names that mean what a test says, and may mean something else a moment later.
#[derive(Default)]
struct Names(Mutex<BTreeMap<&'static str, Vec<IpAddr>>>);

impl Names {
    fn set(&self, name: &'static str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        self.0.lock().unwrap().insert(name, addresses.collect());
    }
}

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = self.0.lock().unwrap().get(name).cloned();
        found.ok_or_else(|| io::Error::other("there is no such name"))
    }
}

/// A sink on this machine, that counts who comes and answers as it is told.
struct Sink {
    port: u16,
    hits: Arc<AtomicUsize>,
}

impl Sink {
    /// What it sends back; it hangs when that is nothing, and closes at once when it is empty.
    async fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let hits = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&hits);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, answer));
            }
        });
        Self { port, hits }
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/hooks", self.port)
    }
}

async fn serve(mut stream: TcpStream, answer: Option<&'static str>) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        match answer {
            None => std::future::pending().await,
            Some("") => return,
            Some(answer) => {
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn sender(names: &Arc<Names>, allowed: &[&str]) -> HttpSender {
    let options = SenderOptions {
        allow_http: true,
        allowed: allowed.iter().map(|text| text.parse().unwrap()).collect(),
        lookup: names.clone(),
        timeout: Duration::from_millis(500),
    };
    HttpSender::new(options).unwrap()
}

fn message(url: &str) -> WebhookMessage {
    WebhookMessage {
        endpoint: "a".parse().unwrap(),
        url: url.to_owned(),
        id: "evt_1".to_owned(),
        timestamp: 1_700_000_000,
        signature: "v1,AA==".to_owned(),
        body: b"{}".to_vec(),
    }
}

const fn status(status: u16) -> WebhookAnswer {
    WebhookAnswer {
        status,
        retry_after: None,
    }
}

#[tokio::test]
async fn a25_no_way_of_writing_an_inward_address_leads_inward() {
    let (names, sink) = (Arc::new(Names::default()), Sink::start(Some(OK)).await);
    names.set("localhost", &["127.0.0.1", "::1"]);
    names.set("localhost.", &["127.0.0.1"]);
    names.set("inward.example", &["127.0.0.1"]);
    names.set("mapped.example", &["::ffff:127.0.0.1"]);
    names.set("both.example", &["93.184.215.14", "127.0.0.1"]);
    let sender = sender(&names, &[]);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "017700000001",
        "127.0.0.1.",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "inward.example",
        "mapped.example",
        "both.example",
        "１２７.0.0.1",
    ] {
        let url = sink.url(host);
        let refused = sender.check(&url).await.unwrap_err();
        assert!(
            refused.contains("not a public address"),
            "{host}: {refused}"
        );
        let refused = sender.send(message(&url)).await.unwrap_err();
        assert!(
            refused.starts_with("nothing is sent: "),
            "{host}: {refused}"
        );
        assert!(refused.contains("allow_addresses"), "{host}: {refused}");
    }
    assert_eq!(sink.hits(), 0);
}

#[tokio::test]
async fn a25_a_name_that_flips_after_it_was_registered_leads_nowhere() {
    let (names, sink) = (Arc::new(Names::default()), Sink::start(Some(OK)).await);
    let sender = sender(&names, &[]);
    let url = sink.url("flips.example");
    names.set("flips.example", &["93.184.215.14"]);
    sender.check(&url).await.unwrap();
    names.set("flips.example", &["127.0.0.1"]);
    let refused = sender.send(message(&url)).await.unwrap_err();
    assert!(
        refused.contains("flips.example leads to 127.0.0.1"),
        "{refused}"
    );
    assert_eq!(sink.hits(), 0);
}

#[tokio::test]
async fn a25_a_redirect_inward_is_told_and_not_followed() {
    let (names, inward) = (Arc::new(Names::default()), Sink::start(Some(OK)).await);
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
        inward.port
    );
    let outward = Sink::start(Some(answer.leak())).await;
    names.set("outward.example", &["127.0.0.1"]);
    let sender = sender(&names, &["127.0.0.1"]);
    let answer = sender.send(message(&outward.url("outward.example"))).await;
    assert_eq!(answer, Ok(status(302)));
    assert_eq!((outward.hits(), inward.hits()), (1, 0));
}

#[tokio::test]
async fn what_is_allowed_is_reached_at_the_address_that_was_checked_and_its_connection_kept() {
    let (names, sink) = (Arc::new(Names::default()), Sink::start(Some(OK)).await);
    names.set("inside.example", &["127.0.0.1"]);
    let sender = sender(&names, &["127.0.0.0/8"]);
    for host in ["inside.example", "127.0.0.1"] {
        let url = sink.url(host);
        sender.check(&url).await.unwrap();
        for _ in 0..3 {
            assert_eq!(sender.send(message(&url)).await, Ok(status(204)));
        }
    }
    assert_eq!(sink.hits(), 2);
    assert!(sender.check(&sink.url("[::1]")).await.is_err());
}

#[tokio::test]
async fn what_does_not_answer_as_it_should_is_told_in_words() {
    let names = Arc::new(Names::default());
    let sender = sender(&names, &["127.0.0.1"]);
    let send = async |answer| {
        let sink = Sink::start(answer).await;
        sender.send(message(&sink.url("127.0.0.1"))).await
    };
    let hangs = send(None).await.unwrap_err();
    assert_eq!(hangs, "it did not answer within 500ms");
    let resets = send(Some("")).await.unwrap_err();
    assert!(
        resets.starts_with("the connection ended without an answer: "),
        "{resets}"
    );
    assert_eq!(
        send(Some("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")).await,
        Ok(status(500))
    );
    let busy = "HTTP/1.1 503 No\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
    let asked = WebhookAnswer {
        status: 503,
        retry_after: Some(7),
    };
    assert_eq!(send(Some(busy)).await, Ok(asked));
    // Twice the same answer is one, and what comes without end is not waited for.
    assert_eq!(
        send(Some("HTTP/1.1 204 A\r\n\r\nHTTP/1.1 204 A\r\n\r\n")).await,
        Ok(status(204))
    );
    let endless = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}",
        "x".repeat(9000)
    );
    assert_eq!(send(Some(endless.leak())).await, Ok(status(200)));
    let unknown = sender
        .send(message("http://unknown.example/"))
        .await
        .unwrap_err();
    assert!(
        unknown.contains("unknown.example has no address"),
        "{unknown}"
    );
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/", closed.local_addr().unwrap().port());
    drop(closed);
    let refused = sender.send(message(&url)).await.unwrap_err();
    assert!(refused.starts_with("there is no connection: "), "{refused}");
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_refused_with_a_reason() {
    let strict = HttpSender::new(SenderOptions::default()).unwrap();
    for (url, reason) in [
        ("", "no URL"),
        ("example.com/hooks", "no URL"),
        ("https://", "no URL"),
        ("http://example.com/", "allow_http"),
        ("ftp://example.com/", "not https"),
        ("file:///etc/passwd", "no URL"),
        ("https://user@example.com/", "user"),
        ("https://:password@example.com/", "password"),
        ("https://example.com/#part", "fragment"),
        ("https://10.0.0.1/", "not a public address (private)"),
        (
            &format!("https://example.com/{}", "x".repeat(2048)),
            "longer",
        ),
    ] {
        let refused = strict.check(url).await.unwrap_err();
        assert!(refused.contains(reason), "{url}: {refused}");
    }
}
