//! Redeeming the link of an approved request: once, and only with proof that the holder made the request.

use app::request_context::RequestContext;
use domain::access::{AccessRequest, Redemption, State};
use domain::account::AccountState;
use domain::audit::{Action, Actor};
use domain::certificate::MachineCertificate;
use domain::id::AccessRequestId;
use domain::secret::TokenHash;
use protocol::access::{MatchCode, Platform, RequestState};
use protocol::people::NewPassword;
use protocol::{Problem, ServiceError};
use sha2::{Digest, Sha256};
use store::Tx;
use subtle::ConstantTimeEq;
use web::CookieKind;
use web::documented_errors::DocumentedErrors;

use super::offer::request_behind;
use super::requester::ASKED_COOKIE_SECONDS;
use super::{Access, renewal};
use crate::certificate::{IssuedPackage, NewCertificate};
use crate::mail::CodesTried;

/// Wrong match codes after which only the requesting browser can use the link.
const MAX_WRONG_CODES: i64 = 10;
/// More than a typo or two: administrators are notified.
const NOTIFY_AFTER_WRONG_CODES: i64 = 3;

pub const MACHINE_NEEDED: &str = "machine-certificate";
pub const TOO_MANY_CODES: &str = "too-many-codes";
pub const WRONG_CODE: &str = "match-code";

/// How the holder of the link proved to be the requester.
#[derive(Debug, Clone)]
pub enum Proof {
    AskingBrowser,
    MatchCode,
}

/// The result of a redeemed link, and the cookie that replaces the match code as proof from now on.
#[derive(Debug)]
pub struct Redeemed<T> {
    pub value: T,
    pub cookies: Vec<String>,
}

impl Access {
    /// A package with a key and its certificate, both made here; the key is not stored.
    #[tracing::instrument(skip_all, level = "debug", name = "download.redeem_package")]
    pub async fn redeem_package(
        &self,
        context: &RequestContext,
        token: &str,
        platform: Platform,
        password: NewPassword,
        match_code: Option<&str>,
    ) -> Result<Redeemed<IssuedPackage>, ServiceError> {
        let (request, proof) = self.prove(context, token, match_code).await?;
        let new = self.new_certificate(&request).await?;
        let (certificate, package) = self.certificates.issue_package(new, platform, password).await?;
        let redemption =
            Redemption { at: self.env.now(), certificate_id: certificate.id.clone(), csr_hash: None };
        self.record_redemption(request, redemption, &certificate).await?;
        self.with_cookie(context, token, &proof, package).await
    }

    /// A certificate for the requester's own key. Repeating the same request returns the same certificate until the link
    /// expires, so that a broken connection loses nothing.
    #[tracing::instrument(skip_all, level = "debug", name = "download.redeem_csr")]
    pub async fn redeem_csr(
        &self,
        context: &RequestContext,
        token: &str,
        csr: &str,
        match_code: Option<&str>,
    ) -> Result<Redeemed<String>, ServiceError> {
        let csr_hash = Sha256::digest(csr.as_bytes()).to_vec();
        let (mut tx, request, proof) = self.identify(context, token, match_code).await?;
        let issued_before = self.issued_before(&mut tx, &request, &csr_hash).await?;
        drop(tx);
        if let Some(chain) = issued_before {
            return self.with_cookie(context, token, &proof, chain).await;
        }
        self.check_open(&request)?;
        let new = self.new_certificate(&request).await?;
        let certificate = self.certificates.issue_for_csr(new, csr).await?;
        let at = self.env.now();
        let redemption =
            Redemption { at, certificate_id: certificate.id.clone(), csr_hash: Some(csr_hash.clone()) };
        let chain = match self.record_redemption(request, redemption, &certificate).await {
            Ok(()) => self.certificates.chain_pem(&certificate),
            // A concurrent repetition of the same request may have won.
            Err(error) => {
                let mut tx = self.env.store.read().await?;
                let request = request_behind(&mut tx, token).await?;
                self.issued_before(&mut tx, &request, &csr_hash).await?.ok_or(error)?
            }
        };
        self.with_cookie(context, token, &proof, chain).await
    }

