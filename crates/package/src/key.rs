//! Private keys as types: they print as `[redacted]` and are wiped when dropped.

use pkcs8::der::pem::{LineEnding, encode_string};
use zeroize::Zeroizing;

/// A private key as it is stored: PKCS#8 in PEM, not parsed yet.
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

/// A newly made private key: PKCS#8 in DER.
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// PKCS#8, not parsed yet.
    pub fn from_der(der: Zeroizing<Vec<u8>>) -> Self {
        Self(der)
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

/// DER as PEM (RFC 7468).
pub fn pem(label: &'static str, der: &[u8]) -> Zeroizing<String> {
    // Encoding fails only on an invalid label, and all labels are constants.
    Zeroizing::new(encode_string(label, LineEnding::LF, der).unwrap_or_default())
}
