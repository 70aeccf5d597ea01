//! Lists, worked out by looking at everything.

use super::super::step::PREFIXES;
use super::upload::State;
use super::{Action, Model};

/// The keys of a page and its common prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Page {
    pub(in super::super) keys: Vec<String>,
    pub(in super::super) prefixes: Vec<String>,
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Key(String),
    Prefix(String),
}

impl Model {
    pub(super) fn list(
        &self,
        prefix: usize,
        delimiter: bool,
        limit: usize,
        first_version: bool,
    ) -> Action {
        let prefix = PREFIXES[prefix];
        let mut lines = Vec::new();
        for key in self.objects.keys() {
            let Some(rest) = key.strip_prefix(prefix) else {
                continue;
            };
            let line = match rest.find('/').filter(|_| delimiter) {
                Some(end) => Line::Prefix(format!("{prefix}{}", &rest[..=end])),
                None => Line::Key(key.clone()),
            };
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        let mut pages: Vec<Page> = lines.chunks(limit).map(page).collect();
        if pages.is_empty() {
            pages.push(Page::default());
        }
        Action::List {
            prefix,
            delimiter,
            limit,
            first_version,
            pages,
        }
    }

    pub(super) fn list_uploads(&self, limit: usize) -> Action {
        let open = |(_, upload): &(usize, &super::Upload)| matches!(upload.state, State::Open);
        let uploads = self.uploads.iter().enumerate().filter(open);
        let mut uploads: Vec<_> = uploads
            .map(|(slot, upload)| (upload.key.clone(), slot))
            .collect();
        uploads.sort();
        Action::ListUploads { limit, uploads }
    }
}

fn page(lines: &[Line]) -> Page {
    let mut page = Page::default();
    for line in lines {
        match line {
            Line::Key(key) => page.keys.push(key.clone()),
            Line::Prefix(prefix) => page.prefixes.push(prefix.clone()),
        }
    }
    page
}
