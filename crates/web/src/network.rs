//! Networks, by which clients are counted: a client may have many addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address with all but its first bits cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of the first `prefix` bits of `address`, which is not an IPv4-mapped IPv6 address.
    pub fn containing(address: IpAddr, prefix: u8) -> Self {
        let address = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
                Ipv4Addr::from(u32::from(v4) & mask).into()
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
                Ipv6Addr::from(u128::from(v6) & mask).into()
            }
        };
        Self { address, prefix }
    }

    /// The network that one site has: the /24 of an IPv4 address, the /48 of an IPv6 address (RFC 6177).
    pub fn of_site(address: IpAddr) -> Self {
        Self::containing(address, if address.is_ipv4() { 24 } else { 48 })
    }
}

/// As in `192.0.2.0/24`.
impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_share_the_networks_of_their_first_bits() {
        let network = |text: &str, prefix| Network::containing(text.parse().unwrap(), prefix);
        assert_eq!(network("192.0.2.1", 24), network("192.0.2.255", 24));
        assert_ne!(network("192.0.2.1", 24), network("192.0.3.1", 24));
        assert_ne!(network("192.0.2.1", 32), network("192.0.2.2", 32));
        assert_eq!(network("192.0.2.1", 0), network("198.51.100.1", 0));
        assert_eq!(network("2001:db8:0:12::1", 56), network("2001:db8:0:34::1", 56));
        assert_ne!(network("2001:db8:0:112::1", 56), network("2001:db8:0:12::1", 56));
        assert_ne!(network("2001:db8::1", 48), network("2001:db8::1", 64), "networks of different sizes");
        let site = |text: &str| Network::of_site(text.parse().unwrap());
        assert_eq!(site("2001:db8:0:ffff::1"), site("2001:db8::"));
        assert_ne!(site("2001:db8:1::"), site("2001:db8::"));
    }
}
