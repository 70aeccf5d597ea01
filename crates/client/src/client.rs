//! The API, verb by verb.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::stream::{self, Stream, TryStreamExt};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use valetkey_protocol::bucket::{Bucket, Buckets};
use valetkey_protocol::download::{CreateDownload, Download};
use valetkey_protocol::file::{File, FilePage, ListFiles};
use valetkey_protocol::sweep::{Sweep, Swept};
use valetkey_protocol::upload::{
    CompleteResult, CompleteUpload, CompleteUploads, CreateResult, CreateUpload, CreateUploads,
    PartRequest, Results, SignParts, SignedParts, Upload,
};
use valetkey_protocol::{FileId, PartNumber};

use crate::call;
use crate::error::Peer;
use crate::{Error, RetryPolicy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the five seconds a completion may wait, with room for a slow line.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// One service and the permission to use it.
///
/// It has two HTTP clients: one that sends the token to the API, and one for storage, which has no
/// header of its own, so that the token can never reach a bucket. Neither follows redirects.
#[derive(Debug)]
pub struct Client {
    base: Url,
    pub(crate) api: reqwest::Client,
    pub(crate) storage: reqwest::Client,
    pub(crate) retries: RetryPolicy,
    /// Bytes that all transfers to storage sent, those that had to be sent again included.
    pub(crate) sent: Arc<AtomicU64>,
    buckets: OnceCell<Vec<Bucket>>,
}

/// What a completion came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Completion {
    /// The file.
    File(Box<File>),
    /// Its bytes are still being checked: ask again after a while.
    Verifying {
        /// How long the service asks to wait.
        retry_after: Duration,
    },
}

