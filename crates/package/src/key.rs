//! Private keys as types: they print as `[redacted]` and are wiped when dropped.

use pkcs8::der::pem::{LineEnding, encode_string};
use protocol::Secret;
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

/// A private key as it is stored: PKCS#8 in PEM, not parsed yet.
#[derive(Debug, Clone, Default)]
pub struct KeyPem(Secret);

impl KeyPem {
    pub fn new(pem: impl Into<String>) -> Self {
        Self(Secret::new(pem))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A newly made private key: PKCS#8 in DER.
#[derive(Debug)]
pub struct PrivateKey(SecretSlice<u8>);

impl PrivateKey {
    /// PKCS#8, not parsed yet.
    pub fn from_der(der: Zeroizing<Vec<u8>>) -> Self {
        Self(der.to_vec().into())
    }

    /// PKCS#8.
    pub fn der(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// PKCS#8, not encrypted.
    pub fn pem(&self) -> KeyPem {
        KeyPem::new(pem("PRIVATE KEY", self.der()).as_str())
    }
}

/// DER as PEM (RFC 7468).
pub fn pem(label: &'static str, der: &[u8]) -> Zeroizing<String> {
    // Encoding fails only on an invalid label, and all labels are constants.
    Zeroizing::new(encode_string(label, LineEnding::LF, der).unwrap_or_default())
}
