//! All bugs that can be planted: name, the rule that each breaks, and what it does.

macro_rules! bugs {
    ($($bug:ident $name:literal breaks $rule:literal: $what:literal)+) => {
        /// A bug that can be planted. `docs/planted-bugs.md` says which test catches it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $(#[doc = $what] $bug,)+
        }

        impl Bug {
            /// Every bug.
            pub const ALL: [Self; [$(Self::$bug),+].len()] = [$(Self::$bug),+];

            /// The name that the environment gives it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }

            /// The rule that it breaks: a requirement of `docs/protocol.md`, or where else the rule stands.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self {
                    $(Self::$bug => $rule,)+
                }
            }

            /// What it does.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$bug => $what,)+
                }
            }
        }
    };
}

bugs! {
    SyncSkipped "sync-skipped" breaks "design 1.3":
        "a batch is called durable without `fdatasync`"
    FailedSyncTriedAgain "failed-sync-tried-again" breaks "design 1.3":
        "after a failed sync the journal goes on as if the next one could make it good"
    FullTakenForSuccess "full-taken-for-success" breaks "design 1.3":
        "ENOSPC while a batch is written is taken for success"
    TornTailBelieved "torn-tail-believed" breaks "docs/on-disk.md, journal":
        "records of a batch that was never whole are believed after a crash"
    ChecksumSkipped "checksum-skipped" breaks "docs/on-disk.md, journal":
        "the checksum of a record is not compared"
    LastSegmentNotRewritten "last-segment-not-rewritten" breaks "docs/on-disk.md, journal":
        "recovery goes on behind a last segment that it neither rewrote nor synced"
    RewriteNotSynced "rewrite-not-synced" breaks "docs/on-disk.md, journal":
        "recovery renames the rewritten segment without having synced it"
    ReclaimNotNoted "reclaim-not-noted" breaks "docs/on-disk.md, journal":
        "segments are removed before the journal notes that they are gone on purpose"
    KeptSegmentLetGo "kept-segment-let-go" breaks "docs/on-disk.md, reclaim":
        "segments that the last copy needs are removed with those that it does not need"
    HarmedCopyBelieved "harmed-copy-believed" breaks "docs/on-disk.md, reclaim":
        "a copy of the journal that is damaged takes the place of its originals, which go"
    FailedCopyStays "failed-copy-stays" breaks "docs/on-disk.md, reclaim":
        "what was written of a copy of the journal for which there is no room is not taken back"
    KeysNotCarried "keys-not-carried" breaks "docs/on-disk.md, reclaim":
        "a copy of the journal leaves the idempotency keys of submissions out"
    FolderNotSyncedAfterCreate "folder-not-synced-after-create" breaks "design 1.3":
        "a new segment's name is not made durable"
    FolderNotSyncedAfterRename "folder-not-synced-after-rename" breaks "design 1.3":
        "the new name of a renamed body or segment is not made durable"
    BodyNotSynced "body-not-synced" breaks "design 1.3":
        "a large body is called durable without a sync"
    BodyResumedUnverified "body-resumed-unverified" breaks "MUST-12":
        "what an earlier process left of a body is taken for good without its digests"
    ToldBeforeSync "told-before-sync" breaks "design 1.3":
        "the committer calls batches durable before the sync"
    QueueBelievedAfterCrash "queue-believed-after-crash" breaks "design 1.4":
        "the sled queue is believed without the mark of a clean stop"
    RecordInOneStep "record-in-one-step" breaks "docs/on-disk.md, queue":
        "all that the queue is to know of one record is told to it at once, however much that is"
    WordBeforeDisk "word-before-disk" breaks "MUST-09":
        "words leave before their batch is durable"
    DuplicateAccepted "duplicate-accepted" breaks "MUST-07":
        "an offer that was accepted before is taken as a new one"
    LoopAccepted "loop-accepted" breaks "MUST-11":
        "a node takes an offer in whose path it stands"
    ClassificationIgnored "classification-ignored" breaks "docs/protocol.md, refusals":
        "an offer above what the node may carry is taken"
    QuotaIgnored "quota-ignored" breaks "docs/protocol.md, refusals":
        "a neighbour may make a node hold as much as it likes"
    FullDiskIgnored "full-disk-ignored" breaks "docs/protocol.md, refusals":
        "offers are taken though the disk is nearly full"
    CustodyOfOtherUnits "custody-of-other-units" breaks "MUST-13":
        "custody passes on an acceptance of other units or another header"
    HandoverTwice "handover-twice" breaks "design 2, receipts":
        "an office that takes a document again causes a second `ContentHandover`"
    ConsignedTwice "consigned-twice" breaks "MUST-15":
        "a second attempt of a document is put into the inboxes again"
    ExpiryInDoubt "expiry-in-doubt" breaks "MUST-17":
        "a unit expires while an offer of it may be unanswered"
    StepBelieved "step-believed" breaks "MUST-17":
        "a clock that was set after the hellos of the neighbours counts as agreeing with theirs"
    OneClockEnough "one-clock-enough" breaks "MUST-17":
        "one neighbour that agrees with a clock is enough, whatever all others say"
    EndedInDoubt "ended-in-doubt" breaks "MUST-59":
        "what an agreement let cross is refused for good by a clock that no neighbour bears out"
    AttemptWithoutFailure "attempt-without-failure" breaks "MUST-16":
        "a failure that is told again opens its attempt again"
    ClaimBelieved "claim-believed" breaks "MUST-68":
        "an origin believes an end from whoever tells it, whether or not it had custody"
    AcceptanceTakenForEnd "acceptance-taken-for-end" breaks "design 2, receipts":
        "the origin takes a relay's acceptance for the end of a destination"
    ReleasedEarly "released-early" breaks "MUST-16":
        "the origin lets the envelope go before the end receipt"
    KeptBeforeDurable "kept-before-durable" breaks "MUST-20":
        "the origin confirms receipts that are not durable with it"
    AnythingKept "anything-kept" breaks "MUST-67":
        "an origin takes and confirms receipts about envelopes that it never gave out"
    ReceiptsUncounted "receipts-uncounted" breaks "MUST-67":
        "an origin takes any number of receipts of one node"
    OwedOnlyOnce "owed-only-once" breaks "MUST-19":
        "a receipt that was sent home is not sent again"
    WitnessedBackwards "witnessed-backwards" breaks "MUST-23":
        "a smaller head of a neighbour's ledger is cosigned"
    ConsistencyUnchecked "consistency-unchecked" breaks "MUST-26":
        "a witness believes a head without its consistency proof"
    InclusionUnchecked "inclusion-unchecked" breaks "MUST-10":
        "entries are believed without their inclusion proofs"
    CheckpointUnsigned "checkpoint-unsigned" breaks "MUST-10":
        "a checkpoint is believed without its signature"
    HeaderOfProofIgnored "header-of-proof-ignored" breaks "MUST-10":
        "the proof of origin may be of another header"
    BodyRootIgnored "body-root-ignored" breaks "MUST-10":
        "an inline body is not compared with the header's piece root"
    PieceUnchecked "piece-unchecked" breaks "MUST-12":
        "a piece of a large body is kept without comparing its digest"
    OfficeSignatureIgnored "office-signature-ignored" breaks "MUST-14":
        "a document is delivered though its office did not sign it"
    PublishedBeforeTiles "published-before-tiles" breaks "docs/on-disk.md, ledger":
        "the checkpoint is published before the tiles under it"
    KeyForgotten "key-forgotten" breaks "design 2, clerk":
        "a submission that is repeated under its idempotency key goes out again"
    KeysMayDiffer "keys-may-differ" breaks "design 2, clerk":
        "a submission with two different idempotency keys is taken under one of them"
    PayloadNonceReused "payload-nonce-reused" breaks "docs/on-disk.md, body":
        "every age payload begins with the same nonce"
    ChunkNonceReused "chunk-nonce-reused" breaks "docs/on-disk.md, body":
        "all chunks of a payload are sealed with one nonce"
    FileKeyReused "file-key-reused" breaks "docs/on-disk.md, body":
        "every envelope is closed with the same file key"
    SlipUncommitted "slip-uncommitted" breaks "MUST-10":
        "a slip is taken though the header does not commit to it"
    ContentUnsigned "content-unsigned" breaks "MUST-14":
        "a CMS signature over another content is believed"
    SignatureUnverified "signature-unverified" breaks "MUST-14":
        "a CMS signature is believed without its key"
    StrangerAccepted "stranger-accepted" breaks "MUST-01":
        "a node of the network that is no neighbour may call"
    HelloOfAnother "hello-of-another" breaks "docs/protocol.md, Hello":
        "a hello in another name than the certificate's is taken"
    ActTwice "act-twice" breaks "design 2, receipts":
        "an office that signs for a document again causes a second receipt"
    ForkIgnored "fork-ignored" breaks "docs/receipts.md, heads":
        "the auditor takes a head that contradicts the ledger for borne out"
    UrgencyIgnored "urgency-ignored" breaks "MUST-43":
        "offers go in the order of their deadlines, however urgent they are"
    OldestPassedOver "oldest-passed-over" breaks "MUST-44":
        "an offer waits for as long as more urgent ones come"
    NothingForAll "nothing-for-all" breaks "MUST-44":
        "a large body stands still while a more urgent one is under way"
    PolicyUncompared "policy-uncompared" breaks "MUST-45":
        "a policy is believed though its digest is not the one that the root names"
    SkipLevelTaken "skip-level-taken" breaks "MUST-46":
        "a document goes past a level whatever the policy says"
    NoticeAlone "notice-alone" breaks "MUST-47":
        "a notice is accepted before the document that it tells of"
    LinkLimitIgnored "link-limit-ignored" breaks "MUST-48":
        "a link carries what its nodes may, whatever the policy says of it"
    RestsOnUncompared "rests-on-uncompared" breaks "docs/receipts.md, chains":
        "the auditor believes that an entry rests on another without comparing the hash it names"
    EpochNumbersReused "epoch-numbers-reused" breaks "MUST-54":
        "offers of a new epoch begin with numbers that the lost one gave"
    EpochNamesNothing "epoch-names-nothing" breaks "MUST-55":
        "a new epoch does not name what is remembered of the one before"
    EpochToldEarly "epoch-told-early" breaks "MUST-55":
        "a new epoch is told of before its first entry is durable"
    EpochGivenAgain "epoch-given-again" breaks "MUST-55":
        "an epoch is begun though a later one of the same node is known"
    EpochUnproven "epoch-unproven" breaks "MUST-50":
        "the statement of a new epoch is believed without its signature and its proof"
    EpochUntold "epoch-untold" breaks "MUST-52":
        "a node that hears of a new epoch does not tell its neighbours"
    OldEpochCounts "old-epoch-counts" breaks "MUST-51":
        "custody that was taken in an epoch that is over still counts"
    OldEpochOffers "old-epoch-offers" breaks "MUST-51":
        "offers are taken that rest on another epoch of the offerer's ledger than is known"
    LostNotTried "lost-not-tried" breaks "MUST-53":
        "an origin does not try again what may have been lost with a disk"
    UnansweredForgotten "unanswered-forgotten" breaks "MUST-53":
        "what was offered without an answer is taken for not lost when a disk behind is"
    OldInboxCounts "old-inbox-counts" breaks "MUST-53":
        "an arrival in an inbox that was lost ends the attempt opened for it"
    NotOfferedAnew "not-offered-anew" breaks "decision 0017":
        "what was offered to a node that lost its disk is not offered to its new epoch"
    RefusedStays "refused-stays" breaks "MUST-40":
        "what a neighbour refused for now stays with it though there is another way by now"
    MetSinceIgnored "met-since-ignored" breaks "MUST-11":
        "an offer whose body was on its way is accepted though another one of the same units was meanwhile"
}
