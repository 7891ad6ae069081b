//! The fixture: two servers on one database, one with the built-in TLS and one without TLS behind Caddy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use app::request_context::{Administrator, RequestContext};
use app::services::{CertificateService, SetupService};
use domain::certificate::MachineCertificate;
use domain::clock::{Clock, SystemClock};
use domain::id::AccountId;
use domain::random::SystemRandom;
use protocol::certificate::CertificateReport;
use protocol::people::SetupAnswer;
use server::certificate::Connections;
use server::config::Config;
use server::environment::Environment;
use server::people::TotpSecret;
use server::start::{Server, open_environment};
use server::state::AppState;
use server::vault::Vault;
use store::Store;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use totp_rs::Builder;
use web::Listener;

use crate::caddy::{Caddy, MACHINES_HOST, SECRET};
use crate::certificates::{Kind, Packages};
use crate::curl::Curl;

pub const OWNER: &str = "anna@example.org";
pub const OWNER_PASSWORD: &str = "correct horse battery staple";
const ORGANISATION: &str = "Example Ltd";
const DAY: i64 = 24 * 3600;

const SETTINGS: [(&str, &str); 6] = [
    ("AIWE_ORGANISATION__NAME", ORGANISATION),
    ("AIWE_PAGES__LISTEN", "127.0.0.1:0"),
    ("AIWE_MACHINES__LISTEN", "127.0.0.1:0"),
    ("AIWE_LIMITS__SIGN_IN_PER_MINUTE", "1000"),
    ("AIWE_LIMITS__SIGN_IN_PER_ACCOUNT_AND_HOUR", "1000"),
    ("AIWE_LIMITS__ACCESS_REQUESTS_PER_HOUR", "3"),
];
const BEHIND_CADDY: [(&str, &str); 3] = [
    ("AIWE_MACHINES__PLAIN", "true"),
    ("AIWE_PROXY__SECRET", SECRET),
    // A single address and not the whole loopback network, so that tests can connect from an untrusted one.
    ("AIWE_PROXY__TRUSTED", "127.0.0.1"),
];

/// The system clock with an offset. Clients check the server's certificates against the unshifted system clock.
#[derive(Debug, Default)]
pub struct OffsetClock(AtomicI64);

impl Clock for OffsetClock {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now() + time::Duration::seconds(self.0.load(Ordering::SeqCst))
    }
}

impl OffsetClock {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

pub struct Fixture {
    pub direct: Running,
    pub proxied: Running,
    pub caddy: Caddy,
    pub packages: Packages,
    pub folder: tempfile::TempDir,
    pub account_id: AccountId,
    pub totp: TotpSecret,
    direct_authority: PathBuf,
    clock: Arc<OffsetClock>,
}

/// A running server.
pub struct Running {
    pub state: AppState,
    pub pages: SocketAddr,
    pub machines: SocketAddr,
    _end: tokio_util::sync::DropGuard,
}

/// One of the two ways to the machines' host, and its server.
#[derive(Clone, Copy)]
pub struct Edge<'a> {
    pub name: &'static str,
    /// The port of [`MACHINES_HOST`] on the loopback.
    pub port: u16,
    /// The CA of the server's certificate (PEM).
    pub authority: &'a PathBuf,
    pub server: &'a Running,
}

impl Fixture {
    /// With a package of each of `kinds`, since building one takes a while. `settings` apply to both servers.
    pub async fn start(kinds: &[Kind], settings: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(OffsetClock::default());
        let store = Store::open_sqlite(&folder.path().join("aiwe.db")).await.unwrap();
        let environment = |more: &[(&str, &str)]| {
            let all =
                SETTINGS.iter().chain(settings).chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            Arc::new(Environment {
                store: store.clone(),
                config: Config::load(None, folder.path(), all).unwrap(),
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                random: Arc::new(SystemRandom),
                vault: Vault::new([9; 32]),
            })
        };

        // The server was set up half a year ago, so that expired certificates can exist.
        clock.set(-200 * DAY);
        let past =
            AppState::assemble(environment(&[]), Arc::new(Connections::default()), None).await.unwrap();
        let (account_id, totp) = set_up_owner(&past).await;
        let mut packages = Packages::new();
        for kind in kinds {
            clock.set(match kind {
                Kind::Expired => -200 * DAY,
                Kind::NotYetValid => 30 * DAY,
                _ => 0,
            });
            match kind {
                Kind::Missing => {}
                Kind::Foreign => packages.issue_foreign(ORGANISATION, folder.path()),
                kind => {
                    let issued = packages.issue(*kind, &past, &account_id, folder.path()).await;
                    if *kind != Kind::Unknown {
                        store_certificate(&past, &issued).await;
                    }
                    if *kind == Kind::Revoked {
                        past.certificates
                            .revoke(&administrator(&account_id), issued.id.as_str(), "", "lost")
                            .await
                            .unwrap();
                    }
                }
            }
        }
        clock.set(0);

        let direct = Running::start(environment(&[])).await;
        let proxied = Running::start(environment(&BEHIND_CADDY)).await;
        let caddy = Caddy::start(folder.path(), proxied.pages, proxied.machines, &[]).await;
        let direct_authority = folder.path().join("ca.pem");
        std::fs::write(&direct_authority, direct.state.certificates.roots_pem()).unwrap();
        Self { direct, proxied, caddy, packages, folder, account_id, totp, direct_authority, clock }
    }

