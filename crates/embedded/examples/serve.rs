//! Serves a folder as S3 on a loopback port: `serve <folder> <port> <key id> <secret>`.

use std::net::{Ipv4Addr, SocketAddr};

use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use valetkey_embedded::{AccessKey, CorsRules, EmbeddedStore, Options, system_clock};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, port, id, secret] = arguments.as_slice() else {
        return Err("usage: serve <folder> <port> <key id> <secret>".into());
    };
    let store = EmbeddedStore::open(Options {
        data_dir: folder.into(),
        region: "us-east-1".to_owned(),
        access_key: AccessKey::new(id, secret),
        cors: CorsRules::default(),
        buckets: vec!["files".to_owned()],
        domain: Some("localhost".to_owned()),
        clock: system_clock(),
    })?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
    let listener = TcpListener::bind(address).await?;
    println!("serving {folder} on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = store.service();
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            if let Err(source) = connection.await {
                eprintln!("a connection ended: {source}");
            }
        });
    }
}
