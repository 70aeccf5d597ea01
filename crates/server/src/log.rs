//! What a log may never hold, whoever sets up the log.

/// Directives (of `tracing-subscriber`'s `EnvFilter`) to be added to every filter, after those of a person:
/// below `info` these crates log whole requests, with the signatures and tokens in them.
pub const QUIET: &[&str] = &["s3s=info"];
