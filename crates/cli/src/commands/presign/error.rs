//! Why a request was not signed.

use valetkey_sign::azure::AzureError;
use valetkey_sign::cloudfront::{CloudFrontError, KeyError};
use valetkey_sign::gcs::ServiceAccountError;
use valetkey_sign::{EndpointError, SignError};

/// Why a request was not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PresignError {
    /// The line is no JSON object of the form that is read.
    #[error("line is malformed")]
    Line(#[source] serde_json::Error),
    /// The line is longer than any request.
    #[error("line is longer than {limit} bytes")]
    Long {
        /// The most bytes of a line.
        limit: usize,
    },
    /// No provider, or one that is not known.
    #[error("`provider` is none of s3, gcs, azure and cloudfront")]
    Provider,
    /// Something that is needed is missing, or two things do not go together.
    #[error("{0}")]
    Wrong(&'static str),
    /// An instant in another form.
    #[error("`at` is {given:?}, which is not like 20260102T030405Z")]
    Time {
        /// What was given.
        given: String,
    },
    /// A bucket the configuration does not have.
    #[error("the configuration has no bucket {name:?}")]
    NoBucket {
        /// Its name.
        name: String,
    },
    /// The bucket lies in the embedded store, whose key is not in the configuration.
    #[error(
        "bucket {name:?} lies in the embedded store: give --endpoint, --access-key and AWS_SECRET_ACCESS_KEY instead of --config"
    )]
    Embedded {
        /// Its name.
        name: String,
    },
    /// The address cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The request cannot be signed.
    #[error(transparent)]
    Request(#[from] SignError),
    /// Azure's grant cannot be signed.
    #[error(transparent)]
    Azure(#[from] AzureError),
    /// The service account cannot sign.
    #[error(transparent)]
    ServiceAccount(#[from] ServiceAccountError),
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The policy cannot be signed.
    #[error(transparent)]
    CloudFront(#[from] CloudFrontError),
}
