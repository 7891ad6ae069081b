//! The users and machines of the tests.

use app::request_context::RequestContext;
use app::services::{RequesterService, ReviewService, SetupService, SignInService};
use domain::id::{AccountId, CertificateId};
use domain::secret::TokenHash;
use protocol::access::{AccessRequestFilter, Platform, RequestAccess, RequestReceipt};
use protocol::certificate::CertificateReport;
use protocol::native::{AccessToken, Challenge, Login, SecondFactor};
use protocol::people::{RecoveryCodes, SetupAnswer};
use server::people::TotpSecret;
use totp_rs::Builder;

use super::{TestServer, token_in};

pub const PASSWORD: &str = "correct horse battery staple";

/// A signed-in administrator.
pub struct AdminSession {
    pub email: String,
    pub session: String,
    pub totp: TotpSecret,
    pub recovery: RecoveryCodes,
    pub id: AccountId,
}

/// A machine with its certificate and its owner.
pub struct Machine {
    pub email: String,
    pub certificate_id: CertificateId,
    pub der: Vec<u8>,
    pub totp: TotpSecret,
}

/// The TOTP code at a time.
pub fn code_at(secret: &TotpSecret, now: i64) -> String {
    Builder::new().with_secret(secret.expose()).build_noncompliant().generate(now.unsigned_abs()).to_string()
}

pub fn context() -> RequestContext {
    RequestContext {
        signed_in: None,
        idle_minutes: None,
        session: None,
        challenge: None,
        requester: None,
        address: [192, 0, 2, 7].into(),
        user_agent: String::new(),
        secure: false,
        certificate: CertificateReport { rejection: None, presented: None, last_ended: None },
        machine: None,
        pages_origin: None,
        setup: None,
    }
}

impl TestServer {
    /// Sets an account up through its link; returns the second factor and the recovery codes.
    pub async fn set_up(&self, token: &str, email: &str) -> (TotpSecret, RecoveryCodes) {
        let people = &self.state.people;
        let offer = people.setup_offer(&context(), token).await.unwrap();
        let secret = TotpSecret::from_base32(&offer.totp_secret).unwrap();
        let answer = SetupAnswer {
            email: email.to_owned(),
            password: PASSWORD.into(),
            code: code_at(&secret, self.state.env.now()).into(),
        };
        let codes = people.set_up(&context(), token, answer).await.unwrap().value;
        // The TOTP step of the set-up cannot be used again.
        self.clock.advance(30);
        (secret, codes)
    }

    /// Creates the first administrator and signs them in. The mail about that is no longer in the outbox.
    pub async fn administrator(&self) -> AdminSession {
        let email = "admin@example.org".to_owned();
        let link = self.state.people.first_setup_link().await.unwrap().unwrap();
        let (totp, recovery) = self.set_up(link.expose(), &email).await;
        let session = self.panel_session(&email, &totp).await;
        self.state.outbox.drain().await.unwrap();
        let mut tx = self.state.env.store.read().await.unwrap();
        let id = tx
            .sessions()
            .find_panel(&TokenHash::of(&session), self.state.env.now())
            .await
            .unwrap()
            .unwrap()
            .account_id;
        AdminSession { email, session, totp, recovery, id }
    }

    /// Signs the administrator in again after the session has expired.
    pub async fn signed_in_again(&self, admin: AdminSession) -> AdminSession {
        AdminSession { session: self.panel_session(&admin.email, &admin.totp).await, ..admin }
    }

    /// Signs a machine's owner in to the pages; returns the cookie.
    pub async fn session_of(&self, machine: &Machine) -> String {
        self.panel_session(&machine.email, &machine.totp).await
    }

