//! Machines' certificates: issuing, verifying, renewing and revoking them.
//!
//! Every request checks for a revocation, so one takes effect as soon as this process has committed it, and within
//! [`crate::read_cache::LIFETIME`] on other servers with the same database. Open connections of a revoked certificate are
//! closed by [`Certificates::watch_revocations`].

mod admin;
mod authority;
mod connections;
mod crl;
mod issue;
mod renew;
mod revoke;
mod verify;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::certificate::MachineCertificate;
use parking_lot::{Mutex, RwLock};
use protocol::ServiceError;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::outbox::Outbox;
use crate::read_cache::ReadCache;
use crate::tls::Identity;
use authority::Authorities;

pub use authority::{AuthorityReport, opens, report, retire, rotate};
pub use connections::{Connections, Entry};
pub use issue::{IssuedPackage, NewCertificate, read_request};
pub use renew::RenewalErrors;
pub(crate) use verify::rejected;
pub use verify::{Machine, Rejected};

/// Packages built concurrently.
const MAX_PACKING: usize = 2;

/// The service behind every operation on machines' certificates.
#[derive(Debug, Clone)]
pub struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    env: Arc<Environment>,
    /// Replaced as a whole when an operator changes them.
    authorities: RwLock<Arc<Authorities>>,
    /// The revoked certificates whose connections were closed, with the time in seconds since the Unix epoch.
    closed: Mutex<HashMap<String, i64>>,
    /// The certificates whose connections were closed because all of their account was ended, each with that time.
    closed_accounts: Mutex<HashSet<(String, i64)>>,
    connections: Arc<Connections>,
    outbox: Outbox,
    /// Certificates by their fingerprint.
    known: ReadCache<String, MachineCertificate>,
    verified: Mutex<verify::VerifiedCache>,
    /// Limits concurrent package builds: each derives keys from a password.
    packing: Arc<tokio::sync::Semaphore>,
}

impl Certificates {
    /// Loads the authorities, or creates one on a new server.
    pub async fn open(
        env: Arc<Environment>,
        connections: Arc<Connections>,
        outbox: Outbox,
    ) -> Result<Self, ServiceError> {
        let authorities = RwLock::new(Arc::new(Authorities::open(&env).await?));
        let packing = Arc::new(tokio::sync::Semaphore::new(MAX_PACKING));
        Ok(Self(Arc::new(Inner {
            env,
            authorities,
            closed: Mutex::default(),
            closed_accounts: Mutex::default(),
            connections,
            outbox,
            known: ReadCache::new(verify::MAX_KNOWN),
            packing,
            verified: Mutex::default(),
        })))
    }

    /// The trusted roots as PEM, for `openssl verify -CAfile` and `curl --cacert`.
    pub fn roots_pem(&self) -> String {
        self.authorities().roots_pem()
    }

    /// SHA-256 over the root certificate that the built-in server certificate chains to, hexadecimal, for people to compare.
    /// `/ca.pem` contains that root, possibly beside others.
    pub fn root_fingerprint_hex(&self) -> Result<String, Failure> {
        Ok(self.authorities().for_server()?.root_fingerprint_hex())
    }

    /// The names of the accepted authorities for the TLS handshake, by which a client picks its certificate; DER.
    pub fn authority_names(&self) -> Vec<Vec<u8>> {
        self.authorities().names()
    }

    /// A server certificate for the built-in TLS.
    pub fn server_identity(&self, names: &[String]) -> Result<Identity, ServiceError> {
        self.authorities().server_identity(&self.0.env, names)
    }

    fn authorities(&self) -> Arc<Authorities> {
        self.0.authorities()
    }

    /// Also drops everything that was verified against the former ones.
    fn replace_authorities(&self, authorities: Authorities) {
        let mut verified = self.0.verified.lock();
        *self.0.authorities.write() = Arc::new(authorities);
        verified.clear();
    }
}

impl Inner {
    /// A snapshot; an operation with several steps must use one snapshot throughout.
    fn authorities(&self) -> Arc<Authorities> {
        Arc::clone(&self.authorities.read())
    }
}
