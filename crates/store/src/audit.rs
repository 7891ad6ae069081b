//! The audit log. The hash of each entry covers the entry and the previous hash, so no entry can be changed, removed or
//! inserted without changing all later hashes. It is an HMAC under a key that the database does not hold, and so is the record of
//! the newest entry (`audit_head`): whoever can write to the database cannot make another log that verifies.
//!
//! A copy of the whole database from an earlier time verifies too. A head that is kept elsewhere shows that it is one.

mod chain;
mod verify;

use domain::audit::{Action, Actor, SubjectEntry};

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{AuditLog, Store, StoreError, Tx};

pub use chain::{AuditHead, AuditKey, InvalidHead};
pub use verify::{ChainBreak, ChainFault, VerifiedLog};

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

impl Store {
    /// Gives the store the key of its audit log. A log without a key, of an earlier version or a new one, goes on under the key
    /// from here on. `at`: seconds since the Unix epoch.
    pub async fn with_audit_key(mut self, key: AuditKey, at: i64) -> Result<Self, StoreError> {
        self.audit_key = Some(key);
        if self.read().await?.audit_log().is_keyed().await? {
            return Ok(self);
        }
        let mut tx = self.begin().await?;
        tx.audit_log().carry_over(at).await?;
        tx.commit().await?;
        Ok(self)
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
        self.lock().await?;
        let actor: Actor = actor.into();
        let (last, stored) = (self.last().await?, self.stored_head().await?);
        let key = self.0.audit_key().cloned();
        let entry = |sequence| AuditEntry {
            sequence,
            at,
            actor: actor.as_str().to_owned(),
            action: action.as_str().to_owned(),
            subject: subject.as_ref().to_owned(),
            detail: detail.to_owned(),
        };
        match (key, stored) {
            (None, None) => {
                let entry = entry(last.sequence + 1);
                let hash = entry.plain_hash(&last.hash);
                self.insert(&entry, &hash).await
            }
            (None, Some(_)) => Err(StoreError::Inconsistent {
                table: "audit_head",
                id: last.sequence.to_string(),
                what: "the log has a key, which is not at hand".to_owned(),
            }),
            (Some(key), Some((head, mac))) if head.is_authentic(&key, &mac) => {
                // After the entry that was the newest, also if it is gone by now: a gap remains, and so does a foreign entry.
                let entry = entry(head.sequence.max(last.sequence) + 1);
                let hash = entry.keyed_hash(&key, &head.hash);
                self.insert(&entry, &hash).await?;
                self.put_head(&key, &AuditHead { sequence: entry.sequence, hash }).await
            }
            (Some(key), _) => {
                // A new head would hide that entries were removed. The log verifies no more, but what happens is recorded.
                tracing::error!(
                    "the record of the newest audit entry is missing or forged: see server audit verify"
                );
                let entry = entry(last.sequence + 1);
                let hash = entry.keyed_hash(&key, &last.hash);
                self.insert(&entry, &hash).await
            }
        }
    }

    /// The newest entry, as the log records it. `None`: the log has no key yet, or the record is not that of the newest entry.
    pub async fn head(&mut self) -> Result<Option<AuditHead>, StoreError> {
        let Some(key) = self.0.audit_key().cloned() else { return Ok(None) };
        // In this order, as in `verify_with`.
        let stored = self.stored_head().await?;
        let sql = "SELECT sequence, hash FROM audit_entry WHERE sequence = $1";
        let Some((head, mac)) = stored else { return Ok(None) };
        let entry: Option<(i64, Vec<u8>)> = fetch_optional!(self.0, (i64, Vec<u8>), sql, head.sequence)?;
        let is_entry = entry.is_some_and(|(sequence, hash)| head == AuditHead { sequence, hash });
        Ok((is_entry && head.is_authentic(&key, &mac)).then_some(head))
    }

    /// Begins to use the key, with an entry whose hash covers the log before it.
    async fn carry_over(&mut self, at: i64) -> Result<(), StoreError> {
        self.lock().await?;
        // Another server may have been faster.
        let Some(key) = self.0.audit_key().cloned() else { return Ok(()) };
        if self.is_keyed().await? {
            return Ok(());
        }
        let last = self.last().await?;
        // Whoever made an account left an entry. An emptied log begins with a gap, which every verification reports.
        let is_emptied = last.sequence == 0 && fetch_number!(self.0, "SELECT COUNT(*) FROM account")? > 0;
        let entry = AuditEntry {
            sequence: last.sequence + 1 + i64::from(is_emptied),
            at,
            actor: Actor::Server.as_str().to_owned(),
            action: Action::AuditKeyed.as_str().to_owned(),
            subject: "audit".to_owned(),
            detail: format!("{} entries before", last.sequence),
        };
        let hash = entry.keyed_hash(&key, &last.hash);
        self.insert(&entry, &hash).await?;
        let head = AuditHead { sequence: entry.sequence, hash };
        let sql = "INSERT INTO audit_head (id, sequence, hash, mac) VALUES (1, $1, $2, $3)";
        execute!(self.0, sql, head.sequence, head.hash.as_slice(), head.mac(&key))?;
        Ok(())
    }

    /// Whether the log has a key. One whose head is missing has one too, and is not carried over again.
    async fn is_keyed(&mut self) -> Result<bool, StoreError> {
        Ok(self.stored_head().await?.is_some() || self.contains(Action::AuditKeyed).await?)
    }

    /// Two writers must not extend the log from the same entry. SQLite has only one writer.
    async fn lock(&mut self) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self.0 {
            execute!(self.0, "LOCK TABLE audit_entry IN EXCLUSIVE MODE")?;
        }
        Ok(())
    }

    async fn insert(&mut self, entry: &AuditEntry, hash: &[u8]) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO audit_entry (sequence, at, actor, action, subject, detail, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            entry.sequence,
            entry.at,
            entry.actor.as_str(),
            entry.action.as_str(),
            entry.subject.as_str(),
            entry.detail.as_str(),
            hash
        )?;
        Ok(())
    }

    async fn put_head(&mut self, key: &AuditKey, head: &AuditHead) -> Result<(), StoreError> {
        let sql = "UPDATE audit_head SET sequence = $1, hash = $2, mac = $3";
        execute!(self.0, sql, head.sequence, head.hash.as_slice(), head.mac(key))?;
        Ok(())
    }

    /// The newest entry that is there.
    async fn last(&mut self) -> Result<AuditHead, StoreError> {
        let sql = "SELECT sequence, hash FROM audit_entry ORDER BY sequence DESC LIMIT 1";
        let last: Option<(i64, Vec<u8>)> = fetch_optional!(self.0, (i64, Vec<u8>), sql)?;
        Ok(last.map_or_else(AuditHead::empty, |(sequence, hash)| AuditHead { sequence, hash }))
    }

    /// The record of the newest entry, with its HMAC, which is not checked here.
    async fn stored_head(&mut self) -> Result<Option<(AuditHead, Vec<u8>)>, StoreError> {
        let sql = "SELECT sequence, hash, mac FROM audit_head";
        let head: Option<(i64, Vec<u8>, Vec<u8>)> = fetch_optional!(self.0, (i64, Vec<u8>, Vec<u8>), sql)?;
        Ok(head.map(|(sequence, hash, mac)| (AuditHead { sequence, hash }, mac)))
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
