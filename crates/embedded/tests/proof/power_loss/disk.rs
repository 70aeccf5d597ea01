//! What may be on the disk after the power went.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::trace::{Change, FileId, Node, Synced, Timed, Trace};
use crate::support::folder_in_memory;

/// What a disk writes at once, in bytes.
const SECTOR: usize = 512;

/// A small source of chance; the same seed gives the same.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Dice for somebody else.
    pub(super) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from((self.next() >> 11) % bound as u64).unwrap()
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A folder as it may be found after a cut at `moment`, when `kept` percent of what was not fsynced happened to
/// be written.
pub(super) fn image(trace: &Trace, moment: usize, kept: usize, dice: &mut Dice) -> TempDir {
    let mut files: HashMap<FileId, Vec<u8>> = HashMap::new();
    let mut entries: BTreeMap<PathBuf, Node> = BTreeMap::new();
    for change in trace.changes.iter().filter(|change| change.began <= moment) {
        let durable = is_durable(trace, change, moment);
        if !durable && dice.below(100) >= kept {
            continue;
        }
        match &change.what {
            Change::Write {
                file,
                offset,
                bytes,
            } => {
                let mut length = bytes.len();
                if !durable && dice.below(4) == 0 {
                    length = dice.below(length + 1) / SECTOR * SECTOR;
                }
                let content = files.entry(*file).or_default();
                if content.len() < offset + length {
                    content.resize(offset + length, 0);
                }
                content[*offset..offset + length].copy_from_slice(&bytes[..length]);
            }
            Change::Resize {
                file,
                size,
                grow_only,
            } => {
                let content = files.entry(*file).or_default();
                if !grow_only || content.len() < *size {
                    content.resize(*size, 0);
                }
            }
            Change::Entry {
                path,
                node: Some(node),
            } => {
                entries.insert(path.clone(), *node);
            }
            Change::Entry { path, node: None } => {
                entries.remove(path);
            }
        }
    }
    write(&entries, &files)
}

/// Whether an fsync that began after the change had ended was over in time.
fn is_durable(trace: &Trace, change: &Timed<Change>, moment: usize) -> bool {
    let target = match &change.what {
        Change::Write { file, .. } | Change::Resize { file, .. } => Synced::File(*file),
        Change::Entry { path, .. } => Synced::Folder(path.parent().unwrap().to_owned()),
    };
    trace
        .syncs
        .iter()
        .any(|sync| sync.began > change.ended && sync.ended <= moment && sync.what == target)
}

fn write(entries: &BTreeMap<PathBuf, Node>, files: &HashMap<FileId, Vec<u8>>) -> TempDir {
    let folder = folder_in_memory();
    for (path, node) in entries {
        let path = folder.path().join(path);
        // What lies in a folder that got lost is lost with it.
        if !path.parent().unwrap().is_dir() {
            continue;
        }
        match node {
            Node::Folder => fs::create_dir(path).unwrap(),
            Node::File(file) => {
                let content = files.get(file).map_or(&[][..], Vec::as_slice);
                fs::write(path, content).unwrap();
            }
        }
    }
    folder
}
