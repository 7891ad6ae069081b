//! PKCS#12 files (RFC 7292), with the two sets of algorithms that the platforms' stores read.

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use sha1::{Digest, Sha1};

use crate::{Contents, PackageError};

/// How a file is encrypted. The iterations apply to the MAC too, since an attacker guesses passwords against the cheaper
/// of the two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Algorithms {
    encryption: EncryptionAlgorithm,
    mac: MacAlgorithm,
    iterations: u32,
}

/// Far below the 600,000 iterations above which Windows reports a wrong password.
pub(crate) const MODERN: Algorithms = Algorithms {
    encryption: EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
    mac: MacAlgorithm::HmacSha256,
    iterations: 100_000,
};

/// Every version of macOS reads this. OpenSSL 3 reads it too, without its legacy provider.
pub(crate) const LEGACY: Algorithms = Algorithms {
    encryption: EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
    mac: MacAlgorithm::HmacSha1,
    iterations: 20_000,
};

impl Algorithms {
    pub(crate) fn write(self, contents: &Contents<'_>, password: &str) -> Result<Vec<u8>, PackageError> {
        let certificates = std::iter::once(contents.certificate)
            .chain(contents.chain.iter().chain(contents.other_roots).map(Vec::as_slice))
            .map(Certificate::from_der)
            .collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKey::from_der(contents.key.der())?;
        // The id that connects key and certificate in the file; by convention the certificate's SHA-1.
        let local_id = Sha1::digest(contents.certificate).to_vec();
        let mut store = KeyStore::new();
        let entry = KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(local_id, key, certificates));
        store.add_entry(&alias(contents.device_name), entry);
        Ok(store
            .writer(password)
            .encryption_algorithm(self.encryption)
            .encryption_iterations(self.iterations)
            .mac_algorithm(self.mac)
            .mac_iterations(self.iterations)
            .write()?)
    }
}

/// The key's friendly name. It is a `BMPString`, so characters outside the BMP are left out.
fn alias(device_name: &str) -> String {
    let name: String = device_name.chars().filter(|&c| u32::from(c) <= 0xffff).collect();
    if name.trim().is_empty() { "Client certificate".to_owned() } else { name }
}
