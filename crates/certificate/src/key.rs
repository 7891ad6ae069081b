//! Private keys as types: they print as `[redacted]` and are wiped when dropped.

use rcgen::KeyPair;
use zeroize::{Zeroize, Zeroizing};

/// A private key as it is stored: PKCS#8 in PEM, not looked at yet.
#[derive(Clone, Default)]
pub struct KeyPem(Zeroizing<String>);

impl KeyPem {
    pub fn new(pem: impl Into<String>) -> Self {
        Self(Zeroizing::new(pem.into()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for KeyPem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPem([redacted])")
    }
}

/// A private key that was made here, for whoever it is handed to: PKCS#8 in DER.
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// A new P-256 key, from the operating system's randomness.
    pub(crate) fn generate() -> Result<(Self, KeyPair), rcgen::Error> {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        Ok((Self(Zeroizing::new(pair.serialize_der())), pair))
    }

    /// PKCS#8.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// PKCS#8, not encrypted.
    pub fn pem(&self) -> KeyPem {
        KeyPem(pem("PRIVATE KEY", &self.0))
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey([redacted])")
    }
}

/// Wipes the copy of the key that a pair carries along, once the pair has done its work.
pub(crate) fn wipe(mut pair: KeyPair) {
    pair.zeroize();
}

/// RFC 7468 text of some DER.
pub(crate) fn pem(label: &'static str, der: &[u8]) -> Zeroizing<String> {
    use pkcs8::der::pem::{LineEnding, encode_string};
    // Encoding fails only on a label that is no label; ours are constants.
    Zeroizing::new(encode_string(label, LineEnding::LF, der).unwrap_or_default())
}
