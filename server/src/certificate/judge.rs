//! Judging what a machine presents, on every request.

use std::collections::HashMap;
use std::sync::Arc;

use ::certificate::ClientIdentity;
use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use protocol::Problem;
use protocol::certificate::{CertificateReport, RejectionReason};

use super::Certificates;
use crate::edge::{Peer, PeerCertificate};
use crate::failure::Refusal;
use crate::http::refusals::Refuses;
use crate::http::{ProblemResponse, is_navigation};
use crate::store::MachineCertificate;

/// Certificates whose chain has been verified, so that a machine's next request need not verify it again. Dates and
/// revocation are never remembered.
#[derive(Debug, Default)]
pub(super) struct Judged {
    identities: HashMap<String, ClientIdentity>,
    /// When each was last written down as seen, in seconds since the Unix epoch.
    seen: HashMap<String, i64>,
}

impl Judged {
    /// Every chain is to be verified anew.
    pub(super) fn forget(&mut self) {
        self.identities.clear();
    }
}

/// More are not remembered: an attacker can make any number of connections, but not of certificates.
const REMEMBERED: usize = 20_000;
/// How exactly "last seen" is known, in seconds.
const SEEN_RESOLUTION: i64 = 60;

/// A machine whose certificate is in force. As an extractor it lets nobody else in.
#[derive(Debug, Clone)]
pub struct Machine {
    pub certificate: MachineCertificate,
}

impl Certificates {
    /// Whether the certificate is ours, within its dates, known and not revoked.
    pub async fn judge(
        &self,
        presented: Option<&PeerCertificate>,
    ) -> Result<Result<Machine, RejectionReason>, Refusal> {
        let Some(presented) = presented else { return Ok(Err(RejectionReason::Missing)) };
        let identity = match self.identity(presented) {
            Ok(identity) => identity,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut tx = self.0.env.store.read().await?;
        let Some(certificate) = tx.certificate_by_fingerprint(&identity.fingerprint_hex).await? else {
            return Ok(Err(RejectionReason::Untrusted));
        };
        if certificate.revoked_at.is_some() {
            return Ok(Err(RejectionReason::Revoked));
        }
        drop(tx);
        self.note_seen(&certificate).await?;
        Ok(Ok(Machine { certificate }))
    }

    /// What "test my certificate" and the access page show.
    pub async fn report(&self, presented: Option<&PeerCertificate>) -> Result<CertificateReport, Refusal> {
        let rejection = self.judge(presented).await?.err();
        Ok(CertificateReport {
            rejection,
            presented: presented.and_then(|p| ::certificate::describe(&p.leaf)),
            last_ended: None,
        })
    }

    fn identity(&self, presented: &PeerCertificate) -> Result<ClientIdentity, RejectionReason> {
        let (now, fingerprint) = (self.0.env.clock.now(), presented.fingerprint());
        if let Some(known) = self.judged().identities.get(&fingerprint) {
            return match () {
                () if now < known.not_before => Err(RejectionReason::NotYetValid),
                () if now > known.not_after => Err(RejectionReason::Expired),
                () => Ok(known.clone()),
            };
        }
        let authorities = self.authorities();
        let identity = authorities.anchors.judge(&presented.leaf, &presented.intermediates, now)?;
        let mut judged = self.judged();
        // What was judged by authorities that have been replaced since counts this once.
        if judged.identities.len() < REMEMBERED && Arc::ptr_eq(&authorities, &self.authorities()) {
            judged.identities.insert(fingerprint, identity.clone());
        }
        Ok(identity)
    }

    async fn note_seen(&self, certificate: &MachineCertificate) -> Result<(), Refusal> {
        let now = self.0.env.now();
        {
            let seen = &mut self.judged().seen;
            let last = seen.entry(certificate.id.clone()).or_insert(i64::MIN);
            if now.saturating_sub(*last) < SEEN_RESOLUTION {
                return Ok(());
            }
            *last = now;
        }
        let mut tx = self.0.env.store.begin().await?;
        tx.touch_certificate(&certificate.id, now).await?;
        tx.commit().await?;
        Ok(())
    }

    fn judged(&self) -> std::sync::MutexGuard<'_, Judged> {
        self.0.judged.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// How a failing certificate is answered: people are led to the page that asks for access, programs get a problem.
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

pub(super) fn rejected(reason: RejectionReason) -> Problem {
    let name = format!("client-certificate:{}", reason.as_str());
    Problem::new(&name, 403, "A valid client certificate is needed").detail(reason.explanation())
}

impl Refuses for Machine {
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
        match Certificates::from_ref(state).judge(peer.certificate.as_ref()).await {
            Ok(Ok(machine)) => Ok(machine),
            Ok(Err(reason)) => Err(Rejected::new(reason, parts).into_response()),
            Err(refusal) => Err(ProblemResponse(refusal.into()).into_response()),
        }
    }
}
