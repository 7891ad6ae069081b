//! This machine's certificate and key, as they come out of a PKCS#12 package (RFC 7292).

use p12_keystore::error::Error;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::secret::Secret;

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
    #[error("the password does not open the identity")]
    Password,
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

    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.certificates.clone()
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.to_vec()).into()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.certificates.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_server::{Authority, PASSWORD};

    fn read(package: &[u8], password: &str) -> Result<Identity, IdentityError> {
        Identity::read(package, &Secret::new(password.into()))
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
    fn tells_a_wrong_password_from_a_wrong_file() {
        let folder = Authority::new().package();
        let package = std::fs::read(folder.path().join("machine.p12")).unwrap();
        assert!(matches!(read(&package, "wrong"), Err(IdentityError::Password)));
        assert!(matches!(read(b"not a package", PASSWORD), Err(IdentityError::Unreadable(_))));
    }
}
