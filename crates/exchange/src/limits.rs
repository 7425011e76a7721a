//! Limits of the rules: windows, waits and counts, asserted against each other.

/// How long a neighbour is gone before what waits for it goes another way, where the directory has one that is up: above the time
/// after which a silent connection counts as lost, and a restart.
pub const DETOUR_MS: u64 = 20_000;
/// Offers assigned to other links in one round, at the most.
pub const REROUTED_IN_A_ROUND_MAX: usize = 1_000;
/// Offers under way to one neighbour without an answer, at the most.
pub const OFFERS_IN_FLIGHT_MAX: usize = 512;
/// Bytes of inline bodies under way to one neighbour without an answer, at the most.
pub const OFFER_BYTES_IN_FLIGHT_MAX: u64 = 32 * 1024 * 1024;
/// Of the places for offers under way to a neighbour so many are kept for each urgency from those below it.
pub const WINDOW_KEPT: usize = 16;
/// The same of bytes.
pub const WINDOW_BYTES_KEPT: u64 = 2 * 1024 * 1024;
/// After so many offers that went by their urgency while an older one waited, the one that has waited longest goes: what `n` older
/// ones wait before is offered after eight times `n + 1` others at the latest.
pub const TURNS_BY_RANK: usize = 7;
/// Waiting offers that are not durable, looked past in one go, at the most.
pub const PASSED_OVER_MAX: usize = 64;
/// How long an offer waits for its answer on a link that is up before it is repeated, in milliseconds.
pub const OFFER_PATIENCE_MS: u64 = 10_000;
/// How long an offer whose body is awaited may go unrepeated before it counts as given up, in milliseconds.
pub const OFFER_SILENCE_MS: u64 = 4 * OFFER_PATIENCE_MS;
/// The first wait after a rejection that may be tried again, in milliseconds; it doubles up to the maximum.
pub const REJECTED_WAIT_MS: u64 = 500;
/// The longest such wait, in milliseconds.
pub const REJECTED_WAIT_MS_MAX: u64 = 60_000;
/// The first wait before receipts that the origin has not confirmed are sent again, in milliseconds; it doubles.
pub const OWED_WAIT_MS: u64 = 1_500;
/// The longest such wait, in milliseconds.
pub const OWED_WAIT_MS_MAX: u64 = 120_000;
/// The first wait before a destination that has not answered a recall is asked again, in milliseconds; it doubles.
pub const RECALL_WAIT_MS: u64 = 2_000;
/// The longest such wait, in milliseconds.
pub const RECALL_WAIT_MS_MAX: u64 = 120_000;
/// Destinations asked about a recall at once, at the most; the others follow with the next tick.
pub const RECALLS_AT_ONCE_MAX: usize = 64;
/// Receipts sent home in one bundle, at the most.
pub const RECEIPTS_PER_BUNDLE_MAX: usize = 128;
/// Acknowledgements in one custody frame, at the most.
pub const ACKNOWLEDGEMENTS_PER_FRAME_MAX: usize = 256;
/// Units in one offer, at the most.
pub const UNITS_PER_OFFER_MAX: usize = yizhan_ledger::UNITS_PER_ENTRY_MAX;
/// How many hops receipts and confirmations may go: above any depth of the tree, up and down again.
pub const HOPS_MAX: u8 = 32;
/// How often the origin tries a destination, at the most, before the unit ends as failed.
pub const ATTEMPTS_MAX: u16 = 6;
/// How far a neighbour's clock may differ for both to count as agreeing, in milliseconds.
pub const CLOCK_AGREEMENT_MS: u64 = 5 * 60 * 1000;
/// How often deadlines are looked at, in milliseconds.
pub const DEADLINE_ROUND_MS: u64 = 1_000;
/// What may end by its deadline in one batch, in units: a record of the journal has a limit (16 MiB; a unit with its share of
/// entry and facts takes below 200 bytes).
pub const EXPIRED_IN_A_ROUND_MAX: usize = 40_000;
/// What an offer that ends counts besides its units.
pub const EXPIRY_WEIGHT: usize = 5;
/// How often waiting and unanswered offers are looked at where no event asks for it, in milliseconds.
pub const ROUND_MS: u64 = 250;
/// Facts that nobody waits for are written at the latest after this, in milliseconds.
pub const LAZY_MS: u64 = 200;
/// Offers of one neighbour that are being looked at, at the most: more than one that keeps to its window can have.
pub const OFFERS_LOOKED_AT_MAX: usize = 2 * OFFERS_IN_FLIGHT_MAX;
/// The same in bytes of bodies that came with their offers.
pub const OFFER_BYTES_LOOKED_AT_MAX: u64 = 2 * OFFER_BYTES_IN_FLIGHT_MAX;
/// Entries that only answer one neighbour (refusals for good, second acknowledgements), at once, at the most.
pub const ANSWERS_ENTERED_AT_ONCE_MAX: u64 = 4_096;
/// After that one more may be entered each time that so many milliseconds have passed.
pub const ANSWERS_ENTERED_REST_MS: u64 = 100;
/// How long a neighbour may be silent about an epoch that it was told of before it is told again, in milliseconds: what was told may
/// have been lost.
pub const EPOCH_PATIENCE_MS: u64 = 10_000;
/// Acceptances of one attempt by one node, at the most: one for each offer of it while it is held, by other neighbours or on another way.
pub const ACCEPTANCES_OF_AN_ATTEMPT: u64 = 8;
/// Receipts that one node on the way makes for each destination of an envelope, at the most, in the mean: for each attempt its acceptances,
/// and how its custody ended if it did not pass it on.
pub const RECEIPTS_ON_THE_WAY_MAX: u64 = ATTEMPTS_MAX as u64 * (ACCEPTANCES_OF_AN_ATTEMPT + 1);
/// Receipts that a destination makes for an envelope besides, at the most: that it came, what was decided on a recall, and for each of its
/// offices that it took it, signed for or refused it, and returned it.
pub const RECEIPTS_AT_A_DESTINATION_MAX: u64 = 2 + 3 * yizhan_document::limits::RECIPIENTS_MAX as u64;
/// Receipts of one node that an origin takes at the least, however little it sent: nothing that happens often to a few envelopes comes
/// near.
pub const RECEIPTS_AT_LEAST: u64 = 4 * ANSWERS_ENTERED_AT_ONCE_MAX;
/// Receipts of one node about envelopes of one earlier epoch of the origin, at the most: four for each of sixteen times 16,000 envelopes, which
/// is what one neighbour may have in custody (MUST-56).
pub const RECEIPTS_OF_AN_EARLIER_EPOCH_MAX: u64 = 4 * 16 * 16_000;
/// Submissions reserved but not yet handed over, at the most.
pub const RESERVATIONS_MAX: usize = 1024;

const _: () = assert!(RECEIPTS_PER_BUNDLE_MAX <= 1024 && ACKNOWLEDGEMENTS_PER_FRAME_MAX <= 1024);
// Four urgencies above the least one leave it the most of the window.
const _: () = assert!(4 * WINDOW_KEPT * 2 < OFFERS_IN_FLIGHT_MAX);
const _: () = assert!(4 * WINDOW_BYTES_KEPT * 2 < OFFER_BYTES_IN_FLIGHT_MAX);
const _: () = assert!(OWED_WAIT_MS < OWED_WAIT_MS_MAX && REJECTED_WAIT_MS < REJECTED_WAIT_MS_MAX);
