//! What the service promises, as plain values: one upload and all that may become of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use valetkey_protocol::upload::{State, Upload};

/// Where an upload stands, for everybody who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It takes bytes.
    Open,
    /// It is a file.
    File,
    /// It was a file.
    Deleted,
    /// It was given up.
    Aborted,
    /// Its time is over.
    Expired,
}

/// One upload.
#[derive(Debug, Clone)]
pub(super) struct Modelled {
    /// As it was answered, with its requests.
    pub(super) upload: Upload,
    /// What its client means to send.
    pub(super) bytes: Bytes,
    /// What storage took, by part; a single upload has part 0.
    pub(super) stored: BTreeMap<usize, Bytes>,
    /// Whether its checksum was declared.
    pub(super) declared: bool,
    /// For how many seconds the file is kept.
    pub(super) retain: Option<u64>,
    /// When the file is deleted by itself.
    pub(super) ends_at: Option<Timestamp>,
    /// Where it stands.
    pub(super) stand: Stand,
    /// Whether storage may have been kept from blocking the upload URL.
    pub(super) unblocked: bool,
    /// Until when sweeps may leave it alone, because one of them met trouble there.
    pub(super) postponed_until: Option<Timestamp>,
    /// Its name.
    pub(super) name: String,
}

/// What storage may answer to a PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PutAnswer {
    /// 200, and only that.
    Stored,
    /// 400: the declared checksum is another.
    BadDigest,
    /// 403: the URL is over.
    Expired,
    /// 412: something is there already.
    Blocked,
    /// 404: the multipart upload is over.
    Gone,
}

impl Modelled {
    /// The requests, by part.
    pub(super) fn parts(&self) -> usize {
        self.upload.parts.as_ref().map_or(1, Vec::len)
    }

    /// The bytes that a part carries.
    pub(super) fn slice(&self, part: usize) -> Bytes {
        let Some(parts) = &self.upload.parts else {
            return self.bytes.clone();
        };
        let size = |value: u64| usize::try_from(value).unwrap_or_default();
        let begin = size(parts[part].offset);
        self.bytes.slice(begin..begin + size(parts[part].size))
    }

    /// The request of a part.
    pub(super) fn request(&self, part: usize) -> Option<&valetkey_protocol::PresignedRequest> {
        match &self.upload.parts {
            Some(parts) => parts.get(part).map(|part| &part.request),
            None => self.upload.request.as_ref(),
        }
    }

    /// Whether storage has every byte.
    pub(super) fn is_whole(&self) -> bool {
        self.stored.len() == self.parts()
    }

    /// The bytes storage took, in order.
    pub(super) fn content(&self) -> Vec<u8> {
        self.stored
            .values()
            .flat_map(|part| part.iter().copied())
            .collect()
    }

    /// What storage answers to a PUT of a part.
    pub(super) fn put(&self, part: usize, other: bool, now: Timestamp) -> PutAnswer {
        let alive = self
            .request(part)
            .is_some_and(|request| now < request.expires_at);
        let is_single = self.upload.parts.is_none();
        match () {
            () if !alive => PutAnswer::Expired,
            () if !is_single && self.stand != Stand::Open => PutAnswer::Gone,
            // Only a whole upload has a checksum to declare; those of parts are not declared here.
            () if is_single && other && self.declared => PutAnswer::BadDigest,
            () if is_single && (self.stand != Stand::Open || self.is_whole()) => PutAnswer::Blocked,
            () => PutAnswer::Stored,
        }
    }

    /// Whether bytes differ from the declared ones, so that completing must fail.
    pub(super) fn is_spoiled(&self) -> bool {
        self.declared && self.is_whole() && self.content() != self.bytes
    }

    /// It becomes a file.
    pub(super) fn finish(&mut self, now: Timestamp) {
        self.stand = Stand::File;
        self.ends_at = self.retain.map(|seconds| later(now, seconds));
    }

    /// Whether anybody can see the file.
    pub(super) fn is_visible(&self, now: Timestamp) -> bool {
        self.stand == Stand::File && self.ends_at.is_none_or(|ends| now < ends)
    }

    /// Whether its session is over.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.upload.expires_at <= now
    }

    /// Whether a sweep may leave it as it is: there is trouble now, or there was, and what could not be done then is
    /// tried again within the hour.
    pub(super) fn is_postponed(&mut self, now: Timestamp, trouble: bool) -> bool {
        if trouble {
            self.postponed_until = Some(later(now, 3600));
        }
        self.postponed_until.is_some_and(|until| now < until)
    }

    /// What a sweep does to it.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        match self.stand {
            Stand::Open if self.is_late(now) && self.is_whole() => self.finish(now),
            Stand::Open if self.is_late(now) => self.stand = Stand::Expired,
            Stand::File if !self.is_visible(now) => self.stand = Stand::Deleted,
            _ => {}
        }
    }

    /// Whether the catalog's word for it fits.
    pub(super) fn fits(&self, state: State) -> bool {
        match self.stand {
            Stand::Open => state == State::Pending,
            Stand::File => state == State::Available,
            Stand::Deleted => matches!(state, State::Deleting | State::Deleted),
            Stand::Aborted => state == State::Aborted,
            Stand::Expired => state == State::Expired,
        }
    }

    /// Takes what the catalog says after storage misbehaved, if that is one of two things that may be.
    pub(super) fn adopt(&mut self, state: State, after: Stand, now: Timestamp) -> bool {
        if self.fits(state) {
            return true;
        }
        let before = self.clone();
        match after {
            Stand::File => self.finish(now),
            other => self.stand = other,
        }
        if self.fits(state) {
            return true;
        }
        *self = before;
        false
    }
}

fn later(instant: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let sum = instant.checked_add(SignedDuration::from_secs(seconds));
    sum.unwrap_or(Timestamp::MAX)
}
