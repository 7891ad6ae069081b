//! The client at the other end of a request.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use protocol::Problem;
use sha2::{Digest, Sha256};

use crate::problem::ProblemResponse;

/// The client that sent a request. A request extension that the edge sets, and an extractor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The client's address, not that of a proxy. Never an IPv4-mapped IPv6 address.
    pub address: IpAddr,
    pub listener: Listener,
    /// Whether the client uses TLS, with this server or with the proxy.
    pub tls: bool,
    /// The certificate whose key the peer holds. Not verified beyond that.
    pub certificate: Option<PeerCertificate>,
}

/// The listener that accepted the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// Requests client certificates.
    Machines,
    /// Never requests client certificates.
    Pages,
}

/// A client certificate as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// DER.
    pub leaf: Vec<u8>,
    /// DER. Empty behind a proxy, which forwards the leaf alone.
    pub intermediates: Vec<Vec<u8>>,
}

impl PeerCertificate {
    /// SHA-256 of the leaf's DER, in lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.leaf))
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a request has no peer: the router is not served by the edge");
            Problem::internal().into()
        })
    }
}
