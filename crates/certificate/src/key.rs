//! Making keys, with ring.

use package::PrivateKey;
use rcgen::KeyPair;
use zeroize::{Zeroize, Zeroizing};

/// A new P-256 key from the operating system's randomness: as DER to hand out, and as a pair to sign with.
pub(crate) fn generate() -> Result<(PrivateKey, KeyPair), rcgen::Error> {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    Ok((PrivateKey::from_der(Zeroizing::new(pair.serialize_der())), pair))
}

/// Wipes the copy of the key inside a pair that is no longer needed.
pub(crate) fn wipe(mut pair: KeyPair) {
    pair.zeroize();
}
