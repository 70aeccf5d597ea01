//! What a request says of its own body: length, MD5, checksum (in a header or behind the body).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use s3s::{S3ErrorCode, TrailingHeaders};

use crate::digest::{self, Algorithm};
use crate::error::Failure;

/// The declarations; each is checked before the body can become visible.
#[derive(Clone, Default)]
pub(crate) struct Declared {
    /// In bytes, without the framing of aws-chunked.
    pub(crate) length: Option<u64>,
    pub(crate) md5: Option<[u8; 16]>,
    checksum: DeclaredChecksum,
}

#[derive(Clone, Default)]
enum DeclaredChecksum {
    #[default]
    None,
    Header(Algorithm, String),
    /// Known only after the body.
    Trailer(Algorithm, TrailingHeaders),
}

impl Declared {
    /// Reads the headers of a request whose signature was verified.
    pub(crate) fn read(
        headers: &HeaderMap,
        length: Option<i64>,
        trailers: Option<&TrailingHeaders>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            length: length.and_then(|length| u64::try_from(length).ok()),
            md5: read_md5(headers)?,
            checksum: read_checksum(headers, trailers)?,
        })
    }

    /// A body that only says how long it is.
    pub(crate) fn of_length(length: u64) -> Self {
        Self {
            length: Some(length),
            ..Self::default()
        }
    }

    /// The algorithm of the declared checksum.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        match &self.checksum {
            DeclaredChecksum::None => None,
            DeclaredChecksum::Header(algorithm, _) | DeclaredChecksum::Trailer(algorithm, _) => {
                Some(*algorithm)
            }
        }
    }

    /// The declared checksum; to be asked when the body has ended.
    pub(crate) fn checksum(&self) -> Result<Option<(Algorithm, String)>, Failure> {
        match &self.checksum {
            DeclaredChecksum::None => Ok(None),
            DeclaredChecksum::Header(algorithm, value) => Ok(Some((*algorithm, value.clone()))),
            DeclaredChecksum::Trailer(algorithm, trailers) => {
                let value = trailers
                    .read(|trailers| text(trailers, algorithm.header()).map(str::to_owned))
                    .flatten()
                    .ok_or_else(|| {
                        Failure::refuse_named(
                            "MalformedTrailerError",
                            "The request contained trailing data that was not well-formed or did not conform to our published schema.",
                        )
                    })?;
                well_formed(*algorithm, &value)?;
                Ok(Some((*algorithm, value)))
            }
        }
    }
}

fn read_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, Failure> {
    let Some(value) = headers.get("content-md5") else {
        return Ok(None);
    };
    BASE64
        .decode(value)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .map(Some)
        .ok_or_else(|| {
            Failure::refuse(
                S3ErrorCode::InvalidDigest,
                "The Content-MD5 you specified was invalid.",
            )
        })
}

fn read_checksum(
    headers: &HeaderMap,
    trailers: Option<&TrailingHeaders>,
) -> Result<DeclaredChecksum, Failure> {
    let mut declared = Vec::new();
    for algorithm in Algorithm::ALL {
        if let Some(value) = text(headers, algorithm.header()) {
            well_formed(algorithm, value)?;
            declared.push(DeclaredChecksum::Header(algorithm, value.to_owned()));
        }
    }
    if let Some(name) = text(headers, "x-amz-trailer") {
        let algorithm = Algorithm::of_header(name.trim()).ok_or_else(|| {
            invalid("The value specified in the x-amz-trailer header is not supported")
        })?;
        let trailers = trailers
            .ok_or_else(|| invalid("x-amz-trailer was sent without a body that has trailers"))?;
        declared.push(DeclaredChecksum::Trailer(algorithm, trailers.clone()));
    }
    if declared.len() > 1 {
        return Err(invalid(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    let declared = declared.pop().unwrap_or_default();
    let announced = text(headers, "x-amz-sdk-checksum-algorithm");
    if announced.is_some() && matches!(declared, DeclaredChecksum::None) {
        return Err(invalid(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
        ));
    }
    Ok(declared)
}

fn well_formed(algorithm: Algorithm, value: &str) -> Result<(), Failure> {
    match digest::decode(algorithm, value) {
        Some(_) => Ok(()),
        None => Err(invalid(format!(
            "Value for {} header is invalid.",
            algorithm.header()
        ))),
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::refuse(S3ErrorCode::InvalidRequest, message)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
