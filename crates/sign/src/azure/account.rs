//! Whose blobs, and where they are.

use super::AzureError;
use crate::encode::encode_path;
use crate::{AddressingStyle, Endpoint};

/// A storage account and the address of its blob service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: String,
    /// `https://account.blob.core.windows.net`, or what stands in its place; no slash at the end.
    origin: String,
    /// Scheme and authority alone are so long.
    path_at: usize,
}

impl Account {
    /// An account of the public cloud.
    ///
    /// # Errors
    /// [`AzureError::Account`].
    pub fn new(name: &str) -> Result<Self, AzureError> {
        let endpoint = format!("https://{name}.blob.core.windows.net");
        check_name(name)?;
        Self::with_endpoint(name, &endpoint)
    }

    /// An account elsewhere: another cloud, a domain of one's own, an emulator, where the path begins
    /// with the account's name.
    ///
    /// # Errors
    /// [`AzureError::Account`] and [`AzureError::Endpoint`].
    pub fn with_endpoint(name: &str, endpoint: &str) -> Result<Self, AzureError> {
        check_name(name)?;
        // Any name would do: the address is the same for all containers.
        let parsed = Endpoint::parse(endpoint, name, AddressingStyle::Bound)?;
        let host = format!("{}://{}", parsed.scheme(), parsed.authority());
        Ok(Self {
            name: name.to_owned(),
            path_at: host.len(),
            origin: format!("{host}{}", parsed.path_prefix()),
        })
    }

    /// The account's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Scheme and authority.
    pub(super) fn host_url(&self) -> &str {
        &self.origin[..self.path_at]
    }

    /// The path in front of every container.
    pub(super) fn base_path(&self) -> &str {
        &self.origin[self.path_at..]
    }

    /// Appends the URL of a resource without a signature.
    ///
    /// # Errors
    /// [`AzureError::Container`], [`AzureError::EmptyName`], [`AzureError::DotSegment`],
    /// [`AzureError::Directory`] and [`AzureError::Control`].
    pub fn push_url(&self, resource: &Resource<'_>, out: &mut String) -> Result<(), AzureError> {
        resource.check()?;
        out.push_str(&self.origin);
        out.push('/');
        out.push_str(resource.container());
        if let Some(name) = resource.name() {
            out.push('/');
            encode_path(name.as_bytes(), out);
        }
        Ok(())
    }
}

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// One blob.
    Blob {
        /// Its container.
        container: &'a str,
        /// Its name, not encoded.
        blob: &'a str,
    },
    /// All blobs of a container.
    Container {
        /// Its name.
        container: &'a str,
    },
    /// All blobs below a directory; the account needs a hierarchical namespace.
    Directory {
        /// Its container.
        container: &'a str,
        /// Its path, not encoded, without slashes at its ends.
        directory: &'a str,
    },
}

impl<'a> Resource<'a> {
    /// `sr`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Blob { .. } => "b",
            Self::Container { .. } => "c",
            Self::Directory { .. } => "d",
        }
    }

    /// `sdd`: how many names the path of a directory has.
    pub(super) fn depth(&self) -> Option<usize> {
        match self {
            Self::Directory { directory, .. } => Some(directory.split('/').count()),
            _ => None,
        }
    }

    pub(super) fn container(&self) -> &'a str {
        match self {
            Self::Blob { container, .. }
            | Self::Container { container }
            | Self::Directory { container, .. } => container,
        }
    }

    pub(super) fn name(&self) -> Option<&'a str> {
        match self {
            Self::Blob { blob, .. } => Some(blob),
            Self::Container { .. } => None,
            Self::Directory { directory, .. } => Some(directory),
        }
    }

    pub(super) fn check(&self) -> Result<(), AzureError> {
        let container = self.container();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-$".contains(&b);
        if !(1..=63).contains(&container.len()) || !container.bytes().all(plain) {
            return Err(AzureError::Container {
                name: container.to_owned(),
            });
        }
        let Some(name) = self.name() else {
            return Ok(());
        };
        if name.is_empty() {
            return Err(AzureError::EmptyName);
        }
        // A line break would end a line of what is signed.
        if name.contains(['\n', '\r']) {
            return Err(AzureError::Control { part: "name" });
        }
        if name.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(AzureError::DotSegment);
        }
        if self.depth().is_some() && name.split('/').any(str::is_empty) {
            return Err(AzureError::Directory);
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), AzureError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=63).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(AzureError::Account {
        name: name.to_owned(),
    })
}
