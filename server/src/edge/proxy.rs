//! Reverse proxies: how one authenticates itself, and what it forwards about the client.
//!
//! A proxy is trusted when it connects from a trusted address *and* sends the shared secret. Its headers are always removed
//! from the request, so that nothing behind the edge can read them by mistake.

use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use web::{Listener, Peer, PeerCertificate};

use crate::config::Proxy;

const X_PROXY_AUTH: HeaderName = HeaderName::from_static("x-proxy-auth");
const X_CLIENT_CERT: HeaderName = HeaderName::from_static("x-client-cert");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers that only a proxy may set, including those that this server does not read.
const PROXY_HEADERS: [HeaderName; 8] = [
    X_PROXY_AUTH,
    X_CLIENT_CERT,
    http::header::FORWARDED,
    X_FORWARDED_FOR,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    X_FORWARDED_PROTO,
    HeaderName::from_static("x-real-ip"),
];

/// The peer as an authenticated proxy forwards it. `None`: the request does not come from such a proxy, so the connection's
/// own peer sent it.
pub(super) fn forwarded(proxy: &Proxy, connection: &Peer, headers: &mut HeaderMap) -> Option<Peer> {
    let peer = is_authenticated(proxy, connection.address, headers).then(|| Peer {
        address: client_address(proxy, headers).unwrap_or(connection.address),
        listener: connection.listener,
        tls: headers.get(X_FORWARDED_PROTO).is_some_and(|proto| proto == "https"),
        // The pages listener accepts no certificates, even if a misconfigured proxy forwards one.
        certificate: certificate(headers).filter(|_| connection.listener == Listener::Machines),
    });
    for name in PROXY_HEADERS {
        headers.remove(name);
    }
    if peer.is_none() {
        headers.remove(X_REQUEST_ID);
    }
    peer
}

fn is_authenticated(proxy: &Proxy, address: IpAddr, headers: &HeaderMap) -> bool {
    let (Some(secret), Some(sent)) = (&proxy.secret, headers.get(X_PROXY_AUTH)) else { return false };
    if !proxy.is_trusted(address) {
        return false;
    }
    // Hashes are compared, so that the time reveals neither the secret nor its length.
    let same = bool::from(Sha256::digest(sent.as_bytes()).ct_eq(&Sha256::digest(secret.expose())));
    if !same {
        // Without this, the operator would see every machine without a certificate and no reason for it.
        tracing::warn!(%address, "a trusted address sent an X-Proxy-Auth that is not proxy.secret");
    }
    same
}

/// The right-most address that is not a trusted proxy: the client may have forged everything to the left of it.
fn client_address(proxy: &Proxy, headers: &HeaderMap) -> Option<IpAddr> {
    let mut nearest = None;
    let values: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
    for text in values.iter().rev().flat_map(|value| value.as_bytes().rsplit(|b| *b == b',')) {
        let text = std::str::from_utf8(text).ok()?.trim();
        let address = text
            .parse::<IpAddr>()
            .or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()))
            .map(|address| address.to_canonical());
        let Ok(address) = address else { return nearest };
        nearest = Some(address);
        if !proxy.is_trusted(address) {
            break;
        }
    }
    nearest
}

