//! Sessions, sign-ins that wait for their second factor, and set-up links.

use super::query::{execute, fetch_optional};
use super::{StoreError, Tx};
use crate::secret::TokenHash;

/// A session of the panel or of a machine.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionRecord {
    pub id: String,
    pub account_id: String,
    /// The certificate that a native session is bound to.
    pub certificate_id: Option<String>,
    pub expires_at: i64,
    /// Of the panel's sessions alone, and up to a minute old: see `people::panel`.
    pub last_used_at: i64,
}

const COLUMNS: &str =
    "id, account_id, certificate_id, expires_at, COALESCE(last_used_at, created_at) AS last_used_at";

/// A right password that waits for its second factor.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ChallengeRecord {
    pub account_id: String,
    pub fingerprint: Option<String>,
    pub expires_at: i64,
}

/// A link that lets a person choose a password and a second factor.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SetupLink {
    /// `None`: the link that makes the first administrator.
    pub account_id: Option<String>,
    pub totp_secret_sealed: Vec<u8>,
    pub expires_at: i64,
    pub used_at: Option<i64>,
}

impl Tx {
    /// Opens a session. A panel's session has a token's hash, a native one a certificate.
    pub async fn insert_session(
        &mut self,
        session: &SessionRecord,
        token: Option<&TokenHash>,
        now: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO session (id, token_hash, account_id, certificate_id, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &session.id,
            token.map(|t| t.0.as_slice()),
            &session.account_id,
            session.certificate_id.as_deref(),
            now,
            session.expires_at
        )?;
        Ok(())
    }

    /// The panel's session that a cookie names, if it still runs.
    pub async fn panel_session(
        &mut self,
        token: &TokenHash,
        now: i64,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session
             WHERE token_hash = $1 AND certificate_id IS NULL AND ended_at IS NULL AND expires_at > $2"
        );
        fetch_optional!(self, SessionRecord, &sql, token.0.as_slice(), now)
    }

    /// Writes down that a session was used at `now`, unless that was done after `since`.
    pub async fn session_used(&mut self, id: &str, now: i64, since: i64) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE session SET last_used_at = $1 WHERE id = $2 AND COALESCE(last_used_at, created_at) <= $3",
            now,
            id,
            since
        )?;
        Ok(())
    }

    /// A native session that still runs.
    pub async fn native_session(&mut self, id: &str, now: i64) -> Result<Option<SessionRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session
             WHERE id = $1 AND certificate_id IS NOT NULL AND ended_at IS NULL AND expires_at > $2"
        );
        fetch_optional!(self, SessionRecord, &sql, id, now)
    }

    /// The session that a renewal opened on the new certificate: it ends with the one that asked for the renewal.
    pub async fn renewed_session(
        &mut self,
        former: &SessionRecord,
        certificate_id: &str,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session
             WHERE certificate_id = $1 AND account_id = $2 AND expires_at = $3 AND ended_at IS NULL LIMIT 1"
        );
        fetch_optional!(self, SessionRecord, &sql, certificate_id, &former.account_id, former.expires_at)
    }

    pub async fn end_session(&mut self, id: &str, now: i64) -> Result<bool, StoreError> {
        Ok(execute!(self, "UPDATE session SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL", now, id)?
            == 1)
    }

    pub async fn end_sessions_of_certificate(
        &mut self,
        certificate_id: &str,
        now: i64,
    ) -> Result<u64, StoreError> {
        execute!(
            self,
            "UPDATE session SET ended_at = $1 WHERE certificate_id = $2 AND ended_at IS NULL",
            now,
            certificate_id
        )
    }

    pub async fn insert_challenge(
        &mut self,
        token: &TokenHash,
        challenge: &ChallengeRecord,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO challenge (token_hash, account_id, fingerprint, expires_at) VALUES ($1, $2, $3, $4)",
            token.0.as_slice(),
            &challenge.account_id,
            challenge.fingerprint.as_deref(),
            challenge.expires_at
        )?;
        Ok(())
    }

    /// Counts a try at a challenge and gives it, unless it is used up, expired or tried too often.
    pub async fn try_challenge(
        &mut self,
        token: &TokenHash,
        max_attempts: i64,
        now: i64,
    ) -> Result<Option<ChallengeRecord>, StoreError> {
        fetch_optional!(
            self,
            ChallengeRecord,
            "UPDATE challenge SET attempts = attempts + 1
             WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 AND attempts < $3
             RETURNING account_id, fingerprint, expires_at",
            token.0.as_slice(),
            now,
            max_attempts
        )
    }

    /// Spends a challenge; `false` when somebody was faster.
    pub async fn take_challenge(&mut self, token: &TokenHash, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE challenge SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL",
            now,
            token.0.as_slice()
        )?;
        Ok(changed == 1)
    }

    /// Removes challenges and sessions whose time is long over.
    pub async fn sweep_sign_ins(&mut self, before: i64) -> Result<(), StoreError> {
        execute!(self, "DELETE FROM challenge WHERE expires_at < $1", before)?;
        execute!(self, "DELETE FROM session WHERE expires_at < $1", before)?;
        Ok(())
    }

    /// Stores a set-up link; an older one with the same token stays as it is.
    pub async fn insert_setup_link(
        &mut self,
        token: &TokenHash,
        account_id: Option<&str>,
        totp_secret_sealed: &[u8],
        expires_at: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO setup_link (token_hash, account_id, totp_secret_sealed, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (token_hash) DO NOTHING",
            token.0.as_slice(),
            account_id,
            totp_secret_sealed,
            expires_at
        )?;
        Ok(())
    }

    pub async fn setup_link(&mut self, token: &TokenHash) -> Result<Option<SetupLink>, StoreError> {
        fetch_optional!(
            self,
            SetupLink,
            "SELECT account_id, totp_secret_sealed, expires_at, used_at FROM setup_link WHERE token_hash = $1",
            token.0.as_slice()
        )
    }

    /// Spends a set-up link; `false` when it was spent before.
    pub async fn take_setup_link(&mut self, token: &TokenHash, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE setup_link SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL AND expires_at > $1",
            now,
            token.0.as_slice()
        )?;
        Ok(changed == 1)
    }

    /// Ends the links for a first administrator that were printed before.
    pub async fn end_first_setup_links(&mut self, now: i64) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE setup_link SET used_at = $1 WHERE account_id IS NULL AND used_at IS NULL",
            now
        )?;
        Ok(())
    }
}
