//! Who is at the other end of a request.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use protocol::Problem;
use sha2::{Digest, Sha256};

use crate::problem::ProblemResponse;

/// The other end of a request. A request extension and an extractor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The client's, also behind a proxy. IPv4 is always written as IPv4.
    pub address: IpAddr,
    pub listener: Listener,
    /// Whether the client speaks TLS, here or with the proxy.
    pub tls: bool,
    /// The certificate whose key the peer holds. Not judged yet.
    pub certificate: Option<PeerCertificate>,
}

/// Where the request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    Machines,
    Pages,
}

/// A client's certificate as it came, DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    pub leaf: Vec<u8>,
    /// Empty behind a proxy, which forwards the leaf alone.
    pub intermediates: Vec<Vec<u8>>,
}

impl PeerCertificate {
    /// SHA-256 of the leaf in lower-case hex.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.leaf))
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a request came without its peer: the router is not served by the edge");
            Problem::internal().into()
        })
    }
}
