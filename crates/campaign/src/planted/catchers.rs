//! Which test is to catch which bug.

use std::fmt;
use yizhan_planted::Bug;

/// Worlds of the simulator that a bug is given.
const WORLDS: Catcher = Catcher::Worlds { seeds: 300 };

/// Something that passes where there is no bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catcher {
    /// A test.
    Test {
        /// The folder of its crate; `yizhan` for the tests of the whole system.
        package: &'static str,
        /// The file of tests that it stands in; those inside the library if nothing is said.
        target: Option<&'static str>,
        /// Its name.
        name: &'static str,
    },
    /// Worlds of the simulator.
    Worlds {
        /// How many, from the first on.
        seeds: u64,
    },
}

impl fmt::Display for Catcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test { package, target: None, name } => write!(f, "{package}: {name}"),
            Self::Test { package, target: Some(target), name } => write!(f, "{package}/{target}: {name}"),
            Self::Worlds { seeds } => write!(f, "yizhan-sim --seeds {seeds}"),
        }
    }
}

const fn inside(package: &'static str, name: &'static str) -> Catcher {
    Catcher::Test { package, target: None, name }
}

const fn beside(package: &'static str, target: &'static str, name: &'static str) -> Catcher {
    Catcher::Test { package, target: Some(target), name }
}

const fn rules(name: &'static str) -> Catcher {
    beside("simulator", "rules", name)
}

// Tests that catch several bugs.
const NAMES_ON_DISK: Catcher = beside(
    "spool",
    "names_on_disk",
    "a_file_is_synced_before_it_is_renamed_and_its_folder_after_each_new_name",
);
const FIRST_OF_AN_EPOCH: Catcher = rules(
    "epochs::the_first_entry_of_a_new_epoch_names_what_was_remembered_and_its_offers_have_numbers_of_their_own",
);
const FURTHER_ATTEMPT: Catcher = rules(
    "further_attempts::an_office_gets_the_same_receipt_each_time_and_a_further_attempt_is_not_delivered_again",
);
const UNPROVEN: Catcher = inside(
    "node",
    "offers::tests::entries_that_the_ledger_does_not_hold_and_checkpoints_that_nobody_signed_are_not_believed",
);

