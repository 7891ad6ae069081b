//! Seeds a test's database through the services while no server runs.

use std::net::IpAddr;
use std::sync::Arc;

use app::request_context::{Administrator, RequestContext};
use app::services::{OutboxService, RequesterService, ReviewService, SetupService};
use domain::account::{Session, SessionKind};
use domain::id::SessionId;
use domain::random::SystemRandom;
use domain::secret::Token;
use protocol::access::{AccessRequestFilter, RequestAccess};
use protocol::certificate::CertificateReport;
use protocol::people::SetupAnswer;
use server::config::Config;
use server::people::TotpSecret;
use server::start::open_environment;
use server::state::AppState;
use totp_rs::Builder;

use crate::process::Program;

pub const PASSWORD: &str = "correct horse battery staple";
pub const ADMINISTRATOR: &str = "admin@example.org";

/// An approved request's link, and the match code that proves its holder to be the requester.
#[derive(Debug, Clone)]
pub struct Link {
    pub token: String,
    pub match_code: String,
}

/// A machine's identity (PEM), and its owner's recovery codes.
pub struct Machine {
    pub certificate: String,
    pub key: String,
    pub codes: Vec<String>,
}

/// A server without listeners on a program's data folder.
pub struct Seed(pub AppState);

impl Seed {
    pub async fn open(program: &Program) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Config::load(None, &program.data, program.variables.iter().cloned()).unwrap();
        let env = open_environment(config, &program.data).await.unwrap();
        Self(AppState::assemble(env, Arc::default(), None).await.unwrap())
    }

    /// Closes the database for the server process to use it.
    pub async fn close(self) {
        self.0.env.store.close().await;
    }

    /// Creates the first administrator; returns the recovery codes.
    pub async fn administrator(&self) -> Vec<String> {
        let link = self.0.people.first_setup_link().await.unwrap().unwrap();
        self.set_up(link.expose(), ADMINISTRATOR).await
    }

    pub async fn set_up(&self, token: &str, email: &str) -> Vec<String> {
        let offer = self.0.people.setup_offer(&context(), token).await.unwrap();
        let secret = TotpSecret::from_base32(&offer.totp_secret).unwrap();
        let totp = Builder::new().with_secret(secret.expose()).build_noncompliant();
        let code = totp.generate(self.0.env.now().unsigned_abs()).to_string();
        let answer = SetupAnswer { email: email.to_owned(), password: PASSWORD.into(), code: code.into() };
        self.0.people.set_up(&context(), token, answer).await.unwrap().value.0
    }

    pub async fn proof(&self) -> Administrator {
        let mut tx = self.0.env.store.read().await.unwrap();
        let account = tx.accounts().find_by_email(&ADMINISTRATOR.parse().unwrap()).await.unwrap().unwrap();
        Administrator { account_id: account.id, email: ADMINISTRATOR.to_owned() }
    }

    /// Opens a panel session; returns the cookie's value.
    pub async fn session(&self) -> String {
        let (env, token) = (&self.0.env, Token::generate(&SystemRandom));
        let now = env.now();
        let id: SessionId = env.new_id();
        let session = Session {
            sign_in_id: id.clone(),
            id,
            account_id: self.proof().await.account_id,
            kind: SessionKind::Panel { last_used_at: now, certificate_id: None },
            expires_at: now + 12 * 3600,
        };
        let mut tx = env.store.begin().await.unwrap();
        tx.sessions().insert(&session, Some(&token.hash()), now).await.unwrap();
        tx.commit().await.unwrap();
        token.expose().to_owned()
    }

    /// Creates an approved request.
    pub async fn link(&self, email: &str) -> Link {
        let access = &self.0.access;
        let request = RequestAccess {
            email: email.to_owned(),
            platform: None,
            device_name: Some("Test machine".to_owned()),
            message: None,
        };
        let receipt = access.submit(&context(), request).await.unwrap().value;
        let filter =
            AccessRequestFilter { search: receipt.match_code.clone(), ..AccessRequestFilter::default() };
        let admin = self.proof().await;
        let row = access.list(&admin, filter).await.unwrap().rows.remove(0);
        access.approve(&admin, &row.id).await.unwrap();
        let mails = self.0.outbox.list(&admin, None, 0).await.unwrap().rows;
        let of_link =
            |text: &str| text.split_once("/public/download-certs/").map(|(_, rest)| rest.to_owned());
        let mut approvals = mails.iter().filter(|m| m.to == email);
        let rest = approvals.find_map(|m| of_link(m.text.as_deref()?)).expect("a mail with the link");
        let token = rest.split_whitespace().next().unwrap().to_owned();
        Link { token, match_code: receipt.match_code }
    }

    /// Creates a machine with a certificate, whose owner has a password and a second factor.
    pub async fn machine(&self, email: &str) -> Machine {
        let link = self.link(email).await;
        let (key, request) = key_and_request();
        let code = Some(link.match_code.as_str());
        let redeemed = self.0.access.redeem_csr(&context(), &link.token, &request, code).await.unwrap();
        let cookie = cookie::Cookie::parse(&redeemed.cookies[0]).unwrap();
        assert_eq!(cookie.name(), "aiwe_asked");
        let asked = cookie.value().to_owned().into();
        let context = RequestContext { requester: Some(asked), ..context() };
        let path = self.0.access.setup_path(&context, &link.token).await.unwrap();
        let codes = self.set_up(path.trim_start_matches("/setup/"), "").await;
        Machine { certificate: redeemed.value, key, codes }
    }
}

pub fn context() -> RequestContext {
    RequestContext {
        signed_in: None,
        idle_minutes: None,
        session: None,
        challenge: None,
        requester: None,
        address: IpAddr::from([192, 0, 2, 7]),
        user_agent: String::new(),
        secure: false,
        certificate: CertificateReport { rejection: None, presented: None, last_ended: None },
        machine: None,
        pages_origin: None,
        setup: None,
    }
}

/// A key (PEM) and a certificate request for it.
pub fn key_and_request() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    (key.serialize_pem(), request.pem().unwrap())
}
