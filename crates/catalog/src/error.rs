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
    /// What was to be remembered cannot be: an id that is taken, or a number it has no room for.
    #[error("the catalog cannot hold this: {what}")]
    Refused {
        /// What is wrong with it.
        what: String,
    },
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