/// Which tests are to catch which bug, in the order in which they are tried.
const TABLE: &[(Bug, &[Catcher])] = &[
    (
        Bug::SyncSkipped,
        &[inside("journal", "crash_tests::synced_batches_survive_any_number_of_crashes_anywhere")],
    ),
    (
        Bug::FailedSyncTriedAgain,
        &[inside("journal", "journal_tests::a_failed_sync_or_write_poisons_for_ever")],
    ),
    (
        Bug::FullTakenForSuccess,
        &[inside("journal", "journal_tests::a_full_disk_refuses_the_batch_and_goes_on_once_there_is_space")],
    ),
    (
        Bug::TornTailBelieved,
        &[inside("journal", "crash_tests::a_crash_inside_recovery_at_each_call_is_recovered_from")],
    ),
    (
        Bug::ChecksumSkipped,
        &[inside("journal", "frame::tests::a_batch_reads_back_as_written_and_no_changed_byte_passes")],
    ),
    (
        Bug::LastSegmentNotRewritten,
        &[inside("journal", "crash_tests::a_crash_inside_recovery_at_each_call_is_recovered_from")],
    ),
    (
        Bug::RewriteNotSynced,
        &[inside("journal", "crash_tests::synced_batches_survive_any_number_of_crashes_anywhere")],
    ),
    (
        Bug::ReclaimNotNoted,
        &[inside(
            "journal",
            "journal_tests::segments_that_were_reclaimed_before_a_power_cut_are_not_missed_after_it",
        )],
    ),
    (
        Bug::KeptSegmentLetGo,
        &[inside("journal", "kept_tests::what_lives_is_never_lost_and_never_kept_twice")],
    ),
    (Bug::HarmedCopyBelieved, &[inside("node", "recovery::tests::a_damaged_copy_yields_to_its_originals")]),
    (Bug::FailedCopyStays, &[inside("journal", "given_up_tests::a_copy_without_room_is_taken_back")]),
    (Bug::KeysNotCarried, &[inside("journal", "condense_tests::keys_of_submissions_are_carried_once")]),
    (Bug::FolderNotSyncedAfterCreate, &[NAMES_ON_DISK]),
    (Bug::FolderNotSyncedAfterRename, &[NAMES_ON_DISK]),
    (Bug::BodyNotSynced, &[NAMES_ON_DISK]),
    (
        Bug::BodyResumedUnverified,
        &[inside(
            "spool",
            "incoming::tests::a_body_resumes_behind_the_last_verified_piece_after_each_kind_of_loss",
        )],
    ),
    (
        Bug::ToldBeforeSync,
        &[inside("spool", "committer_tests::a_failed_sync_is_told_once_and_ends_everything")],
    ),
    (
        Bug::QueueBelievedAfterCrash,
        &[inside("spool", "queue::guard_tests::after_an_unclean_stop_it_is_rebuilt")],
    ),
    (Bug::RecordInOneStep, &[inside("node", "recovery::tests::a_queue_takes_in_a_record_of_many_facts")]),
    (Bug::WordBeforeDisk, &[rules("no_word_leaves_before_what_it_rests_on_is_durable")]),
    (Bug::DuplicateAccepted, &[rules("an_offer_is_taken_once_and_the_same_offer_gets_the_same_answer")]),
    (Bug::LoopAccepted, &[rules("an_offer_in_whose_path_the_node_stands_is_refused_for_good")]),
    (Bug::ClassificationIgnored, &[rules("an_offer_above_what_the_node_may_carry_is_refused_for_good")]),
    (
        Bug::QuotaIgnored,
        &[rules("quotas::a_neighbour_at_its_quota_is_refused_for_now_and_taken_once_something_went_on")],
    ),
    (Bug::FullDiskIgnored, &[rules("a_node_without_room_takes_no_offer_and_says_that_it_may_be_made_again")]),
    (Bug::CustodyOfOtherUnits, &[rules("custody_passes_only_on_an_acceptance_of_exactly_what_was_offered")]),
    (Bug::HandoverTwice, &[FURTHER_ATTEMPT]),
    (Bug::ConsignedTwice, &[FURTHER_ATTEMPT]),
    (Bug::ExpiryInDoubt, &[rules("a_unit_whose_offer_is_unanswered_does_not_expire")]),
    (
        Bug::StepBelieved,
        &[rules(
            "clocks::a_clock_that_goes_wrong_after_the_hellos_ends_nothing_and_set_right_it_counts_again",
        )],
    ),
    (
        Bug::OneClockEnough,
        &[rules("clocks::one_neighbour_that_lies_neither_stops_expiry_nor_brings_it_about")],
    ),
    (
        Bug::EndedInDoubt,
        &[inside(
            "simulator",
            "scenarios::two_joined_trees::what_may_cross_does_although_a_clock_at_the_link_went_wrong",
        )],
    ),
    (Bug::AttemptWithoutFailure, &[rules("a_failure_told_again_and_again_opens_one_attempt")]),
    (
        Bug::ClaimBelieved,
        &[rules("custodians::an_end_that_somebody_tells_who_had_no_custody_is_kept_and_ends_nothing")],
    ),
    (
        Bug::AcceptanceTakenForEnd,
        &[WORLDS, rules("the_acceptance_of_a_relay_is_no_end_and_the_envelope_stays_until_there_is_one")],
    ),
    (
        Bug::ReleasedEarly,
        &[WORLDS, rules("the_acceptance_of_a_relay_is_no_end_and_the_envelope_stays_until_there_is_one")],
    ),
    (Bug::KeptBeforeDurable, &[rules("a_confirmation_waits_until_the_receipt_is_durable")]),
    (
        Bug::AnythingKept,
        &[rules(
            "evidence::receipts_about_an_envelope_that_was_never_given_out_are_neither_stored_nor_confirmed",
        )],
    ),
    (
        Bug::ReceiptsUncounted,
        &[rules("evidence::one_node_cannot_fill_a_disk_with_receipts_about_one_document")],
    ),
    (Bug::OwedOnlyOnce, &[WORLDS, rules("a_receipt_goes_home_again_and_again_until_its_origin_confirms_it")]),
    (Bug::WitnessedBackwards, &[rules("a_smaller_head_than_the_known_one_is_not_cosigned")]),
    (
        Bug::ConsistencyUnchecked,
        &[inside(
            "ledger",
            "witness::tests::a_second_history_is_not_believed_whatever_it_claims_to_begin_from",
        )],
    ),
    (Bug::InclusionUnchecked, &[UNPROVEN]),
    (Bug::CheckpointUnsigned, &[UNPROVEN]),
    (
        Bug::HeaderOfProofIgnored,
        &[inside(
            "node",
            "offers::tests::the_acceptance_of_another_header_under_the_same_id_is_no_proof_of_origin",
        )],
    ),
    (
        Bug::BodyRootIgnored,
        &[inside("node", "offers::tests::an_offer_is_taken_only_if_every_part_of_it_belongs_to_the_others")],
    ),
    (
        Bug::PieceUnchecked,
        &[beside(
            "yizhan",
            "one_flipped_byte",
            "a_body_damaged_at_a_relay_is_put_aside_and_comes_again_from_its_origin",
        )],
    ),
    (
        Bug::OfficeSignatureIgnored,
        &[inside(
            "node",
            "offers::tests::a_document_is_delivered_only_if_the_office_that_it_names_signed_it",
        )],
    ),
    (
        Bug::PublishedBeforeTiles,
        &[inside("ledger", "publication::tests::the_checkpoint_is_written_once_and_last")],
    ),
    (
        Bug::KeyForgotten,
        &[beside(
            "yizhan",
            "command_line",
            "the_same_key_gives_the_same_document_and_another_document_under_it_is_refused",
        )],
    ),
    (
        Bug::KeysMayDiffer,
        &[inside(
            "desk",
            "over_the_socket::hostile::contradictory_or_shapeless_idempotency_keys_are_refused",
        )],
    ),
    (
        Bug::PayloadNonceReused,
        &[inside(
            "envelope",
            "whole_envelope_tests::two_bodies_under_one_file_key_differ_in_every_byte_string",
        )],
    ),
    (Bug::ChunkNonceReused, &[inside("envelope", "stream::tests::swapped_chunks_are_refused")]),
    (Bug::FileKeyReused, &[inside("envelope", "file_key::tests::the_commitment_depends_on_the_key_alone")]),
    (
        Bug::SlipUncommitted,
        &[inside(
            "envelope",
            "whole_envelope_tests::a_slip_of_another_destination_or_of_another_envelope_is_refused",
        )],
    ),
    (Bug::ContentUnsigned, &[inside("identity", "cms::tests::another_content_is_refused")]),
    (
        Bug::SignatureUnverified,
        &[inside("identity", "cms::tests::another_key_is_refused_by_signer_and_verifier")],
    ),
    (
        Bug::StrangerAccepted,
        &[beside("link", "neighbours", "refusals::a_node_of_the_network_that_is_no_neighbour_is_refused")],
    ),
    (
        Bug::HelloOfAnother,
        &[beside("link", "neighbours", "refusals::a_hello_in_another_name_than_the_certificate_is_refused")],
    ),
    (Bug::ActTwice, &[FURTHER_ATTEMPT]),
    (
        Bug::ForkIgnored,
        &[beside("audit", "auditor", "tampering::another_checkpoint_root_in_a_neighbours_ledger_is_a_fork")],
    ),
    (
        Bug::UrgencyIgnored,
        &[inside(
            "exchange",
            "waiting::tests::the_most_urgent_goes_first_then_the_nearest_deadline_then_the_earliest",
        )],
    ),
    (
        Bug::OldestPassedOver,
        &[inside("exchange", "waiting::tests::an_ordinary_document_goes_after_seven_that_overtook_it")],
    ),
    (
        Bug::NothingForAll,
        &[beside(
            "link",
            "neighbours",
            "bodies::an_urgent_body_overtakes_inside_ordinary_ones_which_go_on_all_the_same",
        )],
    ),
    (
        Bug::PolicyUncompared,
        &[inside(
            "hierarchy",
            "policy::tests::a_policy_comes_with_the_signed_texts_and_no_other_one_is_believed",
        )],
    ),
    (
        Bug::SkipLevelTaken,
        &[beside(
            "yizhan",
            "policy",
            "a_document_past_a_level_is_refused_unless_that_level_gets_it_too_or_a_grant_lets_it_go",
        )],
    ),
    (
        Bug::NoticeAlone,
        &[rules(
            "handing_in::a_notice_goes_with_a_document_that_is_given_up_and_what_was_reserved_is_free_again",
        )],
    ),
    (
        Bug::LinkLimitIgnored,
        &[beside(
            "yizhan",
            "classification",
            "a_document_above_what_a_link_on_its_way_may_carry_is_refused_with_that_link",
        )],
    ),
    (
        Bug::RestsOnUncompared,
        &[beside("audit", "auditor", "tampering::a_rests_on_with_an_invented_hash_is_forged")],
    ),
    (Bug::EpochNumbersReused, &[FIRST_OF_AN_EPOCH]),
    (Bug::EpochNamesNothing, &[FIRST_OF_AN_EPOCH]),
    (Bug::EpochToldEarly, &[FIRST_OF_AN_EPOCH]),
    (
        Bug::EpochGivenAgain,
        &[inside("node", "new_epoch::tests::the_same_command_given_again_changes_nothing")],
    ),
    (
        Bug::EpochUnproven,
        &[inside(
            "node",
            "epochs::tests::nobody_begins_an_epoch_for_another_and_nothing_but_a_first_entry_opens_one",
        )],
    ),
    (
        Bug::EpochUntold,
        &[rules("epochs::a_statement_is_kept_and_told_on_once_and_again_on_every_connection")],
    ),
    (Bug::OldEpochCounts, &[rules("epochs::custody_that_was_taken_in_an_epoch_that_is_over_was_not_taken")]),
    (
        Bug::OldEpochOffers,
        &[rules("epochs::nothing_of_another_epoch_than_the_one_that_is_known_is_believed_of_a_neighbour")],
    ),
    (Bug::LostNotTried, &[rules("epochs::an_origin_tries_again_what_may_have_been_lost_and_nothing_else")]),
    (
        Bug::UnansweredForgotten,
        &[rules("epochs::what_was_offered_without_an_answer_may_have_gone_on_long_ago_and_is_tried_again")],
    ),
    (
        Bug::OldInboxCounts,
        &[rules(
            "epochs::an_arrival_in_an_epoch_that_is_over_does_not_end_the_attempt_for_what_was_lost_with_it",
        )],
    ),
    (Bug::NotOfferedAnew, &[rules("epochs::what_is_still_in_the_custody_of_its_origin_is_not_tried_again")]),
    (
        Bug::RefusedStays,
        &[rules("rerouting::what_a_neighbour_has_no_way_for_any_more_goes_the_way_of_the_new_directory")],
    ),
    (
        Bug::MetSinceIgnored,
        &[rules(
            "rerouting::of_two_offers_of_one_unit_the_quicker_one_is_accepted_and_the_other_gets_no_custody",
        )],
    ),
];

/// What is to catch a bug, in the order in which it is tried.
pub fn catchers_of(bug: Bug) -> &'static [Catcher] {
    TABLE.iter().find(|(planted, _)| *planted == bug).map_or(&[], |(_, catchers)| catchers)
}
