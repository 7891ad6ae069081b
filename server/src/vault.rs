//! Encryption at rest, and keys derived from the data key.
//!
//! What the database must not hold in plain text (TOTP secrets, the authority's keys, mails with links) is sealed with
//! XChaCha20-Poly1305. The associated data of each value names its row, so that no value can be moved to another one.

use std::io::Write;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use domain::random::Random;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};
use sha2::Sha256;
use store::AuditKey;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// The data key. Its value is never printed.
#[derive(Debug)]
pub struct Vault(SecretBox<[u8; KEY_BYTES]>);

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the data key at {path} cannot be used")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the data key at {path} must be 64 hexadecimal digits")]
    Form { path: PathBuf },
    #[error("the data key at {path} can be read by others: its mode must be 0600")]
    Mode { path: PathBuf },
    /// The value was sealed with another key, or was changed or moved since.
    #[error("a sealed value does not open with this data key")]
    Open,
}

impl Vault {
    pub fn new(key: [u8; KEY_BYTES]) -> Self {
        Self(SecretBox::new(Box::new(key)))
    }

    /// Reads the key file, or creates it with mode 0600 if there is none.
    pub fn open_or_create(path: &Path, random: &dyn Random) -> Result<Self, VaultError> {
        let failed = |source| VaultError::File { path: path.to_owned(), source };
        match Self::read(path) {
            Err(VaultError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let key = SecretBox::init_with_mut(|key: &mut [u8; KEY_BYTES]| random.fill(key));
                let mut file = private_file_options().open(path).map_err(failed)?;
                let text = Zeroizing::new(hex::encode(key.expose_secret()));
                file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
                Ok(Self(key))
            }
            read => read,
        }
    }

    /// Reads the key file.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| VaultError::File { path: path.to_owned(), source })?;
        check_permissions(path)?;
        Self::parse(&Zeroizing::new(text)).ok_or_else(|| VaultError::Form { path: path.to_owned() })
    }

    /// Parses a key of 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut key = SecretBox::<[u8; KEY_BYTES]>::default();
        hex::decode_to_slice(text.trim(), key.expose_secret_mut()).ok()?;
        Some(Self(key))
    }

    /// Encrypts `plain`. `context` names the row, such as `account.totp:<id>`; [`Self::open`] needs the same one.
    pub fn seal(&self, context: &str, plain: &[u8], random: &dyn Random) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let sealed =
            self.cipher().encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| VaultError::Open)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`Self::seal`] encrypted for the same `context`.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(VaultError::Open)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let plain =
            self.cipher().decrypt(XNonce::from_slice(nonce), payload).map_err(|_| VaultError::Open)?;
        Ok(Zeroizing::new(plain))
    }

    /// Derives a key for another purpose: HMAC-SHA-256 of the purpose's name under the data key.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(self.0.expose_secret()) else {
            unreachable!("HMAC accepts keys of every length")
        };
        mac.update(purpose.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    /// The key of the audit log.
    pub fn audit_key(&self) -> AuditKey {
        AuditKey::new(self.derive("audit-log"))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(self.0.expose_secret()))
    }
}

#[cfg(unix)]
fn private_file_options() -> std::fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file_options() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    options
}

#[cfg(unix)]
fn check_permissions(path: &Path) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata =
        std::fs::metadata(path).map_err(|source| VaultError::File { path: path.to_owned(), source })?;
    let group_and_others = metadata.permissions().mode() & 0o077;
    if group_and_others == 0 { Ok(()) } else { Err(VaultError::Mode { path: path.to_owned() }) }
}

#[cfg(not(unix))]
fn check_permissions(_path: &Path) -> Result<(), VaultError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::random::SeededRandom;

    use super::*;

    #[test]
    fn a_sealed_value_opens_only_with_its_context() {
        let (vault, random) = (Vault::new([7; 32]), SeededRandom::new(1));
        let sealed = vault.seal("account.totp:a", b"secret", &random).unwrap();
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        assert_eq!(vault.open("account.totp:a", &sealed).unwrap().as_slice(), b"secret");
        assert!(vault.open("account.totp:b", &sealed).is_err());
        assert!(Vault::new([8; 32]).open("account.totp:a", &sealed).is_err());
        assert!(vault.open("account.totp:a", &sealed[..20]).is_err());
    }

    #[test]
    fn the_key_file_is_created_once_and_must_stay_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.key");
        let first = Vault::open_or_create(&path, &SeededRandom::new(1)).unwrap();
        let again = Vault::open_or_create(&path, &SeededRandom::new(2)).unwrap();
        assert_eq!(first.derive("x").as_slice(), again.derive("x").as_slice());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(
                Vault::open_or_create(&path, &SeededRandom::new(1)),
                Err(VaultError::Mode { .. })
            ));
        }
    }
}
