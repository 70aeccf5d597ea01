//! Uploads in parts.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::step::{Algorithm, Body, Choice, Condition, LARGE, Sums};
use super::object::{declared, etag, md5, with_mark};
use super::{Action, Exchange, Expected, Model, NO_KEY, Object, Refusal};
use crate::support::{BUCKET, base64, encode, md5_hex};

const NO_UPLOAD: Refusal = (404, "NoSuchUpload");
/// A Complete of an upload that never was.
const STRAY: &str = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"0\"</ETag></Part></CompleteMultipartUpload>";

/// An upload, also after its end.
#[derive(Clone, Debug)]
pub(in super::super) struct Upload {
    pub(super) key: String,
    sums: Sums,
    mark: u8,
    parts: BTreeMap<u16, Bytes>,
    pub(super) state: State,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Open,
    /// The claims it was completed with, and the ETag that came of it.
    Completed(Vec<Claim>, String),
    Aborted,
}

/// A part's number and ETag, as Complete names it.
type Claim = (u16, String);

impl Sums {
    fn algorithm(self) -> Algorithm {
        match self {
            Self::Default => Algorithm::Crc64Nvme,
            Self::Full(algorithm) | Self::Composite(algorithm) => algorithm,
        }
    }

    /// `CRC32` and its like.
    fn name(self) -> String {
        let header = self.algorithm().header();
        header.trim_start_matches("x-amz-checksum-").to_uppercase()
    }
}

impl Upload {
    fn claims(&self, choice: Choice) -> Vec<Claim> {
        let claim = |(number, bytes): (&u16, &Bytes)| (*number, etag(bytes));
        let mut claims: Vec<Claim> = self.parts.iter().map(claim).collect();
        let other = etag(b"bytes of nobody");
        match choice {
            Choice::All => {}
            Choice::LastOnly => claims = claims.split_off(claims.len().saturating_sub(1)),
            Choice::Backwards => claims.reverse(),
            Choice::OneTooMany => claims.push((9999, other)),
            Choice::WrongEtag => {
                for claim in &mut claims {
                    claim.1.clone_from(&other);
                }
            }
        }
        claims
    }

    fn xml(&self, claims: &[Claim]) -> Bytes {
        let mut xml = String::new();
        for (number, etag) in claims {
            let sum = if let Sums::Composite(algorithm) = self.sums {
                let bytes = self.parts.get(number).cloned().unwrap_or_default();
                let (tag, value) = (self.sums.name(), algorithm.value(&bytes));
                format!("<Checksum{tag}>{value}</Checksum{tag}>")
            } else {
                String::new()
            };
            xml +=
                &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{sum}</Part>");
        }
        format!("<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>").into()
    }

    /// Why these claims cannot be an object, if they cannot.
    fn refusal(&self, claims: &[Claim]) -> Option<Refusal> {
        let Some((_, all_but_last)) = claims.split_last() else {
            return Some((400, "MalformedXML"));
        };
        if !claims.is_sorted_by(|a, b| a.0 < b.0) {
            return Some((400, "InvalidPartOrder"));
        }
        let stored = |(number, tag): &Claim| {
            let part = self.parts.get(number);
            part.filter(|bytes| etag(bytes) == *tag)
        };
        if claims.iter().any(|claim| stored(claim).is_none()) {
            return Some((400, "InvalidPart"));
        }
        let short = |claim| stored(claim).is_some_and(|bytes| bytes.len() < LARGE);
        let too_small = all_but_last.iter().any(short);
        too_small.then_some((400, "EntityTooSmall"))
    }

    fn object(&self, claims: &[Claim]) -> Object {
        let parts: Vec<&Bytes> = claims
            .iter()
            .map(|(number, _)| &self.parts[number])
            .collect();
        let md5 = |part: &&Bytes| <md5::Md5 as md5::Digest>::digest(part);
        let md5s: Vec<u8> = parts.iter().flat_map(md5).collect();
        let mut whole = Vec::new();
        for part in &parts {
            whole.extend_from_slice(part);
        }
        let algorithm = self.sums.algorithm();
        let (checksum, checksum_type) = if matches!(self.sums, Sums::Composite(_)) {
            let sums: Vec<u8> = parts.iter().flat_map(|part| algorithm.of(part)).collect();
            let composite = format!("{}-{}", base64(&algorithm.of(&sums)), parts.len());
            (composite, "COMPOSITE")
        } else {
            (algorithm.value(&whole), "FULL_OBJECT")
        };
        Object {
            etag: format!("\"{}-{}\"", md5_hex(&md5s), parts.len()),
            mark: self.mark,
            checksum: (algorithm.header(), checksum),
            checksum_type,
            bytes: whole.into(),
        }
    }
}

impl Model {
    /// One of the last few uploads; one that never was when there is none.
    fn slot(&self, slot: usize) -> usize {
        let recent = self.uploads.len().min(4);
        match slot.checked_rem(recent) {
            Some(back) => self.uploads.len() - 1 - back,
            None => 0,
        }
    }

    /// The upload, if it is still open.
    fn open(&mut self, slot: usize) -> Option<&mut Upload> {
        let upload = self.uploads.get_mut(slot)?;
        matches!(upload.state, State::Open).then_some(upload)
    }

