//! How an entry of the audit log is bound to the one before it: by a plain hash in logs of earlier versions, and under a key
//! from the entry on that records the change.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::AuditEntry;

/// The key of the audit log, derived from the data key. Its value is never printed.
#[derive(Clone)]
pub struct AuditKey(Arc<Zeroizing<[u8; 32]>>);

impl AuditKey {
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(Arc::new(key))
    }

    /// HMAC-SHA-256 over what is authenticated (an entry or a head) and its fields, each preceded by its length.
    fn mac(&self, what: &str, fields: &[&[u8]]) -> Hmac<Sha256> {
        let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(self.0.as_slice()) else {
            unreachable!("HMAC accepts keys of every length")
        };
        for field in std::iter::once(what.as_bytes()).chain(fields.iter().copied()) {
            mac.update(&length(field));
            mac.update(field);
        }
        mac
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey([redacted])")
    }
}

/// An entry's number and hash. It stands for the whole log up to this entry, so a copy that is kept elsewhere shows whether the
/// log was cut or replaced. Its text is `number:hash`, the hash in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    pub sequence: i64,
    pub hash: Vec<u8>,
}

impl AuditHead {
    /// The head of an empty log.
    pub(super) fn empty() -> Self {
        Self { sequence: 0, hash: Vec::new() }
    }

    pub(super) fn mac(&self, key: &AuditKey) -> Vec<u8> {
        self.mac_under(key).finalize().into_bytes().to_vec()
    }

    pub(super) fn is_authentic(&self, key: &AuditKey, mac: &[u8]) -> bool {
        self.mac_under(key).verify_slice(mac).is_ok()
    }

    fn mac_under(&self, key: &AuditKey) -> Hmac<Sha256> {
        key.mac("audit head", &[&self.sequence.to_be_bytes(), &self.hash])
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.sequence)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not that of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a head is an entry's number and its hash, such as 42:9f86…, as `server audit head` prints it")]
pub struct InvalidHead;

impl FromStr for AuditHead {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (sequence, hash) = text.trim().split_once(':').ok_or(InvalidHead)?;
        let sequence = sequence.parse().ok().filter(|n| *n > 0).ok_or(InvalidHead)?;
        let digits = hash.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(InvalidHead);
        }
        let byte =
            |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|it| u8::from_str_radix(it, 16).ok());
        let hash = digits.chunks_exact(2).map(byte).collect::<Option<_>>().ok_or(InvalidHead)?;
        Ok(Self { sequence, hash })
    }
}

impl AuditEntry {
    /// SHA-256 over the previous hash and every field, each preceded by its length: the rule of logs without a key.
    pub(super) fn plain_hash(&self, previous: &[u8]) -> Vec<u8> {
        let mut hasher = Sha256::new();
        let (sequence, at) = (self.sequence.to_be_bytes(), self.at.to_be_bytes());
        for field in self.fields(previous, &sequence, &at) {
            hasher.update(length(field));
            hasher.update(field);
        }
        hasher.finalize().to_vec()
    }

    /// As [`Self::plain_hash`], under the log's key.
    pub(super) fn keyed_hash(&self, key: &AuditKey, previous: &[u8]) -> Vec<u8> {
        let (sequence, at) = (self.sequence.to_be_bytes(), self.at.to_be_bytes());
        key.mac("audit entry", &self.fields(previous, &sequence, &at)).finalize().into_bytes().to_vec()
    }

    fn fields<'a>(&'a self, previous: &'a [u8], sequence: &'a [u8], at: &'a [u8]) -> [&'a [u8]; 7] {
        let [actor, action, subject, detail] =
            [&self.actor, &self.action, &self.subject, &self.detail].map(String::as_bytes);
        [previous, sequence, at, actor, action, subject, detail]
    }
}

/// The length in bytes (64 bits, big-endian).
fn length(field: &[u8]) -> [u8; 8] {
    (field.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let head = AuditHead { sequence: 42, hash: (0..32).collect() };
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        assert_eq!(head.to_string().to_uppercase().parse(), Ok(head.clone()));
        for wrong in ["", "42", "42:", "0:00", "x:00", "42:zz", "42:é", &head.to_string()[1..40]] {
            assert_eq!(wrong.parse::<AuditHead>(), Err(InvalidHead), "{wrong}");
        }
    }

    #[test]
    fn a_head_is_authentic_under_its_own_key_only() {
        let (key, other) = (AuditKey::new([1; 32].into()), AuditKey::new([2; 32].into()));
        let head = AuditHead { sequence: 42, hash: vec![7; 32] };
        let mac = head.mac(&key);
        assert!(head.is_authentic(&key, &mac) && !head.is_authentic(&other, &mac));
        assert!(!AuditHead { sequence: 41, ..head }.is_authentic(&key, &mac));
        assert_eq!(format!("{key:?}"), "AuditKey([redacted])");
    }
}
