//! The audit log with its hash chain. The hash of each entry covers the entry and the previous hash, so no entry can be
//! changed, removed or inserted without changing all later hashes.

use domain::audit::{Action, Actor, SubjectEntry};
use sha2::{Digest, Sha256};

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{AuditLog, StoreError, Tx};

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub sequence: i64,
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// The id of an account, `visitor`, or `server`.
    pub actor: String,
    /// The name of the action, such as `access-request.approved`.
    pub action: String,
    /// The id of the entity that the action changed.
    pub subject: String,
    pub detail: String,
}

/// The first entry at which the hash chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainBreak {
    pub sequence: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    sequence: i64,
    at: i64,
    actor: String,
    action: String,
    subject: String,
    detail: String,
    hash: Vec<u8>,
}

impl AuditEntry {
    /// SHA-256 over the previous hash and every field, each preceded by its length in bytes (64 bits, big-endian).
    fn hash(&self, previous: &[u8]) -> Vec<u8> {
        let mut hasher = Sha256::new();
        let numbers = [self.sequence.to_be_bytes(), self.at.to_be_bytes()];
        let texts = [&self.actor, &self.action, &self.subject, &self.detail];
        let fields = std::iter::once(previous)
            .chain(numbers.iter().map(<[u8; 8]>::as_slice))
            .chain(texts.iter().map(|t| t.as_bytes()));
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        hasher.finalize().to_vec()
    }
}

impl AuditLog<'_> {
    /// Appends an entry, in the transaction of the action itself. `at`: seconds since the Unix epoch.
    pub async fn append(
        &mut self,
        at: i64,
        actor: impl Into<Actor>,
        action: Action,
        subject: impl AsRef<str>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let (actor, subject) = (actor.into(), subject.as_ref());
        if let Tx::Postgres(_) = self.0 {
            // Two writers must not extend the chain from the same entry. SQLite has only one writer.
            execute!(self.0, "LOCK TABLE audit_entry IN EXCLUSIVE MODE")?;
        }
        let last: Option<(i64, Vec<u8>)> = fetch_optional!(
            self.0,
            (i64, Vec<u8>),
            "SELECT sequence, hash FROM audit_entry ORDER BY sequence DESC LIMIT 1"
        )?;
        let (sequence, previous) = last.map_or((1, Vec::new()), |(n, hash)| (n + 1, hash));
        let entry = AuditEntry {
            sequence,
            at,
            actor: actor.as_str().to_owned(),
            action: action.as_str().to_owned(),
            subject: subject.to_owned(),
            detail: detail.to_owned(),
        };
        execute!(
            self.0,
            "INSERT INTO audit_entry (sequence, at, actor, action, subject, detail, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            sequence,
            at,
            actor.as_str(),
            action.as_str(),
            subject,
            detail,
            entry.hash(&previous)
        )?;
        Ok(())
    }

    /// Verifies the whole chain. Returns the number of entries, or where the chain is broken.
    pub async fn verify(&mut self) -> Result<Result<u64, ChainBreak>, StoreError> {
        const BATCH: i64 = 1_000;
        let (mut checked, mut previous) = (0_i64, Vec::new());
        loop {
            let rows: Vec<Row> = fetch_all!(
                self.0,
                Row,
                "SELECT sequence, at, actor, action, subject, detail, hash FROM audit_entry
                 WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                checked,
                BATCH
            )?;
            if rows.is_empty() {
                return Ok(Ok(checked.unsigned_abs()));
            }
            for row in rows {
                let hash = row.hash.clone();
                let entry = AuditEntry::from(row);
                if entry.sequence != checked + 1 || entry.hash(&previous) != hash {
                    return Ok(Err(ChainBreak { sequence: checked + 1 }));
                }
                (checked, previous) = (entry.sequence, hash);
            }
        }
    }

    /// Whether there is an entry of this action.
    pub async fn contains(&mut self, action: Action) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM audit_entry WHERE action = $1";
        Ok(fetch_number!(self.0, sql, action.as_str())? > 0)
    }

    /// The history of one entity, oldest first.
    pub async fn entries_of(&mut self, subject: &str, limit: i64) -> Result<Vec<SubjectEntry>, StoreError> {
        let rows: Vec<(i64, String, String, Option<String>)> = fetch_all!(
            self.0,
            (i64, String, String, Option<String>),
            "SELECT e.at, e.action, e.detail, a.email FROM audit_entry e LEFT JOIN account a ON a.id = e.actor
             WHERE e.subject = $1 ORDER BY e.sequence LIMIT $2",
            subject,
            limit
        )?;
        let entry = |(at, action, detail, email): (i64, String, String, Option<String>)| SubjectEntry {
            at,
            action: action.parse().ok(),
            detail,
            email,
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// The sequence number of the newest entry; 0 if there is none.
    pub async fn last_sequence(&mut self) -> Result<i64, StoreError> {
        fetch_number!(self.0, "SELECT COALESCE(MAX(sequence), 0) FROM audit_entry")
    }

    /// At most `limit` entries before the sequence number `before`, newest first.
    pub async fn entries(&mut self, limit: i64, before: i64) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<Row> = fetch_all!(
            self.0,
            Row,
            "SELECT sequence, at, actor, action, subject, detail, hash FROM audit_entry
             WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2",
            before,
            limit
        )?;
        Ok(rows.into_iter().map(AuditEntry::from).collect())
    }
}

impl From<Row> for AuditEntry {
    fn from(row: Row) -> Self {
        Self {
            sequence: row.sequence,
            at: row.at,
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
        }
    }
}
