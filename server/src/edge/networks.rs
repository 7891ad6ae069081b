//! How many connections each network has, so that one client cannot take all of them.
//!
//! An IPv4 address counts by itself, and its /24 may have four times as much. An IPv6 address counts as its /64; its /56 may
//! have twice as much and its /48 four times, since providers assign any of these to one site.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use web::Network;

/// Prefix lengths, and how many times the limit such a network may have.
const V4: [(u8, usize); 2] = [(32, 1), (24, 4)];
const V6: [(u8, usize); 3] = [(64, 1), (56, 2), (48, 4)];
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Counts what each network has open: connections, or the requests that a proxy forwards.
#[derive(Debug)]
pub struct NetworkLimit {
    per_address: usize,
    open: Mutex<HashMap<Network, usize>>,
    logged_at: Mutex<Option<Instant>>,
}

/// One that counts until this is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    limit: Arc<NetworkLimit>,
    networks: Vec<Network>,
}

impl NetworkLimit {
    /// `per_address`: for an IPv4 address or an IPv6 /64, at least 1.
    pub fn new(per_address: usize) -> Self {
        Self { per_address: per_address.max(1), open: Mutex::default(), logged_at: Mutex::default() }
    }

    /// Counts one more. `None`: one of the address' networks has its limit already.
    pub(super) fn count(self: &Arc<Self>, address: IpAddr) -> Option<Counted> {
        let shares: &[_] = if address.is_ipv4() { &V4 } else { &V6 };
        let mut open = self.open.lock();
        let mut networks = Vec::with_capacity(shares.len());
        for (prefix, factor) in shares {
            let network = Network::containing(address, *prefix);
            if open.get(&network).copied().unwrap_or_default() >= self.per_address * factor {
                drop(open);
                self.log(address);
                return None;
            }
            networks.push(network);
        }
        for network in &networks {
            *open.entry(*network).or_default() += 1;
        }
        Some(Counted { limit: Arc::clone(self), networks })
    }

    /// At most once a minute: whoever is refused may try again very often.
    fn log(&self, address: IpAddr) {
        let mut logged_at = self.logged_at.lock();
        if logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            *logged_at = Some(Instant::now());
            let limit = self.per_address;
            tracing::warn!(%address, limit, "a network has too many connections (limits.connections_per_address)");
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.limit.open.lock();
        for network in &self.networks {
            if let Some(count) = open.get_mut(network) {
                *count -= 1;
                if *count == 0 {
                    open.remove(network);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(limit: &Arc<NetworkLimit>, addresses: impl Iterator<Item = String>) -> Vec<Counted> {
        addresses.filter_map(|address| limit.count(address.parse().unwrap())).collect()
    }

    #[test]
    fn addresses_and_their_networks_have_limits() {
        let limit = Arc::new(NetworkLimit::new(3));
        let one = counted(&limit, (0..10).map(|_| "192.0.2.1".to_owned()));
        assert_eq!(one.len(), 3);
        let subnet = counted(&limit, (0..100).map(|n| format!("192.0.2.{n}")));
        assert_eq!(subnet.len(), 9, "four times three, with those of the first address");
        let other = counted(&limit, (0..10).map(|_| "192.0.3.1".to_owned()));
        assert_eq!(other.len(), 3);
        drop((one, subnet, other));
        assert!(limit.open.lock().is_empty());
    }

    #[test]
    fn an_ipv6_site_has_no_more_addresses_than_others() {
        let limit = Arc::new(NetworkLimit::new(3));
        let own = counted(&limit, (0..10).map(|n| format!("2001:db8::{n}")));
        assert_eq!(own.len(), 3, "a /64");
        let of_56 = counted(&limit, (1..200).map(|n| format!("2001:db8:0:{n:x}::1")));
        assert_eq!(of_56.len(), 3, "a /56");
        let of_48 = counted(&limit, (1..200).map(|n| format!("2001:db8:0:{n:x}00::1")));
        assert_eq!(of_48.len(), 6, "a /48");
        assert_eq!(counted(&limit, std::iter::once("2001:db8:1::1".to_owned())).len(), 1);
    }
}