    async fn panel_session(&self, email: &str, totp: &TotpSecret) -> String {
        let people = &self.state.people;
        let first = people.sign_in(&context(), email, PASSWORD).await.unwrap();
        let challenge = cookie(&first.cookies, "aiwe_challenge");
        let second = RequestContext { challenge: Some(challenge.into()), ..context() };
        let code = code_at(totp, self.state.env.now());
        let done = people.second_factor(&second, &code).await.unwrap();
        self.clock.advance(30);
        cookie(&done.cookies, "aiwe_session")
    }

    /// Asks for access like a browser; returns the receipt and the browser's cookie.
    pub async fn ask(&self, email: &str) -> (RequestReceipt, String) {
        let request = RequestAccess {
            email: email.to_owned(),
            platform: Some("linux".to_owned()),
            device_name: Some("Test machine".to_owned()),
            message: None,
        };
        let answer = self.state.access.submit(&context(), request).await.unwrap();
        let browser = cookie(&answer.cookies, "aiwe_asked");
        (answer.value, browser)
    }

    /// The pending request of an address.
    pub async fn pending_request(&self, admin: &AdminSession, email: &str) -> String {
        let filter = AccessRequestFilter { search: email.to_owned(), ..AccessRequestFilter::default() };
        let list = self.state.access.list(&admin.proof(), filter).await.unwrap();
        list.rows.first().expect("a request").id.clone()
    }

    /// Creates an approved request; returns its link's token, the match code and the requesting browser's cookie.
    pub async fn approved(&self, admin: &AdminSession, email: &str) -> (String, String, String) {
        let (receipt, browser) = self.ask(email).await;
        let id = self.pending_request(admin, email).await;
        self.state.access.approve(&admin.proof(), &id).await.unwrap();
        let mail = self.mail_to(email, "/public/download-certs/").await;
        (token_in(&mail.text, "/public/download-certs/"), receipt.match_code, browser)
    }

    /// Creates a machine with a certificate, whose owner has a password and a second factor.
    pub async fn machine(&self, admin: &AdminSession, email: &str) -> Machine {
        let (link, _, browser) = self.approved(admin, email).await;
        let same_browser = RequestContext { requester: Some(browser.into()), ..context() };
        let password = PASSWORD.parse().unwrap();
        self.state
            .access
            .redeem_package(&same_browser, &link, Platform::Linux, password, None)
            .await
            .unwrap();
        let path = self.state.access.setup_path(&same_browser, &link).await.unwrap();
        let (totp, _) = self.set_up(path.trim_start_matches("/setup/"), "").await;
        let mut tx = self.state.env.store.read().await.unwrap();
        let row = tx.certificates().list(email, 0, 10).await.unwrap().rows.remove(0);
        let certificate = tx.certificates().find(&row.id.parse().unwrap()).await.unwrap().unwrap();
        Machine {
            email: email.to_owned(),
            certificate_id: row.id.parse().unwrap(),
            der: certificate.certificate,
            totp,
        }
    }

    /// Signs the machine's owner in; returns the access token.
    pub async fn token(&self, machine: &Machine) -> String {
        let login = Login { username: machine.email.clone(), password: PASSWORD.into() };
        let reply = self.post("/native/login").certificate(&machine.der).json(&login).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let challenge: Challenge = reply.json();
        let code = code_at(&machine.totp, self.state.env.now());
        let factor = SecondFactor { challenge: challenge.challenge, code: code.into() };
        let reply = self.post("/native/verify-2fa").certificate(&machine.der).json(&factor).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        self.clock.advance(30);
        reply.json::<AccessToken>().access_token.expose().to_owned()
    }
}

impl AdminSession {
    pub fn proof(&self) -> app::request_context::Administrator {
        app::request_context::Administrator { account_id: self.id.clone(), email: self.email.clone() }
    }
}

pub fn cookie(cookies: &[String], name: &str) -> String {
    let mut cookies = cookies.iter().map(|cookie| cookie::Cookie::parse(cookie).unwrap());
    cookies.find(|cookie| cookie.name() == name).expect("the cookie").value().to_owned()
}
