//! Listeners, their TLS, and the reverse proxy in front of them.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use domain::secret::Secret;
use ipnet::IpNet;
use serde::Deserialize;

use super::base_url::BaseUrl;
use super::source::ConfigReader;

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The listener that never requests a client certificate.
#[derive(Debug, Clone)]
pub struct Pages {
    pub listen: SocketAddr,
    /// `None`: plain HTTP, on this machine only or behind a proxy.
    pub tls: Option<TlsFiles>,
    /// The folder of the built pages (WASM, scripts, styles).
    pub site_root: PathBuf,
}

/// The listener that requests a client certificate.
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
    /// Plain HTTP: a proxy terminates TLS and forwards the client's certificate.
    Off,
}

impl MachinesTls {
    /// Whether clients see a certificate of the built-in authority. `false` behind a proxy, whose certificate is unknown.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn)
    }
}

/// Which proxies may forward a client's address and certificate.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// What the proxy sends as `X-Proxy-Auth`. `None`: no proxy is trusted.
    pub secret: Option<Secret>,
    pub trusted: Vec<IpNet>,
}

impl Proxy {
    /// Whether a proxy at this address may be one of ours, if it also sends the secret.
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Whether connections from this address may be a proxy's, which many clients share.
    pub fn may_connect_from(&self, address: IpAddr) -> bool {
        self.secret.is_some() && self.is_trusted(address)
    }
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
pub(super) fn urls(reader: &mut ConfigReader) -> (BaseUrl, BaseUrl) {
    (
        url(reader, "public_url", "http://localhost:8080"),
        url(reader, "machines_url", "https://localhost:8443"),
    )
}

pub(super) fn pages(reader: &mut ConfigReader, site_root: Option<PathBuf>) -> Pages {
    let section: PagesSection = reader.section("pages");
    let configured = section.site_root.map(|path| reader.path(&path));
    Pages {
        listen: address(reader, "pages.listen", section.listen.as_deref().unwrap_or("127.0.0.1:8080")),
        tls: files(reader, "pages", section.tls_certificate.as_deref(), section.tls_key.as_deref()),
        site_root: configured.or(site_root).unwrap_or_else(|| PathBuf::from("target/site")),
    }
}

pub(super) fn machines(reader: &mut ConfigReader, proxy: &Proxy) -> Machines {
    let section: MachinesSection = reader.section("machines");
    let listen = address(reader, "machines.listen", section.listen.as_deref().unwrap_or("127.0.0.1:8443"));
    let files = files(reader, "machines", section.tls_certificate.as_deref(), section.tls_key.as_deref());
    let tls = match (section.plain, files) {
        (false, None) => MachinesTls::BuiltIn,
        (false, Some(files)) => MachinesTls::Files(files),
        (true, None) => {
            reader.ensure(
                proxy.secret.is_some(),
                "machines.plain",
                "needs proxy.secret: without TLS here only a proxy can tell the client's certificate",
            );
            MachinesTls::Off
        }
        (true, Some(_)) => {
            reader.invalid("machines.plain", "expected either plain or a certificate and key, not both");
            MachinesTls::Off
        }
    };
    Machines { listen, tls }
}

pub(super) fn proxy(reader: &mut ConfigReader) -> Proxy {
    let section: ProxySection = reader.section("proxy");
    let secret = reader.secret("proxy.secret", section.secret, section.secret_file.as_deref());
    if let Some(secret) = &secret {
        reader.ensure(secret.expose().len() >= 32, "proxy.secret", "expected at least 32 characters");
    }
    let listed = section.trusted.unwrap_or_else(|| vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()]);
    let mut trusted = Vec::new();
    for (index, text) in listed.iter().enumerate() {
        match text.parse::<IpNet>().or_else(|_| text.parse().map(|address: IpAddr| address.into())) {
            Ok(network) => trusted.push(network),
            Err(_) => reader.invalid(
                &format!("proxy.trusted[{index}]"),
                "expected an address or a network, such as 10.0.0.5 or 10.0.0.0/24",
            ),
        }
    }
    Proxy { secret, trusted }
}

fn url(reader: &mut ConfigReader, field: &str, default: &str) -> BaseUrl {
    let text: String = reader.section(field);
    let text = if text.is_empty() { default } else { &text };
    text.parse().unwrap_or_else(|expected| {
        reader.invalid(field, expected);
        BaseUrl::placeholder()
    })
}

fn address(reader: &mut ConfigReader, field: &str, text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| {
        reader.invalid(field, "expected an address and a port, such as 127.0.0.1:8080 or [::]:8443");
        SocketAddr::from(([127, 0, 0, 1], 0))
    })
}

fn files(
    reader: &mut ConfigReader,
    section: &str,
    certificate: Option<&Path>,
    key: Option<&Path>,
) -> Option<TlsFiles> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return None,
        (Some(certificate), Some(key)) => (reader.path(certificate), reader.path(key)),
        (Some(_), None) => {
            reader.invalid(&format!("{section}.tls_key"), "expected the key that belongs to tls_certificate");
            return None;
        }
        (None, Some(_)) => {
            reader.invalid(
                &format!("{section}.tls_certificate"),
                "expected the certificate that belongs to tls_key",
            );
            return None;
        }
    };
    for (name, path) in [("tls_certificate", &certificate), ("tls_key", &key)] {
        if let Err(error) = std::fs::File::open(path) {
            reader.invalid(&format!("{section}.{name}"), &format!("expected a readable PEM file: {error}"));
        }
    }
    Some(TlsFiles { certificate, key })
}
