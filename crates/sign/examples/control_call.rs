//! A call of a server's own, signed in its headers, over plain HTTP with nothing but the standard library.
//!
//! Its body is what comes in, its answer what goes out:
//!
//! ```sh
//! export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AZURE_STORAGE_KEY=…
//! run="cargo run --release -p valetkey-sign --example control_call --"
//! echo hello | $run s3 http://127.0.0.1:9000 us-east-1 photos PUT a.txt 'content-type: text/plain'
//! $run s3 http://127.0.0.1:9000 us-east-1 photos GET '' list-type=2 prefix=a </dev/null
//! $run azure http://127.0.0.1:10000/devstoreaccount1 devstoreaccount1 PUT photos restype=container </dev/null
//! ```

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use valetkey_sign::azure::shared_key::{self, Call};
use valetkey_sign::azure::{self, Account, AccountKey};
use valetkey_sign::s3::{Payload, Request, SERVICE, SigningKey, authorize};
use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

const USAGE: &str =
    "usage: control_call s3 ENDPOINT REGION BUCKET METHOD KEY [NAME=VALUE | 'NAME: VALUE']…
       control_call azure ENDPOINT ACCOUNT METHOD PATH [NAME=VALUE | 'NAME: VALUE']…";

type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// A URL and the headers that go with it, both as they are signed.
type Signed = (String, Vec<(String, String)>);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    let (method, (url, headers)) = match &arguments[..] {
        ["s3", endpoint, region, bucket, method, key, rest @ ..] => {
            let endpoint = Endpoint::parse(endpoint, bucket, AddressingStyle::Path)?;
            (*method, s3(&endpoint, region, method, key, rest, &body)?)
        }
        ["azure", endpoint, account, method, path, rest @ ..] => {
            let account = Account::with_endpoint(account, endpoint)?;
            (*method, blobs(&account, method, path, rest, &body)?)
        }
        _ => return Err(USAGE.into()),
    };
    let answer = send(method, &url, &headers, &body)?;
    std::io::stdout().write_all(&answer)?;
    Ok(())
}

fn s3(
    endpoint: &Endpoint,
    region: &str,
    method: &str,
    key: &str,
    rest: &[&str],
    body: &[u8],
) -> Result<Signed, Box<dyn Error>> {
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
    );
    let now = now();
    // A server keeps the key for the day.
    let signing = SigningKey::derive(&credentials, now, region, SERVICE)?;
    let (query, headers) = split(rest)?;
    let request = Request {
        method: method.parse()?,
        endpoint,
        key: key.as_bytes(),
        query: &query,
        headers: &headers,
        payload: Payload::of(body),
    };
    let signed = authorize(&signing, &request, now)?;
    let own = signed.headers.iter().map(|(n, v)| (*n, v.as_str()));
    Ok((
        signed.url.clone(),
        owned(headers.iter().copied().chain(own)),
    ))
}

fn blobs(
    account: &Account,
    method: &str,
    path: &str,
    rest: &[&str],
    body: &[u8],
) -> Result<Signed, Box<dyn Error>> {
    let key = AccountKey::from_base64(&variable("AZURE_STORAGE_KEY")?)?;
    let (query, mut headers) = split(rest)?;
    let length = body.len().to_string();
    headers.push(("x-ms-version", azure::VERSION));
    headers.push(("content-length", &length));
    let call = Call {
        method: method.parse()?,
        path,
        query: &query,
        headers: &headers,
    };
    let signed = shared_key::authorize(account, &key, &call, now())?;
    let own = signed.headers.iter().map(|(n, v)| (*n, v.as_str()));
    // The length is sent anyway.
    let sent = headers
        .iter()
        .copied()
        .filter(|(n, _)| *n != "content-length");
    Ok((signed.url.clone(), owned(sent.chain(own))))
}

fn send(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<Vec<u8>, Box<dyn Error>> {
    let rest = url
        .strip_prefix("http://")
        .ok_or("only http:// is spoken here")?;
    let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut stream = TcpStream::connect(authority)?;
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{head}content-length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Query parameters and headers.
fn split<'a>(rest: &[&'a str]) -> Result<(Pairs<'a>, Pairs<'a>), Box<dyn Error>> {
    let (mut query, mut headers) = (Vec::new(), Vec::new());
    for argument in rest {
        match (argument.split_once(": "), argument.split_once('=')) {
            (Some(header), _) => headers.push(header),
            (None, Some(parameter)) => query.push(parameter),
            (None, None) => return Err(USAGE.into()),
        }
    }
    Ok((query, headers))
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

#[expect(clippy::disallowed_methods, reason = "an example is its own edge")]
fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

#[expect(clippy::disallowed_methods, reason = "an example is its own edge")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
