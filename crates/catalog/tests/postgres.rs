//! The PostgreSQL catalog: the suite every catalog passes, and what is true of several servers alone.
//!
//! These need a database: `scripts/test` starts one and runs them with `--ignored`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should say so at once"
)]

mod conformance;
#[path = "postgres/connecting.rs"]
mod connecting;
#[path = "postgres/outage.rs"]
mod outage;
#[path = "postgres/replicas.rs"]
mod replicas;
#[path = "postgres/support.rs"]
mod support;
#[path = "postgres/tables.rs"]
mod tables;
#[path = "postgres/webhooks.rs"]
mod webhooks;

use support::home;

conformance::conformance!([#[ignore = "needs PostgreSQL: run scripts/test"]] home().await);
