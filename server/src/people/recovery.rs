//! Recovery codes: ten, each replaces one second factor once; shown once and stored as hashes.

use domain::code::typed_code;
use domain::random::Random;
use protocol::people::RecoveryCodes;
use sha2::{Digest, Sha256};

const COUNT: usize = 10;
/// Crockford's Base32: no I, L, O, U. A power of two, so that the characters are uniformly distributed.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 16;

/// Generates ten codes of 80 random bits.
pub fn generate(random: &dyn Random) -> RecoveryCodes {
    let code = || {
        let mut bytes = [0; LENGTH];
        random.fill(&mut bytes);
        let letters: Vec<u8> = bytes.iter().map(|b| ALPHABET[usize::from(b % 32)]).collect();
        letters.chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
    };
    RecoveryCodes((0..COUNT).map(|_| code()).collect())
}

/// The hash of a code as typed; `None` when it is not well-formed. 80 random bits need no slow hash.
pub fn hash(typed: &str) -> Option<Vec<u8>> {
    let code: String = typed_code(typed)
        .chars()
        .map(|c| match c.to_ascii_uppercase() {
            // Crockford's decoding.
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
    use domain::random::SeededRandom;

    use super::*;

    #[test]
    fn spelling_variants_of_a_code_have_the_same_hash() {
        let RecoveryCodes(codes) = generate(&SeededRandom::new(1));
        assert_eq!(codes.len(), COUNT);
        let written = codes[0].to_lowercase().replace('-', " ").replace('0', "o");
        assert_eq!(hash(&written), hash(&codes[0]));
        let of_a_document =
            codes[0].replacen('-', "\u{2013}", 1).replacen('-', "\u{2212}", 1).replace('1', "１");
        assert_eq!(hash(&of_a_document), hash(&codes[0]));
        assert!(hash(&codes[0]).is_some());
        assert_ne!(hash(&codes[0]), hash(&codes[1]));
        assert_eq!(hash("123456"), None);
    }
}
