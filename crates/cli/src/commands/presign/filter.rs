//! Many requests: a line in, a line out, and nothing kept.

use std::io::{BufRead as _, BufReader, BufWriter, Read, Write};

use super::PresignError;
use super::answer::{Answer, refusal};
use super::line::Line;
use super::signers::Signers;
use crate::error::Error;

/// Far more than any request needs: a key of 1,024 bytes, headers of 8 KiB, a session token.
const LONGEST_LINE: usize = 1024 * 1024;

/// Answers every line until the input ends; a line that cannot be signed gets its reason, and the next
/// one is read.
pub(super) fn run(input: impl Read, output: impl Write) -> Result<(), Error> {
    let mut input = BufReader::new(input);
    let mut output = BufWriter::new(output);
    let mut signers = Signers::default();
    let mut line = Vec::new();
    while next(&mut input, &mut line).map_err(Error::Input)? {
        let answer = match sign(&line, &mut signers) {
            Ok(answer) => answer.to_json(),
            Err(error) => refusal(error),
        };
        writeln!(output, "{answer}").map_err(Error::Output)?;
        // Whoever waits for this answer before asking again must get it before we wait for them.
        if input.buffer().is_empty() {
            output.flush().map_err(Error::Output)?;
        }
    }
    output.flush().map_err(Error::Output)
}

fn sign(line: &[u8], signers: &mut Signers) -> Result<Answer, PresignError> {
    if line.len() > LONGEST_LINE {
        return Err(PresignError::Long {
            limit: LONGEST_LINE,
        });
    }
    signers.sign(&Line::read(line)?)
}

/// Reads the next line; of one that is too long, only so much that this can be seen.
fn next(input: &mut BufReader<impl Read>, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let limit = LONGEST_LINE as u64 + 1;
    let read = input.by_ref().take(limit).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LONGEST_LINE {
        input.skip_until(b'\n')?;
    }
    Ok(read > 0)
}
