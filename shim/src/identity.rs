//! This machine's certificate and key, as they come out of a PKCS#12 package (RFC 7292) or out of the key store.

use keys::{Chain, KeyError, MachineKey};
use p12_keystore::error::Error;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use package::PrivateKey;
use protocol::Secret;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::clock::Random;

/// A certificate with its issuers, leaf first, and the key that belongs to the leaf.
pub struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    /// PKCS#8.
    key: Zeroizing<Vec<u8>>,
}

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("expected a .p12 or .pfx package with one certificate and its key")]
    Incomplete,
    #[error("what is kept of the identity is damaged")]
    Damaged,
    #[error("the password does not open the identity")]
    Password,
    #[error("the key or a certificate is too long to be kept")]
    TooLong,
    #[error("expected a .p12 or .pfx package")]
    Unreadable(#[source] Error),
}

impl Identity {
    pub fn read(package: &[u8], password: &Secret) -> Result<Self, IdentityError> {
        let store = KeyStore::from_pkcs12(package, password.expose(), Pkcs12ImportPolicy::Strict).map_err(
            |error| match error {
                Error::MacError(_) => IdentityError::Password,
                other => IdentityError::Unreadable(other),
            },
        )?;
        let (_, chain) = store.private_key_chain().ok_or(IdentityError::Incomplete)?;
        if chain.certs().is_empty() {
            return Err(IdentityError::Incomplete);
        }
        Ok(Self {
            certificates: chain.certs().iter().map(|c| CertificateDer::from(c.as_der().to_vec())).collect(),
            key: Zeroizing::new(chain.key().as_der().to_vec()),
        })
    }

    /// For the key store: the key and, once there are any, the certificates without the root. Each in DER, after
    /// its length in two bytes: Windows stores 2,560 bytes under a name, which PEM would not always fit into.
    pub fn encode(key: &PrivateKey, chain: Option<&Chain>) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        // A vector that grows is copied, and the old allocation is not wiped.
        let mut stored = Zeroizing::new(Vec::with_capacity(8 * 1024));
        let above = chain.and_then(|chain| chain.above.split_last()).map_or(&[][..], |(_, rest)| rest);
        let certificates = chain.iter().map(|chain| &chain.certificate).chain(above);
        for der in std::iter::once(key.der()).chain(certificates.map(Vec::as_slice)) {
            let length = u16::try_from(der.len()).map_err(|_| IdentityError::TooLong)?;
            stored.extend_from_slice(&length.to_be_bytes());
            stored.extend_from_slice(der);
        }
        Ok(stored)
    }

    pub fn decode(stored: &[u8]) -> Result<Self, IdentityError> {
        let (key, mut rest) = first(stored)?;
        let mut certificates = Vec::new();
        while !rest.is_empty() {
            let (der, after) = first(rest)?;
            certificates.push(CertificateDer::from(der.to_vec()));
            rest = after;
        }
        let whole = certificates.first().is_some_and(|leaf| package::parse(leaf).is_some());
        let key = Zeroizing::new(key.to_vec());
        if whole { Ok(Self { certificates, key }) } else { Err(IdentityError::Damaged) }
    }

    /// Not before and not after, seconds since the Unix epoch.
    pub fn validity(&self) -> Option<(i64, i64)> {
        let leaf = package::parse(self.certificates.first()?)?;
        let validity = leaf.validity();
        Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
    }

    /// The machine's name.
    pub fn device_name(&self) -> Option<String> {
        package::common_name(&package::parse(self.certificates.first()?)?)
    }

    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.certificates.clone()
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.to_vec()).into()
    }
}

/// A new key from the system's randomness.
pub fn new_key(random: Random) -> Result<MachineKey, KeyError> {
    let mut failed = false;
    let key = MachineKey::generate(&mut |bytes| failed |= !random(bytes));
    if failed { Err(KeyError::Random) } else { key }
}