    /// The path of the account's set-up page, for a holder who has proved to be the requester.
    #[tracing::instrument(skip_all, level = "debug", name = "download.setup_path")]
    pub async fn setup_path(&self, context: &RequestContext, token: &str) -> Result<String, ServiceError> {
        self.check_link_rate(context).await?;
        let mut tx = self.env.store.begin().await?;
        let request = request_behind(&mut tx, token).await?;
        let grant = request.grant().filter(|grant| grant.expires_at > self.env.now());
        let number = grant.ok_or_else(link_expired)?.number;
        if !is_same_browser(&mut tx, context, &request).await? {
            return Err(not_proven().into());
        }
        let account = tx.accounts().find_by_email(&request.email).await?.ok_or_else(Problem::not_found)?;
        if !matches!(account.state, AccountState::Invited) {
            return Err(Problem::conflict("This account is already set up. Sign in.").into());
        }
        let derived = self.setup_token(&request.id, number);
        self.people.store_setup_link(&mut tx, &TokenHash::of(&derived), Some(&account.id)).await?;
        tx.commit().await?;
        Ok(format!("/setup/{derived}"))
    }

    /// The token of the set-up link that belongs to a request's download link. Derived, so that it is the same each time and
    /// need not be stored. Each new download link derives another one, since the former may have expired.
    pub(super) fn setup_token(&self, request_id: &AccessRequestId, number: i64) -> String {
        hex::encode(self.env.vault.derive(&format!("setup-link:{request_id}:{number}")).as_slice())
    }

