//! What `strace -f -yy` wrote: requests, answers and flushes, in the order in which they began and ended.

use std::collections::HashMap;

/// A trace, call by call.
pub(super) struct Trace {
    calls: Vec<Call>,
}

/// One system call that ended well.
struct Call {
    /// The line on which it began.
    began: usize,
    /// The line on which it ended.
    ended: usize,
    name: String,
    text: String,
}

impl Trace {
    /// Reads the text; a call that was interrupted in it is put together again.
    pub(super) fn read(text: &str) -> Self {
        let mut open: HashMap<&str, (usize, String)> = HashMap::new();
        let mut calls = Vec::new();
        for (line, text) in text.lines().enumerate() {
            let Some((thread, call)) = text.split_once(' ') else {
                continue;
            };
            let call = call.trim_start();
            if let Some(begin) = call.strip_suffix(" <unfinished ...>") {
                open.insert(thread, (line, begin.to_owned()));
                continue;
            }
            let (began, whole) = match call.split_once(" resumed>") {
                Some((_, end)) => match open.remove(thread) {
                    Some((began, begin)) => (began, format!("{begin}{end}")),
                    None => continue,
                },
                None => (line, call.to_owned()),
            };
            let failed = whole.contains("= -1 ");
            if let Some((name, _)) = whole.split_once('(').filter(|_| !failed) {
                calls.push(Call {
                    began,
                    ended: line,
                    name: name.to_owned(),
                    text: whole,
                });
            }
        }
        Self { calls }
    }

    /// Every answer that begins like this to a request that has all of this in its first line: the lines on which the
    /// request had come and on which the answer began to leave.
    pub(super) fn answers(&self, request: &[&str], answer: &str) -> Vec<(usize, usize)> {
        let mut asked: HashMap<&str, usize> = HashMap::new();
        let mut answers = Vec::new();
        for call in &self.calls {
            let Some(socket) = call.socket() else {
                continue;
            };
            if call.is_read() {
                let first = call.text.split("\\r\\n").next().unwrap_or_default();
                if request.iter().all(|text| first.contains(text)) {
                    asked.insert(socket, call.ended);
                }
            } else if call.is_write()
                && call.text.contains(answer)
                && let Some(begin) = asked.remove(socket)
            {
                answers.push((begin, call.began));
            }
        }
        answers
    }

    /// Whether a file with this in its path was flushed between two lines.
    pub(super) fn is_flushed(&self, path: &str, after: usize, before: usize) -> bool {
        self.calls.iter().any(|call| {
            let is_flush = call.name == "fsync" || call.name == "fdatasync";
            is_flush && call.text.contains(path) && after < call.ended && call.ended < before
        })
    }
}

impl Call {
    /// The connection it is about.
    fn socket(&self) -> Option<&str> {
        let begin = self.text.find("<TCP:")?;
        let end = self.text[begin..].find("]>")?;
        Some(&self.text[begin..begin + end])
    }

    fn is_read(&self) -> bool {
        matches!(self.name.as_str(), "read" | "recvfrom")
    }

    fn is_write(&self) -> bool {
        matches!(
            self.name.as_str(),
            "write" | "writev" | "sendto" | "sendmsg"
        )
    }
}
