//! Sessions, sign-in challenges and set-up links.

use domain::account::{Challenge, OwnSession, Session, SessionKind, SetupLink};
use domain::id::{AccountId, CertificateId, SessionId};
use domain::secret::TokenHash;

use crate::query::{execute, fetch_all, fetch_optional};
use crate::{Sessions, StoreError, parsed};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: SessionId,
    #[sqlx(try_from = "String")]
    account_id: AccountId,
    #[sqlx(try_from = "String")]
    sign_in_id: SessionId,
    certificate_id: Option<String>,
    expires_at: i64,
    last_used_at: i64,
    /// 0: of the panel.
    is_native: i32,
}

impl TryFrom<Row> for Session {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        const TABLE: &str = "session";
        let certificate_id = row.certificate_id.map(|id| parsed(TABLE, id)).transpose()?;
        let kind = match (row.is_native, certificate_id) {
            (0, certificate_id) => SessionKind::Panel { last_used_at: row.last_used_at, certificate_id },
            (_, Some(certificate_id)) => SessionKind::Native { certificate_id },
            (_, None) => {
                return Err(StoreError::Inconsistent {
                    table: TABLE,
                    id: row.id.into_string(),
                    what: "a native session has no certificate".to_owned(),
                });
            }
        };
        Ok(Self {
            id: row.id,
            account_id: row.account_id,
            sign_in_id: row.sign_in_id,
            kind,
            expires_at: row.expires_at,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ChallengeRow {
    #[sqlx(try_from = "String")]
    account_id: AccountId,
    fingerprint: Option<String>,
    expires_at: i64,
}

#[derive(sqlx::FromRow)]
struct SetupLinkRow {
    account_id: Option<String>,
    totp_secret_sealed: Vec<u8>,
    expires_at: i64,
    used_at: Option<i64>,
}

/// Only the panel's sessions have a token: that of a cookie. A native one is named by its access token.
const COLUMNS: &str = "id, account_id, COALESCE(sign_in_id, id) AS sign_in_id, certificate_id, expires_at,
     COALESCE(last_used_at, created_at) AS last_used_at, CASE WHEN token_hash IS NULL THEN 1 ELSE 0 END AS is_native";

impl Sessions<'_> {
    /// Opens a session. A panel's session has a token's hash, a native one has none.
    pub async fn insert(
        &mut self,
        session: &Session,
        token: Option<&TokenHash>,
        now: i64,
    ) -> Result<(), StoreError> {
        let certificate_id = match &session.kind {
            SessionKind::Native { certificate_id } => Some(certificate_id),
            SessionKind::Panel { certificate_id, .. } => certificate_id.as_ref(),
        };
        execute!(
            self.0,
            "INSERT INTO session (id, token_hash, account_id, sign_in_id, certificate_id, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            session.id.as_str(),
            token.map(|t| t.0.as_slice()),
            session.account_id.as_str(),
            (session.sign_in_id != session.id).then(|| session.sign_in_id.as_str()),
            certificate_id.map(CertificateId::as_str),
            now,
            session.expires_at
        )?;
        Ok(())
    }

    /// The panel session of a cookie's token, if it has not ended or expired.
    pub async fn find_panel(&mut self, token: &TokenHash, now: i64) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session
             WHERE token_hash = $1 AND ended_at IS NULL AND expires_at > $2"
        );
        fetch_optional!(self.0, Row, &sql, token.0.as_slice(), now)?.map(Session::try_from).transpose()
    }

