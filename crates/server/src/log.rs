//! What a log may never hold, whoever sets up the log.

/// Directives (of `tracing-subscriber`'s `EnvFilter`) to be added to every filter, after those of a person:
/// the S3 library logs whole requests, with the signatures in them, below `info`, and calls each refused request an
/// error above it. The embedded store logs its own failures. The PostgreSQL library logs every value it sends below
/// `info`, and what the database calls a notice as `info`. The Redis library warns at each attempt to connect; that Redis
/// is away, and back, is one line each of our own.
pub const QUIET: &[&str] = &["s3s=off", "tokio_postgres=warn", "fred=off"];
