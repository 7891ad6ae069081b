//! Which addresses a model server may have. Those of a link, and those where clouds tell machines their secrets, are nobody's
//! model server: whoever may enter an address could read there what is meant for this machine alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of clouds' metadata services that are not link-local: of AWS, Alibaba, Azure and Oracle.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether an address is refused unless the configuration allows it.
pub(super) fn is_refused(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_refused_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6.is_unspecified()
                || v6 == METADATA_V6
                || embedded_v4(v6).is_some_and(is_refused_v4)
        }
    }
}

fn is_refused_v4(v4: Ipv4Addr) -> bool {
    v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || v4.is_unspecified()
        || METADATA_V4.contains(&v4)
}

/// The address inside a mapped, compatible or translated one (RFC 4291 §2.5.5, RFC 6052 §2.1, RFC 3056).
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = v6.segments();
    let of = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x2002, high, low, ..] => Some(of(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) != (0, 1) => Some(of(high, low)),
        _ => None,
    }
}

/// Whether an address that was entered names a refused one. Names are checked once they are resolved.
pub fn is_refused_url(base_url: &str) -> bool {
    let host = reqwest::Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let Some(host) = host else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse().is_ok_and(is_refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_refused_in_every_form() {
        for refused in [
            "http://169.254.169.254",
            "http://169.254.169.254:8080/v1",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://0.0.0.0:11434",
            "http://224.0.0.1",
            "http://255.255.255.255",
            "http://100.100.100.200/v1",
            "http://168.63.129.16",
            "http://[fe80::1]:11434",
            "http://[fd00:ec2::254]/v1",
            "http://[::ffff:169.254.169.254]",
            "http://[::169.254.169.254]",
            "http://[64:ff9b::a9fe:a9fe]",
            "http://[2002:a9fe:a9fe::1]",
            "http://[ff02::1]",
            "http://[::]:1",
        ] {
            assert!(is_refused_url(refused), "{refused}");
        }
        for allowed in [
            "http://127.0.0.1:11434",
            "http://[::1]:11434",
            "http://10.1.2.3/v1",
            "http://192.168.1.10:8000",
            "http://[fd00::5]/v1",
            "http://[2001:db8::5]/v1",
            "https://api.example.org/v1",
            "http://localhost:11434",
        ] {
            assert!(!is_refused_url(allowed), "{allowed}");
        }
    }
}
