//! What strace saw, as changes of files and folders, fsyncs, and answers.
//!
//! Every string of the trace is in hexadecimal (`\x41`), so commas and brackets are always strace's own. The
//! number of a line is the time: a call that others overtook has two lines, its beginning and its end.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The calls that can change a disk, or answer a client. One that is met and not understood ends the test.
pub(super) const CALLS: &str = "openat,open,creat,mkdir,mkdirat,write,writev,pwrite64,pwritev,pwritev2,\
    copy_file_range,sendfile,splice,ftruncate,truncate,fallocate,fsync,fdatasync,sync_file_range,syncfs,\
    rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,sendto,sendmsg";

/// A file, whatever it is called by and by.
pub(super) type FileId = usize;

/// One change, and when it began and ended. It may be on the disk from its beginning on.
pub(super) struct Timed<T> {
    pub(super) what: T,
    pub(super) began: usize,
    pub(super) ended: usize,
}

/// What can get lost.
pub(super) enum Change {
    Write {
        file: FileId,
        offset: usize,
        bytes: Vec<u8>,
    },
    Resize {
        file: FileId,
        size: usize,
        grow_only: bool,
    },
    /// A name of a folder now means this, or nothing.
    Entry { path: PathBuf, node: Option<Node> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    File(FileId),
    Folder,
}

/// What an fsync was for.
#[derive(PartialEq, Eq)]
pub(super) enum Synced {
    File(FileId),
    Folder(PathBuf),
}

/// Everything that happened in one folder, in the order it began. Paths are relative to it.
pub(super) struct Trace {
    pub(super) changes: Vec<Timed<Change>>,
    pub(super) syncs: Vec<Timed<Synced>>,
    /// When an answer began to be sent, by its `x-amz-request-id`.
    answers: HashMap<String, usize>,
    /// In lines.
    pub(super) length: usize,
}

impl Trace {
    pub(super) fn read(log: &str, root: &Path) -> Self {
        let mut reader = Reader::new(root);
        let mut unfinished: HashMap<&str, (usize, String)> = HashMap::new();
        for (number, line) in log.lines().enumerate() {
            let (thread, rest) = line.split_once(' ').unwrap();
            let rest = rest.trim_start();
            if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
                unfinished.insert(thread, (number, begun.to_owned()));
            } else if let Some(resumed) = rest.strip_prefix("<... ") {
                let (began, begun) = unfinished.remove(thread).unwrap();
                let (_, end) = resumed.split_once(" resumed>").unwrap();
                reader.call(&format!("{begun}{end}"), began, number);
            } else {
                reader.call(rest, number, number);
            }
        }
        let mut trace = reader.trace;
        trace.length = log.lines().count();
        trace.changes.sort_by_key(|change| change.began);
        trace
    }

    /// When answers were sent.
    pub(super) fn acknowledgements(&self) -> Vec<usize> {
        let mut moments: Vec<_> = self.answers.values().copied().collect();
        moments.sort_unstable();
        moments
    }

    /// Whether the answer had begun to leave by then.
    pub(super) fn acknowledged_by(&self, request: &str, moment: usize) -> bool {
        self.answers[request] <= moment
    }
}

