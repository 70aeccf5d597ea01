//! Refusals that come before the body is read leave the connection as it was, or say that it ends.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

use crate::world::World;

struct Connection(BufStream<TcpStream>);

impl Connection {
    async fn to(world: &World) -> Self {
        let address = world.urls.api.strip_prefix("http://").unwrap();
        Self(BufStream::new(TcpStream::connect(address).await.unwrap()))
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// One answer: its first line and its headers, in lower case.
    async fn answer(&mut self) -> String {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).await.unwrap();
            assert!(read > 0, "the connection was closed after {head:?}");
            let line = line.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim_end().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        self.0.read_exact(&mut vec![0; length]).await.unwrap();
        head
    }
}

#[tokio::test]
async fn after_an_early_refusal_the_next_request_is_answered_on_the_same_connection() {
    let world = World::start().await;
    let token = &world.user("alice").token;
    let mut connection = Connection::to(&world).await;
    for (path, token, status) in [
        ("/v1/uploads", "", "401"),
        ("/v1/uploads/nonsense/complete", token, "404"),
        ("/no/such/path", token, "404"),
        ("/v1/buckets", token, "405"),
        ("/v1/uploads", token, "415"),
    ] {
        let body = "x".repeat(100_000);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.send(&head).await;
        let answer = connection.answer().await;
        assert!(
            answer.starts_with(&format!("http/1.1 {status}")),
            "{answer}"
        );
        assert!(!answer.contains("connection: close"), "{answer}");
        connection.send(&body).await;
    }
    connection
        .send("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    assert!(connection.answer().await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn whoever_waits_with_the_body_is_told_that_the_connection_ends() {
    let world = World::start().await;
    let mut connection = Connection::to(&world).await;
    let head =
        "POST /v1/uploads HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    connection.send(head).await;
    let answer = connection.answer().await;
    assert!(answer.starts_with("http/1.1 401"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    let mut rest = Vec::new();
    connection.0.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
}
