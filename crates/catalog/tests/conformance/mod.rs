//! What every catalog must do, whatever holds it. A catalog is tested by handing this suite a way to open an
//! empty one; each test gets its own.

pub(crate) mod accounts;
pub(crate) mod claims;
pub(crate) mod deliveries;
pub(crate) mod drops;
pub(crate) mod due;
pub(crate) mod edges;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod late;
pub(crate) mod links;
pub(crate) mod once;
pub(crate) mod owing;
pub(crate) mod sample;
pub(crate) mod tenants;
pub(crate) mod tickets;
pub(crate) mod uploads;

/// Makes a test of each sentence, over what `$open` opens: something with a `catalog`, kept until the end. What
/// is in brackets before it are the attributes of every test.
macro_rules! conformance {
    ([$(#[$attribute:meta])*] $open:expr) => {
        crate::conformance::conformance! { [$(#[$attribute])*] $open =>
            accounts::an_upload_reserves_and_every_end_settles_exactly_once
            accounts::each_limit_holds_to_the_last_byte_and_says_which_it_was
            accounts::a35_of_a_hundred_at_once_as_many_get_in_as_there_is_room_for
            accounts::the_items_of_one_call_are_counted_one_after_the_other
            accounts::no_sum_is_too_large
            claims::the_longest_due_is_claimed_first_and_the_limit_holds
            claims::a_claim_is_left_alone_until_its_time_and_counted
            claims::of_fifty_who_claim_at_once_each_record_goes_to_one
            claims::a_claim_takes_nothing_of_another_bucket
            claims::what_is_postponed_comes_behind_what_is_due_by_then
            claims::a_record_due_for_two_reasons_is_claimed_for_one
            claims::whoever_gets_on_has_no_attempts_behind_it
            claims::what_is_left_alone_can_be_hastened
            claims::a_task_is_one_servers_at_a_time_and_keeps_its_place
            deliveries::an_endpoint_is_found_as_it_was_made_and_changed_by_one
            deliveries::what_happened_is_handed_on_once_by_however_many
            deliveries::of_each_file_one_event_is_due_after_the_other
            deliveries::what_comes_later_waits_behind_what_is_not_over
            deliveries::of_twenty_who_claim_at_once_each_delivery_goes_to_one
            deliveries::whoever_lost_a_delivery_settles_nothing
            deliveries::a_disabled_endpoint_is_owed_nothing_new_and_loses_nothing
            deliveries::the_dead_can_be_revived_in_their_order
            deliveries::a_cursor_that_is_moved_back_has_everything_begin_anew
            due::each_kind_of_work_is_due_exactly_when_it_is_due
            due::pages_of_what_is_due_show_each_record_once
            due::leftovers_are_over_for_settled_uploads_alone_and_once
            edges::every_edge_is_legal_exactly_where_it_begins
            edges::an_edge_named_with_another_epoch_goes_nowhere
            edges::a_lost_run_is_taken_over_when_its_lease_is_over_and_not_before
            edges::a_run_that_renews_its_lease_is_left_alone_for_longer
            edges::of_fifty_who_go_along_one_edge_one_arrives
            edges::a_verified_upload_remembers_what_was_found
            edges::a_file_remembers_since_when_it_is_one
            edges::a_declared_checksum_stays_and_a_late_one_is_taken
            edges::going_back_forgets_the_lease_and_the_source
            edges::a_failure_keeps_its_problem
            files::each_filter_shows_what_it_says_and_nothing_else
            files::only_available_files_within_their_retention_are_listed
            files::pages_follow_the_ids_in_both_orders
            files::pages_show_every_file_once_while_others_arrive
            files::a_patch_writes_the_new_values_and_of_two_the_second_is_told
            files::what_is_no_file_is_not_patched
            files::no_download_is_counted_twice_or_lost
            history::every_edge_and_patch_is_one_line_and_what_was_refused_is_none
            history::what_others_are_told_is_in_the_outbox_in_order
            events::an_event_says_whose_it_is_and_where
            events::each_filter_shows_what_it_says_in_order
            events::pages_of_one_owner_show_each_event_once
            events::an_announced_download_is_an_event_with_its_number_and_no_other_is
            events::the_span_reaches_from_the_first_to_the_last_that_is_remembered
            events::whoever_waits_is_given_a_hint
            history::what_is_old_and_settled_is_forgotten_and_nothing_else
            history::a_scan_shows_every_record_of_every_state_once
            history::the_backlog_counts_what_is_there
            late::a_late_upload_reserves_the_most_and_stores_what_there_is
            late::every_other_end_gives_the_most_back
            late::its_bytes_are_looked_for_when_it_is_time_and_ever_again
            late::whoever_lost_the_claim_or_got_on_is_not_looked_for_later
            late::an_owner_waits_for_its_own_pending_ones_alone
            once::a_key_stands_for_its_first_upload_and_for_its_owner_alone
            once::of_fifty_with_one_key_one_is_created
            once::a_key_counts_until_its_time_and_can_be_freed
            keys::a_key_is_found_as_it_was_made_and_gone_when_it_is_removed
            keys::there_are_so_many_keys_and_each_once
            keys::of_twenty_who_rotate_at_once_one_does
            keys::the_last_use_of_a_key_only_gets_later
            tenants::a22_files_of_a_tenant_are_in_its_lists_alone
            tenants::a22_events_of_a_tenant_are_in_its_lists_alone
            links::a_link_is_found_as_it_was_made_and_its_file_has_so_many
            links::of_sixty_four_who_use_a_link_at_once_as_many_do_as_may
            links::a_link_that_is_revoked_or_over_is_of_no_use
            links::lists_show_each_link_where_it_belongs
            links::uses_are_listed_counted_by_day_and_forgotten_by_age
            drops::a_drop_link_is_found_listed_revoked_and_forgotten
            drops::of_sixty_four_at_once_no_more_bytes_get_in_than_may
            tenants::accounts_of_one_name_are_as_many_as_tenants
            tenants::a_key_stands_for_an_upload_of_its_tenant_alone
            tickets::of_fifty_at_once_under_one_ticket_as_many_get_in_as_it_is_for
            tickets::the_items_of_one_call_are_counted_and_those_refused_are_nowhere
            tickets::what_goes_over_another_limit_uses_nothing_of_a_ticket
            tickets::a_create_that_is_repeated_is_counted_once
            tickets::a_ticket_is_forgotten_when_it_is_over_and_not_before
            owing::an_endpoint_is_removed_with_all_it_is_owed
            owing::what_is_over_is_forgotten_by_age_and_what_waits_is_not
            owing::what_an_endpoint_is_owed_is_counted
            owing::events_that_an_endpoint_has_not_got_to_are_not_forgotten
            uploads::an_upload_is_found_as_it_was_declared
            uploads::uploads_of_one_call_are_remembered_all_or_none
            uploads::numbers_that_do_not_fit_are_refused
            uploads::the_name_of_a_multipart_upload_is_attached_once
            uploads::urls_only_ever_live_longer
            uploads::hundreds_at_once_are_all_found
            uploads::it_answers
        }
    };
    ($attributes:tt $open:expr => $($room:ident::$sentence:ident)+) => {
        $(crate::conformance::conformance! { $attributes $open, $room, $sentence })+
    };
    ([$(#[$attribute:meta])*] $open:expr, $room:ident, $sentence:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$attribute])*
        async fn $sentence() {
            let home = $open;
            conformance::$room::$sentence(&home.catalog).await;
        }
    };
}
pub(crate) use conformance;
