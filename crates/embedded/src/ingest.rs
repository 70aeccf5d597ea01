//! From a request's body to a durable blob: hashing and writing happen on blocking threads, one batch of at
//! most a mebibyte (plus one frame) at a time, while the next one is being received.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use s3s::S3ErrorCode;
use s3s::dto::StreamingBlob;
use tokio::task;

use crate::blob::{Blobs, Draft, Sealed};
use crate::chunked::ChunkError;
use crate::declared::Declared;
use crate::digest::{Algorithm, Digester, Digests};
use crate::error::Failure;

/// Bytes that are handed to a blocking thread at once.
const BATCH: usize = 1 << 20;
/// As large as one PUT may be, in bytes.
pub(crate) const MAX_BODY: u64 = 5 << 30;

/// A body that has arrived whole and as declared.
pub(crate) struct Ingested {
    /// `None` when the body was empty.
    pub(crate) blob: Option<Sealed>,
    pub(crate) size: u64,
    pub(crate) digests: Digests,
}

/// Receives a body, checks everything that was declared of it, and makes it durable.
pub(crate) async fn ingest(
    blobs: &Arc<Blobs>,
    body: Option<StreamingBlob>,
    declared: &Declared,
    wanted: Algorithm,
    now: Timestamp,
) -> Result<Ingested, Failure> {
    if declared.length.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let algorithms = [Some(wanted), declared.algorithm()];
    let mut stage = Stage::Idle(Intake {
        blobs: Arc::clone(blobs),
        draft: None,
        digester: Digester::new(algorithms.into_iter().flatten()),
        size: 0,
        now,
    });
    let mut body = body;
    loop {
        let (batch, ended) = receive(&mut body).await?;
        let intake = stage.settle().await?;
        stage = if batch.is_empty() {
            Stage::Idle(intake)
        } else {
            Stage::Writing(task::spawn_blocking(move || intake.write(&batch)))
        };
        if ended {
            break;
        }
    }
    finish(stage.settle().await?, declared).await
}

/// Between batches, or in the middle of one.
enum Stage {
    Idle(Intake),
    Writing(task::JoinHandle<io::Result<Intake>>),
}

impl Stage {
    async fn settle(self) -> Result<Intake, Failure> {
        match self {
            Self::Idle(intake) => Ok(intake),
            Self::Writing(task) => joined(task.await),
        }
    }
}

/// What has arrived so far.
struct Intake {
    blobs: Arc<Blobs>,
    draft: Option<Draft>,
    digester: Digester,
    size: u64,
    now: Timestamp,
}

impl Intake {
    fn write(mut self, batch: &[Bytes]) -> io::Result<Self> {
        let draft = match &mut self.draft {
            Some(draft) => draft,
            None => self.draft.insert(self.blobs.draft(self.now)?),
        };
        for bytes in batch {
            self.digester.update(bytes);
            draft.write(bytes)?;
            self.size += bytes.len() as u64;
        }
        Ok(self)
    }
}

/// The next batch, and whether the body has ended.
async fn receive(body: &mut Option<StreamingBlob>) -> Result<(Vec<Bytes>, bool), Failure> {
    let mut batch = Vec::new();
    let mut size = 0;
    let Some(stream) = body else {
        return Ok((batch, true));
    };
    while size < BATCH {
        match stream.next().await {
            Some(Ok(bytes)) if bytes.is_empty() => {}
            Some(Ok(bytes)) => {
                size += bytes.len();
                batch.push(bytes);
            }
            Some(Err(source)) => {
                return Err(match source.downcast::<Failure>() {
                    Ok(failure) => *failure,
                    Err(source) => broken_body(&source.to_string()),
                });
            }
            None => return Ok((batch, true)),
        }
    }
    Ok((batch, false))
}

/// Checks, then fsyncs: what is not as declared never gets its final name.
async fn finish(intake: Intake, declared: &Declared) -> Result<Ingested, Failure> {
    let size = intake.size;
    let digests = intake.digester.finish();
    check(declared, size, &digests)?;
    let blob = match intake.draft {
        Some(draft) => Some(joined(task::spawn_blocking(move || draft.seal()).await)?),
        None => None,
    };
    Ok(Ingested {
        blob,
        size,
        digests,
    })
}

fn check(declared: &Declared, size: u64, digests: &Digests) -> Result<(), Failure> {
    match declared.length {
        Some(length) if size < length => return Err(incomplete()),
        Some(length) if size > length => {
            return Err(Failure::refuse(
                S3ErrorCode::InvalidRequest,
                "The body is longer than its declared length",
            ));
        }
        _ => {}
    }
    if size > MAX_BODY {
        return Err(too_large());
    }
    if let Some(md5) = declared.md5
        && md5 != digests.md5
    {
        return Err(Failure::refuse(
            S3ErrorCode::BadDigest,
            format!(
                "The Content-MD5 you specified did not match what we received; computed {}",
                BASE64.encode(digests.md5)
            ),
        ));
    }
    if let Some((algorithm, value)) = declared.checksum()?
        && digests.value(algorithm) != Some(value)
    {
        return Err(Failure::refuse(
            S3ErrorCode::BadDigest,
            format!(
                "The {} you specified did not match the calculated checksum.",
                algorithm.name()
            ),
        ));
    }
    Ok(())
}

/// `s3s` checks signed payloads while they pass and reports through the stream.
fn broken_body(report: &str) -> Failure {
    if report.contains("Sha256Mismatch") {
        return Failure::refuse_named(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        );
    }
    if report.contains("SignatureMismatch") {
        return Failure::refuse(
            S3ErrorCode::SignatureDoesNotMatch,
            "The signature of a chunk does not match",
        );
    }
    if report.contains(&ChunkError::TooLarge.to_string()) {
        return Failure::refuse_named(
            "InvalidChunkSizeError",
            "A signed chunk may have at most 16777216 bytes; send smaller ones",
        );
    }
    incomplete()
}

fn incomplete() -> Failure {
    Failure::refuse(
        S3ErrorCode::IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

fn too_large() -> Failure {
    Failure::refuse(
        S3ErrorCode::EntityTooLarge,
        "Your proposed upload exceeds the maximum allowed size",
    )
}

fn joined<T>(result: Result<io::Result<T>, task::JoinError>) -> Result<T, Failure> {
    match result {
        Ok(result) => Ok(result?),
        Err(_) => Err(Failure::Broken("a writing thread ended early")),
    }
}
