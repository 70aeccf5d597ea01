//! Which files somebody means: a file, a folder with all that is in it, or a pattern the shell left alone.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A file to upload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// The folders it lies in, from the one that was named on: `photos/2026`; empty for a file that was
    /// itself named.
    pub(crate) folder: String,
}

/// The files behind the arguments, in their order; within folders by name. What cannot be read is an error
/// in its place, so that the others can go on.
pub(crate) fn find(arguments: &[PathBuf]) -> Vec<Result<Found, Error>> {
    let mut found = Vec::new();
    for argument in arguments {
        if argument.symlink_metadata().is_ok() {
            visit(argument, &mut found);
            continue;
        }
        let matches: Vec<_> = expand(argument);
        if matches.is_empty() {
            let path = argument.clone();
            found.push(Err(Error::NothingThere { path }));
        }
        for path in matches {
            visit(&path, &mut found);
        }
    }
    found
}

/// What a pattern matches, by name; nothing when it is none.
fn expand(argument: &Path) -> Vec<PathBuf> {
    let pattern = argument
        .to_str()
        .filter(|text| text.contains(['*', '?', '[']));
    let Some(Ok(matches)) = pattern.map(glob::glob) else {
        return Vec::new();
    };
    matches.filter_map(Result::ok).collect()
}

fn visit(path: &Path, found: &mut Vec<Result<Found, Error>>) {
    if path.is_dir() {
        // `.`, `..` and `/` have no name: what is in them lies at the top.
        let folder = segment(path).map(|name| name.unwrap_or_default().to_owned());
        match folder {
            Ok(folder) => walk(path, &folder, &mut Vec::new(), found),
            Err(error) => found.push(Err(error)),
        }
    } else {
        found.push(Ok(Found {
            file: path.to_owned(),
            folder: String::new(),
        }));
    }
}

/// Walks a folder. Links are followed, but not to a folder the walk is in already; what is neither a file nor
/// a folder is left out.
fn walk(
    folder: &Path,
    name: &str,
    above: &mut Vec<PathBuf>,
    found: &mut Vec<Result<Found, Error>>,
) {
    let (real, entries) = match (folder.canonicalize(), read(folder)) {
        (Ok(real), Ok(entries)) => (real, entries),
        (Err(source), _) | (_, Err(source)) => return found.push(Err(local(folder, source))),
    };
    if above.contains(&real) {
        return;
    }
    above.push(real);
    for path in entries {
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => match segment(&path) {
                Ok(segment) => {
                    let below = join(name, segment.unwrap_or_default());
                    walk(&path, &below, above, found);
                }
                Err(error) => found.push(Err(error)),
            },
            Ok(metadata) if metadata.is_file() => found.push(Ok(Found {
                file: path,
                folder: name.to_owned(),
            })),
            Ok(_) => {}
            Err(source) => found.push(Err(local(&path, source))),
        }
    }
    above.pop();
}

fn read(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Joins two logical folders, of which either may be the root.
pub(crate) fn join(above: &str, below: &str) -> String {
    match (above, below) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{above}/{below}"),
    }
}

fn segment(path: &Path) -> Result<Option<&str>, Error> {
    let Some(name) = path.file_name() else {
        return Ok(None);
    };
    let message = "the name is not UTF-8: rename it";
    let wrong = || local(path, io::Error::new(io::ErrorKind::InvalidData, message));
    name.to_str().map(Some).ok_or_else(wrong)
}

fn local(path: &Path, source: io::Error) -> Error {
    Error::Local {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
