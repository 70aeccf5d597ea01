//! From blobs to a response's body: only the bytes that are asked for, one chunk ahead of the client.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::task::{self, JoinHandle};

use crate::blob::{self, Blobs};
use crate::id::Id;
use crate::record::Extent;

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// The bytes of an object, or of a range of it. Holds at most three chunks in memory.
pub(crate) struct ObjectStream {
    remaining: u64,
    reading: Option<JoinHandle<(Cursor, io::Result<Bytes>)>>,
}

impl ObjectStream {
    /// Reads `range` of the extents. The pin keeps the files while the stream lives.
    pub(crate) fn new(
        blobs: &Arc<Blobs>,
        pin: Option<blob::Pin>,
        extents: &[Extent],
        range: &Range<u64>,
    ) -> Self {
        let cursor = Cursor {
            blobs: Arc::clone(blobs),
            slices: slices(extents, range),
            file: None,
            spare: Spare::default(),
            _pin: pin,
        };
        let remaining = range.end.saturating_sub(range.start);
        Self {
            remaining,
            reading: (remaining > 0).then(|| start(cursor)),
        }
    }
}

impl Stream for ObjectStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let finished = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        let item = finished
            .map_err(StdError::from)
            .and_then(|(cursor, chunk)| {
                let chunk = chunk?;
                self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
                if self.remaining > 0 {
                    self.reading = Some(start(cursor));
                }
                Ok(chunk)
            });
        Poll::Ready(Some(item))
    }
}

impl ByteStream for ObjectStream {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining)
            .map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

/// A piece of one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slice {
    blob: Id,
    offset: u64,
    length: u64,
}

/// Where the reading is.
struct Cursor {
    blobs: Arc<Blobs>,
    slices: VecDeque<Slice>,
    file: Option<File>,
    spare: Spare,
    _pin: Option<blob::Pin>,
}

fn start(mut cursor: Cursor) -> JoinHandle<(Cursor, io::Result<Bytes>)> {
    task::spawn_blocking(move || {
        let chunk = cursor.next_chunk();
        (cursor, chunk)
    })
}

impl Cursor {
    fn next_chunk(&mut self) -> io::Result<Bytes> {
        let Some(slice) = self.slices.front_mut() else {
            return Ok(Bytes::new());
        };
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut file = self.blobs.read(slice.blob)?;
                file.seek(SeekFrom::Start(slice.offset))?;
                self.file.insert(file)
            }
        };
        let length = usize::try_from(slice.length).map_or(CHUNK, |length| length.min(CHUNK));
        let mut buffer = self.spare.take(length);
        file.read_exact(&mut buffer.bytes[..length])?;
        slice.length -= length as u64;
        if slice.length == 0 {
            self.slices.pop_front();
            self.file = None;
        }
        Ok(Bytes::from_owner(buffer))
    }
}

fn slices(extents: &[Extent], range: &Range<u64>) -> VecDeque<Slice> {
    let mut slices = VecDeque::new();
    let mut begin = 0;
    for extent in extents {
        let end = begin + extent.size;
        let from = range.start.max(begin);
        let to = range.end.min(end);
        if from < to {
            slices.push_back(Slice {
                blob: extent.blob,
                offset: from - begin,
                length: to - from,
            });
        }
        begin = end;
    }
    slices
}

/// Buffers of one stream that were sent and can be filled again.
#[derive(Clone, Default)]
struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spare {
    fn take(&self, length: usize) -> Chunk {
        let mut bytes = self.lock().pop().unwrap_or_default();
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        Chunk {
            bytes,
            length,
            home: self.clone(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A filled buffer that goes home when it was sent.
struct Chunk {
    bytes: Vec<u8>,
    length: usize,
    home: Spare,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.home.lock().push(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(number: u8, size: u64) -> Extent {
        Extent {
            blob: Id([number; 16]),
            size,
        }
    }

    #[test]
    fn a_range_touches_only_the_extents_it_lies_in() {
        let extents = [extent(1, 10), extent(2, 10), extent(3, 10)];
        let slice = |number: u8, offset, length| Slice {
            blob: Id([number; 16]),
            offset,
            length,
        };
        assert_eq!(slices(&extents, &(12..18)), [slice(2, 2, 6)]);
        assert_eq!(
            slices(&extents, &(9..21)),
            [slice(1, 9, 1), slice(2, 0, 10), slice(3, 0, 1)]
        );
        assert_eq!(slices(&extents, &(30..30)), []);
    }
}
