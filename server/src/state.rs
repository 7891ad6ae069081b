//! The state of the router: every service of the server.

use std::sync::Arc;

use app::services::Services;
use axum::extract::FromRef;
use leptos::prelude::LeptosOptions;
use protocol::ServiceError;
use web::{InMemoryRateLimiter, RateLimiter};

use crate::access::Access;
use crate::analysis::Analyses;
use crate::certificate::{Certificates, Connections};
use crate::config::Config;
use crate::environment::Environment;
use crate::group::GroupManager;
use crate::ledger::Ledger;
use crate::mail::Mailer;
use crate::mode::Modes;
use crate::native::Native;
use crate::outbox::Outbox;
use crate::overview::Dashboard;
use crate::people::{AccountManager, People};
use crate::policy::Policies;
use crate::provider::Providers;
use crate::rate_limits::SharedRateLimiter;
use crate::readiness::ReadinessProbe;
use crate::request_context::RequestContexts;
use crate::workflow::Workflows;

/// The capacity of the rate limiter: how many callers it tracks at once.
const RATE_LIMIT_BUCKETS: usize = 200_000;

/// The state that handlers extract from.
#[derive(Debug, Clone, FromRef)]
pub struct AppState {
    pub env: Arc<Environment>,
    pub access: Access,
    pub analyses: Analyses,
    pub certificates: Certificates,
    pub contexts: RequestContexts,
    pub ledger: Ledger,
    pub leptos: LeptosOptions,
    pub modes: Modes,
    pub native: Native,
    pub outbox: Outbox,
    pub people: People,
    pub policies: Policies,
    pub providers: Providers,
    pub readiness: ReadinessProbe,
    pub services: Services,
    pub workflows: Workflows,
}

impl AppState {
    /// Creates the services on an open store, and what a new server lacks: the authority and the first modes.
    pub async fn assemble(
        env: Arc<Environment>,
        connections: Arc<Connections>,
        mailer: Option<Arc<dyn Mailer>>,
    ) -> Result<Self, ServiceError> {
        let memory = InMemoryRateLimiter::new(Arc::clone(&env.clock), RATE_LIMIT_BUCKETS);
        let limits: Arc<dyn RateLimiter> = Arc::new(SharedRateLimiter::new(Arc::clone(&env), memory));
        let outbox = Outbox::new(Arc::clone(&env), mailer);
        let certificates = Certificates::open(Arc::clone(&env), connections, outbox.clone()).await?;
        let people = People::new(Arc::clone(&env), Arc::clone(&limits), outbox.clone())?;
        let providers = Providers::open(Arc::clone(&env), Arc::clone(&limits)).await?;
        let policies = Policies::new(Arc::clone(&env), Arc::clone(&limits));
        let ledger = Ledger::new(Arc::clone(&env), Arc::clone(&limits));
        let modes = Modes::new(Arc::clone(&env), policies.clone(), providers.set());
        modes.seed().await?;
        let access = Access::new(
            Arc::clone(&env),
            certificates.clone(),
            Arc::clone(&limits),
            outbox.clone(),
            people.clone(),
        );
        access.backfill().await?;
        let workflows = Workflows::new(Arc::clone(&env));
        let analyses = Analyses::new(
            Arc::clone(&env),
            modes.clone(),
            workflows.clone(),
            Arc::clone(&limits),
            providers.set(),
        )?;
        let accounts = AccountManager::new(certificates.clone(), people.clone());
        let services = Services {
            accounts: Arc::new(accounts),
            certificates: Arc::new(certificates.clone()),
            downloads: Arc::new(access.clone()),
            groups: Arc::new(GroupManager::new(Arc::clone(&env))),
            ledger: Arc::new(ledger.clone()),
            links: Arc::new(access.clone()),
            modes: Arc::new(modes.clone()),
            outbox: Arc::new(outbox.clone()),
            overview: Arc::new(Dashboard::new(Arc::clone(&env))),
            own_account: Arc::new(people.clone()),
            own_sessions: Arc::new(people.clone()),
            policies: Arc::new(policies.clone()),
            providers: Arc::new(providers.clone()),
            requests: Arc::new(access.clone()),
            reviews: Arc::new(access.clone()),
            runs: Arc::new(analyses.clone()),
            setup: Arc::new(people.clone()),
            sign_in: Arc::new(people.clone()),
            workflows: Arc::new(workflows.clone()),
        };
        Ok(Self {
            native: Native::new(Arc::clone(&env), certificates.clone(), limits, people.clone()),
            analyses,
            leptos: leptos_options(&env.config),
            contexts: RequestContexts::new(Arc::clone(&env), certificates.clone(), people.clone()),
            access,
            certificates,
            ledger,
            modes,
            outbox,
            people,
            policies,
            providers,
            readiness: ReadinessProbe::new(Arc::clone(&env)),
            services,
            workflows,
            env,
        })
    }
}

/// Where Leptos finds the built pages.
fn leptos_options(config: &Config) -> LeptosOptions {
    LeptosOptions::builder()
        .output_name("aiwe")
        .site_root(config.pages.site_root.display().to_string())
        .site_pkg_dir("pkg")
        .site_addr(config.pages.listen)
        .build()
}
