//! A bound on the chunks of aws-chunked bodies, in front of `s3s`, which keeps each chunk whole.
//!
//! A client may declare chunks of any size. One without a signature is cut into as many as it has frames. One
//! with a signature cannot be cut, and must not be passed on before it was verified: it may have 16 MiB.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::{Stream, StreamExt as _};
use http::HeaderMap;
use s3s::{Body, StdError};

/// As large as a signed chunk may be, in bytes.
const MAX_SIGNED: u64 = 16 << 20;
/// As long as the line before a chunk may be, in bytes.
const MAX_LINE: usize = 1024;

/// Why a body was not read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChunkError {
    /// A signed chunk that would have to be kept whole.
    #[error("SignedChunkTooLarge")]
    TooLarge,
    /// Not aws-chunked, or it ended early.
    #[error("MalformedChunks")]
    Malformed,
}

/// A body of bounded chunks, when the request says it is chunked; any other as it is.
pub(crate) fn bound(headers: &HeaderMap, body: Body) -> Body {
    let payload = headers
        .get("x-amz-content-sha256")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !payload.starts_with("STREAMING-") {
        return body;
    }
    let signed = payload != "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    let stream = Chunks::new(body, signed);
    Body::from(s3s::dto::StreamingBlob::wrap(stream))
}

/// Rewrites chunks as they arrive; holds one frame at most.
struct Chunks<S> {
    body: S,
    signed: bool,
    state: State,
    line: Vec<u8>,
    /// Rewritten, not yet asked for.
    ready: VecDeque<Bytes>,
}

#[derive(Clone, Copy)]
enum State {
    /// In the line that says how long the chunk is.
    Line,
    /// In a chunk, with so many bytes to come.
    Data(u64),
    /// In the line break behind a chunk, with so many bytes to come.
    Break(usize),
    /// Behind the last chunk, where the trailers are.
    Trailers,
    Failed,
}

