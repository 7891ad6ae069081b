//! Access requests and the links of approved ones.

mod link;
mod list;
mod notice;
mod suppressed;

use domain::access::{
    AccessRequest, Decision, DeviceName, EmailAddress, Grant, Message, Platform, Redemption, Reminders, State,
};
use domain::id::AccessRequestId;
use domain::secret::TokenHash;

use crate::query::{execute, fetch_number, fetch_optional};
use crate::{AccessRequests, StoreError};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    email: String,
    match_code: String,
    platform: Option<String>,
    device_name: Option<String>,
    message: String,
    state: String,
    requested_at: i64,
    expires_at: i64,
    decided_at: Option<i64>,
    decided_by: Option<String>,
    reason: Option<String>,
    grant_expires_at: Option<i64>,
    grant_wrong_codes: i64,
    redeemed_at: Option<i64>,
    csr_hash: Option<Vec<u8>>,
    certificate_id: Option<String>,
    reminders: i64,
    reminded_at: Option<i64>,
    links: i64,
    link_asks: i64,
    link_asked_at: Option<i64>,
}

const COLUMNS: &str = "id, email, match_code, platform, device_name, message, state, requested_at, expires_at,
    decided_at, decided_by, reason, grant_expires_at, grant_wrong_codes, redeemed_at, csr_hash, certificate_id,
    reminders, reminded_at, links, link_asks, link_asked_at";

impl TryFrom<Row> for AccessRequest {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let inconsistent = |what: &str| StoreError::Inconsistent {
            table: "access_request",
            id: row.id.clone(),
            what: what.to_owned(),
        };
        let decision = || -> Result<Decision, StoreError> {
            match (row.decided_by.clone(), row.decided_at) {
                (Some(by), Some(at)) => Ok(Decision { by, at }),
                _ => Err(inconsistent("decided by nobody")),
            }
        };
        let grant = || -> Result<Grant, StoreError> {
            let expires_at = row.grant_expires_at.ok_or_else(|| inconsistent("approved without a link"))?;
            Ok(Grant {
                expires_at,
                wrong_codes: row.grant_wrong_codes,
                number: row.links,
                link_requests: Reminders { sent: row.link_asks, last_at: row.link_asked_at },
            })
        };
        let state = match row.state.as_str() {
            "pending" => State::Pending { expires_at: row.expires_at },
            "approved" => State::Approved { decision: decision()?, grant: grant()? },
            "rejected" => {
                State::Rejected { decision: decision()?, reason: row.reason.clone().unwrap_or_default() }
            }
            "redeemed" => {
                let (Some(at), Some(certificate_id)) = (row.redeemed_at, row.certificate_id.clone()) else {
                    return Err(inconsistent("redeemed for nothing"));
                };
                let certificate_id =
                    certificate_id.parse().map_err(|_| inconsistent("the certificate's id"))?;
                let redemption = Redemption { at, certificate_id, csr_hash: row.csr_hash.clone() };
                State::Redeemed { decision: decision()?, grant: grant()?, redemption }
            }
            _ => return Err(inconsistent("unknown state")),
        };
        Ok(Self {
            email: row.email.parse().map_err(|_| inconsistent("the e-mail address"))?,
            match_code: row.match_code.parse().map_err(|_| inconsistent("the match code"))?,
            platform: row
                .platform
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|_| inconsistent("the platform"))?,
            device_name: row.device_name.as_deref().map(DeviceName::from_stored),
            message: Message::from_stored(&row.message),
            requested_at: row.requested_at,
            reminders: Reminders { sent: row.reminders, last_at: row.reminded_at },
            state,
            id: row.id.parse().map_err(|_| inconsistent("the id"))?,
        })
    }
}

