//! Random tokens. Only their hashes are stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Secret;
use crate::random::Random;

/// A random token of 256 bits for links and cookies, in base64url without padding (RFC 4648 §5): 43 characters.
#[derive(Debug, Clone)]
pub struct Token(Secret);

/// SHA-256 of a token, as the database stores it. Since a token has 256 random bits, no slow hash is needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenHash(pub Vec<u8>);

impl Token {
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        random.fill(bytes.as_mut());
        Self::from_bytes(&bytes)
    }

    /// A token from bytes that are derived from a key instead of random.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }
}

impl TokenHash {
    /// The hash of a token as it was received, without validation.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).to_vec())
    }
}
