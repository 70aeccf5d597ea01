//! A client that does what it is told, one request at a time, and writes down what was acknowledged.

mod check;
mod reply;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::{Value, json};
use valetkey_protocol::{Algorithm, Hasher};

use crate::error::{At, Outcome};
use crate::journal::{Entry, Journal, Step};
use crate::token;
pub use reply::Reply;
use reply::read;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// A user of one service, or of its replicas by turns: where nobody listens, the next one is asked. Every connection
/// is used once, so that none is left over from a life before.
#[derive(Debug, Clone)]
pub struct Driver {
    apis: Vec<String>,
    turn: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    token: String,
    client: Client,
    /// What was acknowledged.
    pub journal: Arc<Journal>,
}

impl Driver {
    /// A user of a service.
    ///
    /// # Errors
    /// No token or client can be made.
    pub fn new(api: &str, subject: &str) -> Outcome<Self> {
        Self::among(vec![api.to_owned()], subject)
    }

    /// A user of a service's replicas.
    ///
    /// # Errors
    /// No token or client can be made.
    pub fn among(apis: Vec<String>, subject: &str) -> Outcome<Self> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()?;
        Ok(Self {
            apis,
            turn: Arc::default(),
            refused: Arc::default(),
            token: token::make(subject)?,
            client,
            journal: Arc::default(),
        })
    }

    /// Sends a request to the API.
    ///
    /// # Errors
    /// There was no whole answer.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Outcome<Reply> {
        self.ask(|client, api| {
            let request = client.request(method.clone(), format!("{api}{path}"));
            match body.is_null() {
                true => request,
                false => request.json(body),
            }
        })
        .await
    }

    /// The same user of one replica alone, with the same journal.
    #[must_use]
    pub fn at(&self, api: &str) -> Self {
        Self {
            apis: vec![api.to_owned()],
            ..self.clone()
        }
    }

    /// How often nobody listened, and another replica was asked.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed) as u64
    }

    /// Asks whose turn it is, or, when its connection is refused, the next one.
    async fn ask(&self, request: impl Fn(&Client, &str) -> RequestBuilder) -> Outcome<Reply> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut turns = (0..self.apis.len()).map(|turn| (first + turn) % self.apis.len());
        loop {
            let api = &self.apis[turns.next().at("a replica that listens")?];
            let request = request(&self.client, api).bearer_auth(&self.token);
            match request.send().await {
                Err(error) if error.is_connect() && self.apis.len() > 1 => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                answer => return read(answer).await,
            }
        }
    }

    /// POSTs JSON to the API.
    ///
    /// # Errors
    /// There was no whole answer.
    pub async fn post(&self, path: &str, body: &Value) -> Outcome<Reply> {
        self.call(Method::POST, path, body).await
    }

    /// GETs from the API.
    ///
    /// # Errors
    /// There was no whole answer.
    pub async fn get(&self, path: &str) -> Outcome<Reply> {
        self.call(Method::GET, path, &Value::Null).await
    }

    /// Sends a presigned request with these bytes.
    ///
    /// # Errors
    /// There was no whole answer.
    pub async fn send(&self, request: &Value, bytes: Bytes) -> Outcome<Reply> {
        let url = request["url"].as_str().at("the url of a request")?;
        let mut put = self
            .client
            .put(url)
            .header("content-length", bytes.len())
            .body(bytes);
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            put = put.header(name, value.as_str().unwrap_or_default());
        }
        read(put.send().await).await
    }

    /// Creates an upload of these bytes.
    ///
    /// # Errors
    /// There was no answer, or it was no.
    pub async fn create(&self, bytes: impl Into<Bytes>) -> Outcome<String> {
        let bytes = bytes.into();
        self.create_as(&wish(&bytes), bytes).await
    }

    /// Creates an upload of these bytes with a wish of its own.
    ///
    /// # Errors
    /// There was no answer, or it was no.
    pub async fn create_as(&self, wish: &Value, bytes: Bytes) -> Outcome<String> {
        let answer = self.post("/v1/uploads", wish).await?;
        let upload = answer.expect(201).at("create")?;
        Ok(self.remember(&upload, bytes))
    }

    /// Writes down an upload that was created; gives its id.
    pub fn remember(&self, upload: &Value, bytes: Bytes) -> String {
        let id = upload["id"].as_str().unwrap_or_default().to_owned();
        let mut requests = BTreeMap::new();
        if upload["request"].is_object() {
            requests.insert(1, (upload["request"].clone(), bytes.clone()));
        }
        for part in upload["parts"].as_array().into_iter().flatten() {
            let number = |name: &str| {
                let value = part[name].as_u64().unwrap_or_default();
                usize::try_from(value).unwrap_or_default()
            };
            let (begin, size) = (number("offset"), number("size"));
            let slice = bytes.slice(begin..begin + size);
            let part_number = u32::try_from(number("part_number")).unwrap_or_default();
            requests.insert(part_number, (part["request"].clone(), slice));
        }
        let parts = upload["part_count"].as_u64().unwrap_or(1);
        self.journal.created(Entry {
            id: id.clone(),
            bytes,
            requests,
            stored: BTreeSet::new(),
            parts: u32::try_from(parts).unwrap_or(1),
            spoiled: false,
            completed: Step::Never,
            aborted: Step::Never,
            deleted: Step::Never,
            file: None,
        });
        id
    }

    /// Sends one part of an upload, or the whole of a single one (part 1).
    ///
    /// # Errors
    /// There was no answer, or it was no.
    pub async fn put_part(&self, id: &str, number: u32) -> Outcome<()> {
        let entry = self.journal.find(id).at(id)?;
        let (request, bytes) = entry.requests.get(&number).cloned().at("a part")?;
        let answer = self.send(&request, bytes).await?;
        // A PUT whose first answer was lost is refused the second time: the bytes are there.
        let stored = answer.status == 200 || answer.status == 412;
        crate::ensure!(stored, "part {number}: storage answers {}", answer.status);
        self.journal.note(id, |entry| {
            entry.stored.insert(number);
        });
        Ok(())
    }

    /// Sends all parts of an upload.
    ///
    /// # Errors
    /// There was no answer, or it was no.
    pub async fn put(&self, id: &str) -> Outcome<()> {
        let entry = self.journal.find(id).at(id)?;
        for number in entry.requests.keys() {
            self.put_part(id, *number).await?;
        }
        Ok(())
    }

    /// Completes an upload; the answer may be any.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn complete(&self, id: &str) -> Outcome<Reply> {
        self.complete_with(id, &Value::Null).await
    }

    /// Completes an upload with a checksum declared only now.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn complete_with(&self, id: &str, body: &Value) -> Outcome<Reply> {
        self.journal.note(id, |entry| {
            entry.completed = entry.completed.max(Step::Asked);
        });
        let answer = self
            .post(&format!("/v1/uploads/{id}/complete"), body)
            .await?;
        self.completed(id, &answer);
        Ok(answer)
    }

    /// Writes down the answer to a completion.
    pub fn completed(&self, id: &str, answer: &Reply) {
        self.journal.note(id, |entry| match answer.status {
            200 => {
                entry.completed = Step::Done;
                entry.file = Some(answer.json());
            }
            409 if answer.code() == "checksum_mismatch" => entry.completed = Step::Refused,
            _ => {}
        });
    }

    /// Creates an upload under an `Idempotency-Key`; the same key and bytes give the same upload.
    ///
    /// # Errors
    /// There was no answer, or it was no.
    pub async fn create_once(&self, key: &str, bytes: Bytes) -> Outcome<String> {
        let answer = self.post_once(key, &wish(&bytes)).await?;
        let upload = answer.expect(201).at("create once")?;
        Ok(self.remember(&upload, bytes))
    }

    /// Asks for an upload under an `Idempotency-Key`; the answer may be any.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn post_once(&self, key: &str, wish: &Value) -> Outcome<Reply> {
        self.ask(|client, api| {
            let request = client.post(format!("{api}/v1/uploads"));
            request.header("idempotency-key", key).json(wish)
        })
        .await
    }

    /// Creates several uploads with one request, sends their bytes, and completes them with one request.
    ///
    /// # Errors
    /// There was no answer, or it was no.
    pub async fn upload_batch(&self, files: Vec<Bytes>) -> Outcome<()> {
        let wishes: Vec<_> = files.iter().map(|bytes| wish(bytes)).collect();
        let body = json!({ "uploads": wishes });
        let created = self.post("/v1/uploads/batch", &body).await?.expect(200)?;
        let mut ids = Vec::new();
        for (result, bytes) in created["results"]
            .as_array()
            .into_iter()
            .flatten()
            .zip(files)
        {
            crate::ensure!(result["status"] == 201, "a batch: {result}");
            ids.push(self.remember(&result["upload"], bytes));
        }
        for id in &ids {
            self.put(id).await?;
            self.journal.note(id, |entry| entry.completed = Step::Asked);
        }
        let body = json!({ "ids": ids });
        let completed = self
            .post("/v1/uploads/complete", &body)
            .await?
            .expect(200)?;
        for result in completed["results"].as_array().into_iter().flatten() {
            crate::ensure!(result["status"] == 200, "a batch: {result}");
            let id = result["id"].as_str().unwrap_or_default();
            self.journal.note(id, |entry| {
                entry.completed = Step::Done;
                entry.file = Some(result["file"].clone());
            });
        }
        Ok(())
    }

    /// Creates, sends and completes.
    ///
    /// # Errors
    /// Any of it did not work.
    pub async fn upload(&self, bytes: impl Into<Bytes>) -> Outcome<String> {
        let id = self.create(bytes).await?;
        self.put(&id).await?;
        self.complete(&id).await?.expect(200).at("complete")?;
        Ok(id)
    }

    /// Gives an upload up; the answer may be any.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn abort(&self, id: &str) -> Outcome<Reply> {
        self.journal.note(id, |entry| {
            entry.aborted = entry.aborted.max(Step::Asked);
        });
        let answer = self
            .call(Method::DELETE, &format!("/v1/uploads/{id}"), &Value::Null)
            .await?;
        self.journal.note(id, |entry| match answer.status {
            204 => entry.aborted = Step::Done,
            400..500 => entry.aborted = entry.aborted.max(Step::Refused),
            _ => {}
        });
        Ok(answer)
    }

    /// Deletes a file; the answer may be any.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn delete(&self, id: &str) -> Outcome<Reply> {
        self.journal.note(id, |entry| {
            entry.deleted = entry.deleted.max(Step::Asked);
        });
        let answer = self
            .call(Method::DELETE, &format!("/v1/files/{id}"), &Value::Null)
            .await?;
        self.journal.note(id, |entry| match answer.status {
            204 => entry.deleted = Step::Done,
            400..500 => entry.deleted = entry.deleted.max(Step::Refused),
            _ => {}
        });
        Ok(answer)
    }
}

/// What a client asks for these bytes, checksum included.
pub fn wish(bytes: &[u8]) -> Value {
    json!({
        "filename": "notes.txt",
        "content_type": "text/plain",
        "size": bytes.len(),
        "checksum": Hasher::digest(Algorithm::Crc64Nvme, bytes),
    })
}
