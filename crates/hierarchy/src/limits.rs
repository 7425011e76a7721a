//! Limits on what a directory may make its reader hold, in one place; checked before anything is parsed or allocated.

use yizhan_identity::limits as identity;

/// The largest root with policy and delegated lists, signatures included, in bytes: as much as a signed note may have, which is enough
/// for [`DIVISIONS_MAX`] lines whatever their ids are, and a policy. The country with every town has 45,000 and takes 4 MiB.
pub const ROOT_BYTES_MAX: usize = identity::NOTE_BYTES_MAX + POLICY_BYTES_MAX;
/// The largest policy, in bytes.
pub const POLICY_BYTES_MAX: usize = 1024 * 1024;
/// The most grants of direct dispatch.
pub const GRANTS_MAX: usize = 1024;
/// The most offices that not everybody may address.
pub const SENDERS_OFFICES_MAX: usize = 4096;
/// The most lines that say who may address one of them.
pub const SENDERS_MAX: usize = 64;
/// The most links that carry less than both of their nodes may.
pub const LINK_LIMITS_MAX: usize = 8192;
/// The most named lists.
pub const LISTS_MAX: usize = 512;
/// The most members of one named list: what one document may be addressed to.
pub const LIST_MEMBERS_MAX: usize = yizhan_document::limits::RECIPIENTS_MAX;
/// The most authorities whose keys are revoked.
pub const REVOKED_MAX: usize = 64;
/// The most delegated subtrees; the country has 364 provinces and prefectures.
pub const DELEGATIONS_MAX: usize = 512;
/// The most delegates of one subtree.
pub const DELEGATES_MAX: usize = 16;
/// The most beginnings of ids that one delegation covers; Yili with its two prefectures needs 3.
pub const DELEGATION_CODES_MAX: usize = 64;
/// The highest version of a delegated list, so that sums of versions never run over.
pub const DELEGATION_VERSION_MAX: u64 = 1 << 48;
/// The most networks that one is joined with: Party, people's congress, CPPCC, court and procuratorate beside the government.
///
/// Each has bounds of its own below those of a directory, and what is left is for the own network alone, so that however much
/// another one grows it takes nothing away from it (MUST-60).
pub const AGREEMENTS_MAX: usize = 5;
/// The longest agreement, in bytes, signatures included.
pub const AGREEMENT_BYTES_MAX: usize = 48 * 1024;
/// The most bytes of the signed texts of a joined network. The country with its 3,215 provinces, prefectures and counties takes 260 KiB.
pub const JOINED_TEXTS_BYTES_MAX: usize = 320 * 1024;
/// The most divisions of a joined network.
pub const JOINED_DIVISIONS_MAX: usize = 4096;
/// The most delegated subtrees of a joined network.
pub const JOINED_DELEGATIONS_MAX: usize = 24;
/// The most bytes of all files of divisions of a joined network. The country takes 7 MiB.
pub const JOINED_FILES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most bytes of the own signed texts where others are joined.
pub const TEXTS_BESIDE_JOINED_BYTES_MAX: usize =
    ROOT_BYTES_MAX - AGREEMENTS_MAX * (AGREEMENT_BYTES_MAX + CA_PEM_BYTES_MAX + JOINED_TEXTS_BYTES_MAX);
/// The most own divisions where others are joined.
pub const DIVISIONS_BESIDE_JOINED_MAX: usize = DIVISIONS_MAX - AGREEMENTS_MAX * JOINED_DIVISIONS_MAX;
/// The most own delegated subtrees where others are joined.
pub const DELEGATIONS_BESIDE_JOINED_MAX: usize =
    DELEGATIONS_MAX - AGREEMENTS_MAX * (JOINED_DELEGATIONS_MAX + 1);
