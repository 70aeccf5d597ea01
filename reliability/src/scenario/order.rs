//! What is acknowledged is on disk before the acknowledgement leaves: read off the system calls.

mod trace;

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::script::TWO_PARTS;
use crate::dice::Dice;
use crate::driver::Driver;
use crate::error::{At, Failure, Outcome};
use crate::points::Traps;
use crate::report::{Setting, Tally};
use crate::service::{Service, Setup};
use trace::Trace;

/// The catalog's log, which must be flushed.
const CATALOG: &str = "catalog.sqlite-wal";
/// The store's index, which must be flushed.
const INDEX: &str = "index.redb";
/// The bytes themselves.
const BLOBS: &str = "/store/tmp/";

/// A request (what its first line has), what its answer begins with, and what must be flushed between the two.
struct Rule {
    request: &'static [&'static str],
    answer: &'static str,
    flushed: &'static [&'static str],
}

/// Every request that acknowledges something.
const RULES: [Rule; 6] = [
    Rule {
        request: &["POST /v1/uploads HTTP"],
        answer: "HTTP/1.1 201",
        flushed: &[CATALOG],
    },
    Rule {
        request: &["/complete HTTP"],
        answer: "HTTP/1.1 200",
        flushed: &[INDEX, CATALOG],
    },
    Rule {
        request: &["DELETE /v1/files/"],
        answer: "HTTP/1.1 204",
        flushed: &[CATALOG, INDEX],
    },
    Rule {
        request: &["DELETE /v1/uploads/"],
        answer: "HTTP/1.1 204",
        flushed: &[CATALOG],
    },
    Rule {
        request: &["PATCH /v1/files/"],
        answer: "HTTP/1.1 200",
        flushed: &[CATALOG],
    },
    Rule {
        // Signed in its URL, as those of clients are: a copy by the server has no bytes of its own.
        request: &["PUT /files/", "X-Amz-"],
        answer: "HTTP/1.1 200",
        flushed: &[BLOBS, INDEX],
    },
];

/// Runs every acknowledging verb under `strace` and reads what it did before it answered.
///
/// # Errors
/// `strace` is not there or may not trace, or the service cannot be run.
pub async fn flushed_before_the_answer(setting: &Setting) -> Outcome<Tally> {
    let found = Command::new("strace").arg("--version").output();
    let found = found.is_ok_and(|output| output.status.success());
    crate::ensure!(found, "strace is needed: apt-get install strace");
    let folder = TempDir::new()?;
    let output = folder.path().join("trace");
    let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
    let path = output.display().to_string();
    service.under(&[
        "strace",
        "-f",
        "-D",
        "-yy",
        "-s",
        "200",
        "-o",
        &path,
        "-e",
        "trace=fsync,fdatasync,read,recvfrom,write,writev,sendto,sendmsg",
    ]);
    service.start(&Traps::default()).await.at("under strace")?;
    let driver = Driver::new(&service.api, "alice")?;
    let mut dice = Dice::part(setting.seed, 4);
    for _ in 0..setting.choose(3, 40) {
        verbs(&driver, &mut dice).await?;
    }
    service.kill().await?;
    let mut tally = Tally::default();
    let trace = Trace::read(&settled(&output).await?);
    for rule in &RULES {
        judge(&trace, rule, &mut tally);
    }
    Ok(tally)
}

async fn verbs(driver: &Driver, dice: &mut Dice) -> Outcome<()> {
    let id = driver.upload(dice.bytes(3000)).await?;
    let path = format!("/v1/files/{id}");
    let body = serde_json::json!({"filename": "other.txt"});
    let patched = driver.call(reqwest::Method::PATCH, &path, &body).await?;
    patched.expect(200)?;
    driver.delete(&id).await?.expect(204)?;
    let id = driver.upload(dice.bytes(TWO_PARTS)).await?;
    driver.delete(&id).await?.expect(204)?;
    let id = driver.create(dice.bytes(10)).await?;
    driver.abort(&id).await?.expect(204)?;
    Ok(())
}

/// The trace, once `strace` has written all of it.
async fn settled(path: &Path) -> Outcome<String> {
    for _ in 0..200 {
        let text = fs::read_to_string(path)?;
        if text.contains("+++ killed by SIGKILL +++") {
            return Ok(text);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Err(Failure::new("strace did not come to an end"))
}

fn judge(trace: &Trace, rule: &Rule, tally: &mut Tally) {
    let answers = trace.answers(rule.request, rule.answer);
    if answers.is_empty() {
        tally.wrong(format!("the trace shows no answer to {:?}", rule.request));
    }
    tally.count("answers looked at", answers.len() as u64);
    for (asked, answered) in answers {
        tally.tried += 1;
        for file in rule.flushed {
            if !trace.is_flushed(file, asked, answered) {
                tally.wrong(format!(
                    "{:?} is answered before {file} is flushed",
                    rule.request
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
7 recvfrom(12<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"POST /v1/uploads HTTP/1.1\\r\\n\", 8192) = 27
8 fdatasync(9</x/catalog.sqlite-wal> <unfinished ...>
7 recvfrom(13<TCP:[127.0.0.1:1->127.0.0.1:3]>, \"GET /\", 8192) = 5
8 <... fdatasync resumed>) = 0
7 writev(12<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base=\"HTTP/1.1 201 Created\\r\\n\"}], 1) = 99
";

    fn broken(text: &str) -> Vec<String> {
        let mut tally = Tally::default();
        judge(&Trace::read(text), &RULES[0], &mut tally);
        tally.broken
    }

    #[test]
    fn an_answer_after_its_flush_is_good() {
        assert_eq!(broken(GOOD), Vec::<String>::new());
    }

    #[test]
    fn an_answer_before_its_flush_is_found() {
        let mut lines: Vec<_> = GOOD.lines().collect();
        // The flush ends after the answer, although it began before.
        lines.swap(3, 4);
        assert_eq!(broken(&lines.join("\n")).len(), 1);
        // Another file is flushed.
        assert_eq!(broken(&GOOD.replace("catalog", "other")).len(), 1);
        // The flush fails.
        assert_eq!(broken(&GOOD.replace("= 0", "= -1 EIO")).len(), 1);
        // There is no answer at all.
        assert_eq!(broken(&GOOD.replace("201", "500")).len(), 1);
    }
}