    fn key_of(&self, slot: usize) -> String {
        let upload = self.uploads.get(slot);
        upload.map_or_else(|| "a".to_owned(), |upload| upload.key.clone())
    }

    pub(super) fn create(&mut self, key: &str, sums: Sums, mark: u8) -> Action {
        let mut create = with_mark(Exchange::new("POST", key), mark).query("uploads", "");
        let coverage = match sums {
            Sums::Default => None,
            Sums::Full(_) => Some("FULL_OBJECT"),
            Sums::Composite(_) => Some("COMPOSITE"),
        };
        if let Some(coverage) = coverage {
            create = create
                .header("x-amz-checksum-algorithm", sums.name())
                .header("x-amz-checksum-type", coverage);
        }
        self.uploads.push(Upload {
            key: key.to_owned(),
            sums,
            mark,
            parts: BTreeMap::new(),
            state: State::Open,
        });
        create.expect(Expected::Created)
    }

    pub(super) fn part(&mut self, slot: usize, number: u16, body: Body, right: bool) -> Action {
        let slot = self.slot(slot);
        let bytes = body.bytes();
        let put = Exchange::new("PUT", &self.key_of(slot))
            .query("partNumber", number)
            .upload(slot)
            .body(bytes.clone());
        let Some(upload) = self.open(slot) else {
            return put.refused(NO_UPLOAD);
        };
        let put = match upload.sums {
            Sums::Default => put.header("content-md5", declared(right, &bytes, md5)),
            Sums::Full(algorithm) | Sums::Composite(algorithm) => {
                let value = declared(right, &bytes, |bytes| algorithm.value(bytes));
                put.header(algorithm.header(), value)
            }
        };
        if !right {
            return put.refused((400, "BadDigest"));
        }
        let etag = Some(etag(&bytes));
        upload.parts.insert(number, bytes);
        put.expect(Expected::Done { status: 200, etag })
    }

    pub(super) fn copy_part(
        &mut self,
        slot: usize,
        number: u16,
        source: &str,
        range: Option<(usize, usize)>,
    ) -> Action {
        let slot = self.slot(slot);
        let mut put = Exchange::new("PUT", &self.key_of(slot))
            .query("partNumber", number)
            .upload(slot)
            .header(
                "x-amz-copy-source",
                format!("{BUCKET}/{}", encode(source, true)),
            );
        if let Some((first, last)) = range {
            put = put.header("x-amz-copy-source-range", format!("bytes={first}-{last}"));
        }
        let Some(source) = self.objects.get(source) else {
            return put.refused(NO_KEY);
        };
        let bytes = match range {
            None => source.bytes.clone(),
            Some((first, last)) if last < source.bytes.len() => source.bytes.slice(first..=last),
            Some(_) => return put.refused((416, "InvalidRange")),
        };
        let Some(upload) = self.open(slot) else {
            return put.refused(NO_UPLOAD);
        };
        let etag = etag(&bytes);
        upload.parts.insert(number, bytes);
        put.expect(Expected::DoneInXml { etag, parts: 1 })
    }

    pub(super) fn complete(&mut self, slot: usize, choice: Choice, condition: Condition) -> Action {
        let slot = self.slot(slot);
        let key = self.key_of(slot);
        let (header, refusal) = self.condition(&key, condition);
        let post = Exchange::new("POST", &key).upload(slot).maybe(header);
        let Some(upload) = self.uploads.get_mut(slot) else {
            return post.body(STRAY.into()).refused(NO_UPLOAD);
        };
        let claims = upload.claims(choice);
        let post = post.body(upload.xml(&claims));
        match &upload.state {
            State::Open => {}
            // The same Complete again is answered as before, whatever has become of the object.
            State::Completed(known, etag) if *known == claims => {
                let etag = etag.clone();
                return post.expect(Expected::DoneInXml { etag, parts: 1 });
            }
            State::Completed(..) | State::Aborted => return post.refused(NO_UPLOAD),
        }
        if let Some(refusal) = upload.refusal(&claims).or(refusal) {
            return post.refused(refusal);
        }
        let object = upload.object(&claims);
        let (etag, parts) = (object.etag.clone(), claims.len());
        upload.state = State::Completed(claims, etag.clone());
        self.objects.insert(key, object);
        post.expect(Expected::DoneInXml { etag, parts })
    }

    pub(super) fn abort(&mut self, slot: usize) -> Action {
        let slot = self.slot(slot);
        let delete = Exchange::new("DELETE", &self.key_of(slot)).upload(slot);
        let Some(upload) = self.open(slot) else {
            return delete.refused(NO_UPLOAD);
        };
        upload.state = State::Aborted;
        delete.expect(Expected::Done {
            status: 204,
            etag: None,
        })
    }

    pub(super) fn list_parts(&mut self, slot: usize, limit: usize) -> Action {
        let slot = self.slot(slot);
        let key = self.key_of(slot);
        let Some(upload) = self.open(slot) else {
            return Exchange::new("GET", &key).upload(slot).refused(NO_UPLOAD);
        };
        let line = |(number, bytes): (&u16, &Bytes)| (*number, bytes.len(), etag(bytes));
        let parts = upload.parts.iter().map(line).collect();
        Action::ListParts {
            key,
            slot,
            limit,
            parts,
        }
    }
}