    /// Records that a session was used at `now`, unless its last recorded use is after `since`. Both are seconds since the
    /// Unix epoch.
    pub async fn touch(&mut self, id: &SessionId, now: i64, since: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE session SET last_used_at = $1 WHERE id = $2 AND COALESCE(last_used_at, created_at) <= $3",
            now,
            id.as_str(),
            since
        )?;
        Ok(())
    }

    /// A native session, if it has not ended or expired.
    pub async fn find_native(&mut self, id: &SessionId, now: i64) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session
             WHERE id = $1 AND token_hash IS NULL AND ended_at IS NULL AND expires_at > $2"
        );
        fetch_optional!(self.0, Row, &sql, id.as_str(), now)?.map(Session::try_from).transpose()
    }

    /// A session of an account, if it has not ended or expired.
    pub async fn find_of_account(
        &mut self,
        account_id: &AccountId,
        id: &SessionId,
        now: i64,
    ) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session
             WHERE id = $1 AND account_id = $2 AND ended_at IS NULL AND expires_at > $3"
        );
        let row = fetch_optional!(self.0, Row, &sql, id.as_str(), account_id.as_str(), now)?;
        row.map(Session::try_from).transpose()
    }

    /// An account's sessions that have not ended or expired, the newest first; of the panel only those that were used after
    /// `used_since`. `is_current` is for the caller to find out.
    pub async fn open_of_account(
        &mut self,
        account_id: &AccountId,
        now: i64,
        used_since: i64,
    ) -> Result<Vec<OwnSession>, StoreError> {
        let rows: Vec<(String, Option<String>, i64, i64)> = fetch_all!(
            self.0,
            (String, Option<String>, i64, i64),
            "SELECT s.id, CASE WHEN s.token_hash IS NULL THEN c.device_name END AS device, s.created_at, s.expires_at
             FROM session s LEFT JOIN machine_certificate c ON c.id = s.certificate_id
             WHERE s.account_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
             AND (s.token_hash IS NULL OR COALESCE(s.last_used_at, s.created_at) > $3)
             ORDER BY s.created_at DESC, s.id DESC",
            account_id.as_str(),
            now,
            used_since
        )?;
        let session = |(id, device_name, opened_at, expires_at)| OwnSession {
            id,
            device_name,
            opened_at,
            expires_at,
            is_current: false,
        };
        Ok(rows.into_iter().map(session).collect())
    }

    /// The session that a renewal has opened for the new certificate.
    pub async fn find_renewed(
        &mut self,
        former: &Session,
        certificate_id: &CertificateId,
    ) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session
             WHERE certificate_id = $1 AND sign_in_id = $2 AND ended_at IS NULL LIMIT 1"
        );
        let row = fetch_optional!(self.0, Row, &sql, certificate_id.as_str(), former.sign_in_id.as_str())?;
        row.map(Session::try_from).transpose()
    }

    /// Ends all sessions of a sign-in. Returns those that had not ended before.
    pub async fn end_sign_in(
        &mut self,
        sign_in_id: &SessionId,
        now: i64,
    ) -> Result<Vec<SessionId>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "UPDATE session SET ended_at = $1 WHERE (id = $2 OR sign_in_id = $2) AND ended_at IS NULL RETURNING id",
            now,
            sign_in_id.as_str()
        )?;
        rows.into_iter().map(|(id,)| parsed("session", id)).collect()
    }

    /// Ends all sessions of an account, and the sign-ins that wait for their second factor.
    pub async fn end_for_account(&mut self, account_id: &AccountId, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE session SET ended_at = $1 WHERE account_id = $2 AND ended_at IS NULL",
            now,
            account_id.as_str()
        )?;
        execute!(
            self.0,
            "UPDATE challenge SET used_at = $1 WHERE account_id = $2 AND used_at IS NULL",
            now,
            account_id.as_str()
        )?;
        Ok(())
    }

    /// Ends all sessions of a certificate. Returns their number.
    pub async fn end_for_certificate(
        &mut self,
        certificate_id: &CertificateId,
        now: i64,
    ) -> Result<u64, StoreError> {
        execute!(
            self.0,
            "UPDATE session SET ended_at = $1 WHERE certificate_id = $2 AND ended_at IS NULL",
            now,
            certificate_id.as_str()
        )
    }

    /// Stores a challenge under the hash of its token.
    pub async fn insert_challenge(
        &mut self,
        token: &TokenHash,
        challenge: &Challenge,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO challenge (token_hash, account_id, fingerprint, expires_at) VALUES ($1, $2, $3, $4)",
            token.0.as_slice(),
            challenge.account_id.as_str(),
            challenge.fingerprint.as_deref(),
            challenge.expires_at
        )?;
        Ok(())
    }

    /// Counts an attempt at a challenge and returns the challenge. `None` if it is used up, expired, or had `max_attempts`.
    pub async fn try_challenge(
        &mut self,
        token: &TokenHash,
        max_attempts: i64,
        now: i64,
    ) -> Result<Option<Challenge>, StoreError> {
        let row = fetch_optional!(
            self.0,
            ChallengeRow,
            "UPDATE challenge SET attempts = attempts + 1
             WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 AND attempts < $3
             RETURNING account_id, fingerprint, expires_at",
            token.0.as_slice(),
            now,
            max_attempts
        )?;
        Ok(row.map(|row| Challenge {
            account_id: row.account_id,
            fingerprint: row.fingerprint,
            expires_at: row.expires_at,
        }))
    }

    /// Takes back an attempt that [`Self::try_challenge`] has counted.
    pub async fn return_attempt(&mut self, token: &TokenHash) -> Result<(), StoreError> {
        let sql = "UPDATE challenge SET attempts = attempts - 1 WHERE token_hash = $1 AND attempts > 0";
        execute!(self.0, sql, token.0.as_slice())?;
        Ok(())
    }

    /// Uses up a challenge; `false` if it was used before.
    pub async fn consume_challenge(&mut self, token: &TokenHash, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE challenge SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL",
            now,
            token.0.as_slice()
        )?;
        Ok(changed == 1)
    }

    /// Deletes the challenges and sessions that expired before `before` (seconds since the Unix epoch).
    pub async fn clean_up(&mut self, before: i64) -> Result<(), StoreError> {
        execute!(self.0, "DELETE FROM challenge WHERE expires_at < $1", before)?;
        execute!(self.0, "DELETE FROM session WHERE expires_at < $1", before)?;
        Ok(())
    }

    /// Stores a set-up link. Does nothing if there is one with the same token.
    pub async fn insert_setup_link(
        &mut self,
        token: &TokenHash,
        account_id: Option<&AccountId>,
        totp_secret_sealed: &[u8],
        expires_at: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO setup_link (token_hash, account_id, totp_secret_sealed, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (token_hash) DO NOTHING",
            token.0.as_slice(),
            account_id.map(AccountId::as_str),
            totp_secret_sealed,
            expires_at
        )?;
        Ok(())
    }

    pub async fn find_setup_link(&mut self, token: &TokenHash) -> Result<Option<SetupLink>, StoreError> {
        let row = fetch_optional!(
            self.0,
            SetupLinkRow,
            "SELECT account_id, totp_secret_sealed, expires_at, used_at FROM setup_link WHERE token_hash = $1",
            token.0.as_slice()
        )?;
        row.map(|row| {
            Ok(SetupLink {
                account_id: row.account_id.map(|id| parsed("setup_link", id)).transpose()?,
                totp_secret_sealed: row.totp_secret_sealed,
                expires_at: row.expires_at,
                used_at: row.used_at,
            })
        })
        .transpose()
    }

    /// Uses up all set-up links of an account (`None`: those for the first administrator); `false` if the one with this token
    /// was used before or has expired. One statement, so that of two links used at the same time one loses.
    pub async fn consume_setup_links(
        &mut self,
        token: &TokenHash,
        account_id: Option<&AccountId>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let consumed: Vec<(Vec<u8>,)> = match account_id {
            Some(id) => fetch_all!(
                self.0,
                (Vec<u8>,),
                "UPDATE setup_link SET used_at = $1 WHERE account_id = $2 AND used_at IS NULL AND expires_at > $1
                 RETURNING token_hash",
                now,
                id.as_str()
            )?,
            None => fetch_all!(
                self.0,
                (Vec<u8>,),
                "UPDATE setup_link SET used_at = $1 WHERE account_id IS NULL AND used_at IS NULL AND expires_at > $1
                 RETURNING token_hash",
                now
            )?,
        };
        Ok(consumed.iter().any(|(hash,)| hash.as_slice() == token.0.as_slice()))
    }

    /// Invalidates a set-up link, if it has been stored and not been used.
    pub async fn end_setup_link(&mut self, token: &TokenHash, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE setup_link SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL",
            now,
            token.0.as_slice()
        )?;
        Ok(())
    }

    /// Invalidates all earlier set-up links for the first administrator.
    pub async fn end_first_setup_links(&mut self, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE setup_link SET used_at = $1 WHERE account_id IS NULL AND used_at IS NULL",
            now
        )?;
        Ok(())
    }
}
