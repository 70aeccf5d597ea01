//! Reading bodies before waiting in line: clients with slow connections take nobody's place while they send.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::{json, linger};

/// How much is read ahead: nearly all bodies are shorter. It is what a listener buffers of a connection anyway.
const AHEAD: usize = 32 * 1024;

/// Reads the body of a request, or the beginning of a long one. A client that waits to be asked for it is not asked yet.
///
/// # Errors
/// It does not come in time.
pub(crate) async fn read_ahead(request: Request) -> Result<Request, Failure> {
    let (head, body) = request.into_parts();
    let has_one = matches!(head.method, Method::POST | Method::PATCH)
        && !http_body::Body::is_end_stream(&body)
        && !linger::waits_with_its_body(&head.headers);
    let body = match has_one {
        false => body,
        true => match timeout(json::BODY_TIMEOUT, beginning(body)).await {
            Ok(body) => body,
            Err(_) => return Err(json::late()),
        },
    };
    Ok(Request::from_parts(head, body))
}

/// The same body, its beginning at hand.
async fn beginning(mut body: Body) -> Body {
    let (mut read, mut length) = (Vec::<Result<Bytes, axum::Error>>::new(), 0);
    while length < AHEAD {
        let frame = match body.frame().await {
            Some(frame) => frame.map(|frame| frame.into_data().unwrap_or_default()),
            None => return whole(read),
        };
        let broken = frame.is_err();
        length += frame.as_ref().map_or(0, Bytes::len);
        read.push(frame);
        if broken {
            return whole(read);
        }
    }
    Body::from_stream(stream::iter(read).chain(body.into_data_stream()))
}

fn whole(mut read: Vec<Result<Bytes, axum::Error>>) -> Body {
    match (read.pop(), read.is_empty()) {
        (None, _) => Body::empty(),
        (Some(Ok(only)), true) => Body::from(only),
        (Some(last), _) => {
            read.push(last);
            Body::from_stream(stream::iter(read))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(frames: Vec<Result<Bytes, std::io::Error>>) -> Request {
        let body = Body::from_stream(stream::iter(frames));
        Request::post("/").body(body).unwrap()
    }

    fn bytes(length: usize) -> Bytes {
        Bytes::from(vec![b'x'; length])
    }

    #[tokio::test]
    async fn bodies_of_any_length_arrive_as_they_were_sent() {
        for lengths in [
            vec![],
            vec![5],
            vec![5, 0, 7],
            vec![AHEAD],
            vec![AHEAD, 9],
            vec![AHEAD - 1, 2, 100_000],
        ] {
            let request = post(lengths.iter().map(|length| Ok(bytes(*length))).collect());
            let body = read_ahead(request).await.unwrap().into_body();
            let read = body.collect().await.unwrap().to_bytes();
            assert_eq!(read.len(), lengths.iter().sum::<usize>(), "{lengths:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_still_does() {
        let request = post(vec![Ok(bytes(3)), Err(std::io::Error::other("gone"))]);
        let body = read_ahead(request).await.unwrap().into_body();
        assert!(body.collect().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_is_not_waited_for_for_ever() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let request = Request::post("/").body(never).unwrap();
        let failure = read_ahead(request).await.unwrap_err();
        assert_eq!(failure.problem.code.status(), 400);
    }
}