    /// Like [`Access::identify`], and checks that the link can still be redeemed.
    async fn prove(
        &self,
        context: &RequestContext,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<(AccessRequest, Proof), ServiceError> {
        let (_, request, proof) = self.identify(context, token, match_code).await?;
        self.check_open(&request)?;
        Ok((request, proof))
    }

    fn check_open(&self, request: &AccessRequest) -> Result<(), Problem> {
        match request.state_at(self.env.now()) {
            RequestState::Approved => Ok(()),
            RequestState::Redeemed => Err(handed_out()),
            _ => Err(link_expired()),
        }
    }

    /// Finds the link's request and checks the proof. Wrong match codes are counted and limited.
    pub(super) async fn identify(
        &self,
        context: &RequestContext,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<(Tx, AccessRequest, Proof), ServiceError> {
        self.check_link_rate(context).await?;
        let mut tx = self.env.store.begin().await?;
        let request = request_behind(&mut tx, token).await?;
        let proof = if is_same_browser(&mut tx, context, &request).await? {
            Proof::AskingBrowser
        } else if renewal::renews(&mut tx, &request).await? {
            return Err(machine_needed().into());
        } else if request.grant().is_some_and(|g| g.wrong_codes >= MAX_WRONG_CODES) {
            return Err(too_many_codes().into());
        } else if is_match_code(&request, match_code) {
            Proof::MatchCode
        } else {
            // Input that cannot be a code is a typo or a bot filling in forms, and not counted as a guess.
            if match_code.is_some_and(|code| code.parse::<MatchCode>().is_ok()) {
                let wrong = tx.access_requests().count_wrong_code(&request.id).await?;
                let detail = format!("{wrong} so far");
                tx.audit_log()
                    .append(self.env.now(), Actor::Visitor, Action::LinkWrongCode, &request.id, &detail)
                    .await?;
                if let Some(tried) = wrong_code_notice(wrong) {
                    self.outbox.codes_tried(&mut tx, &request, tried).await?;
                }
                tx.commit().await?;
                self.outbox.notify_job();
            }
            return Err(wrong_code().into());
        };
        Ok((tx, request, proof))
    }

    /// The certificate that an identical certificate request was issued before.
    async fn issued_before(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        csr_hash: &[u8],
    ) -> Result<Option<String>, ServiceError> {
        let State::Redeemed { grant, redemption, .. } = &request.state else { return Ok(None) };
        if redemption.csr_hash.as_deref() != Some(csr_hash) || grant.expires_at <= self.env.now() {
            return Ok(None);
        }
        let certificate = tx.certificates().find(&redemption.certificate_id).await?;
        Ok(certificate.map(|c| self.certificates.chain_pem(&c)))
    }

    async fn new_certificate(&self, request: &AccessRequest) -> Result<NewCertificate, ServiceError> {
        let mut tx = self.env.store.read().await?;
        let account = tx.accounts().find_by_email(&request.email).await?.ok_or_else(Problem::not_found)?;
        Ok(NewCertificate {
            account_id: account.id,
            owner: request.email.clone(),
            device_name: request.machine_name(),
            replaces: tx.renewals().certificate_to_renew(&request.id).await?,
        })
    }

    /// Marks the link as redeemed and records the certificate, in one transaction.
    async fn record_redemption(
        &self,
        request: AccessRequest,
        redemption: Redemption,
        certificate: &MachineCertificate,
    ) -> Result<(), ServiceError> {
        let (id, now) = (request.id.clone(), redemption.at);
        // The link may have expired while the certificate was made.
        request.redeem(redemption.clone()).map_err(|_| link_expired())?;
        let mut tx = self.env.store.begin().await?;
        let former = tx.access_requests().former_certificate(&id).await?;
        if let Some(former) = &certificate.renewed_from {
            renewal::check(&mut tx, former).await?;
        }
        tx.certificates().insert(certificate, now).await?;
        if !tx.access_requests().redeem(&id, &redemption).await? {
            return Err(handed_out().into());
        }
        tx.audit_log()
            .append(now, Actor::Visitor, Action::LinkRedeemed, &id, &format!("serial {}", certificate.serial))
            .await?;
        // A machine has one certificate: the lost one is revoked with the new one's issue.
        let ended = match former {
            Some(former) => self.certificates.replace(&mut tx, &former).await?,
            None => Vec::new(),
        };
        tx.commit().await?;
        self.certificates.close_connections(&ended);
        Ok(())
    }

    /// After a match code, this client counts as the requester too, beside the requesting browser: the desktop program
    /// fetches the certificate, and the person continues in the browser.
    pub(super) async fn with_cookie<T>(
        &self,
        context: &RequestContext,
        token: &str,
        proof: &Proof,
        value: T,
    ) -> Result<Redeemed<T>, ServiceError> {
        if let Proof::AskingBrowser = proof {
            return Ok(Redeemed { value, cookies: Vec::new() });
        }
        let mut tx = self.env.store.begin().await?;
        let browser = self.secret_of_browser(context);
        if let Some(request) = tx.access_requests().find_by_grant(&TokenHash::of(token)).await? {
            tx.access_requests().set_proven_browser(&request.id, &TokenHash::of(&browser)).await?;
            tx.commit().await?;
        }
        let cookie =
            CookieKind::Requester.set(&browser, ASKED_COOKIE_SECONDS, self.env.cookies(context.secure));
        Ok(Redeemed { value, cookies: vec![cookie] })
    }
}

/// Whether this is the browser that made the request, or, for a request that the server made, the machine itself.
pub(super) async fn is_same_browser(
    tx: &mut Tx,
    context: &RequestContext,
    request: &AccessRequest,
) -> Result<bool, ServiceError> {
    match &context.requester {
        Some(cookie)
            if tx
                .access_requests()
                .asked_by_browser(&request.id, &TokenHash::of(cookie.expose()))
                .await? =>
        {
            Ok(true)
        }
        _ => renewal::is_the_machine(tx, context, request).await,
    }
}

/// Two notices per link, so that its holder cannot flood the administrators.
fn wrong_code_notice(wrong: i64) -> Option<CodesTried> {
    match wrong {
        NOTIFY_AFTER_WRONG_CODES => Some(CodesTried::Often { wrong }),
        MAX_WRONG_CODES => Some(CodesTried::Closed),
        _ => None,
    }
}

fn is_match_code(request: &AccessRequest, given: Option<&str>) -> bool {
    given
        .and_then(|code| code.parse::<MatchCode>().ok())
        .is_some_and(|code| code.as_str().as_bytes().ct_eq(request.match_code.as_str().as_bytes()).into())
}

/// 403: the link alone is not enough.
fn wrong_code() -> Problem {
    Problem::new(WRONG_CODE, 403, "The match code is needed")
        .detail("Open this page in the browser you requested access with, or enter the code you were shown there.")
        .field("match_code", "Enter the match code you were shown when you requested access.")
}

/// 403: a renewal link has no match code.
fn machine_needed() -> Problem {
    Problem::new(MACHINE_NEEDED, 403, "The machine’s certificate is needed")
        .detail("Open this link on the machine itself, and choose its certificate when the browser asks.")
}

/// 429: only the requesting browser can use this link now.
fn too_many_codes() -> Problem {
    Problem::new(TOO_MANY_CODES, 429, "Too many wrong match codes")
        .detail("Open this page in the browser you requested access with, or ask an administrator for a new link.")
        .retry_after(3600)
}

/// 410: the link was redeemed.
pub(super) fn handed_out() -> Problem {
    Problem::gone("Its certificate has been downloaded.")
}

/// 410: the link has expired.
pub(super) fn link_expired() -> Problem {
    Problem::gone("Request access again, or ask an administrator for a new link.")
}

/// 403: this client has not proved yet to be the requester.
fn not_proven() -> Problem {
    Problem::forbidden().detail("Enter the match code first.")
}

impl DocumentedErrors for Proof {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), wrong_code(), machine_needed(), handed_out(), too_many_codes()]
    }
}

/// The errors of [`Access::setup_path`].
#[derive(Debug)]
pub struct SetupPathErrors;

impl DocumentedErrors for SetupPathErrors {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), not_proven(), link_expired()]
    }
}
