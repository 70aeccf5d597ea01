//! `multipart/form-data`, read while it arrives: the fields before the file are kept, within a bound, and the
//! file passes through.
//!
//! See RFC 7578, and RFC 2046 §5.1 for boundaries.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use memchr::memmem;
use s3s::{S3ErrorCode, StdError};

use crate::error::Failure;

/// As much as may come before the file's first byte, boundaries and headers included.
const MAX_PRELUDE: usize = 20 * 1024;
/// As long as a boundary may be (RFC 2046).
const MAX_BOUNDARY: usize = 70;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A form that is being received. Holds the fields' bytes until the file begins, then one frame at a time.
pub(super) struct Form<S> {
    body: S,
    /// Received, not yet taken.
    buffer: Bytes,
    /// A line break, two dashes and the boundary.
    delimiter: Vec<u8>,
    /// Bytes taken before the file.
    taken: usize,
}

/// A part of a form: a field before its value, or the file before its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) filename: Option<String>,
}

/// What follows a boundary.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Part(Part),
    /// The form is over.
    End,
}

impl<S> Form<S>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    /// Goes to the first part.
    pub(super) async fn open(boundary: &str, body: S) -> Result<Self, Failure> {
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
            return Err(malformed());
        }
        let mut form = Self {
            body,
            // The first boundary begins a line like every other.
            buffer: Bytes::from_static(b"\r\n"),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            taken: 0,
        };
        let delimiter = form.delimiter.clone();
        form.take_until(&delimiter).await?;
        Ok(form)
    }

    /// The part that follows the boundary that was just read.
    pub(super) async fn next(&mut self) -> Result<Next, Failure> {
        while self.buffer.len() < 2 {
            self.receive().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Ok(Next::End);
        }
        let head = self.take_until(HEAD_END).await?;
        let head = str::from_utf8(&head).map_err(|_| malformed())?;
        let (padding, headers) = head.split_once("\r\n").ok_or_else(malformed)?;
        if !padding.trim_matches([' ', '\t']).is_empty() {
            return Err(malformed());
        }
        read_head(headers).map(Next::Part)
    }

    /// The value of the field whose part was just read, and its boundary.
    pub(super) async fn value(&mut self) -> Result<String, Failure> {
        let delimiter = self.delimiter.clone();
        let value = self.take_until(&delimiter).await?;
        String::from_utf8(value.into()).map_err(|_| malformed())
    }

    /// The bytes of the file whose part was just read. Whatever comes behind it is ignored.
    pub(super) fn file(self) -> FileBytes<S> {
        FileBytes {
            body: self.body,
            buffer: self.buffer,
            delimiter: self.delimiter,
            state: State::Bytes,
        }
    }

    /// Everything up to `end`, which is taken too.
    async fn take_until(&mut self, end: &[u8]) -> Result<Bytes, Failure> {
        loop {
            let found = memmem::find(&self.buffer, end);
            let needed = self.taken + found.map_or(self.buffer.len(), |at| at + end.len());
            if needed > MAX_PRELUDE {
                return Err(Failure::refuse(
                    S3ErrorCode::MaxPostPreDataLengthExceededError,
                    "Your POST request fields preceding the upload file were too large.",
                ));
            }
            if let Some(at) = found {
                let piece = self.buffer.split_to(at);
                self.buffer.advance(end.len());
                self.taken = needed;
                return Ok(piece);
            }
            self.receive().await?;
        }
    }

    async fn receive(&mut self) -> Result<(), Failure> {
        match self.body.next().await {
            Some(Ok(frame)) => {
                self.buffer = join(&self.buffer, frame);
                Ok(())
            }
            Some(Err(_)) => Err(incomplete()),
            None => Err(malformed()),
        }
    }
}

/// The bytes of the file, up to the boundary.
pub(super) struct FileBytes<S> {
    body: S,
    buffer: Bytes,
    delimiter: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Bytes,
    /// The boundary was read; what follows must show that it was one.
    Boundary,
    Over,
}

