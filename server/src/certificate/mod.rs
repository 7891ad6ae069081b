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

use std::sync::{Arc, Mutex};

use ::certificate::{Authority, TrustAnchors};
use app::certificate::CertificateRow;
use app::services::CertificateService;
use app::visit::Administrator;
use async_trait::async_trait;
use protocol::Problem;
use protocol::access::Page;

pub use issue::{IssuedPackage, NewCertificate, read_request};
pub use judge::{Machine, Rejected};
pub use renew::Renewal;

use crate::edge::Connections;
use crate::environment::Environment;
use crate::failure::Refusal;

/// How many rows the administrator's list shows at once.
const PAGE_SIZE: u32 = 50;

/// Everything that is done with machines' certificates.
#[derive(Debug, Clone)]
pub struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    env: Arc<Environment>,
    authority: Authority,
    anchors: TrustAnchors,
    connections: Arc<Connections>,
    judged: Mutex<judge::Judged>,
    /// Packages that are made at once: each derives keys from a password.
    packing: Arc<tokio::sync::Semaphore>,
}

impl Certificates {
    /// What `openssl verify -CAfile` and `curl --cacert` need: the root, PEM.
    pub fn root_pem(&self) -> String {
        self.0.authority.root_pem()
    }

    /// SHA-256 over the root certificate, hexadecimal: what people compare.
    pub fn root_fingerprint_hex(&self) -> String {
        self.0.authority.root_fingerprint_hex()
    }

    /// The authorities whose names a client picks its certificate by, DER.
    pub fn authorities(&self) -> Vec<Vec<u8>> {
        self.0.authority.chain().to_vec()
    }

    async fn page(&self, search: &str, page: u32) -> Result<Page<CertificateRow>, Refusal> {
        Ok(self.0.env.store.read().await?.certificate_rows(search, page, PAGE_SIZE).await?)
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

    async fn revoke(&self, admin: &Administrator, id: &str, reason: &str) -> Result<(), Problem> {
        Ok(self.revoke_certificate(admin, id, reason).await?)
    }
}