struct Reader<'a> {
    root: &'a Path,
    trace: Trace,
    /// What a path means at the moment.
    files: HashMap<PathBuf, FileId>,
    /// How far each file was written by `write`, which has no offset.
    ends: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn new(root: &'a Path) -> Self {
        let trace = Trace {
            changes: Vec::new(),
            syncs: Vec::new(),
            answers: HashMap::new(),
            length: 0,
        };
        Self {
            root,
            trace,
            files: HashMap::new(),
            ends: Vec::new(),
        }
    }

    fn call(&mut self, text: &str, began: usize, ended: usize) {
        let Some((name, rest)) = text.split_once('(') else {
            return;
        };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else {
            return;
        };
        let arguments = arguments.trim_end().trim_end_matches(')');
        let returned = result.split([' ', '<']).next().unwrap();
        if matches!(name, "write" | "writev" | "sendto" | "sendmsg")
            && self.answer(arguments, began)
        {
            return;
        }
        let Ok(returned) = returned.parse::<usize>() else {
            // A call that failed changed nothing, and a killed one did not return.
            return;
        };
        let call = Call {
            name,
            arguments,
            returned,
            began,
            ended,
        };
        if let Some(path) = self.path_of(&call) {
            self.change(&call, path);
        }
    }

    /// Notes the answer that these bytes begin.
    fn answer(&mut self, arguments: &str, began: usize) -> bool {
        let to = descriptor(arguments).unwrap_or_default();
        if !to.starts_with(b"socket:") {
            return false;
        }
        let sent: Vec<u8> = quoted(arguments).concat();
        let sent = String::from_utf8_lossy(&sent);
        for rest in sent.split("x-amz-request-id: ").skip(1) {
            self.trace.answers.insert(rest[..16].to_owned(), began);
        }
        true
    }

    /// What the call is about, when that lies in our folder.
    fn path_of(&self, call: &Call) -> Option<PathBuf> {
        let by_name = matches!(
            call.name,
            "openat" | "open" | "creat" | "mkdir" | "rename" | "unlink" | "rmdir"
        );
        let bytes = if by_name {
            quoted(call.arguments).into_iter().next()?
        } else {
            descriptor(call.arguments)?
        };
        self.relative(&bytes)
    }

    fn relative(&self, bytes: &[u8]) -> Option<PathBuf> {
        let path = PathBuf::from(String::from_utf8_lossy(bytes).into_owned());
        Some(path.strip_prefix(self.root).ok()?.to_owned())
    }

    fn change(&mut self, call: &Call, path: PathBuf) {
        match call.name {
            "openat" => self.open(call, path),
            "mkdir" => self.entry(call, path, Some(Node::Folder)),
            "rename" => self.rename(call, path),
            "unlink" => {
                self.files.remove(&path);
                self.entry(call, path, None);
            }
            "write" | "pwrite64" => self.write(call, self.files[&path]),
            "ftruncate" | "fallocate" => self.resize(call, self.files[&path]),
            "fsync" | "fdatasync" => {
                let what = match self.files.get(&path) {
                    Some(file) => Synced::File(*file),
                    None => Synced::Folder(path),
                };
                self.trace.syncs.push(Timed {
                    what,
                    began: call.began,
                    ended: call.ended,
                });
            }
            // It starts the writing and promises nothing.
            "sync_file_range" => {}
            name => panic!("not modelled: {name}({})", call.arguments),
        }
    }

    fn rename(&mut self, call: &Call, path: PathBuf) {
        let target = self.relative(&quoted(call.arguments)[1]).unwrap();
        let file = self.files.remove(&path).unwrap();
        self.files.insert(target.clone(), file);
        self.entry(call, target, Some(Node::File(file)));
        self.entry(call, path, None);
    }

    fn write(&mut self, call: &Call, file: FileId) {
        let mut bytes = quoted(call.arguments).concat();
        bytes.truncate(call.returned);
        let offset = match call.name {
            "write" => self.ends[file],
            _ => call.last_number(0),
        };
        self.ends[file] = offset + bytes.len();
        self.push(
            call,
            Change::Write {
                file,
                offset,
                bytes,
            },
        );
    }

    fn resize(&mut self, call: &Call, file: FileId) {
        let grow_only = call.name == "fallocate";
        let mut size = call.last_number(0);
        if grow_only {
            size += call.last_number(1);
        }
        self.push(
            call,
            Change::Resize {
                file,
                size,
                grow_only,
            },
        );
    }

    fn open(&mut self, call: &Call, path: PathBuf) {
        assert!(!call.arguments.contains("O_TRUNC") && !call.arguments.contains("O_APPEND"));
        if call.arguments.contains("O_CREAT") && !self.files.contains_key(&path) {
            let file = self.ends.len();
            self.ends.push(0);
            self.files.insert(path.clone(), file);
            self.entry(call, path, Some(Node::File(file)));
        }
    }

    fn entry(&mut self, call: &Call, path: PathBuf, node: Option<Node>) {
        self.push(call, Change::Entry { path, node });
    }

    fn push(&mut self, call: &Call, what: Change) {
        self.trace.changes.push(Timed {
            what,
            began: call.began,
            ended: call.ended,
        });
    }
}

/// One system call.
struct Call<'a> {
    name: &'a str,
    arguments: &'a str,
    returned: usize,
    began: usize,
    ended: usize,
}

impl Call<'_> {
    /// A number argument, counted from the last.
    fn last_number(&self, before: usize) -> usize {
        let text = self.arguments.rsplit(", ").nth(before).unwrap();
        text.parse().unwrap()
    }
}

/// The path behind the first argument's descriptor: `5<\x2f\x74>`.
fn descriptor(arguments: &str) -> Option<Vec<u8>> {
    let first = arguments.split(',').next()?;
    Some(unhex(first.split_once('<')?.1.trim_end_matches('>')))
}

/// Every quoted string.
fn quoted(arguments: &str) -> Vec<Vec<u8>> {
    arguments.split('"').skip(1).step_by(2).map(unhex).collect()
}

/// `\x41\x42`, as strace writes bytes.
fn unhex(text: &str) -> Vec<u8> {
    text.split("\\x")
        .skip(1)
        .map(|digits| u8::from_str_radix(&digits[..2], 16).unwrap())
        .collect()
}