impl<S> FileBytes<S> {
    /// As many bytes as certainly belong to the file.
    fn cut(&mut self) -> Bytes {
        if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
            let piece = self.buffer.split_to(at);
            self.buffer.advance(self.delimiter.len());
            self.state = State::Boundary;
            return piece;
        }
        let undecided = begun(&self.buffer, &self.delimiter);
        self.buffer.split_to(self.buffer.len() - undecided)
    }
}

impl<S> Stream for FileBytes<S>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.state {
                State::Over => return Poll::Ready(None),
                State::Boundary if self.buffer.len() >= 2 => {
                    self.state = State::Over;
                    let ends = [b"--".as_slice(), b"\r\n", b" ", b"\t"];
                    if !ends.iter().any(|end| self.buffer.starts_with(end)) {
                        return Poll::Ready(Some(Err(malformed())));
                    }
                    continue;
                }
                State::Bytes => {
                    let piece = self.cut();
                    if !piece.is_empty() {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                    if self.state == State::Boundary {
                        continue;
                    }
                }
                State::Boundary => {}
            }
            let failure = match ready!(self.body.poll_next_unpin(context)) {
                Some(Ok(frame)) => {
                    self.buffer = join(&self.buffer, frame);
                    continue;
                }
                Some(Err(_)) => incomplete(),
                None => malformed(),
            };
            self.state = State::Over;
            return Poll::Ready(Some(Err(failure)));
        }
    }
}

/// The boundary in the `Content-Type` of a request.
pub(super) fn boundary(content_type: &str) -> Result<String, Failure> {
    let (_, parameters) = content_type.split_once(';').ok_or_else(malformed)?;
    parameter(parameters, "boundary").ok_or_else(malformed)
}

/// The headers of a part. Only its `Content-Disposition` says anything that S3 uses.
fn read_head(head: &str) -> Result<Part, Failure> {
    for line in head.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if !name.trim().eq_ignore_ascii_case("content-disposition") {
            continue;
        }
        let (kind, parameters) = value.split_once(';').ok_or_else(malformed)?;
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(malformed());
        }
        return Ok(Part {
            name: parameter(parameters, "name").ok_or_else(malformed)?,
            filename: parameter(parameters, "filename"),
        });
    }
    Err(malformed())
}

/// One of `a=b; c="d"`. Backslashes stay, but for those before a quote: browsers send the paths of Windows.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, behind) = rest.split_once('=')?;
        let value;
        (value, rest) = match behind.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (value, rest) = behind.split_once(';').unwrap_or((behind, ""));
                (value.trim().to_owned(), rest)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
    }
}

/// Reads up to the closing quote; gives what is behind it, too.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = quoted;
    loop {
        let (piece, behind) = rest.split_once('"')?;
        rest = behind;
        match piece.strip_suffix('\\') {
            Some(piece) => {
                value.push_str(piece);
                value.push('"');
            }
            None => {
                value.push_str(piece);
                return Some((value, rest));
            }
        }
    }
}

/// How many bytes at the end of `bytes` could be the beginning of `delimiter`.
fn begun(bytes: &[u8], delimiter: &[u8]) -> usize {
    (1..delimiter.len())
        .rev()
        .find(|length| bytes.ends_with(&delimiter[..*length]))
        .unwrap_or(0)
}

fn join(held: &Bytes, frame: Bytes) -> Bytes {
    if held.is_empty() {
        return frame;
    }
    let mut joined = BytesMut::with_capacity(held.len() + frame.len());
    joined.extend_from_slice(held);
    joined.extend_from_slice(&frame);
    joined.freeze()
}

/// The refusal of a body that is not a form.
pub(super) fn malformed() -> Failure {
    Failure::refuse(
        S3ErrorCode::MalformedPOSTRequest,
        "The body of your POST request is not well-formed multipart/form-data.",
    )
}

fn incomplete() -> Failure {
    Failure::refuse(
        S3ErrorCode::IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

#[cfg(test)]
mod tests;
