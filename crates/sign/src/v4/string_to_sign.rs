//! Second stage: algorithm, instant, scope and the hash of the canonical request.

use super::dialect::Dialect;

/// Everything before the hash of the canonical request: the same for all requests of one instant.
pub(crate) fn head(dialect: Dialect, date: &str, scope: &str) -> String {
    format!("{}\n{date}\n{scope}\n", dialect.algorithm())
}