/// The most authorities of one network in an agreement.
pub const AUTHORITIES_MAX: usize = 16;
/// The most lines of an agreement that let something cross.
pub const CROSSINGS_MAX: usize = 512;
/// The highest version of the directory of a network that is joined, and what the versions of its delegated lists come to at
/// the most: both go into one number, its [`progress`](crate::Edition::progress).
pub const JOINED_VERSION_MAX: u64 = 9_999_999;
/// See [`JOINED_VERSION_MAX`].
pub const JOINED_LISTS_MAX: u64 = 999_999_999;
/// The most bytes of all files of one directory together, as they are handed over, kept and sent. With
/// one office at each node 45,000 divisions take 100 MiB as an archive.
pub const DIRECTORY_BYTES_MAX: usize = 192 * 1024 * 1024;
/// The most versions of the directory that a node keeps; the oldest go first.
pub const VERSIONS_KEPT_MAX: usize = 16;
/// The most bytes of all versions that a node keeps; the oldest go first, but the newest two never do.
pub const HISTORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The most files of divisions that a node which holds a part keeps of nodes that it does not need always: twice what one document
/// goes to. Those fetched first go first; whoever is asked for again is fetched again.
pub const FETCHED_MAX: usize = 2 * yizhan_document::limits::DESTINATIONS_MAX;
/// For how long after it expired a directory is still gone by, in milliseconds (30 days), with an alarm. It is taken as new
/// no more. After that, offices hand nothing in, and a node does not start on it.
pub const GRACE_MS: u64 = 30 * 24 * 3600 * 1000;
/// The most divisions of one tree.
pub const DIVISIONS_MAX: usize = 65_536;
/// The largest file of one division, in bytes.
pub const DIVISION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The largest `ca.pem`, in bytes.
pub const CA_PEM_BYTES_MAX: usize = 16 * 1024;
/// The most nodes on the way from a node up to its root, both counted. The country with towns has 5.
pub const DEPTH_MAX: usize = 16;
/// The most backup parents of one node.
pub const BACKUP_PARENTS_MAX: usize = 4;
/// The most direct links that one division may name; a region linked to every other one needs 33.
pub const DIRECT_LINKS_MAX: usize = 256;
/// The most endpoints of one node.
pub const ENDPOINTS_MAX: usize = 8;
/// The longest endpoint, in bytes: a host name of 253, brackets, colon, port.
pub const ENDPOINT_BYTES_MAX: usize = 261;
/// The most offices of one node. The largest county in the plans has 76 with its towns.
pub const OFFICES_MAX: usize = 256;
/// The most languages one thing is named in.
pub const LANGUAGES_MAX: usize = 16;
/// The longest language tag, in bytes (BCP 47; RFC 5646, section 4.4.1 asks for room for 35).
pub const LANGUAGE_BYTES_MAX: usize = 35;
/// The longest name in one language, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// The largest plan of a network as TOML, in bytes.
pub const PLAN_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most nodes of a planned network: two ports each, and none below 1024.
pub const PLAN_NODES_MAX: usize = 32_000;

const _: () = assert!(CA_PEM_BYTES_MAX > identity::CERTIFICATE_BYTES_MAX * 3 / 2);
const _: () = assert!(
    OFFICES_MAX * (identity::CERTIFICATE_BYTES_MAX * 4 / 3 + 512) + OFFICES_MAX * 1024 < DIVISION_BYTES_MAX
);
// 45,000 divisions with a policy beside all that can be joined.
const _: () =
    assert!(TEXTS_BESIDE_JOINED_BYTES_MAX > 5 * 1024 * 1024 && DIVISIONS_BESIDE_JOINED_MAX > 45_000);
const _: () = assert!(
    (JOINED_VERSION_MAX + 1) * (JOINED_LISTS_MAX + 1)
        < (u64::MAX - DELEGATIONS_MAX as u64 * DELEGATION_VERSION_MAX) / AGREEMENTS_MAX as u64
);
const _: () = assert!(PLAN_NODES_MAX <= DIVISIONS_MAX && PLAN_NODES_MAX * 2 + 1024 <= 65_536);
/// The longest `division` line of a root: the word, an id of 16 bytes, a digest in hexadecimal.
const DIVISION_LINE_BYTES_MAX: usize = "division ".len() + 16 + " ".len() + 64 + "\n".len();

const _: () = assert!(DIVISIONS_MAX * DIVISION_LINE_BYTES_MAX + 256 * 1024 < identity::NOTE_BYTES_MAX);
const _: () = assert!(ROOT_BYTES_MAX + CA_PEM_BYTES_MAX + DIVISION_BYTES_MAX < DIRECTORY_BYTES_MAX);
