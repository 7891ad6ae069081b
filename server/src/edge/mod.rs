//! The edge: both listeners, TLS, and who is at the other end.
//!
//! What always holds: every request that reaches the router carries a [`Peer`], and what it says was either seen on the
//! connection itself or told by a proxy that proved itself. Headers that could say otherwise are gone by then. That a
//! [`PeerCertificate`] is there proves that the peer holds its key, and nothing else: who issued it, for how long, and
//! whether it was revoked is judged later, so that every failing machine gets an answer and not a TLS alert.

mod proxy;
mod serve;

pub use serve::Edge;

#[cfg(test)]
mod tests;
