//! Progress on a terminal: one bar for each file under way, and none anywhere else.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use valetkey_client::{Progress, Silent};

use crate::error::Error;
use crate::text;

/// The bars on the screen.
pub(crate) struct Bars(Option<MultiProgress>);

impl Bars {
    /// Bars on a terminal; nothing when the output is for a script or goes elsewhere.
    pub(crate) fn new(for_a_script: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
        Self((terminal && !for_a_script).then(MultiProgress::new))
    }

    /// A bar for one file, which goes when the answer is dropped.
    pub(crate) fn start(&self, name: &str, size: u64) -> Arc<dyn Progress> {
        const LOOK: &str = "{bar:24} {bytes:>10}/{total_bytes:<10} {bytes_per_sec:>12} {wide_msg}";
        let Some(all) = &self.0 else {
            return Arc::new(Silent);
        };
        let bar = all.add(ProgressBar::new(size));
        if let Ok(style) = ProgressStyle::with_template(LOOK) {
            bar.set_style(style);
        }
        bar.set_message(text::plain(name).into_owned());
        Arc::new(Bar(bar))
    }

    /// Prints a line above the bars.
    pub(crate) fn print(&self, line: &str) -> Result<(), Error> {
        match &self.0 {
            Some(all) => all.suspend(|| text::print(line)),
            None => text::print(line),
        }
    }

    /// Prints a line for errors above the bars.
    pub(crate) fn complain(&self, line: &str) {
        match &self.0 {
            Some(all) => all.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

struct Bar(ProgressBar);

impl Progress for Bar {
    fn moved(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn lost(&self, bytes: u64) {
        self.0.dec(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
