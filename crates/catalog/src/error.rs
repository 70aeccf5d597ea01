//! The one error of this crate.

/// Why the catalog could not do what was asked; nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The disk is full.
    #[error("the catalog's disk is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database does not answer.
    #[error("the catalog does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row holds something this version cannot read.
    #[error("the catalog holds a value that cannot be read: {what}")]
    Corrupt {
        /// Which column, and what is wrong.
        what: String,
    },
    /// The database cannot be opened.
    #[error("cannot open the catalog at {location}: {why}")]
    Open {
        /// Where it is.
        location: String,
        /// What is wrong and what to do.
        why: String,
    },
}
