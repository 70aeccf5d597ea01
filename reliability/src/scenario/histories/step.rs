//! What may happen in a history.

use valetkey_embedded::{Fault, FaultRule};

use crate::dice::Dice;

/// One step. Uploads are named by their number in the history.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A client creates an upload.
    Create {
        /// Of so many bytes.
        size: usize,
        /// Whether it declares their checksum.
        declared: bool,
        /// For how many seconds the file is kept.
        retain: Option<u64>,
    },
    /// A client sends a part with the URL it got at the beginning, perhaps again, perhaps other bytes.
    Put {
        upload: usize,
        part: usize,
        other: bool,
    },
    /// A client completes.
    Complete { upload: usize },
    /// A client completes and never sees the answer.
    CompleteUnseen { upload: usize },
    /// A client gives up.
    Abort { upload: usize },
    /// A client deletes a file.
    Delete { upload: usize },
    /// A client renames a file.
    Rename { upload: usize },
    /// A client downloads a file.
    Download { upload: usize },
    /// The worker sweeps.
    Sweep,
    /// Time passes.
    Forward { seconds: i64 },
    /// From here to the end of the next step, storage misbehaves.
    Trouble { fault: Fault, times: u64 },
}

/// Throws the next step when there are so many uploads.
pub(super) fn throw(dice: &mut Dice, uploads: usize) -> Step {
    if uploads == 0 {
        return create(dice);
    }
    // Mostly about a late one, so that stories go on.
    let upload = match dice.percent(70) {
        true => uploads - 1 - dice.below(uploads.min(3)),
        false => dice.below(uploads),
    };
    match dice.below(100) {
        0..11 => create(dice),
        11..38 => Step::Put {
            upload,
            part: dice.below(2),
            other: dice.percent(20),
        },
        38..54 => Step::Complete { upload },
        54..58 => Step::CompleteUnseen { upload },
        58..63 => Step::Abort { upload },
        63..69 => Step::Delete { upload },
        69..72 => Step::Rename { upload },
        72..77 => Step::Download { upload },
        77..83 => Step::Sweep,
        83..89 => Step::Forward {
            seconds: *dice.pick(&[1, 301, 1207, 7211, 90_007]).unwrap_or(&1),
        },
        _ => Step::Trouble {
            fault: dice.pick(&troubles()).cloned().unwrap_or(Fault::SlowDown),
            times: 1 + dice.below(5) as u64,
        },
    }
}

/// What storage does to its clients.
pub(super) fn troubles() -> [Fault; 6] {
    [
        Fault::SlowDown,
        Fault::InternalError,
        Fault::AppliedThenReset,
        Fault::ErrorInOk,
        Fault::TruncatedXml,
        Fault::ResetRequest { after: 0 },
    ]
}

/// A fault for so many requests that it may befall: an error in a 200 only comes where storage answers late.
pub(super) fn rules(fault: &Fault, times: u64) -> Vec<FaultRule> {
    let rule = |operation: Option<&str>| FaultRule {
        operation: operation.map(str::to_owned),
        times: Some(times),
        ..FaultRule::from(fault.clone())
    };
    match fault {
        Fault::ErrorInOk => ["CopyObject", "CompleteMultipartUpload"]
            .map(|name| rule(Some(name)))
            .to_vec(),
        _ => vec![rule(None)],
    }
}

fn create(dice: &mut Dice) -> Step {
    let size = match dice.below(20) {
        0 => super::super::script::TWO_PARTS,
        1..4 => super::super::script::ONE_PART,
        _ => 1 + dice.below(3000),
    };
    Step::Create {
        size,
        declared: dice.percent(50),
        retain: dice.percent(15).then_some(600),
    }
}
