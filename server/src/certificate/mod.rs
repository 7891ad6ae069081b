//! Machines' certificates: issuing, judging and revoking them.
//!
//! Whether a certificate is in force is asked of the database on every request, so a revocation is in force as soon as
//! it is committed; what is open with a revoked certificate is ended by [`Certificates::watch_revocations`].

mod authority;
pub mod http;
mod issue;
mod judge;
mod renew;
mod revoke;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use app::certificate::{AuthorityChange, CertificateRow};
use app::services::CertificateService;
use app::visit::Administrator;
use async_trait::async_trait;
use protocol::Problem;
use protocol::access::Page;

pub use authority::{AuthorityReport, opens, report, retire, rotate};
pub use issue::{IssuedPackage, NewCertificate, read_request};
pub use judge::{Machine, Rejected};
pub use renew::Renewal;

use authority::Authorities;

use crate::edge::Connections;
use crate::edge::tls::Identity;
use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::outbox::Outbox;

/// Packages at once.
const PACKING: usize = 2;
/// How many rows the administrator's list shows at once.
const PAGE_SIZE: u32 = 50;

/// Everything that is done with machines' certificates.
#[derive(Debug, Clone)]
pub struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    env: Arc<Environment>,
    /// Replaced whole when an operator changes them.
    authorities: RwLock<Arc<Authorities>>,
    connections: Arc<Connections>,
    outbox: Outbox,
    judged: Mutex<judge::Judged>,
    /// Packages that are made at once: each derives keys from a password.
    packing: Arc<tokio::sync::Semaphore>,
}

impl Certificates {
    /// Loads the authorities, or makes one on a new server.
    pub async fn open(
        env: Arc<Environment>,
        connections: Arc<Connections>,
        outbox: Outbox,
    ) -> Result<Self, Refusal> {
        let authorities = RwLock::new(Arc::new(Authorities::open(&env).await?));
        let packing = Arc::new(tokio::sync::Semaphore::new(PACKING));
        Ok(Self(Arc::new(Inner { env, authorities, connections, outbox, judged: Mutex::default(), packing })))
    }

    /// What `openssl verify -CAfile` and `curl --cacert` need: the trusted roots, PEM.
    pub fn roots_pem(&self) -> String {
        self.authorities().roots_pem()
    }

    /// SHA-256 over the root certificate that the built-in server certificate stands below, hexadecimal: what people
    /// compare. `/ca.pem` holds it, perhaps beside others.
    pub fn root_fingerprint_hex(&self) -> Result<String, Failure> {
        Ok(self.authorities().for_the_server()?.root_fingerprint_hex())
    }

    /// The authorities whose names a client picks its certificate by, DER.
    pub fn authority_names(&self) -> Vec<Vec<u8>> {
        self.authorities().names()
    }

    /// A server certificate of this authority for the built-in TLS.
    pub fn server_identity(&self, names: &[String]) -> Result<Identity, Refusal> {
        self.authorities().server_identity(&self.0.env, names)
    }

    fn authorities(&self) -> Arc<Authorities> {
        self.0.authorities()
    }

    /// From here on nothing is judged by the ones before.
    fn replace_authorities(&self, authorities: Authorities) {
        let mut judged = self.0.judged.lock().unwrap_or_else(PoisonError::into_inner);
        *self.0.authorities.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(authorities);
        judged.forget();
    }

    async fn replacement_under_way(&self) -> Result<Option<AuthorityChange>, Refusal> {
        let (authorities, now) = (self.authorities(), self.0.env.now());
        let mut earlier = authorities.superseded().peekable();
        if earlier.peek().is_none() {
            return Ok(None);
        }
        let (mut tx, mut machines_left) = (self.0.env.store.read().await?, 0);
        for authority in earlier {
            machines_left += tx.count_machines_of_authority(&authority.id, now).await?;
        }
        Ok(Some(AuthorityChange { machines_left }))
    }

    async fn page(&self, search: &str, page: u32) -> Result<Page<CertificateRow>, Refusal> {
        Ok(self.0.env.store.read().await?.certificate_rows(search, page, PAGE_SIZE).await?)
    }
}

impl Inner {
    /// As they are now. Whoever does several things with them keeps what this gives.
    fn authorities(&self) -> Arc<Authorities> {
        Arc::clone(&self.authorities.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl CertificateService for Certificates {
    async fn list(
        &self,
        _: &Administrator,
        search: &str,
        page: u32,
    ) -> Result<Page<CertificateRow>, Problem> {
        Ok(self.page(search, page).await?)
    }

    async fn revoke(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
        words: &str,
    ) -> Result<(), Problem> {
        Ok(self.revoke_certificate(admin, id, reason, words).await?)
    }

    async fn replacement(&self, _: &Administrator) -> Result<Option<AuthorityChange>, Problem> {
        Ok(self.replacement_under_way().await?)
    }
}
