//! Who: suites, keys, certificates, signatures.
//!
//! Four kinds of key, one file each: a ledger or directory key signs notes ([`SigningKey`], [`NoteSigner`], [`Cosigner`]),
//! an opening key opens envelopes ([`OpeningKey`]), an office key signs documents ([`OfficeKey`]), a TLS key names a node
//! to its neighbours ([`NodeTlsKey`]). Certificates bind the last two to names ([`CertificateAuthority`]). Nothing here
//! reads a clock, a directory or a configuration.

mod attributes;
mod authority;
mod certificate;
mod cms;
mod cms_verifier;
mod ed25519;
mod keyfile;
pub mod limits;
mod note;
mod office;
mod opening;
mod p256;
mod pkcs8;
mod subject_key;
pub mod suite;
mod tls;

pub use crate::cms::{SignatureError, Signed, verify_cms};
pub use authority::CertificateAuthority;
pub use certificate::{
    CertificateError, certificate_from_pem, certificate_to_pem, check_issued_by, node_of_certificate,
    office_of_certificate, validity_of_certificate,
};
pub use cms_verifier::CmsVerifier;
pub use ed25519::{PublicKey, SigningKey};
pub use keyfile::{KeyFileError, read_secret, write_secret};
pub use limits::CMS_BYTES_MAX;
pub use note::{Cosigner, NoteError, NoteSignature, NoteSigner, NoteVerifier, SignedNote};
pub use office::OfficeKey;
pub use opening::{OpeningKey, OpeningPublicKey};
pub use pkcs8::KeyError;
pub use subject_key::SubjectKey;
pub use tls::NodeTlsKey;