/// The forwarded certificate. `None` also for an empty value, several values, and invalid base64.
fn certificate(headers: &HeaderMap) -> Option<PeerCertificate> {
    let mut values = headers.get_all(X_CLIENT_CERT).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    match STANDARD.decode(value.as_bytes()) {
        Ok(leaf) if !leaf.is_empty() => Some(PeerCertificate { leaf, intermediates: Vec::new() }),
        Ok(_) => None,
        // Caddy before 2.11.2 sends the unexpanded placeholder if there is no certificate.
        Err(_) if value.as_bytes().starts_with(b"{") => None,
        Err(_) => {
            tracing::warn!("the proxy sent an X-Client-Cert that is not base64");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::secret::Secret;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn proxy() -> Proxy {
        let trusted = ["127.0.0.0/8", "10.0.0.0/8"].map(|n| n.parse().unwrap()).to_vec();
        Proxy { secret: Some(Secret::new(SECRET)), trusted }
    }

    fn connection(address: &str) -> Peer {
        Peer {
            address: address.parse().unwrap(),
            listener: Listener::Machines,
            tls: false,
            certificate: None,
        }
    }

    fn headers(entries: &[(&'static str, &str)]) -> HeaderMap {
        entries.iter().map(|(k, v)| (HeaderName::from_static(k), v.parse().unwrap())).collect()
    }

    fn forwarded_for(value: &str) -> IpAddr {
        let mut headers = headers(&[("x-proxy-auth", SECRET), ("x-forwarded-for", value)]);
        forwarded(&proxy(), &connection("127.0.0.1"), &mut headers).unwrap().address
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_client() {
        let client: IpAddr = "192.0.2.9".parse().unwrap();
        assert_eq!(forwarded_for("192.0.2.9"), client);
        assert_eq!(forwarded_for("6.6.6.6, 192.0.2.9, 10.1.1.1"), client);
        assert_eq!(forwarded_for("rubbish, 192.0.2.9:4711"), client);
        assert_eq!(forwarded_for("::ffff:192.0.2.9"), client);
        assert_eq!(forwarded_for("10.0.0.8"), "10.0.0.8".parse::<IpAddr>().unwrap());
        assert_eq!(forwarded_for("6.6.6.6, rubbish, 10.1.1.1"), "10.1.1.1".parse::<IpAddr>().unwrap());
        assert_eq!(forwarded_for("rubbish"), "127.0.0.1".parse::<IpAddr>().unwrap());
        let mut several = headers(&[("x-proxy-auth", SECRET), ("x-forwarded-for", "6.6.6.6")]);
        several.append("x-forwarded-for", "192.0.2.9".parse().unwrap());
        assert_eq!(forwarded(&proxy(), &connection("127.0.0.1"), &mut several).unwrap().address, client);
    }

    #[test]
    fn only_the_proxy_is_trusted_and_its_headers_are_always_removed() {
        let all = |auth| {
            headers(&[
                ("x-proxy-auth", auth),
                ("x-client-cert", "AAAA"),
                ("x-forwarded-for", "192.0.2.9"),
                ("x-forwarded-proto", "https"),
                ("forwarded", "for=192.0.2.9"),
                ("x-request-id", "theirs"),
                ("accept", "text/html"),
            ])
        };
        let wrong_secret = "0123456789abcdef0123456789abcdeF";
        let without = Proxy { secret: None, ..proxy() };
        for (proxy, address, auth) in [
            (&proxy(), "127.0.0.1", wrong_secret),
            (&proxy(), "127.0.0.1", ""),
            (&proxy(), "192.0.2.1", SECRET),
            (&without, "127.0.0.1", ""),
        ] {
            let mut headers = all(auth);
            assert_eq!(forwarded(proxy, &connection(address), &mut headers), None);
            assert_eq!(headers.keys().collect::<Vec<_>>(), ["accept"]);
        }
        let mut headers = all(SECRET);
        let peer = forwarded(&proxy(), &connection("127.0.0.1"), &mut headers).unwrap();
        assert!(peer.tls);
        assert_eq!(peer.certificate.unwrap().leaf, [0, 0, 0]);
        assert_eq!(headers.len(), 2, "the request id stays: {headers:?}");
    }

    #[test]
    fn the_pages_listener_accepts_no_certificate() {
        let headers = || headers(&[("x-proxy-auth", SECRET), ("x-client-cert", "AAAA")]);
        assert!(forwarded(&proxy(), &connection("127.0.0.1"), &mut headers()).unwrap().certificate.is_some());
        let pages = Peer { listener: Listener::Pages, ..connection("127.0.0.1") };
        assert_eq!(forwarded(&proxy(), &pages, &mut headers()).unwrap().certificate, None);
    }

    #[test]
    fn an_invalid_certificate_header_is_no_certificate() {
        for value in ["", "?", "AAA", "{http.request.tls.client.certificate_der_base64}"] {
            assert_eq!(certificate(&headers(&[("x-client-cert", value)])), None, "{value}");
        }
        let mut two = headers(&[("x-client-cert", "AAAA")]);
        two.append("x-client-cert", "AAAA".parse().unwrap());
        assert_eq!(certificate(&two), None);
        // The proxy's own client certificate is never taken for the client's.
        let own = PeerCertificate { leaf: vec![1], intermediates: Vec::new() };
        let connection = Peer { certificate: Some(own), ..connection("127.0.0.1") };
        let mut auth = headers(&[("x-proxy-auth", SECRET)]);
        assert_eq!(forwarded(&proxy(), &connection, &mut auth).unwrap().certificate, None);
    }
}
