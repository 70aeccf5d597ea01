//! The tables, and the two ways to look at them.

use redb::{ReadOnlyTable, ReadTransaction, Table, TableDefinition, TableError, WriteTransaction};

use crate::blob::Sealed;
use crate::error::Failure;
use crate::id::Id;
use crate::journal::Accepted;

/// Bucket → [`crate::record::BucketRecord`].
pub(crate) const BUCKETS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("buckets");
/// Bucket and key → [`crate::record::ObjectRecord`]; sorted as S3 lists.
pub(crate) const OBJECTS: TableDefinition<'_, ObjectKey, &[u8]> = TableDefinition::new("objects");
/// Body → number of objects that share it, and its extents.
pub(crate) const BODIES: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("bodies");
/// Every blob that a body or a part names → its size.
pub(crate) const BLOBS: TableDefinition<'_, &[u8; 16], u64> = TableDefinition::new("blobs");
/// Bucket, key and upload → [`crate::record::UploadRecord`]; sorted as S3 lists.
pub(crate) const UPLOADS: TableDefinition<'_, UploadKey, &[u8]> = TableDefinition::new("uploads");
/// Upload and part number → [`crate::record::PartRecord`].
pub(crate) const PARTS: TableDefinition<'_, PartKey, &[u8]> = TableDefinition::new("parts");
/// Upload → [`crate::record::CompletedRecord`].
pub(crate) const COMPLETED: TableDefinition<'_, &[u8; 16], &[u8]> =
    TableDefinition::new("completed");

pub(crate) type ObjectKey = (&'static str, &'static [u8]);
pub(crate) type UploadKey = (&'static str, &'static [u8], &'static [u8; 16]);
pub(crate) type PartKey = (&'static [u8; 16], u16);
pub(crate) type Json = &'static [u8];

/// All tables inside one write transaction, and what is to be done once it is durable.
pub(crate) struct Tables<'t> {
    pub(crate) buckets: Table<'t, &'static str, Json>,
    pub(crate) objects: Table<'t, ObjectKey, Json>,
    pub(crate) bodies: Table<'t, &'static [u8; 16], Json>,
    pub(crate) blobs: Table<'t, &'static [u8; 16], u64>,
    pub(crate) uploads: Table<'t, UploadKey, Json>,
    pub(crate) parts: Table<'t, PartKey, Json>,
    pub(crate) completed: Table<'t, &'static [u8; 16], Json>,
    effects: Effects,
    journaling: bool,
}

/// A body (or a part, under its own name) that nothing names any more.
pub(crate) struct Released {
    pub(crate) id: Id,
    pub(crate) blobs: Vec<Id>,
}

#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) changed: bool,
    pub(crate) released: Vec<Released>,
    /// For the journal, if one is kept.
    pub(crate) accepted: Vec<Accepted>,
}

impl<'t> Tables<'t> {
    pub(crate) fn open(
        transaction: &'t WriteTransaction,
        journaling: bool,
    ) -> Result<Self, Failure> {
        Ok(Self {
            buckets: transaction.open_table(BUCKETS)?,
            objects: transaction.open_table(OBJECTS)?,
            bodies: transaction.open_table(BODIES)?,
            blobs: transaction.open_table(BLOBS)?,
            uploads: transaction.open_table(UPLOADS)?,
            parts: transaction.open_table(PARTS)?,
            completed: transaction.open_table(COMPLETED)?,
            effects: Effects::default(),
            journaling,
        })
    }

    /// There is something to commit.
    pub(crate) fn changed(&mut self) {
        self.effects.changed = true;
    }

    /// Says what became durable, should a journal be kept.
    pub(crate) fn accept(
        &mut self,
        accepted: impl FnOnce(&Self) -> Result<Accepted, Failure>,
    ) -> Result<(), Failure> {
        if self.journaling {
            let accepted = accepted(self)?;
            self.effects.accepted.push(accepted);
        }
        Ok(())
    }

    /// Takes a durable blob into the index.
    pub(crate) fn adopt(&mut self, blob: Sealed, size: u64) -> Result<Id, Failure> {
        let id = blob.id();
        // From here on only the index can tell whether the file is needed.
        blob.adopt();
        self.blobs.insert(&id.0, size)?;
        Ok(id)
    }

    /// Forgets blobs; their files are removed after the commit.
    pub(crate) fn release(&mut self, id: Id, blobs: Vec<Id>) -> Result<(), Failure> {
        for blob in &blobs {
            self.blobs.remove(&blob.0)?;
        }
        self.effects.released.push(Released { id, blobs });
        Ok(())
    }

    pub(crate) fn into_effects(self) -> Effects {
        self.effects
    }
}

/// The index at one moment.
pub(crate) struct Snapshot {
    transaction: ReadTransaction,
}

impl Snapshot {
    pub(crate) fn new(transaction: ReadTransaction) -> Self {
        Self { transaction }
    }

    pub(crate) fn open<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<ReadOnlyTable<K, V>, TableError> {
        self.transaction.open_table(table)
    }
}

/// Whether the index names a blob.
pub(crate) fn has_blob(snapshot: &Snapshot, id: Id) -> Result<bool, Failure> {
    Ok(snapshot.open(BLOBS)?.get(&id.0)?.is_some())
}
