//! What a request is about, by its method and address alone, before anything of it was verified.

use http::request::Parts;
use s3s::path::S3Path;

use crate::address::Domain;

/// The operation of S3's API, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) operation: &'static str,
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Subject {
    pub(super) fn of(parts: &Parts, domain: &Domain) -> Self {
        let (bucket, key) = match domain.locate(parts) {
            Ok(S3Path::Object { bucket, key }) => (bucket.into(), key.into()),
            Ok(S3Path::Bucket { bucket }) => (bucket.into(), String::new()),
            Ok(S3Path::Root) | Err(_) => (String::new(), String::new()),
        };
        let asks = |name: &str| {
            let query = parts.uri.query().unwrap_or_default();
            query.split('&').any(|pair| {
                let is = pair.split('=').next().unwrap_or_default();
                is == name
            })
        };
        let is_copy = parts.headers.contains_key("x-amz-copy-source");
        let operation = match (parts.method.as_str(), bucket.is_empty(), key.is_empty()) {
            ("OPTIONS", ..) => "Preflight",
            (_, true, _) => "ListBuckets",
            (method, false, true) => bucket_operation(method, asks),
            (method, false, false) => object_operation(method, asks, is_copy),
        };
        Self {
            operation,
            bucket,
            key,
        }
    }
}

fn bucket_operation(method: &str, asks: impl Fn(&str) -> bool) -> &'static str {
    match method {
        "GET" if asks("location") => "GetBucketLocation",
        "GET" if asks("cors") => "GetBucketCors",
        "GET" if asks("lifecycle") => "GetBucketLifecycleConfiguration",
        "GET" if asks("uploads") => "ListMultipartUploads",
        "GET" if asks("list-type") => "ListObjectsV2",
        "GET" => "ListObjects",
        "HEAD" => "HeadBucket",
        "PUT" if asks("cors") => "PutBucketCors",
        "PUT" if asks("lifecycle") => "PutBucketLifecycleConfiguration",
        "PUT" => "CreateBucket",
        "DELETE" if asks("cors") => "DeleteBucketCors",
        "DELETE" if asks("lifecycle") => "DeleteBucketLifecycle",
        "DELETE" => "DeleteBucket",
        "POST" if asks("delete") => "DeleteObjects",
        "POST" => "PostObject",
        _ => "Unknown",
    }
}

fn object_operation(method: &str, asks: impl Fn(&str) -> bool, is_copy: bool) -> &'static str {
    match method {
        "GET" if asks("tagging") => "GetObjectTagging",
        "GET" if asks("uploadId") => "ListParts",
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "PUT" if asks("tagging") => "PutObjectTagging",
        "PUT" if asks("uploadId") && is_copy => "UploadPartCopy",
        "PUT" if asks("uploadId") => "UploadPart",
        "PUT" if is_copy => "CopyObject",
        "PUT" => "PutObject",
        "DELETE" if asks("tagging") => "DeleteObjectTagging",
        "DELETE" if asks("uploadId") => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        "POST" if asks("uploads") => "CreateMultipartUpload",
        "POST" if asks("uploadId") => "CompleteMultipartUpload",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_their_address() {
        let domain = Domain::new(Some("s3.example")).unwrap();
        let of = |method: &str, uri: &str, host: &str| {
            let request = http::Request::builder().method(method).uri(uri);
            let request = request.header("host", host).body(()).unwrap();
            Subject::of(&request.into_parts().0, &domain)
        };
        for (method, uri, operation) in [
            ("PUT", "/bucket/k", "PutObject"),
            (
                "PUT",
                "/bucket/k?X-Amz-Expires=1&partNumber=1&uploadId=x",
                "UploadPart",
            ),
            ("POST", "/bucket/k?uploads", "CreateMultipartUpload"),
            ("POST", "/bucket/k?uploadId=x", "CompleteMultipartUpload"),
            ("GET", "/bucket?list-type=2&prefix=uploads", "ListObjectsV2"),
            ("GET", "/bucket/?uploads=", "ListMultipartUploads"),
            ("POST", "/bucket?delete", "DeleteObjects"),
            ("POST", "/bucket", "PostObject"),
            ("GET", "/", "ListBuckets"),
        ] {
            assert_eq!(
                of(method, uri, "s3.example").operation,
                operation,
                "{method} {uri}"
            );
        }
        for (uri, host) in [
            ("/bucket/a%20b/c", "s3.example"),
            ("/a%20b/c", "bucket.s3.example:9000"),
        ] {
            let subject = of("GET", uri, host);
            assert_eq!((&*subject.bucket, &*subject.key), ("bucket", "a b/c"));
        }
    }
}