impl<S> Chunks<S> {
    fn new(body: S, signed: bool) -> Self {
        Self {
            body,
            signed,
            state: State::Line,
            line: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    fn rewrite(&mut self, mut frame: Bytes) -> Result<(), ChunkError> {
        while !frame.is_empty() {
            match self.state {
                State::Line => self.read_line(&mut frame)?,
                State::Data(left) => {
                    let size = frame.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let piece = frame.split_to(size);
                    self.pass(piece);
                    let left = left - size as u64;
                    self.state = if left == 0 {
                        State::Break(2)
                    } else {
                        State::Data(left)
                    };
                }
                State::Break(left) => {
                    let expected = if left == 2 { b'\r' } else { b'\n' };
                    if frame.get_u8() != expected {
                        return Err(ChunkError::Malformed);
                    }
                    if left == 1 && self.signed {
                        self.ready.push_back(Bytes::from_static(b"\r\n"));
                    }
                    self.state = if left == 1 {
                        State::Line
                    } else {
                        State::Break(1)
                    };
                }
                State::Trailers => self.ready.push_back(std::mem::take(&mut frame)),
                State::Failed => return Err(ChunkError::Malformed),
            }
        }
        Ok(())
    }

    fn read_line(&mut self, frame: &mut Bytes) -> Result<(), ChunkError> {
        let end = memchr::memchr(b'\n', frame);
        let piece = frame.split_to(end.map_or(frame.len(), |at| at + 1));
        if self.line.len() + piece.len() > MAX_LINE {
            return Err(ChunkError::Malformed);
        }
        self.line.extend_from_slice(&piece);
        if end.is_none() {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let size = read_size(&line, self.signed).ok_or(ChunkError::Malformed)?;
        if self.signed && size > MAX_SIGNED {
            return Err(ChunkError::TooLarge);
        }
        if self.signed || size == 0 {
            self.ready.push_back(line.into());
        }
        self.state = match size {
            0 => State::Trailers,
            size => State::Data(size),
        };
        Ok(())
    }

    /// Passes bytes on: inside their signed chunk, or as a chunk of their own.
    fn pass(&mut self, piece: Bytes) {
        if self.signed {
            self.ready.push_back(piece);
            return;
        }
        let line = format!("{:x}\r\n", piece.len());
        let whole = [Bytes::from(line), piece, Bytes::from_static(b"\r\n")];
        self.ready.extend(whole);
    }
}

impl<S> Stream for Chunks<S>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    type Item = Result<Bytes, ChunkError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            let result = match (self.state, ready!(self.body.poll_next_unpin(context))) {
                (State::Trailers | State::Failed, None) => return Poll::Ready(None),
                (_, Some(Ok(frame))) => self.rewrite(frame),
                (_, None | Some(Err(_))) => Err(ChunkError::Malformed),
            };
            if let Err(error) = result {
                self.state = State::Failed;
                self.ready.clear();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

/// `<hexadecimal size>\r\n`, with `;chunk-signature=…` before the line break when it is signed.
fn read_size(line: &[u8], signed: bool) -> Option<u64> {
    let line = str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let digits = match line.split_once(';') {
        Some((digits, _)) if signed => digits,
        Some(_) => return None,
        None => line,
    };
    let hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    async fn run(body: &[u8], frame: usize, signed: bool) -> Result<Vec<Bytes>, ChunkError> {
        let frames: Vec<Result<Bytes, StdError>> = body
            .chunks(frame)
            .map(|frame| Ok(Bytes::copy_from_slice(frame)))
            .collect();
        let chunks = Chunks::new(stream::iter(frames), signed);
        let mut pieces = Vec::new();
        let mut chunks = std::pin::pin!(chunks);
        while let Some(piece) = chunks.next().await {
            pieces.push(piece?);
        }
        Ok(pieces)
    }

    /// The payload and the trailers of unsigned chunks.
    fn decode(pieces: &[Bytes]) -> (Vec<u8>, Vec<u8>) {
        let joined = pieces.concat();
        let (mut rest, mut payload) = (joined.as_slice(), Vec::new());
        loop {
            let end = memchr::memchr(b'\n', rest).unwrap() + 1;
            let size = read_size(&rest[..end], false).unwrap();
            let size = usize::try_from(size).unwrap();
            rest = &rest[end..];
            if size == 0 {
                return (payload, rest.to_vec());
            }
            payload.extend_from_slice(&rest[..size]);
            assert_eq!(&rest[size..size + 2], b"\r\n");
            rest = &rest[size + 2..];
        }
    }

    #[tokio::test]
    async fn an_unsigned_chunk_is_cut_into_frames_and_says_the_same() {
        let body =
            b"c\r\nhello\r\nworld\r\n5\r\n0\r\n\r\n\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for frame in 1..=body.len() {
            let pieces = run(body, frame, false).await.unwrap();
            let (payload, trailers) = decode(&pieces);
            assert_eq!(payload, b"hello\r\nworld0\r\n\r\n", "frames of {frame}");
            assert_eq!(trailers, b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n");
            assert!(pieces.iter().all(|piece| piece.len() <= frame.max(8)));
        }
    }

    #[tokio::test]
    async fn signed_chunks_pass_as_they_are() {
        let body = b"5;chunk-signature=ab\r\nhello\r\n0;chunk-signature=cd\r\n\r\n";
        for frame in 1..=body.len() {
            let pieces = run(body, frame, true).await.unwrap();
            assert_eq!(pieces.concat(), body);
        }
    }

    #[tokio::test]
    async fn a_signed_chunk_is_refused_when_it_cannot_be_kept() {
        let body = |size: u64| format!("{size:x};chunk-signature=ab\r\n");
        let refused = run(body(MAX_SIGNED + 1).as_bytes(), 64, true).await;
        assert!(matches!(refused, Err(ChunkError::TooLarge)));
        let cut = run(body(MAX_SIGNED).as_bytes(), 64, true).await;
        assert!(matches!(cut, Err(ChunkError::Malformed)));
    }

    #[tokio::test]
    async fn a_body_that_ends_before_its_last_chunk_is_broken() {
        let body = b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n";
        let last = body.len() - 5;
        for length in 0..last + 3 {
            assert!(run(&body[..length], 3, false).await.is_err(), "{length}");
        }
        assert!(run(body, 3, false).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_not_chunked_is_broken() {
        for body in [
            "hello\r\n",
            "-5\r\nhello\r\n0\r\n",
            "+5\r\nhello\r\n0\r\n",
            "5\nhello\r\n0\r\n",
            "5;chunk-signature=ab\r\nhello\r\n0\r\n\r\n",
            "4\r\nhello\r\n0\r\n\r\n",
            "\r\n",
            "11112222333344445\r\n",
        ] {
            assert!(run(body.as_bytes(), 64, false).await.is_err(), "{body:?}");
        }
        let endless = "0".repeat(MAX_LINE + 1);
        assert!(run(endless.as_bytes(), 64, false).await.is_err());
    }
}
