//! A file under construction: it has a name nobody looks for, and it goes when nobody wants it.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use valetkey_protocol::FileId;

use crate::Error;

/// A temporary file beside its target. Dropped before it was renamed, it is removed.
pub(super) struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    /// Makes `.name.valetkey-<id>.part` and opens it; one that a killed process left is replaced.
    pub(super) async fn create(target: &Path, id: FileId) -> Result<(Self, fs::File), Error> {
        let path = target.with_file_name(name(target, id));
        match fs::remove_file(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(&path, error));
            }
            _ => {}
        }
        // `create_new` also refuses a link that somebody put there.
        let opened = fs::File::create_new(&path).await;
        let file = opened.map_err(|error| Error::io(&path, error))?;
        let renamed = false;
        Ok((Self { path, renamed }, file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its real name.
    pub(super) async fn rename(mut self, target: &Path) -> Result<(), Error> {
        let renamed = fs::rename(&self.path, target).await;
        renamed.map_err(|error| Error::io(target, error))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            std::fs::remove_file(&self.path).ok();
        }
    }
}

/// File systems allow 255 bytes, and the rest of the name needs some of them.
fn name(target: &Path, id: FileId) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let mut end = name.len().min(150);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!(".{}.valetkey-{id}.part", &name[..end])
}
