//! Every promise at the scale of a test; `scripts/long` tries them at length.

mod kept;

use kept::{kept, setting};
use valetkey_reliability::scenario::{
    broken, chance, clocks, disk, histories, kills, load, order, orphans, overload, races, replays,
    sinks, storage, swaps, transfers,
};

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_fail_point_it_forgets_nothing_that_was_acknowledged() {
    kept(kills::at_every_point(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_it_forgets_nothing_that_was_acknowledged() {
    kept(chance::random_kills(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_many_open_uploads_it_is_ready_again_at_once() {
    kept(chance::many_open_uploads(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_who_complete_at_once_get_one_file_and_one_answer() {
    kept(races::crowds(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_complete_expire_and_delete_one_wins() {
    kept(races::complete_expire_delete(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_and_its_clients_do_not_get_in_each_others_way() {
    kept(races::sweeps_against_clients(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_histories_go_as_the_model_says() {
    kept(histories::beside_a_model(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_swapped_while_they_are_verified_are_never_taken_for_the_recorded_ones() {
    kept(swaps::while_completing(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_slept_before_its_copy_promotes_nothing_but_what_it_recorded() {
    kept(swaps::behind_a_stopped_worker(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_url_used_again_changes_nothing_and_leaves_nothing() {
    kept(replays::after_the_end(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_abandoned_uploads_nothing_stays() {
    kept(orphans::abandoned(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_on_disk_before_the_answer_leaves() {
    kept(order::flushed_before_the_answer(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_of_storage_are_found_out() {
    kept(storage::lost_answers(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_storage_fails_it_answers_in_time_and_afterwards_goes_on() {
    kept(storage::outages(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a29_clocks_that_differ_end_nothing_early_and_sign_nothing_that_would_not_hold() {
    kept(clocks::moved(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a29_a_server_at_another_time_than_its_storage_says_so() {
    kept(clocks::shifted(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_heals_without_a_restart() {
    kept(disk::full(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_under_load_it_loses_no_acknowledgement() {
    kept(load::ends(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_hold_on_to_connections_keep_nobody_waiting() {
    kept(load::idlers(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_disk_loses_nothing_that_was_acknowledged_and_heals() {
    kept(broken::disk(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a33_a_transfer_that_ends_late_is_a_file_when_it_is_verified_or_gone() {
    kept(transfers::late(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_costs_at_most_its_part() {
    kept(transfers::broken_connections(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_does_not_hear_keeps_no_other_one_waiting() {
    kept(sinks::unharmed(&setting()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn flooded_with_more_than_it_can_do_it_does_what_it_can_and_loses_nothing() {
    kept(overload::flooded(&setting()).await);
}
