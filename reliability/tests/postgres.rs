//! Every promise about the catalog in PostgreSQL, at the scale of a test; each starts a database of its own.

mod kept;

use kept::{kept, setting};
use valetkey_reliability::scenario::{database, kills, replicas};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn killed_at_any_fail_point_it_forgets_nothing_that_postgresql_has() {
    kept(kills::on_postgres(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_database_killed_at_any_fail_point_costs_nothing_that_was_acknowledged() {
    kept(database::falls(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_database_that_restarts_again_and_again_is_told_in_time_and_loses_nothing() {
    kept(database::restarts(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_standby_that_is_promoted_has_all_that_was_acknowledged() {
    kept(database::takeovers(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn of_many_servers_one_does_it_even_when_another_slept_through_its_lease() {
    kept(replicas::races(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn servers_that_restart_in_turn_are_not_noticed() {
    kept(replicas::rolling(&setting()).await);
}
