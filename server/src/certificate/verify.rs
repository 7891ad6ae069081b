//! Verifies the certificate that a machine presents, on every request.

use std::collections::HashMap;
use std::sync::Arc;

use ::certificate::ClientIdentity;
use app::request_context::MachineIdentity;
use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Response};
use domain::certificate::MachineCertificate;
use domain::error::{ClassifiedError, ErrorClass};
use domain::id::CertificateId;
use http::request::Parts;
use parking_lot::MutexGuard;
use protocol::certificate::{CertificateReport, RejectionReason};
use protocol::{Problem, ServiceError};
use store::StoreError;
use web::documented_errors::DocumentedErrors;
use web::{HandlerError, Peer, PeerCertificate, ProblemResponse, is_navigation};

use super::Certificates;

/// Caches verified chains, so that a machine's next request need not verify its chain again. Validity dates and
/// revocation are checked every time (a row read by an earlier request counts for a moment, see [`crate::read_cache`]).
#[derive(Debug, Default)]
pub(super) struct VerifiedCache {
    identities: HashMap<String, ClientIdentity>,
    /// When each certificate's last use was stored, in seconds since the Unix epoch.
    seen: HashMap<CertificateId, i64>,
}

impl VerifiedCache {
    /// Has every chain verified again.
    pub(super) fn clear(&mut self) {
        self.identities.clear();
    }
}

/// The cache's capacity. It need not evict: an attacker can open any number of connections, but has few certificates of
/// ours.
const CACHE_CAPACITY: usize = 20_000;
/// Certificates whose rows are kept for a moment.
pub(super) const MAX_KNOWN: usize = 4_096;
/// The resolution of "last seen", in seconds.
const SEEN_RESOLUTION: i64 = 60;

/// A machine with a valid certificate. As an extractor it rejects everybody else.
#[derive(Debug, Clone)]
pub struct Machine {
    pub certificate: MachineCertificate,
}

impl Machine {
    pub fn identity(&self) -> MachineIdentity {
        MachineIdentity {
            certificate_id: self.certificate.id.clone(),
            fingerprint: self.certificate.fingerprint.clone(),
            owner: self.certificate.account_id.clone(),
        }
    }
}

impl Certificates {
    /// Whether the certificate is ours, within its validity period, known and not revoked.
    pub async fn verify(
        &self,
        presented: Option<&PeerCertificate>,
    ) -> Result<Result<Machine, RejectionReason>, ServiceError> {
        let Some(presented) = presented else { return Ok(Err(RejectionReason::Missing)) };
        let identity = match self.identity(presented) {
            Ok(identity) => identity,
            Err(reason) => return Ok(Err(reason)),
        };
        let store = &self.0.env.store;
        let fingerprint = identity.fingerprint_hex;
        let read = async {
            let mut tx = store.read().await?;
            tx.certificates().find_by_fingerprint(&fingerprint).await
        };
        let Some(certificate) = self.0.known.get(store, fingerprint.clone(), read).await? else {
            return Ok(Err(RejectionReason::Untrusted));
        };
        if certificate.revoked_at.is_some() {
            return Ok(Err(RejectionReason::Revoked));
        }
        self.record_seen(&certificate).await?;
        Ok(Ok(Machine { certificate }))
    }

    /// What pages show of the certificate, and the machine if it is valid.
    pub async fn report(
        &self,
        presented: Option<&PeerCertificate>,
    ) -> Result<(CertificateReport, Option<Machine>), ServiceError> {
        let (machine, rejection) = match self.verify(presented).await? {
            Ok(machine) => (Some(machine), None),
            Err(reason) => (None, Some(reason)),
        };
        let presented = presented.and_then(|p| ::certificate::describe(&p.leaf));
        Ok((CertificateReport { rejection, presented, last_ended: None }, machine))
    }

    fn identity(&self, presented: &PeerCertificate) -> Result<ClientIdentity, RejectionReason> {
        let (now, fingerprint) = (self.0.env.clock.now(), presented.fingerprint());
        if let Some(known) = self.verified().identities.get(&fingerprint) {
            return if now < known.not_before {
                Err(RejectionReason::NotYetValid)
            } else if now > known.not_after {
                Err(RejectionReason::Expired)
            } else {
                Ok(known.clone())
            };
        }
        let authorities = self.authorities();
        let identity = authorities.anchors.verify_client(&presented.leaf, &presented.intermediates, now)?;
        let mut verified = self.verified();
        // If the authorities were replaced meanwhile, the result is not cached and counts for this request only.
        if verified.identities.len() < CACHE_CAPACITY && Arc::ptr_eq(&authorities, &self.authorities()) {
            verified.identities.insert(fingerprint, identity.clone());
        }
        Ok(identity)
    }

    async fn record_seen(&self, certificate: &MachineCertificate) -> Result<(), ServiceError> {
        let now = self.0.env.now();
        {
            let seen = &mut self.verified().seen;
            let last = seen.entry(certificate.id.clone()).or_insert(i64::MIN);
            if now.saturating_sub(*last) < SEEN_RESOLUTION {
                return Ok(());
            }
            *last = now;
        }
        match self.store_seen(&certificate.id, now).await {
            // The request itself may need no room.
            Err(error) if error.class() == ErrorClass::StorageFull => {
                tracing::warn!("the disk is full: that a machine was seen is not stored");
                Ok(())
            }
            done => Ok(done?),
        }
    }

    async fn store_seen(&self, id: &CertificateId, now: i64) -> Result<(), StoreError> {
        let mut tx = self.0.env.store.begin().await?;
        tx.certificates().touch(id, now).await?;
        tx.commit().await
    }

    fn verified(&self) -> MutexGuard<'_, VerifiedCache> {
        self.0.verified.lock()
    }
}

/// The response to an invalid certificate: navigations are redirected to the access page, programs get a problem document.
#[derive(Debug)]
pub struct Rejected(RejectionReason, bool);

impl Rejected {
    pub fn new(reason: RejectionReason, request: &Parts) -> Self {
        Self(reason, is_navigation(&request.method, &request.headers))
    }
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        let Self(reason, is_navigation) = self;
        if is_navigation {
            let target = format!("/request-access?reason={}", reason.as_str());
            return (http::StatusCode::SEE_OTHER, [(http::header::LOCATION, target)]).into_response();
        }
        ProblemResponse(rejected(reason)).into_response()
    }
}

pub(crate) fn rejected(reason: RejectionReason) -> Problem {
    let name = format!("client-certificate:{}", reason.as_str());
    Problem::new(&name, 403, "A valid client certificate is needed").detail(reason.explanation())
}

impl DocumentedErrors for Machine {
    fn problems() -> Vec<Problem> {
        RejectionReason::ALL.map(rejected).into()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Machine
where
    Certificates: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let peer = Peer::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        match Certificates::from_ref(state).verify(peer.certificate.as_ref()).await {
            Ok(Ok(machine)) => Ok(machine),
            Ok(Err(reason)) => Err(Rejected::new(reason, parts).into_response()),
            Err(error) => Err(HandlerError::from(error).into_response()),
        }
    }
}
