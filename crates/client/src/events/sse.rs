//! Server-Sent Events as they come in
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).

use std::time::Duration;

use crate::Error;

/// No line of the service is longer, in bytes.
const MAX_LINE: usize = 1024 * 1024;

/// The longest pause that is kept to.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// Makes messages of the bytes of a stream.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    id: Option<String>,
    data: String,
    /// What to ask for when the stream ends: the id of the last block that was whole.
    last_id: Option<String>,
    retry: Option<Duration>,
}

impl Parser {
    /// The id behind which the next stream is to begin.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the service asks to wait before coming back.
    pub(super) fn retry(&self) -> Duration {
        self.retry.unwrap_or(Duration::from_secs(2)).min(MAX_RETRY)
    }

    /// Another stream begins: what was not whole is forgotten.
    pub(super) fn restart(&mut self) {
        self.line.clear();
        self.data.clear();
        self.id.clone_from(&self.last_id);
    }

    /// The data of every message that these bytes make whole.
    ///
    /// # Errors
    /// A line without an end.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<String>, Error> {
        let mut messages = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            messages.extend(self.read(&String::from_utf8_lossy(line)));
        }
        self.line.extend_from_slice(bytes);
        match self.line.len() {
            0..=MAX_LINE => Ok(messages),
            _ => Err(Error::Answer("a line of the stream does not end")),
        }
    }

    /// Takes a line; an empty one ends a block, which is a message if it has data.
    fn read(&mut self, line: &str) -> Option<String> {
        if line.is_empty() {
            self.last_id.clone_from(&self.id);
            let data = std::mem::take(&mut self.data);
            return data.strip_suffix('\n').map(str::to_owned);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "retry" => self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "retry: 500\n: here\nid: a\n\nid: b\nevent: x\ndata: 1\n\n\
         : here\n\nid: c\r\ndata: 2\r\ndata: 3\r\n\r\nid: d\ndata: 4\n";

    #[test]
    fn messages_are_the_same_however_their_bytes_come() {
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let messages: Vec<_> = pieces
                .flat_map(|piece| parser.push(piece).unwrap())
                .collect();
            assert_eq!(messages, ["1", "2\n3"], "{size}");
            assert_eq!(parser.last_id(), Some("c"), "{size}");
            assert_eq!(parser.retry(), Duration::from_millis(500));
        }
    }

    #[test]
    fn a_block_without_data_is_a_place_and_no_message() {
        let mut parser = Parser::default();
        assert!(parser.push(b": here\nid: a\n\n").unwrap().is_empty());
        assert_eq!(parser.last_id(), Some("a"));
    }

    #[test]
    fn what_was_cut_off_is_not_put_before_the_next_stream() {
        let mut parser = Parser::default();
        parser
            .push(b"id: a\ndata: 1\n\nid: b\ndata: 2\ndat")
            .unwrap();
        parser.restart();
        assert_eq!(parser.push(b"data: 2\n\n").unwrap(), ["2"]);
        assert_eq!(parser.last_id(), Some("a"));
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let mut parser = Parser::default();
        assert!(parser.push(&[b'x'; MAX_LINE]).is_ok());
        assert!(parser.push(b"x").is_err());
    }
}
