//! What a client was told: the acknowledgements that the service may never forget.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::Value;

/// How far a verb went, as its client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Step {
    /// It was never asked for.
    #[default]
    Never,
    /// It was asked for; what came of it is not known.
    Asked,
    /// It was refused: nothing may have come of it.
    Refused,
    /// It was acknowledged.
    Done,
}

/// One upload whose creation was acknowledged.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// Its presigned requests and the bytes each carries, by part number; a single upload has part 1.
    pub requests: BTreeMap<u32, (Value, Bytes)>,
    /// Parts whose storage was acknowledged.
    pub stored: BTreeSet<u32>,
    /// How many parts there are.
    pub parts: u32,
    /// Whether its declared checksum is a wrong one, so that it must fail.
    pub spoiled: bool,
    /// Whether it is a file now, as far as the client knows.
    pub completed: Step,
    /// Whether it was given up.
    pub aborted: Step,
    /// Whether its file was deleted.
    pub deleted: Step,
    /// The file, as the service described it when it was completed.
    pub file: Option<Value>,
}

impl Entry {
    /// Whether storage acknowledged every byte.
    pub fn is_whole(&self) -> bool {
        self.stored.len() == self.parts as usize
    }
}

/// All acknowledgements of one run.
#[derive(Debug, Default)]
pub struct Journal(Mutex<BTreeMap<String, Entry>>);

impl Journal {
    /// Writes down a creation.
    pub fn created(&self, entry: Entry) {
        self.entries().insert(entry.id.clone(), entry);
    }

    /// Changes what is known of an upload.
    pub fn note(&self, id: &str, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries().get_mut(id) {
            change(entry);
        }
    }

    /// What is known of an upload.
    pub fn find(&self, id: &str) -> Option<Entry> {
        self.entries().get(id).cloned()
    }

    /// All that is known.
    pub fn all(&self) -> Vec<Entry> {
        self.entries().values().cloned().collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