impl Client {
    /// A client of the service at `base`, such as `https://files.example.com`.
    ///
    /// # Errors
    /// An address that is no `http` or `https` URL, a token that cannot be a header, or no TLS roots.
    pub fn new(base: &str, token: &str) -> Result<Self, Error> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Error::Token)?;
        authorization.set_sensitive(true);
        let failed = |source| Error::network(Peer::Service, source);
        let api = plain()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
            .timeout(ANSWER_TIMEOUT)
            .build()
            .map_err(failed)?;
        // One connection for each transfer: parts that share one would share its losses too.
        let storage = plain().http1_only().build().map_err(failed)?;
        Ok(Self {
            base: parse_base(base)?,
            api,
            storage,
            retries: RetryPolicy::default(),
            sent: Arc::default(),
            buckets: OnceCell::new(),
        })
    }

    /// The same client with other pauses.
    #[must_use]
    pub fn with_retries(mut self, retries: RetryPolicy) -> Self {
        self.retries = retries;
        self
    }

    /// `POST /v1/uploads`, under a key of its own: however often it has to be sent, one upload is created.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn create_upload(&self, create: &CreateUpload) -> Result<Upload, Error> {
        let request = self.request(Method::POST, &["uploads"]).json(create);
        let once = request.once(crate::clock::key());
        call::json(self.send(once).await?).await
    }

    /// `POST /v1/uploads/batch`: up to 100 uploads, with one result for each in their order.
    ///
    /// # Errors
    /// The service's problem with the batch as a whole, or no connection.
    pub async fn create_uploads(
        &self,
        uploads: Vec<CreateUpload>,
    ) -> Result<Vec<CreateResult>, Error> {
        let asked = uploads.len();
        let request = self.request(Method::POST, &["uploads", "batch"]);
        let answer = self.send(request.json(&CreateUploads { uploads })).await?;
        results(answer, asked).await
    }

    /// `POST /v1/uploads/complete`: up to 100 uploads, with one result for each in their order.
    ///
    /// # Errors
    /// The service's problem with the batch as a whole, or no connection.
    pub async fn complete_uploads(&self, ids: &[FileId]) -> Result<Vec<CompleteResult>, Error> {
        let batch = CompleteUploads {
            ids: ids.iter().map(FileId::to_string).collect(),
        };
        let request = self.request(Method::POST, &["uploads", "complete"]);
        results(self.send(request.json(&batch)).await?, ids.len()).await
    }

    /// `GET /v1/uploads/{id}`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn get_upload(&self, id: FileId) -> Result<Upload, Error> {
        let request = self.request(Method::GET, &["uploads", &id.to_string()]);
        call::json(self.send(request).await?).await
    }

    /// `POST /v1/uploads/{id}/parts`: fresh requests for up to 100 parts.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn sign_parts(
        &self,
        id: FileId,
        part_numbers: Vec<PartNumber>,
    ) -> Result<Vec<PartRequest>, Error> {
        let body = SignParts {
            part_numbers,
            checksums: Default::default(),
            expires_in: None,
        };
        let request = self.request(Method::POST, &["uploads", &id.to_string(), "parts"]);
        let answer = self.send(request.json(&body)).await?;
        call::json::<SignedParts>(answer)
            .await
            .map(|signed| signed.parts)
    }

    /// `POST /v1/uploads/{id}/complete`, once: 200 is the file, 202 asks for patience.
    ///
    /// # Errors
    /// The service's problem (what is missing or wrong), or no connection.
    pub async fn complete_upload(
        &self,
        id: FileId,
        complete: &CompleteUpload,
    ) -> Result<Completion, Error> {
        let request = self.request(Method::POST, &["uploads", &id.to_string(), "complete"]);
        let answer = self.send(request.json(complete)).await?;
        if answer.status() == StatusCode::ACCEPTED {
            let asked = call::retry_after(answer.headers());
            return Ok(Completion::Verifying {
                retry_after: asked.unwrap_or(Duration::from_secs(1)),
            });
        }
        call::json(answer).await.map(Completion::File)
    }

    /// `DELETE /v1/uploads/{id}`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn abort_upload(&self, id: FileId) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["uploads", &id.to_string()]);
        self.send(request).await.map(drop)
    }

    /// `GET /v1/files`: one page.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn list_files(&self, query: &ListFiles) -> Result<FilePage, Error> {
        let request = self.request(Method::GET, &["files"]).query(query);
        call::json(self.send(request).await?).await
    }

    /// Every file the query finds, page after page as they are asked for.
    pub fn all_files(&self, query: ListFiles) -> impl Stream<Item = Result<File, Error>> + '_ {
        let pages = stream::try_unfold(Some(query), async |next: Option<ListFiles>| {
            let Some(query) = next else { return Ok(None) };
            let page = self.list_files(&query).await?;
            let next = page.next_cursor.map(|cursor| ListFiles {
                cursor: Some(cursor),
                ..query
            });
            Ok::<_, Error>(Some((page.files, next)))
        });
        pages
            .map_ok(|files| stream::iter(files.into_iter().map(Ok)))
            .try_flatten()
    }

    /// `GET /v1/files/{id}`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn get_file(&self, id: FileId) -> Result<File, Error> {
        let request = self.request(Method::GET, &["files", &id.to_string()]);
        call::json(self.send(request).await?).await
    }

    /// `DELETE /v1/files/{id}`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn delete_file(&self, id: FileId) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["files", &id.to_string()]);
        self.send(request).await.map(drop)
    }

    /// `POST /v1/files/{id}/download`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn create_download(
        &self,
        id: FileId,
        create: &CreateDownload,
    ) -> Result<Download, Error> {
        let request = self.request(Method::POST, &["files", &id.to_string(), "download"]);
        call::json(self.send(request.json(create)).await?).await
    }

    /// `POST /v1/sweep`: one step.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn sweep(&self, sweep: &Sweep) -> Result<Swept, Error> {
        let request = self.request(Method::POST, &["sweep"]);
        call::json(self.send(request.json(sweep)).await?).await
    }

    /// `GET /v1/buckets`.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn list_buckets(&self) -> Result<Vec<Bucket>, Error> {
        let request = self.request(Method::GET, &["buckets"]);
        call::json::<Buckets>(self.send(request).await?)
            .await
            .map(|answer| answer.buckets)
    }

    /// The bucket an upload goes to; asked once and remembered. `None` when there is none of that name.
    pub(crate) async fn bucket(&self, name: Option<&str>) -> Result<Option<&Bucket>, Error> {
        let known = self.buckets.get_or_try_init(|| self.list_buckets()).await?;
        Ok(known
            .iter()
            .find(|bucket| name.map_or(bucket.default, |name| bucket.name == name)))
    }

    /// Waits before another attempt, or gives the error back when there should be none.
    pub(crate) async fn pause(&self, attempt: u32, error: Error) -> Result<(), Error> {
        let share = crate::clock::share();
        let pause = self.retries.pause(attempt, error.retry_after(), share);
        match pause.filter(|_| error.is_transient()) {
            Some(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            None => Err(error),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &[&str]) -> call::Request {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        call::Request::new(method, url)
    }

    /// Sends to the API until it answers well. Every verb can be repeated: twice is as good as once.
    pub(crate) async fn send(&self, request: call::Request) -> Result<reqwest::Response, Error> {
        let mut attempt = 1;
        loop {
            match call::once(&self.api, &request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.pause(attempt, error).await?,
            }
            attempt += 1;
        }
    }
}

pub(crate) fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
}

/// The results of a batch, one for each item that was asked for.
async fn results<T: DeserializeOwned>(
    answer: reqwest::Response,
    asked: usize,
) -> Result<Vec<T>, Error> {
    let Results { results } = call::json(answer).await?;
    match results.len() == asked {
        true => Ok(results),
        false => Err(Error::Answer("a batch has not one result for each item")),
    }
}

fn parse_base(text: &str) -> Result<Url, Error> {
    let wrong = || Error::Address {
        address: text.to_owned(),
    };
    let mut url = Url::parse(text).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong());
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_below_the_base_whether_or_not_it_ends_in_a_slash() {
        for base in ["http://h.example/files", "http://h.example/files/"] {
            let client = Client::new(base, "t").unwrap();
            let request = client.request(Method::GET, &["uploads", "1"]);
            assert_eq!(request.url.as_str(), "http://h.example/files/v1/uploads/1");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_and_a_token_is_never_shown() {
        for base in ["", "localhost:8080", "ftp://h.example", "file:///etc"] {
            let refused = Client::new(base, "t");
            assert!(matches!(refused, Err(Error::Address { .. })), "{base}");
        }
        assert!(matches!(
            Client::new("http://h.example", "a\nb"),
            Err(Error::Token)
        ));
        let shown = format!("{:?}", Client::new("http://h.example", "s3cret").unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
