//! Single objects.

use bytes::Bytes;

use super::super::step::{Algorithm, Body, Condition, Digest, KEYS, Range, ReadCondition, Version};
use super::{Action, Exchange, Expected, FAILED, Model, NO_KEY, Object, Refusal};
use crate::support::{BUCKET, base64, bytes, encode, md5_hex};

impl Body {
    pub(super) fn bytes(self) -> Bytes {
        bytes(u64::from(self.seed), self.size).into()
    }
}

impl Algorithm {
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Crc32 => crc_fast::crc32_iso_hdlc(bytes).to_be_bytes().to_vec(),
            Self::Crc32c => crc_fast::crc32_iscsi(bytes).to_be_bytes().to_vec(),
            Self::Crc64Nvme => crc_fast::crc64_nvme(bytes).to_be_bytes().to_vec(),
            Self::Sha1 => <sha1::Sha1 as sha1::Digest>::digest(bytes).to_vec(),
            Self::Sha256 => <sha2::Sha256 as sha2::Digest>::digest(bytes).to_vec(),
        }
    }

    pub(super) fn value(self, bytes: &[u8]) -> String {
        base64(&self.of(bytes))
    }
}

/// The value a request declares: the true one, or that of other bytes.
pub(super) fn declared(right: bool, bytes: &[u8], of: impl Fn(&[u8]) -> String) -> String {
    if right { of(bytes) } else { of(b"other bytes") }
}

pub(super) fn md5(bytes: &[u8]) -> String {
    base64(&<md5::Md5 as md5::Digest>::digest(bytes))
}

pub(super) fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", md5_hex(bytes))
}

pub(super) fn truncated(key: &str, body: Body) -> Action {
    let bytes = body.bytes();
    let mut put = Exchange::new("PUT", key);
    put.length = Some(bytes.len() + 1);
    put.body(bytes).refused((400, "IncompleteBody"))
}

impl Object {
    fn new(bytes: Bytes, mark: u8, algorithm: Algorithm) -> Self {
        Self {
            etag: etag(&bytes),
            mark,
            checksum: (algorithm.header(), algorithm.value(&bytes)),
            checksum_type: "FULL_OBJECT",
            bytes,
        }
    }
}

/// Says the mark in the two ways a client can.
pub(super) fn with_mark(exchange: Exchange, mark: u8) -> Exchange {
    exchange
        .header("content-type", format!("text/mark-{mark}"))
        .header("x-amz-meta-mark", mark)
}

impl Model {
    pub(super) fn put(
        &mut self,
        key: &str,
        body: Body,
        condition: Condition,
        digest: Digest,
    ) -> Action {
        let bytes = body.bytes();
        let mut put = with_mark(Exchange::new("PUT", key), body.seed).body(bytes.clone());
        let (header, refusal) = self.condition(key, condition);
        put = put.maybe(header);
        let (algorithm, right) = match digest {
            Digest::None => (None, true),
            Digest::Md5 { right } => {
                put = put.header("content-md5", declared(right, &bytes, md5));
                (None, right)
            }
            Digest::Sum { algorithm, right } => {
                let value = declared(right, &bytes, |bytes| algorithm.value(bytes));
                put = put.header(algorithm.header(), value);
                (Some(algorithm), right)
            }
        };
        if !right {
            return put.refused((400, "BadDigest"));
        }
        if let Some(refusal) = refusal {
            return put.refused(refusal);
        }
        let object = Object::new(bytes, body.seed, algorithm.unwrap_or(Algorithm::Crc64Nvme));
        let etag = Some(object.etag.clone());
        self.objects.insert(key.to_owned(), object);
        put.expect(Expected::Done { status: 200, etag })
    }

    /// The object, unless it is not there or not to be read.
    fn readable(&self, key: &str, refusal: Option<Refusal>) -> Result<Object, Refusal> {
        let object = self.objects.get(key).ok_or(NO_KEY)?;
        refusal.map_or_else(|| Ok(object.clone()), Err)
    }

