//! Reissued links, and requests for a new link.

use domain::access::AccessRequest;
use domain::id::{AccessRequestId, CertificateId};
use domain::secret::TokenHash;

use crate::query::{execute, fetch_number, fetch_optional};
use crate::{AccessRequests, StoreError, parsed};

impl AccessRequests<'_> {
    /// Replaces the link of a request; `false` if another one has replaced it already. The certificate that was fetched with
    /// the former link stays recorded until another is fetched with the new one.
    pub async fn reissue_link(
        &mut self,
        request: &AccessRequest,
        link: &TokenHash,
    ) -> Result<bool, StoreError> {
        let Some(grant) = request.grant() else { return Ok(false) };
        let former = grant.number - 1;
        execute!(
            self.0,
            "INSERT INTO former_link (grant_hash, access_request_id)
             SELECT grant_hash, id FROM access_request WHERE id = $1 AND links = $2 AND grant_hash IS NOT NULL
             ON CONFLICT (grant_hash) DO NOTHING",
            request.id.as_str(),
            former
        )?;
        let changed = execute!(
            self.0,
            "UPDATE access_request SET state = 'approved', grant_hash = $1, grant_expires_at = $2,
             grant_wrong_codes = 0, links = $3, link_asks = 0, link_asked_at = NULL, notice = NULL, expiry_told = 0,
             redeemed_at = NULL, csr_hash = NULL
             WHERE id = $4 AND state IN ('approved', 'redeemed') AND links = $5",
            link.0.as_slice(),
            grant.expires_at,
            grant.number,
            request.id.as_str(),
            former
        )?;
        Ok(changed == 1)
    }

    /// Whether this link has been replaced by a newer one.
    pub async fn is_former_link(&mut self, link: &TokenHash) -> Result<bool, StoreError> {
        let count = fetch_number!(
            self.0,
            "SELECT COUNT(*) FROM former_link WHERE grant_hash = $1",
            link.0.as_slice()
        )?;
        Ok(count > 0)
    }

    /// Records a request for a new link; `false` if there is a new link already, or another request came first.
    pub async fn request_new_link(&mut self, request: &AccessRequest, now: i64) -> Result<bool, StoreError> {
        let Some(grant) = request.grant() else { return Ok(false) };
        let changed = execute!(
            self.0,
            "UPDATE access_request SET link_asks = link_asks + 1, link_asked_at = $1, notice = 'link'
             WHERE id = $2 AND links = $3 AND link_asks = $4",
            now,
            request.id.as_str(),
            grant.number,
            grant.link_requests.sent
        )?;
        Ok(changed == 1)
    }

    /// Declines the request for a new link, and with it all further ones for this link: their number is set to `max_requests`.
    /// `false` if there is no such request, or the link has been replaced.
    pub async fn decline_link(
        &mut self,
        request: &AccessRequest,
        max_requests: u32,
    ) -> Result<bool, StoreError> {
        let Some(grant) = request.grant() else { return Ok(false) };
        let changed = execute!(
            self.0,
            "UPDATE access_request SET link_asks = $1, link_asked_at = NULL, notice = NULL
             WHERE id = $2 AND links = $3 AND link_asked_at IS NOT NULL",
            i64::from(max_requests),
            request.id.as_str(),
            grant.number
        )?;
        Ok(changed == 1)
    }

    /// The certificate that was fetched with a former link of this request.
    pub async fn former_certificate(
        &mut self,
        id: &AccessRequestId,
    ) -> Result<Option<CertificateId>, StoreError> {
        let row: Option<(Option<String>,)> = fetch_optional!(
            self.0,
            (Option<String>,),
            "SELECT certificate_id FROM access_request WHERE id = $1 AND state = 'approved'",
            id.as_str()
        )?;
        row.and_then(|(certificate,)| certificate)
            .map(|certificate| parsed("access_request", certificate))
            .transpose()
    }
}
