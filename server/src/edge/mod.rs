//! The edge: both listeners, TLS termination, and the identity of the peer.
//!
//! Every request that reaches the router carries a [`Peer`] in its extensions. Its values come from the connection itself
//! or from an authenticated proxy; headers with which a client could claim otherwise have been removed. A
//! [`PeerCertificate`] proves that the peer holds its key, and nothing else: issuer, validity and revocation are checked
//! later, so that a machine with a bad certificate gets an HTTP response instead of a TLS alert.

mod activity;
mod networks;
mod proxy;
mod serve;

pub use networks::NetworkLimit;
pub use serve::Edge;

#[cfg(test)]
mod tests;
