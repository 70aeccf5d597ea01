//! What one client does in the kill matrix: every verb of the API, in every way it is used.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use valetkey_protocol::{Algorithm, Hasher};

use crate::dice::Dice;
use crate::driver::Driver;
use crate::error::{At, Outcome};

/// One part as small as S3 allows, and a little.
pub const TWO_PARTS: usize = 5 * 1024 * 1024 + 1000;
/// More than one PUT may carry here, so that it goes in parts; one is enough.
pub const ONE_PART: usize = 1024 * 1024 + 1;

/// Uses every verb; gives up at the first that does not answer as it should.
///
/// # Errors
/// Which verb, and what it answered.
pub async fn run(driver: &Driver, dice: &mut Dice) -> Outcome<()> {
    small_files(driver, dice).await?;
    large_files(driver, dice).await?;
    ends(driver, dice).await?;
    driver.get("/v1/files").await?.expect(200).at("list")?;
    leftovers(driver, dice).await
}

async fn small_files(driver: &Driver, dice: &mut Dice) -> Outcome<()> {
    let file = driver.upload(dice.bytes(20_000)).await?;
    driver.check_file(&file).await?;
    let again = driver
        .complete(&file)
        .await?
        .expect(200)
        .at("complete again")?;
    crate::ensure!(again["id"] == file, "another file: {again}");
    let change = json!({"filename": "renamed.txt", "metadata": {"album": "summer"}});
    let path = format!("/v1/files/{file}");
    let patched = driver.call(Method::PATCH, &path, &change).await?;
    patched.expect(200).at("patch")?;
    let pair = vec![dice.bytes(100).into(), dice.bytes(70_000).into()];
    driver.upload_batch(pair).await?;
    let bytes = Bytes::from(dice.bytes(3000));
    let once = driver.create_once("the-same-key", bytes.clone()).await?;
    let same = driver.create_once("the-same-key", bytes).await?;
    crate::ensure!(once == same, "one key made two uploads");
    driver.put(&once).await?;
    driver.complete(&once).await?.expect(200).at("complete")?;
    Ok(())
}

async fn large_files(driver: &Driver, dice: &mut Dice) -> Outcome<()> {
    let large = driver.create(dice.bytes(TWO_PARTS)).await?;
    driver.put_part(&large, 1).await?;
    let path = format!("/v1/uploads/{large}");
    let early = driver.complete(&large).await?;
    crate::ensure!(
        early.code() == "upload_incomplete",
        "early: {}",
        early.status
    );
    let resumed = driver.get(&path).await?.expect(200).at("resume")?;
    let parts = resumed["uploaded_parts"].as_array().map(Vec::len);
    crate::ensure!(parts == Some(1), "parts to resume from: {resumed}");
    let wish = json!({"part_numbers": [2]});
    let signed = driver.post(&format!("{path}/parts"), &wish).await?;
    let signed = signed.expect(200).at("sign parts")?;
    driver.journal.note(&large, |entry| {
        if let Some((request, _)) = entry.requests.get_mut(&2) {
            *request = signed["parts"][0]["request"].clone();
        }
    });
    driver.put_part(&large, 2).await?;
    driver.complete(&large).await?.expect(200).at("complete")?;
    driver.check_file(&large).await
}

/// Everything that ends without a file, or with none any more.
async fn ends(driver: &Driver, dice: &mut Dice) -> Outcome<()> {
    for size in [500, ONE_PART] {
        let file = driver.upload(dice.bytes(size)).await?;
        let answer = driver.delete(&file).await?;
        crate::ensure!(answer.status == 204, "delete: {}", answer.status);
        let upload = driver.create(dice.bytes(size)).await?;
        driver.put(&upload).await?;
        let answer = driver.abort(&upload).await?;
        crate::ensure!(answer.status == 204, "abort: {}", answer.status);
    }
    for size in [800, ONE_PART] {
        let bytes = Bytes::from(dice.bytes(size));
        let mut wish = crate::driver::wish(&bytes);
        wish["checksum"] = Value::Null;
        let spoiled = driver.create_as(&wish, bytes).await?;
        driver.journal.note(&spoiled, |entry| entry.spoiled = true);
        driver.put(&spoiled).await?;
        let other = Hasher::digest(Algorithm::Crc64Nvme, b"something else");
        let answer = driver
            .complete_with(&spoiled, &json!({"checksum": other}))
            .await?;
        crate::ensure!(
            answer.code() == "checksum_mismatch",
            "spoiled: {}",
            answer.status
        );
    }
    Ok(())
}

/// What clients leave behind that vanish: nothing sent, half of it, and all of it.
async fn leftovers(driver: &Driver, dice: &mut Dice) -> Outcome<()> {
    driver.create(dice.bytes(10)).await?;
    let whole = driver.create(dice.bytes(4000)).await?;
    driver.put(&whole).await?;
    let half = driver.create(dice.bytes(TWO_PARTS)).await?;
    driver.put_part(&half, 2).await?;
    let parts = driver.create(dice.bytes(ONE_PART)).await?;
    driver.put(&parts).await
}
