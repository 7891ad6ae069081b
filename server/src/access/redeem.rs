//! Redeeming the link of an approved request: once, and only with proof that the holder is the one who asked.

use app::visit::Visit;
use protocol::Problem;
use protocol::access::{DownloadOffer, DownloadState, MatchCode, Platform, RequestState};
use protocol::enrolment::DesktopLink;
use protocol::people::NewPassword;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::link::request_behind;
use super::submit::ASKED_COOKIE_SECONDS;
use super::{Access, AccessRequest, Redemption, renewal};
use crate::certificate::{IssuedPackage, NewCertificate};
use crate::failure::Refusal;
use crate::http::refusals::Refuses;
use crate::mail::CodesTried;
use crate::people::CookieKind;
use crate::secret::TokenHash;
use crate::store::{AccountState, Tx};

/// Wrong match codes after which only the asking browser opens the link.
const MAX_WRONG_CODES: i64 = 10;
/// More than a slip or two: administrators are told.
const MANY_WRONG_CODES: i64 = 3;

pub(super) const MACHINE_NEEDED: &str = "machine-certificate";
pub(super) const TOO_MANY_CODES: &str = "too-many-codes";
pub(super) const WRONG_CODE: &str = "match-code";

/// What shows that the holder of the link is the one who asked.
#[derive(Debug, Clone)]
pub enum Proof {
    AskingBrowser,
    MatchCode,
}

/// A redeemed link: the package, and the cookie that proves from now on what the match code proved.
#[derive(Debug)]
pub struct Redeemed<T> {
    pub value: T,
    pub cookies: Vec<String>,
}

impl Access {
    /// What the page behind the link shows. Spends nothing.
    pub(super) async fn offer_of(&self, visit: &Visit, token: &str) -> Result<DownloadOffer, Refusal> {
        self.check_link_rate(visit)?;
        self.offer_to(visit, token).await
    }

