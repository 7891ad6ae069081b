//! What the server listens on, and how clients and proxies reach it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

use super::base_url::BaseUrl;
use super::source::Reading;
use domain::secret::Secret;

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The listener that never asks for a client certificate.
#[derive(Debug, Clone)]
pub struct Pages {
    pub listen: SocketAddr,
    /// `None`: plain HTTP, for this machine alone or behind a proxy.
    pub tls: Option<TlsFiles>,
    /// Where the built pages lie (WASM, scripts, styles).
    pub site_root: PathBuf,
}

/// The listener that asks for a client certificate.
#[derive(Debug, Clone)]
pub struct Machines {
    pub listen: SocketAddr,
    pub tls: MachinesTls,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachinesTls {
    /// A server certificate from the built-in authority.
    BuiltIn,
    Files(TlsFiles),
    /// Plain HTTP: a proxy ends TLS and forwards the client's certificate.
    Off,
}

impl MachinesTls {
    /// Whether clients see a certificate of the built-in authority. Behind a proxy that is not known, and mostly not so.
    pub fn is_of_own_authority(&self) -> bool {
        matches!(self, Self::BuiltIn)
    }
}

/// Whose word about the client's address and certificate counts.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// What the proxy sends as `X-Proxy-Auth`. `None`: no proxy is believed.
    pub secret: Option<Secret>,
    pub trusted: Vec<IpNet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PagesSection {
    listen: Option<String>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    site_root: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MachinesSection {
    listen: Option<String>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    plain: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProxySection {
    secret: Option<String>,
    secret_file: Option<PathBuf>,
    trusted: Option<Vec<String>>,
}

/// `public_url` and `machines_url`.
pub(super) fn urls(from: &mut Reading) -> (BaseUrl, BaseUrl) {
    (url(from, "public_url", "http://localhost:8080"), url(from, "machines_url", "https://localhost:8443"))
}

pub(super) fn pages(from: &mut Reading, site_root: Option<PathBuf>) -> Pages {
    let section: PagesSection = from.section("pages");
    let configured = section.site_root.map(|path| from.path(&path));
    Pages {
        listen: address(from, "pages.listen", section.listen.as_deref().unwrap_or("127.0.0.1:8080")),
        tls: files(from, "pages", section.tls_certificate.as_deref(), section.tls_key.as_deref()),
        site_root: configured.or(site_root).unwrap_or_else(|| PathBuf::from("target/site")),
    }
}

pub(super) fn machines(from: &mut Reading, proxy: &Proxy) -> Machines {
    let section: MachinesSection = from.section("machines");
    let listen = address(from, "machines.listen", section.listen.as_deref().unwrap_or("127.0.0.1:8443"));
    let files = files(from, "machines", section.tls_certificate.as_deref(), section.tls_key.as_deref());
    let tls = match (section.plain, files) {
        (false, None) => MachinesTls::BuiltIn,
        (false, Some(files)) => MachinesTls::Files(files),
        (true, None) => {
            from.expect(
                proxy.secret.is_some(),
                "machines.plain",
                "needs proxy.secret: without TLS here only a proxy can tell the client's certificate",
            );
            MachinesTls::Off
        }
        (true, Some(_)) => {
            from.wrong("machines.plain", "expected either plain or a certificate and key, not both");
            MachinesTls::Off
        }
    };
    Machines { listen, tls }
}

pub(super) fn proxy(from: &mut Reading) -> Proxy {
    let section: ProxySection = from.section("proxy");
    let secret = from.secret("proxy.secret", section.secret, section.secret_file.as_deref());
    if let Some(secret) = &secret {
        from.expect(secret.expose().len() >= 32, "proxy.secret", "expected at least 32 characters");
    }
    let listed = section.trusted.unwrap_or_else(|| vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()]);
    let mut trusted = Vec::new();
    for (index, text) in listed.iter().enumerate() {
        match text.parse::<IpNet>().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()))
        {
            Ok(network) => trusted.push(network),
            Err(_) => from.wrong(
                &format!("proxy.trusted[{index}]"),
                "expected an address or a network, such as 10.0.0.5 or 10.0.0.0/24",
            ),
        }
    }
    Proxy { secret, trusted }
}

fn url(from: &mut Reading, field: &str, default: &str) -> BaseUrl {
    let text: String = from.section(field);
    let text = if text.is_empty() { default } else { &text };
    text.parse().unwrap_or_else(|expected| {
        from.wrong(field, expected);
        BaseUrl::nowhere()
    })
}

fn address(from: &mut Reading, field: &str, text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| {
        from.wrong(field, "expected an address and a port, such as 127.0.0.1:8080 or [::]:8443");
        SocketAddr::from(([127, 0, 0, 1], 0))
    })
}

fn files(
    from: &mut Reading,
    section: &str,
    certificate: Option<&Path>,
    key: Option<&Path>,
) -> Option<TlsFiles> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return None,
        (Some(certificate), Some(key)) => (from.path(certificate), from.path(key)),
        (Some(_), None) => {
            from.wrong(&format!("{section}.tls_key"), "expected the key that belongs to tls_certificate");
            return None;
        }
        (None, Some(_)) => {
            from.wrong(
                &format!("{section}.tls_certificate"),
                "expected the certificate that belongs to tls_key",
            );
            return None;
        }
    };
    for (name, path) in [("tls_certificate", &certificate), ("tls_key", &key)] {
        if let Err(error) = std::fs::File::open(path) {
            from.wrong(&format!("{section}.{name}"), &format!("expected a readable PEM file: {error}"));
        }
    }
    Some(TlsFiles { certificate, key })
}
