//! Recovery codes: ten, each worth one second factor, shown once and stored as hashes.

use protocol::people::RecoveryCodes;
use sha2::{Digest, Sha256};

use crate::random::Random;

const COUNT: usize = 10;
/// Crockford's Base32: no I, L, O, U. A power of two, so that every character is as likely as the others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 16;

/// Makes ten codes of 80 random bits.
pub fn generate(random: &dyn Random) -> RecoveryCodes {
    let code = || {
        let mut bytes = [0; LENGTH];
        random.fill(&mut bytes);
        let letters: Vec<u8> = bytes.iter().map(|b| ALPHABET[usize::from(b % 32)]).collect();
        letters.chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
    };
    RecoveryCodes((0..COUNT).map(|_| code()).collect())
}

/// The hash of a code as a person typed it; `None` when it cannot be one. 80 random bits need no slow hash.
pub fn hash(typed: &str) -> Option<Vec<u8>> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            // As Crockford reads them.
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    (code.len() == LENGTH && code.bytes().all(|b| ALPHABET.contains(&b)))
        .then(|| Sha256::digest(code.as_bytes()).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_code_is_found_again_however_it_is_written() {
        let RecoveryCodes(codes) = generate(&SeededRandom::new(1));
        assert_eq!(codes.len(), COUNT);
        let written = codes[0].to_lowercase().replace('-', " ").replace('0', "o");
        assert_eq!(hash(&written), hash(&codes[0]));
        assert!(hash(&codes[0]).is_some());
        assert_ne!(hash(&codes[0]), hash(&codes[1]));
        assert_eq!(hash("123456"), None);
    }
}