    pub(super) async fn offer_to(&self, visit: &Visit, token: &str) -> Result<DownloadOffer, Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.read().await?;
        let request = request_behind(&mut tx, token).await?;
        let asked_here = asked_here(&mut tx, visit, &request).await?;
        let renews = renewal::renews(&mut tx, &request).await?;
        let state = match request.state_at(now) {
            RequestState::Approved => DownloadState::Ready,
            RequestState::Redeemed => DownloadState::Redeemed,
            RequestState::Expired | RequestState::Pending | RequestState::Rejected => DownloadState::Expired,
        };
        let account = tx.account_by_email(&request.email).await?;
        let invited = account.is_some_and(|a| matches!(a.state, AccountState::Invited));
        Ok(DownloadOffer {
            state,
            device_name: request.device_name.as_ref().map(|n| n.as_str().to_owned()),
            platform: request.platform,
            expires_at: request.expires_at().or(request.grant().map(|g| g.expires_at)).unwrap_or(now),
            needs_match_code: !asked_here && !renews,
            needs_certificate: !asked_here && renews,
            new_link: self.new_link(&request, asked_here).filter(|_| !renews),
            setup_url: invited.then(|| format!("/public/download-certs/{token}/setup")),
            machines_url: self.env.config.machines_url.origin().to_owned(),
            pages_url: self.env.config.public_url.origin().to_owned(),
            // The desktop program renews by itself, and shows no certificate of a browser.
            desktop_link: if renews { None } else { Some(self.desktop_link(token)?) },
        })
    }

    fn desktop_link(&self, token: &str) -> Result<String, Refusal> {
        let link = DesktopLink {
            server: self.env.config.machines_url.origin(),
            authority: &self.certificates.root_fingerprint_hex()?,
            token,
            // Nobody else could tell: who stands in between has the weaker judgement by failing the stronger one.
            by_system: !self.env.config.machines.tls.is_of_own_authority(),
        };
        Ok(link.to_string())
    }

    /// A key, a certificate and a package of both, made here; the key is not kept.
    pub async fn redeem_package(
        &self,
        visit: &Visit,
        token: &str,
        platform: Platform,
        password: NewPassword,
        match_code: Option<&str>,
    ) -> Result<Redeemed<IssuedPackage>, Refusal> {
        let (request, proof) = self.prove(visit, token, match_code).await?;
        let new = self.new_certificate(&request).await?;
        let (certificate, package) = self.certificates.issue_package(new, platform, password).await?;
        let redemption =
            Redemption { at: self.env.now(), certificate_id: certificate.id.clone(), csr_hash: None };
        self.spend(request, redemption, &certificate).await?;
        self.with_cookie(visit, token, &proof, package).await
    }

    /// A certificate for the requester's own key. The same request again gets the same certificate until the link
    /// ends, so that nobody loses it to a broken connection.
    pub async fn redeem_csr(
        &self,
        visit: &Visit,
        token: &str,
        csr: &str,
        match_code: Option<&str>,
    ) -> Result<Redeemed<String>, Refusal> {
        let csr_hash = Sha256::digest(csr.as_bytes()).to_vec();
        let (mut tx, request, proof) = self.identify(visit, token, match_code).await?;
        let again = self.same_again(&mut tx, &request, &csr_hash).await?;
        drop(tx);
        if let Some(chain) = again {
            return self.with_cookie(visit, token, &proof, chain).await;
        }
        self.check_open(&request)?;
        let new = self.new_certificate(&request).await?;
        let certificate = self.certificates.issue_for_csr(new, csr).await?;
        let at = self.env.now();
        let redemption =
            Redemption { at, certificate_id: certificate.id.clone(), csr_hash: Some(csr_hash.clone()) };
        let chain = match self.spend(request, redemption, &certificate).await {
            Ok(()) => self.certificates.chain_pem(&certificate),
            // Sent twice, the same request may have been faster.
            Err(refusal) => {
                let mut tx = self.env.store.read().await?;
                let request = request_behind(&mut tx, token).await?;
                self.same_again(&mut tx, &request, &csr_hash).await?.ok_or(refusal)?
            }
        };
        self.with_cookie(visit, token, &proof, chain).await
    }

    /// The link to the set-up of the requester's sign-in, for who has proved to be the one who asked.
    pub async fn setup_path(&self, visit: &Visit, token: &str) -> Result<String, Refusal> {
        self.check_link_rate(visit)?;
        let mut tx = self.env.store.begin().await?;
        let request = request_behind(&mut tx, token).await?;
        let grant = request.grant().filter(|grant| grant.expires_at > self.env.now());
        let number = grant.ok_or_else(link_over)?.number;
        if !asked_here(&mut tx, visit, &request).await? {
            return Err(not_proven().into());
        }
        let account = tx.account_by_email(&request.email).await?.ok_or_else(Problem::not_found)?;
        if !matches!(account.state, AccountState::Invited) {
            return Err(Problem::conflict("This account is set up already. Sign in.").into());
        }
        // Derived, so that it is the same each time and need not be stored. A new download link leads to a new one, since
        // the one before it may have ended.
        let context = format!("setup-link:{}:{number}", request.id);
        let derived = hex::encode(self.env.vault.derive(&context).as_slice());
        self.people.store_setup_link(&mut tx, &TokenHash::of(&derived), Some(&account.id)).await?;
        tx.commit().await?;
        Ok(format!("/setup/{derived}"))
    }

    /// As [`Access::identify`], for a link that still gives something.
    async fn prove(
        &self,
        visit: &Visit,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<(AccessRequest, Proof), Refusal> {
        let (_, request, proof) = self.identify(visit, token, match_code).await?;
        self.check_open(&request)?;
        Ok((request, proof))
    }

    fn check_open(&self, request: &AccessRequest) -> Result<(), Problem> {
        match request.state_at(self.env.now()) {
            RequestState::Approved => Ok(()),
            RequestState::Redeemed => Err(handed_out()),
            _ => Err(link_over()),
        }
    }

    /// Finds the request behind the link and checks the proof. Wrong match codes are counted and limited.
    pub(super) async fn identify(
        &self,
        visit: &Visit,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<(Tx, AccessRequest, Proof), Refusal> {
        self.check_link_rate(visit)?;
        let mut tx = self.env.store.begin().await?;
        let request = request_behind(&mut tx, token).await?;
        let proof = if asked_here(&mut tx, visit, &request).await? {
            Proof::AskingBrowser
        } else if renewal::renews(&mut tx, &request).await? {
            return Err(machine_needed().into());
        } else if request.grant().is_some_and(|g| g.wrong_codes >= MAX_WRONG_CODES) {
            return Err(too_many_codes().into());
        } else if is_match_code(&request, match_code) {
            Proof::MatchCode
        } else {
            // What cannot be a code is a slip, or a program that fills in forms, and no try.
            if match_code.is_some_and(|code| code.parse::<MatchCode>().is_ok()) {
                let wrong = tx.count_wrong_code(&request.id).await?;
                let detail = format!("{wrong} so far");
                tx.audit(self.env.now(), "visitor", "download-link.wrong-code", &request.id, &detail).await?;
                if let Some(tried) = worth_telling(wrong) {
                    self.outbox.codes_tried(&mut tx, &request, tried).await?;
                }
                tx.commit().await?;
                self.outbox.wake();
            }
            return Err(wrong_code().into());
        };
        Ok((tx, request, proof))
    }

    /// The certificate that the very same certificate request got before.
    async fn same_again(
        &self,
        tx: &mut Tx,
        request: &AccessRequest,
        csr_hash: &[u8],
    ) -> Result<Option<String>, Refusal> {
        let super::State::Redeemed { grant, redemption, .. } = &request.state else { return Ok(None) };
        if redemption.csr_hash.as_deref() != Some(csr_hash) || grant.expires_at <= self.env.now() {
            return Ok(None);
        }
        let certificate = tx.certificate(&redemption.certificate_id).await?;
        Ok(certificate.map(|c| self.certificates.chain_pem(&c)))
    }

    async fn new_certificate(&self, request: &AccessRequest) -> Result<NewCertificate, Refusal> {
        let mut tx = self.env.store.read().await?;
        let account = tx.account_by_email(&request.email).await?.ok_or_else(Problem::not_found)?;
        Ok(NewCertificate {
            account_id: account.id,
            owner: request.email.clone(),
            device_name: request.machine_name(),
            replaces: tx.certificate_behind_renewal_link(&request.id).await?,
        })
    }

    /// Spends the link and records the certificate, both or neither.
    async fn spend(
        &self,
        request: AccessRequest,
        redemption: Redemption,
        certificate: &crate::store::MachineCertificate,
    ) -> Result<(), Refusal> {
        let (id, now) = (request.id.clone(), redemption.at);
        // Its time may have ended while the certificate was made.
        request.redeem(redemption.clone()).map_err(|_| link_over())?;
        let mut tx = self.env.store.begin().await?;
        let former = tx.former_certificate(&id).await?;
        if let Some(former) = &certificate.renewed_from {
            renewal::check(&mut tx, former).await?;
        }
        tx.insert_certificate(certificate, now).await?;
        if !tx.redeem(&id, &redemption).await? {
            return Err(handed_out().into());
        }
        tx.audit(now, "visitor", "download-link.redeemed", &id, &format!("serial {}", certificate.serial))
            .await?;
        // The machine has one certificate: the one that was lost ends with the new one.
        let ended = match former {
            Some(former) => self.certificates.replace(&mut tx, &former).await?,
            None => Vec::new(),
        };
        tx.commit().await?;
        self.certificates.shut_out(&ended);
        Ok(())
    }

    /// Whoever knew the match code counts like the asking browser from now on, which keeps its place: the desktop program
    /// fetches the certificate, and the person goes on in the browser.
    pub(super) async fn with_cookie<T>(
        &self,
        visit: &Visit,
        token: &str,
        proof: &Proof,
        value: T,
    ) -> Result<Redeemed<T>, Refusal> {
        if let Proof::AskingBrowser = proof {
            return Ok(Redeemed { value, cookies: Vec::new() });
        }
        let mut tx = self.env.store.begin().await?;
        let browser = self.secret_of_browser(visit);
        if let Some(request) = tx.access_request_by_grant(&TokenHash::of(token)).await? {
            tx.set_proven_browser(&request.id, &TokenHash::of(&browser)).await?;
            tx.commit().await?;
        }
        let cookie = CookieKind::Asked.set(&browser, ASKED_COOKIE_SECONDS, visit.secure);
        Ok(Redeemed { value, cookies: vec![cookie] })
    }
}

/// Whether this is the browser that asked; or the machine itself, where it was the server that asked for it.
pub(super) async fn asked_here(tx: &mut Tx, visit: &Visit, request: &AccessRequest) -> Result<bool, Refusal> {
    match &visit.asked {
        Some(cookie) if tx.asked_by_browser(&request.id, &TokenHash::of(&cookie.0)).await? => Ok(true),
        _ => renewal::is_the_machine(tx, visit, request).await,
    }
}

/// Twice per link, so that whoever has one cannot flood anybody.
fn worth_telling(wrong: i64) -> Option<CodesTried> {
    match wrong {
        MANY_WRONG_CODES => Some(CodesTried::Often { wrong }),
        MAX_WRONG_CODES => Some(CodesTried::Closed),
        _ => None,
    }
}

fn is_match_code(request: &AccessRequest, given: Option<&str>) -> bool {
    given
        .and_then(|code| code.parse::<MatchCode>().ok())
        .is_some_and(|code| code.as_str().as_bytes().ct_eq(request.match_code.as_str().as_bytes()).into())
}

/// 403: the link alone opens nothing.
fn wrong_code() -> Problem {
    Problem::new(WRONG_CODE, 403, "The match code is needed")
        .detail("Open this page in the browser that you asked with, or enter the code that was shown to you there.")
        .field("match_code", "Enter the match code that was shown when you asked for access.")
}

/// 403: there is no match code to a link that the server sent for a machine.
fn machine_needed() -> Problem {
    Problem::new(MACHINE_NEEDED, 403, "The machine's certificate is needed")
        .detail("Open this link on the machine itself, and choose its certificate when the browser asks.")
}

/// 429: only the asking browser opens this link now.
fn too_many_codes() -> Problem {
    Problem::new(TOO_MANY_CODES, 429, "Too many wrong match codes")
        .detail("Open this page in the browser that you asked with, or ask an administrator for a new link.")
        .retry_after(3600)
}

/// 410: the link was good once.
pub(super) fn handed_out() -> Problem {
    Problem::gone("Its package has been handed out.")
}

/// 410: the link's time is over.
pub(super) fn link_over() -> Problem {
    Problem::gone("Ask for access again, or ask an administrator for a new link.")
}

/// 403: nothing shows yet that this is who asked.
fn not_proven() -> Problem {
    Problem::forbidden().detail("Enter the match code first.")
}

impl Refuses for Proof {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), wrong_code(), machine_needed(), handed_out(), too_many_codes()]
    }
}

/// What [`Access::setup_path`] refuses with.
#[derive(Debug)]
pub struct SetupPath;

impl Refuses for SetupPath {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), not_proven(), link_over()]
    }
}