/// The key of an encoded identity, with or without certificates.
pub fn decode_key(stored: &[u8]) -> Result<MachineKey, IdentityError> {
    let key = PrivateKey::from_der(Zeroizing::new(first(stored)?.0.to_vec()));
    MachineKey::from_key(&key).map_err(|_| IdentityError::Damaged)
}

/// The first part of an encoded identity, and the rest.
fn first(stored: &[u8]) -> Result<(&[u8], &[u8]), IdentityError> {
    let (length, rest) = stored.split_first_chunk().ok_or(IdentityError::Damaged)?;
    rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(IdentityError::Damaged)
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.certificates.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Identity {
    /// The first certificate of a PEM text.
    pub fn leaf_of(pem: &str) -> CertificateDer<'static> {
        rustls_pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_server::{Authority, PASSWORD};

    fn read(package: &[u8], password: &str) -> Result<Identity, IdentityError> {
        Identity::read(package, &Secret::new(password))
    }

    #[test]
    fn reads_what_openssl_packs() {
        let authority = Authority::new();
        let folder = authority.package();
        let identity = read(&std::fs::read(folder.path().join("machine.p12")).unwrap(), PASSWORD).unwrap();
        assert_eq!(identity.certificates()[0], authority.machine_certificate());
        assert_eq!(identity.key().secret_der(), authority.machine_key());
        assert!(!format!("{identity:?}").contains("key"));
    }

    #[test]
    fn reads_the_older_algorithms_that_windows_exports() {
        let authority = Authority::new();
        let folder = authority.package_with(&[
            "-keypbe",
            "PBE-SHA1-3DES",
            "-certpbe",
            "PBE-SHA1-3DES",
            "-macalg",
            "sha1",
        ]);
        let identity = read(&std::fs::read(folder.path().join("machine.p12")).unwrap(), PASSWORD).unwrap();
        assert_eq!(identity.certificates()[0], authority.machine_certificate());
    }

    #[test]
    fn what_is_damaged_in_the_key_store_is_no_identity() {
        let (authority, key) = (Authority::new(), new_key(crate::clock::system_random).unwrap());
        let certificates = authority.certify(key.request(), (1_577_836_800, 4_102_444_800));
        let roots = authority.pem();
        let answer = keys::Answer { certificates: &certificates, roots: &roots };
        let stored = Identity::encode(key.key(), Some(&key.chain(answer).unwrap())).unwrap();
        assert_eq!(decode_key(&stored).unwrap().request(), key.request());
        assert_eq!(Identity::decode(&stored).unwrap().certificates().len(), 2);
        for length in 0..stored.len() {
            let whole = Identity::decode(&stored[..length]).is_ok_and(|read| read.certificates().len() != 1);
            assert!(!whole, "{length}");
        }
        let only_key = Identity::encode(key.key(), None).unwrap();
        assert!(matches!(Identity::decode(&only_key), Err(IdentityError::Damaged)));
        assert!(matches!(
            Identity::decode(&[&only_key[..], b"\0\x04text"].concat()),
            Err(IdentityError::Damaged)
        ));
    }

    #[test]
    fn what_is_too_long_is_not_encoded() {
        let key = new_key(crate::clock::system_random).unwrap();
        let chain = |length| Chain { certificate: vec![0; length], above: Vec::new() };
        let encode = |length| Identity::encode(key.key(), Some(&chain(length)));
        assert!(encode(65_535).is_ok());
        assert!(matches!(encode(65_536), Err(IdentityError::TooLong)));
    }

    #[test]
    fn a_wrong_password_is_not_a_wrong_file() {
        let folder = Authority::new().package();
        let package = std::fs::read(folder.path().join("machine.p12")).unwrap();
        assert!(matches!(read(&package, "wrong"), Err(IdentityError::Password)));
        assert!(matches!(read(b"not a package", PASSWORD), Err(IdentityError::Unreadable(_))));
    }
}