    pub fn edges(&self) -> [Edge<'_>; 2] {
        let rustls = Edge {
            name: "rustls",
            port: self.direct.machines.port(),
            authority: &self.direct_authority,
            server: &self.direct,
        };
        let caddy = Edge {
            name: "Caddy",
            port: self.caddy.https,
            authority: &self.caddy.authority,
            server: &self.proxied,
        };
        [rustls, caddy]
    }

    pub fn administrator(&self) -> Administrator {
        administrator(&self.account_id)
    }

    pub fn move_clock(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The owner's current TOTP code. Advances the clock to the next step each time, since no code is accepted twice.
    pub fn code(&self) -> String {
        self.move_clock(30);
        code_at(&self.totp, self.clock.unix())
    }
}

impl Running {
    /// A new server with the built-in TLS, and its data folder.
    pub async fn alone(settings: &[(&str, &str)]) -> (Self, tempfile::TempDir) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let all: BTreeMap<_, _> =
            SETTINGS.iter().chain(settings).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let config = Config::load(None, folder.path(), all.into_iter()).unwrap();
        (Self::start(open_environment(config, folder.path()).await.unwrap()).await, folder)
    }

    async fn start(env: Arc<Environment>) -> Self {
        let shutdown = CancellationToken::new();
        let server = Server::prepare(env, shutdown.clone()).await.unwrap();
        let address = |which| server.address(which).unwrap();
        let (pages, machines) = (address(Listener::Pages), address(Listener::Machines));
        let state = server.state.clone();
        tokio::spawn(server.serve());
        Self { state, pages, machines, _end: shutdown.drop_guard() }
    }
}

impl Edge<'_> {
    pub fn host(&self) -> String {
        format!("{MACHINES_HOST}:{}", self.port)
    }

    /// A request to the machines' host.
    pub fn curl(&self, path: &str) -> Curl {
        Curl::to(&format!("https://{}{path}", self.host())).authority(self.authority)
    }
}

/// Stores an issued certificate, so that the server knows the machine.
pub async fn store_certificate(state: &AppState, certificate: &MachineCertificate) {
    let mut tx = state.env.store.begin().await.unwrap();
    tx.certificates().insert(certificate, state.env.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn set_up_owner(state: &AppState) -> (AccountId, TotpSecret) {
    let people = &state.people;
    let link = people.first_setup_link().await.unwrap().unwrap();
    let context = RequestContext {
        signed_in: None,
        idle_minutes: None,
        session: None,
        challenge: None,
        requester: None,
        address: [127, 0, 0, 1].into(),
        user_agent: String::new(),
        secure: false,
        certificate: CertificateReport { rejection: None, presented: None, last_ended: None },
        machine: None,
        pages_origin: None,
        setup: None,
    };
    let offer = people.setup_offer(&context, link.expose()).await.unwrap();
    let totp = TotpSecret::from_base32(&offer.totp_secret).unwrap();
    let answer = SetupAnswer {
        email: OWNER.to_owned(),
        password: OWNER_PASSWORD.into(),
        code: code_at(&totp, state.env.now()).into(),
    };
    people.set_up(&context, link.expose(), answer).await.unwrap();
    let mut tx = state.env.store.read().await.unwrap();
    let account = tx.accounts().find_by_email(&OWNER.parse().unwrap()).await.unwrap().unwrap();
    (account.id, totp)
}

fn administrator(account_id: &AccountId) -> Administrator {
    Administrator { account_id: account_id.clone(), email: OWNER.to_owned() }
}

fn code_at(secret: &TotpSecret, now: i64) -> String {
    Builder::new().with_secret(secret.expose()).build_noncompliant().generate(now.unsigned_abs()).to_string()
}
