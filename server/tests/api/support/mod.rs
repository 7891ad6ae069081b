//! The server under test, and the users and machines of the tests.

mod description;
mod exchange;
mod people;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use domain::clock::{Clock, ManualClock};
use domain::random::SystemRandom;
use server::certificate::Connections;
use server::config::Config;
use server::environment::Environment;
use server::mail::MemoryMailer;
use server::state::AppState;
use server::vault::Vault;
use store::Store;

pub use description::Description;
pub use exchange::{EventReader, Exchange, Reply};
pub use people::{AdminSession, Machine, PASSWORD, code_at, context, cookie};

/// 2026-11-22, in the middle of a TOTP step.
pub const NOW: i64 = 1_795_348_815;

/// A server with everything but its listeners.
#[derive(Clone)]
pub struct TestServer {
    pub state: AppState,
    pub router: Router,
    pub clock: Arc<ManualClock>,
    pub mails: Arc<MemoryMailer>,
    folder: Arc<tempfile::TempDir>,
}

/// Settings that differ from the defaults, mostly limits that parallel requests would reach.
const SETTINGS: [(&str, &str); 7] = [
    ("AIWE_LIMITS__SIGN_IN_PER_MINUTE", "100000"),
    ("AIWE_LIMITS__SIGN_IN_PER_ACCOUNT_AND_HOUR", "100000"),
    ("AIWE_LIMITS__ACCESS_REQUESTS_PER_HOUR", "100000"),
    ("AIWE_LIMITS__LINKS_PER_MINUTE", "100000"),
    ("AIWE_LIMITS__RENEWALS_PER_HOUR", "100000"),
    ("AIWE_LIMITS__ANALYSES_PER_MINUTE", "1000"),
    ("AIWE_ORGANISATION__NAME", "Example Ltd"),
];

impl TestServer {
    pub async fn sqlite() -> Self {
        Self::sqlite_with(&[]).await
    }

    pub async fn sqlite_with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("aiwe.db")).await.unwrap();
        Self::on(store, folder, settings).await
    }

    pub async fn postgres() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let url = std::env::var("AIWE_TEST_POSTGRES_URL").expect(
            "AIWE_TEST_POSTGRES_URL names a PostgreSQL server for tests; `cargo xtask test` starts one",
        );
        let database = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        let admin = sqlx::PgPool::connect(&url).await.unwrap();
        sqlx::query(&format!("CREATE DATABASE {database}")).execute(&admin).await.unwrap();
        admin.close().await;
        let (server, query) = url.split_once('?').unwrap_or((&url, ""));
        let (server, _) = server.rsplit_once('/').unwrap();
        let store = Store::open_postgres(&format!("{server}/{database}?{query}"), 8).await.unwrap();
        Self::on(store, tempfile::tempdir().unwrap(), &[]).await
    }

    async fn on(store: Store, folder: tempfile::TempDir, settings: &[(&str, &str)]) -> Self {
        let (clock, mails) = (Arc::new(ManualClock::at(NOW)), Arc::new(MemoryMailer::default()));
        Self::assemble(store, clock, mails, Arc::new(folder), settings).await
    }

    /// The same server after a restart with other settings, on the same database.
    pub async fn restarted_with(&self, settings: &[(&str, &str)]) -> Self {
        let store = self.state.env.store.clone();
        Self::assemble(store, self.clock.clone(), self.mails.clone(), self.folder.clone(), settings).await
    }

    /// The same server after a restart without a mail server, on the same database.
    pub async fn without_mail(&self) -> Self {
        let with = self.restarted_with(&[]).await;
        let env = Arc::clone(&with.state.env);
        let state = AppState::assemble(env, Arc::new(Connections::default()), None).await.unwrap();
        Self { router: server::routes::router(&state), state, ..with }
    }

    async fn assemble(
        store: Store,
        clock: Arc<ManualClock>,
        mails: Arc<MemoryMailer>,
        folder: Arc<tempfile::TempDir>,
        settings: &[(&str, &str)],
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A later setting overrides an earlier one, as in an environment.
        let settings: BTreeMap<_, _> =
            SETTINGS.iter().chain(settings).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let config = Config::load(None, folder.path(), settings.into_iter()).unwrap();
        let vault = Vault::new([9; 32]);
        let store = store.with_audit_key(vault.audit_key(), clock.unix()).await.unwrap();
        let env = Arc::new(Environment {
            store,
            config,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(SystemRandom),
            vault,
        });
        let state =
            AppState::assemble(env, Arc::new(Connections::default()), Some(mails.clone())).await.unwrap();
        Self { router: server::routes::router(&state), state, clock, mails, folder }
    }

    /// Sends due mails and returns the first one to `address` that contains `words`.
    pub async fn mail_to(&self, address: &str, words: &str) -> server::mail::Mail {
        self.state.outbox.drain().await.unwrap();
        let mut sent = self.mails.sent().into_iter();
        let fits = |mail: &server::mail::Mail| mail.to.as_str() == address && mail.text.contains(words);
        sent.find(fits).unwrap_or_else(|| panic!("no mail to {address} with {words}"))
    }
}

/// The token that follows `path` in a text.
pub fn token_in(text: &str, path: &str) -> String {
    let (_, rest) = text.split_once(path).unwrap_or_else(|| panic!("no {path} in {text}"));
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect()
}

/// The number of repetitions: the full one with `AIWE_SOAK=1`, or else the small one.
pub fn repetitions(full: usize, small: usize) -> usize {
    if std::env::var_os("AIWE_SOAK").is_some() { full } else { small }
}
