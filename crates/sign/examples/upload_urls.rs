//! A plain server that issues upload URLs, with nothing but the standard library.
//!
//! ```sh
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… cargo run --release -p valetkey-sign --example upload_urls -- \
//!     eu-central-1 my-bucket
//! curl -X POST 'http://127.0.0.1:8090/uploads?size=5&type=text/plain'
//! # prints a URL; the file then goes straight to the bucket:
//! curl -T hello.txt -H 'content-type: text/plain' -H 'if-none-match: *' "$URL"
//! ```

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use valetkey_sign::s3::{Method, Presigner, SERVICE, SigningKey};
use valetkey_sign::{AddressingStyle, AwsHost, Credentials, Endpoint};

/// How long an upload may begin after it was asked for, in seconds.
const EXPIRES_IN: u32 = 15 * 60;

/// The most bytes of an upload.
const LARGEST: u64 = 16 * 1024 * 1024;

#[expect(
    clippy::disallowed_methods,
    reason = "an example is its own edge: it reads clock and environment"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(region), Some(bucket)) = (arguments.next(), arguments.next()) else {
        return Err("usage: upload_urls REGION BUCKET".into());
    };
    let id = std::env::var("AWS_ACCESS_KEY_ID")?;
    let credentials = Credentials::new(id, std::env::var("AWS_SECRET_ACCESS_KEY")?);
    let style = AddressingStyle::VirtualHost;
    let endpoint = Endpoint::aws(&region, &bucket, style, AwsHost::Default)?;

    let listener = TcpListener::bind("127.0.0.1:8090")?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut key = SigningKey::derive(&credentials, jiff::Timestamp::now(), &region, SERVICE)?;
    for stream in listener.incoming() {
        let now = jiff::Timestamp::now();
        // The key is derived once a day.
        if !key.covers(now) {
            key = SigningKey::derive(&credentials, now, &region, SERVICE)?;
        }
        let presigner = Presigner::new(&endpoint, &key, now, EXPIRES_IN)?;
        if let Err(error) = answer(stream?, &presigner, now) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

/// Reads a request's head, and answers with a URL or with what was wrong.
fn answer(
    mut stream: TcpStream,
    presigner: &Presigner,
    now: jiff::Timestamp,
) -> Result<(), Box<dyn Error>> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = BufReader::new(&stream).take(8 * 1024).lines();
    let line = head.next().ok_or("no request")??;
    while head
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let (status, body) = match upload_url(&line, presigner, now) {
        Ok(url) => ("201 Created", url),
        Err(why) => ("400 Bad Request", why.to_string()),
    };
    let length = body.len() + 1;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}\n"
    )?;
    Ok(())
}

/// `POST /uploads?size=…&type=…`: the server, not the client, names the object.
fn upload_url(
    line: &str,
    presigner: &Presigner,
    now: jiff::Timestamp,
) -> Result<String, Box<dyn Error>> {
    let query = line
        .strip_prefix("POST /uploads?")
        .and_then(|rest| rest.split(' ').next())
        .ok_or("ask with POST /uploads?size=BYTES&type=TYPE")?;
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
    };
    let size: u64 = value("size").ok_or("size is missing")?.parse()?;
    let media_type = value("type").ok_or("type is missing")?;
    if size > LARGEST {
        return Err("the file is too large".into());
    }
    let size = size.to_string();
    let headers = [
        // Signed, so storage refuses more bytes, fewer bytes and another type …
        ("content-length", &*size),
        ("content-type", media_type),
        // … and never replaces what is there.
        ("if-none-match", "*"),
    ];
    let key = format!("uploads/{}", now.as_nanosecond());
    let mut url = String::new();
    presigner.presign(Method::Put, key.as_bytes(), &[], &headers, &mut url)?;
    Ok(url)
}
