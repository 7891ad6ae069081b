//! Making keys, with ring.

use package::PrivateKey;
use rcgen::KeyPair;
use zeroize::{Zeroize, Zeroizing};

/// A new P-256 key, from the operating system's randomness: to hand out, and to work with.
pub(crate) fn generate() -> Result<(PrivateKey, KeyPair), rcgen::Error> {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    Ok((PrivateKey::from_der(Zeroizing::new(pair.serialize_der())), pair))
}

/// Wipes the copy of the key that a pair carries along, once the pair has done its work.
pub(crate) fn wipe(mut pair: KeyPair) {
    pair.zeroize();
}
