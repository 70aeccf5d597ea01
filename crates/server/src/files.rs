//! Files that only their owner may read, and that are whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::ServeError;

/// Files kept for what is not a connection of a listener: catalog, storage calls, logs.
const OTHER_FILES: u64 = 128;

/// How many connections each of two listeners may hold by the limit on open files, which is raised as far as it goes.
pub(crate) fn room_for_connections() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_ok() {
        limit = raised;
    }
    let files = limit.current.unwrap_or(u64::MAX);
    let room = files.saturating_sub(OTHER_FILES).max(files / 2) / 2;
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

/// Makes a folder for its owner alone (mode 0700) if it is not there.
///
/// # Errors
/// It cannot be made.
pub(crate) fn private_folder(path: &Path) -> Result<(), ServeError> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(path);
    made.map_err(failed(path))
}

/// Writes a file for its owner alone (mode 0600) in the place of any other, all at once.
///
/// # Errors
/// It cannot be written.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), ServeError> {
    let draft = draft(path, text)?;
    fs::rename(&draft, path).map_err(failed(path))?;
    sync_parent(path)
}

/// Reads a file, or makes it once: of two processes that try, both get what the first one made.
///
/// # Errors
/// It cannot be read or written.
pub(crate) fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<String, ServeError>,
) -> Result<String, ServeError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        read => return read.map_err(failed(path)),
    }
    let draft = draft(path, &make()?)?;
    let linked = fs::hard_link(&draft, path);
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(path)(error)),
        _ => {}
    }
    sync_parent(path)?;
    fs::read_to_string(path).map_err(failed(path))
}

/// Writes what will become a file under a name of this process.
fn draft(path: &Path, text: &str) -> Result<PathBuf, ServeError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.draft", std::process::id()));
    let draft = path.with_file_name(name);
    let write = || {
        let _ = fs::remove_file(&draft);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(failed(&draft))?;
    Ok(draft)
}

fn sync_parent(path: &Path) -> Result<(), ServeError> {
    let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    else {
        return Ok(());
    };
    let folder = File::open(parent).map_err(failed(parent))?;
    folder.sync_all().map_err(failed(parent))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> ServeError + use<> {
    let path = path.to_owned();
    move |source| ServeError::File {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        private_folder(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        let path = inner.join("x.json");
        replace(&path, "one").unwrap();
        replace(&path, "two").unwrap();
        assert_eq!(
            (fs::read_to_string(&path).unwrap(), mode(&path)),
            ("two".to_owned(), 0o600)
        );
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
    }

    #[test]
    fn what_was_made_once_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let first = read_or_make(&path, || Ok("one".to_owned())).unwrap();
        let second = read_or_make(&path, || Ok("two".to_owned())).unwrap();
        assert_eq!((&*first, &*second, mode(&path)), ("one", "one", 0o600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_one_who_comes_second_gets_what_the_first_one_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let late = read_or_make(&path, || {
            read_or_make(&path, || Ok("first".to_owned()))?;
            Ok("second".to_owned())
        });
        assert_eq!(late.unwrap(), "first");
    }
}
