//! The certificate authority: it issues client and server certificates, packs them for people's machines (with the crate
//! [`package`]), lists the revoked ones and verifies what clients present.
//!
//! What always holds:
//! - Nothing here reads a clock, a file or a socket: `now` is a parameter, and so are the random bytes of
//!   serial numbers, names, salts and initialisation vectors. Two things come from the operating system's
//!   generator all the same, because the libraries below take no other: key pairs and ECDSA nonces (ring),
//!   and the salts inside a PKCS#12 file (`p12-keystore`).
//! - The root key signs the issuing certificate once and is not needed afterwards; everything else is signed
//!   by the issuing key.
//! - Missing, unreadable or mismatching key material is an error, never an empty list of trusted roots.
//! - A private key prints as `[redacted]` and is wiped when it is dropped. The copies that the PKCS#12
//!   library makes while it packs are the exception: it does not wipe them.
//! - Profiles follow RFC 5280; serial numbers have 158 random bits.

mod authority;
mod crl;
mod fields;
mod issue;
mod key;
mod profile;
mod request;
mod trust;
mod verify;

pub use authority::{Authority, AuthorityError, AuthorityMaterial, Part};
pub use crl::{CrlError, RevokedEntry};
pub use fields::{describe, describe_pem, fingerprint_hex, key_fingerprint_hex};
pub use issue::{ClientProfile, IssueError, IssuedCertificate, IssuedWithKey};
pub use package;
pub use package::{KeyPem, PrivateKey, RandomBytes};
pub use request::{CertificateRequest, RequestError};
pub use trust::{TrustAnchors, TrustError};
pub use verify::{ClientIdentity, Verification};