impl AccessRequests<'_> {
    /// Stores a new, pending request with the hashes of its status token and of the requesting browser's cookie, and with a
    /// pending notice to administrators.
    pub async fn insert(
        &mut self,
        request: &AccessRequest,
        status: &TokenHash,
        browser: &TokenHash,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO access_request (id, email, match_code, platform, device_name, message, state, status_hash,
             browser_hash, requested_at, expires_at, search_text, notice)
             VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10, $11, 'new')",
            request.id.as_str(),
            request.email.as_str(),
            request.match_code.as_str(),
            request.platform.map(Platform::as_str),
            request.device_name.as_ref().map(DeviceName::as_str),
            request.message.as_str(),
            status.0.as_slice(),
            browser.0.as_slice(),
            request.requested_at,
            request.expires_at().unwrap_or(request.requested_at),
            list::search_text(request)
        )?;
        self.0.addresses().put_skeleton(&request.email).await
    }

    pub async fn find(&mut self, id: &AccessRequestId) -> Result<Option<AccessRequest>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM access_request WHERE id = $1");
        fetch_optional!(self.0, Row, &sql, id.as_str())?.map(AccessRequest::try_from).transpose()
    }

    /// The request of a status page's token.
    pub async fn find_by_status(&mut self, status: &TokenHash) -> Result<Option<AccessRequest>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM access_request WHERE status_hash = $1");
        fetch_optional!(self.0, Row, &sql, status.0.as_slice())?.map(AccessRequest::try_from).transpose()
    }

    /// The request of a download link's token.
    pub async fn find_by_grant(&mut self, grant: &TokenHash) -> Result<Option<AccessRequest>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM access_request WHERE grant_hash = $1");
        fetch_optional!(self.0, Row, &sql, grant.0.as_slice())?.map(AccessRequest::try_from).transpose()
    }

    /// Whether `browser` is the cookie of the requesting browser, or of the last one that has proved the match code.
    pub async fn asked_by_browser(
        &mut self,
        id: &AccessRequestId,
        browser: &TokenHash,
    ) -> Result<bool, StoreError> {
        let count = fetch_number!(
            self.0,
            "SELECT COUNT(*) FROM access_request WHERE id = $1 AND (browser_hash = $2 OR proven_browser_hash = $2)",
            id.as_str(),
            browser.0.as_slice()
        )?;
        Ok(count == 1)
    }

    /// Gives `browser` the rights of the requesting browser, since it has proved the match code.
    pub async fn set_proven_browser(
        &mut self,
        id: &AccessRequestId,
        browser: &TokenHash,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE access_request SET proven_browser_hash = $1 WHERE id = $2",
            browser.0.as_slice(),
            id.as_str()
        )?;
        Ok(())
    }

    /// Records a decision; `false` if the request is no longer pending. `grant`: the hash of an approved request's link.
    pub async fn decide(
        &mut self,
        request: &AccessRequest,
        grant: Option<&TokenHash>,
    ) -> Result<bool, StoreError> {
        let (state, decision, grant_expires_at) = match &request.state {
            State::Approved { decision, grant } => ("approved", decision, Some(grant.expires_at)),
            State::Rejected { decision, .. } => ("rejected", decision, None),
            State::Pending { .. } | State::Redeemed { .. } => return Ok(false),
        };
        let changed = execute!(
            self.0,
            "UPDATE access_request SET state = $1, decided_by = $2, decided_at = $3, reason = $4, grant_hash = $5,
             grant_expires_at = $6, links = $7, notice = NULL WHERE id = $8 AND state = 'pending'",
            state,
            &decision.by,
            decision.at,
            request.reason(),
            grant.map(|g| g.0.as_slice()),
            grant_expires_at,
            request.grant().map_or(0, |grant| grant.number),
            request.id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Uses up the link of an approved request; `false` if it was used before.
    pub async fn redeem(
        &mut self,
        id: &AccessRequestId,
        redemption: &Redemption,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE access_request SET state = 'redeemed', redeemed_at = $1, certificate_id = $2, csr_hash = $3
             WHERE id = $4 AND state = 'approved'",
            redemption.at,
            redemption.certificate_id.as_str(),
            redemption.csr_hash.as_deref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Counts a wrong match code for the present link. Returns how many there have been.
    pub async fn count_wrong_code(&mut self, id: &AccessRequestId) -> Result<i64, StoreError> {
        fetch_number!(
            self.0,
            "UPDATE access_request SET grant_wrong_codes = grant_wrong_codes + 1 WHERE id = $1
             RETURNING grant_wrong_codes",
            id.as_str()
        )
    }

    /// The number of pending requests of an address. `now`: seconds since the Unix epoch.
    pub async fn count_pending_of(&mut self, email: &EmailAddress, now: i64) -> Result<u64, StoreError> {
        Ok(fetch_number!(
            self.0,
            "SELECT COUNT(*) FROM access_request WHERE email = $1 AND state = 'pending' AND expires_at > $2",
            email.as_str(),
            now
        )?
        .unsigned_abs())
    }

    /// The number of pending requests in total. `now`: seconds since the Unix epoch.
    pub async fn count_pending(&mut self, now: i64) -> Result<u64, StoreError> {
        Ok(fetch_number!(
            self.0,
            "SELECT COUNT(*) FROM access_request WHERE state = 'pending' AND expires_at > $1",
            now
        )?
        .unsigned_abs())
    }
}
