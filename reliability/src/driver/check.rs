//! What a client can check of what it was told.

use bytes::Bytes;
use serde_json::json;
use valetkey_protocol::{Checksum, Hasher};

use super::{Driver, read};
use crate::error::{At, Outcome};
use crate::journal::Step;

impl Driver {
    /// Downloads a file as a user would.
    ///
    /// # Errors
    /// It cannot be had.
    pub async fn download(&self, id: &str) -> Outcome<Bytes> {
        let answer = self
            .post(&format!("/v1/files/{id}/download"), &json!({}))
            .await?;
        let download = answer.expect(200).at("download")?;
        let url = download["url"].as_str().at("the url of a download")?;
        let answer = read(self.client.get(url).send().await).await?;
        crate::ensure!(answer.status == 200, "storage answers {}", answer.status);
        Ok(answer.body)
    }

    /// Checks that a file is there and that its bytes are the ones of its record.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn check_file(&self, id: &str) -> Outcome<()> {
        let file = self
            .get(&format!("/v1/files/{id}"))
            .await?
            .expect(200)
            .at(format!("acknowledged file {id}"))?;
        let bytes = self
            .download(id)
            .await
            .at(format!("acknowledged file {id}"))?;
        let recorded: Option<Checksum> = serde_json::from_value(file["checksum"].clone())?;
        let actual = recorded.map(|one| Hasher::digest(one.algorithm(), &bytes));
        crate::ensure!(
            recorded == actual,
            "{id}: the bytes do not hash to the record"
        );
        let size = file["size"].as_u64();
        crate::ensure!(
            size == Some(bytes.len() as u64),
            "{id}: {size:?} bytes recorded"
        );
        if let Some(entry) = self.journal.find(id) {
            crate::ensure!(entry.bytes == bytes, "{id}: other bytes than were sent");
        }
        Ok(())
    }

    /// Checks every file whose completion was acknowledged and whose deletion was never asked for.
    ///
    /// # Errors
    /// The first that is wrong.
    pub async fn check_acknowledged(&self) -> Outcome<u64> {
        let mut checked = 0;
        for entry in self.journal.all() {
            if entry.completed == Step::Done && entry.deleted == Step::Never {
                self.check_file(&entry.id).await?;
                checked += 1;
            }
            if entry.deleted == Step::Done || entry.aborted == Step::Done {
                let answer = self.get(&format!("/v1/files/{}", entry.id)).await?;
                crate::ensure!(
                    answer.status == 404,
                    "{} came back from the dead ({})",
                    entry.id,
                    answer.status
                );
            }
        }
        Ok(checked)
    }
}
