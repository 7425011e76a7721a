//! What a run is made of: how many documents, which faults, how bad the network is.

use crate::random::Random;
use yizhan_document::NodeId;
use yizhan_exchange::Quota;

/// What a run is made of. Everything else follows from the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Documents that clerks hand in.
    pub documents: u64,
    /// Within so many virtual milliseconds documents are handed in and faults strike; then all is mended.
    pub active_ms: u64,
    /// How often each kind of fault strikes.
    pub faults: FaultCounts,
    /// What happens to single frames, if anything.
    pub mangling: Option<Mangling>,
    /// A crash at chosen batches.
    pub crash_rule: Option<CrashRule>,
    /// Whether one node's clock is hours off.
    pub bad_clock: bool,
    /// How often the clock of a node is set wrong while it runs.
    pub clock_steps: u64,
    /// What of the world is not to be trusted, if anything.
    pub hostile: Option<Hostile>,
    /// Whether two neighbours reach each other for two minutes a day only.
    pub rare_link: bool,
    /// Of a thousand documents so many have a body that travels by itself.
    pub large_per_mille: u64,
    /// So many have a deadline that may pass while a neighbour is away.
    pub short_deadline_per_mille: u64,
    /// So many cannot be delivered at one of their destinations.
    pub bad_per_mille: u64,
    /// So many are classified too high for the network.
    pub classified_per_mille: u64,
    /// So many are recalled.
    pub recalled_per_mille: u64,
    /// The longest a sync takes, in virtual milliseconds.
    pub sync_ms_max: u64,
    /// A journal is condensed at any moment; one longer than this, in bytes, only once it is twice as long as after the last
    /// time, as the daemon's is.
    pub condensed_freely_bytes: u64,
    /// What each neighbour may make a node hold.
    pub quota: Quota,
    /// Whether clerks take documents over and act on them.
    pub clerks_act: bool,
    /// Versions of the directory that are published while documents are under way.
    pub new_directories: u64,
    /// Whether nodes have what comes within a few milliseconds decided together, as the daemon does under load.
    pub rows: bool,
}

/// How often each kind of fault strikes in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// The power of a node goes: what was not synced may be lost.
    pub power_cuts: u64,
    /// A node's process ends; its disk keeps all that was written.
    pub kills: u64,
    /// A connection breaks, with what is in flight.
    pub flaps: u64,
    /// Two neighbours cannot reach each other for a while.
    pub partitions: u64,
    /// A sync fails, with or without having happened.
    pub sync_faults: u64,
    /// Stored content of something in custody becomes unreadable.
    pub damages: u64,
    /// A piece of a large body arrives wrong.
    pub bad_pieces: u64,
    /// Between two neighbours things go one way only for a while.
    pub one_ways: u64,
    /// A connection breaks again and again for a while.
    pub flutters: u64,
    /// A disk is full for a while, or nearly, or those of two neighbours are.
    pub full_disks: u64,
    /// A disk is lost for good, and its node comes back in a new epoch.
    pub lost_disks: u64,
}

/// What happens to single frames. QUIC does no such thing; the rules must survive it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mangling {
    /// Of a thousand frames so many are lost.
    pub lost: u64,
    /// So many arrive twice.
    pub doubled: u64,
    /// So many arrive up to two seconds late, behind others.
    pub late: u64,
}

/// What of a world is not to be trusted: nothing is demanded of that node, and nobody may be harmed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// A node lies to its neighbours.
    Liar,
    /// The disk of a node says that it has synced, and has not; then its power goes.
    LyingSync,
    /// An old copy of a node's disk is put in the place of the new one.
    OldBackup,
}

/// Crashes at chosen moments: of `node`, at every `every`-th batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashRule {
    /// The node.
    pub node: NodeId,
    /// At every so many-th batch.
    pub every: u64,
    /// At which moment of it.
    pub moment: CommitMoment,
}

/// The moments of a commit at which it makes a difference to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitMoment {
    /// Written, not synced.
    Written,
    /// Synced, nobody knows yet.
    Synced,
    /// The rules have been told, and words have left.
    Told,
}

impl FaultCounts {
    /// All together.
    pub fn sum(&self) -> u64 {
        let Self {
            power_cuts,
            kills,
            flaps,
            partitions,
            sync_faults,
            damages,
            bad_pieces,
            one_ways,
            flutters,
            full_disks,
            lost_disks,
        } = *self;
        let network = flaps + partitions + one_ways + flutters;
        power_cuts + kills + sync_faults + damages + bad_pieces + network + full_disks + lost_disks
    }
}

