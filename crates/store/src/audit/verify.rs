//! Verifying the audit log.

use std::fmt;

use domain::audit::Action;

use super::chain::{AuditHead, AuditKey};
use super::{AuditEntry, Row};
use crate::query::fetch_all;
use crate::{AuditLog, StoreError};

const BATCH: i64 = 1_000;

/// A log that is intact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLog {
    pub entries: u64,
    /// The first entry under the log's key. Those before it are from an earlier version, and covered by this one's hash.
    pub keyed_from: Option<i64>,
    /// Whether the key was there to verify them with.
    pub has_key: bool,
}

/// Where the log is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainBreak {
    pub sequence: i64,
    pub fault: ChainFault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainFault {
    /// The log does not have the entry of a given head, or has another one.
    Anchor,
    /// The entry was changed, or the one before it is not the one that was there.
    Changed,
    /// The record of the newest entry is missing or was not made with the log's key.
    Head,
    /// The entry is missing.
    Missing,
}

impl fmt::Display for ChainBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            ChainFault::Anchor => "it is not the entry of the given head",
            ChainFault::Changed => "it was changed, or put there by something else",
            ChainFault::Head => "the record of the newest entry is missing or forged",
            ChainFault::Missing => "it is missing",
        };
        write!(f, "entry {}: {fault}", self.sequence)
    }
}

impl AuditLog<'_> {
    /// Verifies the whole log with the store's key.
    pub async fn verify(&mut self) -> Result<Result<VerifiedLog, ChainBreak>, StoreError> {
        let key = self.0.audit_key().cloned();
        self.verify_with(key.as_ref(), &[]).await
    }

    /// Verifies the whole log, and that each of `anchors`, heads that were kept elsewhere, is in it. Without a key, only the
    /// order of the entries under it is verified.
    pub async fn verify_with(
        &mut self,
        key: Option<&AuditKey>,
        anchors: &[AuditHead],
    ) -> Result<Result<VerifiedLog, ChainBreak>, StoreError> {
        let mut verifier = Verifier { key, anchors, last: AuditHead::empty(), keyed_from: None };
        loop {
            // In this order: another transaction may append between the two statements, and writes the entry with its head.
            let stored = self.stored_head().await?;
            let rows: Vec<Row> = fetch_all!(
                self.0,
                Row,
                "SELECT sequence, at, actor, action, subject, detail, hash FROM audit_entry
                 WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                verifier.last.sequence,
                BATCH
            )?;
            if rows.is_empty() {
                return Ok(verifier.finish(stored));
            }
            for row in rows {
                if let Err(broken) = verifier.accept(row) {
                    return Ok(Err(broken));
                }
            }
        }
    }
}

struct Verifier<'a> {
    key: Option<&'a AuditKey>,
    anchors: &'a [AuditHead],
    last: AuditHead,
    keyed_from: Option<i64>,
}

impl Verifier<'_> {
    fn accept(&mut self, row: Row) -> Result<(), ChainBreak> {
        let hash = row.hash.clone();
        let entry = AuditEntry::from(row);
        let sequence = self.last.sequence + 1;
        let broken = |fault| Err(ChainBreak { sequence, fault });
        if entry.sequence != sequence {
            return broken(ChainFault::Missing);
        }
        if entry.action == Action::AuditKeyed.as_str() {
            self.keyed_from.get_or_insert(sequence);
        }
        let is_intact = match (self.keyed_from, self.key) {
            (None, _) => entry.plain_hash(&self.last.hash) == hash,
            (Some(_), Some(key)) => entry.keyed_hash(key, &self.last.hash) == hash,
            (Some(_), None) => true,
        };
        if !is_intact {
            return broken(ChainFault::Changed);
        }
        if self.anchors.iter().any(|anchor| anchor.sequence == sequence && anchor.hash != hash) {
            return broken(ChainFault::Anchor);
        }
        self.last = AuditHead { sequence, hash };
        Ok(())
    }

    /// `stored`: the record of the newest entry, with its HMAC.
    fn finish(self, stored: Option<(AuditHead, Vec<u8>)>) -> Result<VerifiedLog, ChainBreak> {
        let broken = |sequence, fault| Err(ChainBreak { sequence, fault });
        let last = &self.last;
        match &stored {
            None if self.keyed_from.is_some() => return broken(last.sequence, ChainFault::Head),
            Some((head, mac)) if self.key.is_some_and(|key| !head.is_authentic(key, mac)) => {
                return broken(last.sequence, ChainFault::Head);
            }
            Some((head, _)) if head.sequence > last.sequence => {
                return broken(last.sequence + 1, ChainFault::Missing);
            }
            Some((head, _)) if head != last => return broken(last.sequence, ChainFault::Changed),
            None | Some(_) => {}
        }
        if let Some(anchor) = self.anchors.iter().find(|anchor| anchor.sequence > last.sequence) {
            return broken(anchor.sequence, ChainFault::Anchor);
        }
        Ok(VerifiedLog {
            entries: last.sequence.unsigned_abs(),
            keyed_from: self.keyed_from,
            has_key: self.key.is_some(),
        })
    }
}