    pub(super) fn get(&self, key: &str, condition: ReadCondition, range: Option<Range>) -> Action {
        let (header, refusal) = self.read_condition(key, condition);
        let mut get = Exchange::new("GET", key).maybe(header);
        if let Some(range) = range {
            get = get.header("range", range.header());
        }
        let object = match self.readable(key, refusal) {
            Ok(object) => object,
            Err(refusal) => return get.refused(refusal),
        };
        let (status, bytes) = match range.map(|range| range.of(&object.bytes)) {
            None => (200, object.bytes.clone()),
            Some(Some(bytes)) => (206, bytes),
            Some(None) => return get.refused((416, "InvalidRange")),
        };
        let bytes = Some(bytes);
        get.expect(Expected::Object {
            status,
            object,
            bytes,
        })
    }

    pub(super) fn head(&self, key: &str, condition: ReadCondition) -> Action {
        let (header, refusal) = self.read_condition(key, condition);
        let head = Exchange::new("HEAD", key).maybe(header);
        let head = head.header("x-amz-checksum-mode", "ENABLED");
        match self.readable(key, refusal) {
            Ok(object) => head.expect(Expected::Object {
                status: 200,
                object,
                bytes: None,
            }),
            Err(refusal) => head.refused(refusal),
        }
    }

    pub(super) fn delete(&mut self, key: &str, version: Option<Version>) -> Action {
        let header = version.map(|version| ("if-match", self.version(key, version)));
        let delete = Exchange::new("DELETE", key).maybe(header);
        match (version, self.objects.contains_key(key)) {
            (Some(_), false) => return delete.refused(NO_KEY),
            (Some(Version::Other), true) => return delete.refused(FAILED),
            _ => self.objects.remove(key),
        };
        delete.expect(Expected::Done {
            status: 204,
            etag: None,
        })
    }

    pub(super) fn delete_many(&mut self, keys: &[usize]) -> Action {
        let mut xml = String::new();
        for key in keys {
            self.objects.remove(KEYS[*key]);
            xml += &format!("<Object><Key>{}</Key></Object>", KEYS[*key]);
        }
        let mut post = Exchange::new("POST", "").query("delete", "");
        post.key = None;
        post.body(format!("<Delete>{xml}</Delete>").into())
            .expect(Expected::Done {
                status: 200,
                etag: None,
            })
    }

    pub(super) fn copy(
        &mut self,
        (source, source_condition): (&str, ReadCondition),
        (target, condition): (&str, Condition),
        replace: Option<u8>,
    ) -> Action {
        let (source_header, source_refusal) = self.read_condition(source, source_condition);
        let (header, refusal) = self.condition(target, condition);
        let mut copy = Exchange::new("PUT", target).maybe(header).header(
            "x-amz-copy-source",
            format!("/{BUCKET}/{}", encode(source, true)),
        );
        if let Some((name, value)) = source_header {
            copy = copy.header(format!("x-amz-copy-source-{name}"), value);
        }
        if let Some(mark) = replace {
            copy = with_mark(copy, mark).header("x-amz-metadata-directive", "REPLACE");
        }
        // A copy has no use for "not modified".
        let mut object = match self.readable(source, source_refusal.map(|_| FAILED)) {
            Ok(object) => object,
            Err(refusal) => return copy.refused(refusal),
        };
        if source == target && replace.is_none() {
            return copy.refused((400, "InvalidRequest"));
        }
        if let Some(refusal) = refusal {
            return copy.refused(refusal);
        }
        object.mark = replace.unwrap_or(object.mark);
        let etag = object.etag.clone();
        self.objects.insert(target.to_owned(), object);
        copy.expect(Expected::DoneInXml { etag, parts: 1 })
    }
}

impl Range {
    fn header(self) -> String {
        match self {
            Self::Between(first, last) => format!("bytes={first}-{last}"),
            Self::From(first) => format!("bytes={first}-"),
            Self::Last(count) => format!("bytes=-{count}"),
        }
    }

    /// The bytes it is about, if there are any.
    fn of(self, bytes: &Bytes) -> Option<Bytes> {
        let size = bytes.len();
        let (first, end) = match self {
            Self::Between(first, last) => (first, size.min(last + 1)),
            Self::From(first) => (first, size),
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        (first < end).then(|| bytes.slice(first..end))
    }
}