impl Plan {
    /// Nothing goes wrong.
    pub fn calm(documents: u64) -> Self {
        Self {
            documents,
            active_ms: 20_000,
            faults: FaultCounts::default(),
            mangling: None,
            crash_rule: None,
            bad_clock: false,
            clock_steps: 0,
            hostile: None,
            rare_link: false,
            large_per_mille: 150,
            short_deadline_per_mille: 0,
            bad_per_mille: 0,
            classified_per_mille: 0,
            recalled_per_mille: 0,
            sync_ms_max: 8,
            condensed_freely_bytes: u64::MAX,
            quota: Quota::default(),
            clerks_act: true,
            new_directories: 0,
            rows: false,
        }
    }

    /// Nothing happens but what a scenario does by hand.
    pub fn by_hand() -> Self {
        Self { clerks_act: false, active_ms: 0, ..Self::calm(0) }
    }

    /// The plan of a seed: of sixteen twelve are [`Plan::mixed`], two are [`Plan::hostile`], one is [`Plan::lost_disk`], and one is
    /// [`Plan::new_directory`].
    pub fn of_seed(seed: u64) -> Self {
        match seed % 16 {
            7 | 15 => Self::hostile(seed),
            11 => Self::lost_disk(seed),
            3 => Self::new_directory(seed),
            _ => Self::mixed(seed),
        }
    }

    /// A disk or two are lost for good, besides the usual; in one world of three the directory changes, too.
    pub fn lost_disk(seed: u64) -> Self {
        let mixed = Self::mixed(seed);
        let faults = FaultCounts { lost_disks: 1 + seed / 16 % 2, ..mixed.faults };
        let new_directories = if (seed / 32).is_multiple_of(3) { 1 + seed / 96 % 2 } else { 0 };
        Self { faults, new_directories, ..mixed }
    }

    /// One to three new versions of the directory, besides the usual.
    pub fn new_directory(seed: u64) -> Self {
        Self { new_directories: 1 + seed / 16 % 3, ..Self::mixed(seed) }
    }

    /// One node lies, or its disk does; the others stop, flap and so on as usual.
    pub fn hostile(seed: u64) -> Self {
        let kinds = [Hostile::Liar, Hostile::Liar, Hostile::LyingSync, Hostile::OldBackup];
        let hostile = Random::new(seed ^ 0x6c69_6172).pick(&kinds).copied();
        Self { hostile, rare_link: false, ..Self::mixed(seed) }
    }

    /// Faults of all kinds; which and how many says the seed. The median run has 20 documents and 15 faults.
    pub fn mixed(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x7961_6e67_7a68_616e);
        let mut upto = |max: u64| random.within(0..=max);
        let faults = FaultCounts {
            power_cuts: upto(5),
            kills: upto(5),
            flaps: 1 + upto(9),
            partitions: upto(4),
            sync_faults: upto(2),
            damages: upto(2),
            bad_pieces: upto(2),
            one_ways: upto(2),
            flutters: upto(1),
            full_disks: upto(2),
            lost_disks: 0,
        };
        let mangling = random.chance(400).then(|| Mangling {
            lost: random.within(0..=100),
            doubled: random.within(0..=200),
            late: random.within(0..=200),
        });
        Self {
            documents: random.within(12..=36),
            active_ms: random.within(10_000..=60_000),
            faults,
            mangling,
            crash_rule: None,
            bad_clock: random.chance(150),
            // In one world of four.
            clock_steps: if seed % 4 == 1 { 1 + seed / 4 % 3 } else { 0 },
            large_per_mille: random.within(0..=400),
            short_deadline_per_mille: random.within(0..=300),
            bad_per_mille: random.within(0..=100),
            classified_per_mille: 30,
            sync_ms_max: if random.chance(100) { 500 } else { random.within(1..=20) },
            condensed_freely_bytes: u64::MAX,
            quota: quota_of(seed),
            clerks_act: true,
            new_directories: 0,
            recalled_per_mille: if random.chance(700) { random.within(0..=400) } else { 0 },
            hostile: None,
            rare_link: random.chance(20),
            rows: seed % 4 == 1,
        }
    }
}

/// In one world of five a neighbour may make a node hold a few documents only: everything has to get through all the same.
fn quota_of(seed: u64) -> Quota {
    let usual = Quota::default();
    let few = usize::try_from(1 + seed / 5 % 6).unwrap_or(usual.documents);
    if seed % 5 == 3 { Quota { documents: few, ..usual } } else { usual }
}
