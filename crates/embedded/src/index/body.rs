//! Bodies: where the bytes of objects are. Copies share a body; it goes when the last of them goes.

use redb::ReadableTable;

use super::table::{Json, Tables};
use crate::error::Failure;
use crate::id::Id;
use crate::record::Extent;

const EXTENT: usize = 24;
const BROKEN: Failure = Failure::Broken("a body of the index cannot be read");

/// Stores a body for one object.
pub(super) fn create(tables: &mut Tables<'_>, id: Id, extents: &[Extent]) -> Result<(), Failure> {
    store(tables, id, 1, extents)
}

/// One more object shares the body.
pub(super) fn share(tables: &mut Tables<'_>, id: Id) -> Result<(), Failure> {
    let (owners, extents) = load(&tables.bodies, id)?.ok_or(BROKEN)?;
    store(tables, id, owners + 1, &extents)
}

/// One object fewer shares the body; the last one takes its blobs along.
pub(super) fn release(tables: &mut Tables<'_>, id: Id) -> Result<(), Failure> {
    let (owners, extents) = load(&tables.bodies, id)?.ok_or(BROKEN)?;
    if owners > 1 {
        return store(tables, id, owners - 1, &extents);
    }
    tables.bodies.remove(&id.0)?;
    tables.release(id, extents.iter().map(|extent| extent.blob).collect())
}

/// How many objects share a body, and its extents in order.
pub(super) fn load(
    bodies: &impl ReadableTable<&'static [u8; 16], Json>,
    id: Id,
) -> Result<Option<(u32, Vec<Extent>)>, Failure> {
    let Some(stored) = bodies.get(&id.0)? else {
        return Ok(None);
    };
    let (owners, extents) = stored.value().split_first_chunk().ok_or(BROKEN)?;
    let extents = extents
        .chunks(EXTENT)
        .map(read_extent)
        .collect::<Option<Vec<_>>>()
        .ok_or(BROKEN)?;
    Ok(Some((u32::from_be_bytes(*owners), extents)))
}

fn store(tables: &mut Tables<'_>, id: Id, owners: u32, extents: &[Extent]) -> Result<(), Failure> {
    let mut bytes = Vec::with_capacity(4 + extents.len() * EXTENT);
    bytes.extend(owners.to_be_bytes());
    for extent in extents {
        bytes.extend(extent.blob.0);
        bytes.extend(extent.size.to_be_bytes());
    }
    tables.bodies.insert(&id.0, bytes.as_slice())?;
    Ok(())
}

fn read_extent(bytes: &[u8]) -> Option<Extent> {
    let (blob, size) = bytes.split_first_chunk()?;
    Some(Extent {
        blob: Id(*blob),
        size: u64::from_be_bytes(size.try_into().ok()?),
    })
}
