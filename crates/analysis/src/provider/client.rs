//! The HTTP client of all providers, and why a server could not be reached.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::addresses::is_refused;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client for providers of the configuration: make one and share it. It follows no redirects and uses no proxy, so that only the
/// configuration decides where pictures and keys go. The process must have installed a default rustls provider before.
///
/// # Errors
/// When TLS cannot be set up, such as without a default provider.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    client(SystemResolver { checks_addresses: false })
}

/// The client for providers that were entered in the panel: as [`http_client`], but it does not connect to names that
/// resolve to link-local or metadata addresses. Addresses in numbers it does not check: see
/// [`is_refused_url`](super::is_refused_url).
///
/// # Errors
/// When TLS cannot be set up.
pub fn checking_http_client() -> Result<reqwest::Client, reqwest::Error> {
    client(SystemResolver { checks_addresses: true })
}

fn client(resolver: SystemResolver) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .dns_resolver(Arc::new(resolver))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("aiwe/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The system's resolver, whose failures have a type of their own.
#[derive(Debug, Clone, Copy)]
struct SystemResolver {
    checks_addresses: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the name cannot be resolved")]
struct ResolveError(#[source] io::Error);

#[derive(Debug, thiserror::Error)]
#[error("the name resolves to a refused address")]
struct RefusedAddress;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let checks = self.checks_addresses;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(ResolveError)?;
            let found = found.collect::<Vec<_>>();
            if checks {
                check(&found)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The addresses that are checked are those that are connected to: the name is not resolved a second time.
fn check(found: &[SocketAddr]) -> Result<(), RefusedAddress> {
    if found.iter().any(|address| is_refused(address.ip())) { Err(RefusedAddress) } else { Ok(()) }
}

/// Why no connection came about, or why it ended before the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionFailure {
    Address,
    Lost,
    Name,
    Refused,
    Timeout,
    Tls,
}

impl ConnectionFailure {
    pub fn of(error: &reqwest::Error) -> Self {
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            if error.is::<ResolveError>() {
                return Self::Name;
            }
            if error.is::<RefusedAddress>() {
                return Self::Address;
            }
            if error.is::<rustls::Error>() {
                return Self::Tls;
            }
            if let Some(io) = error.downcast_ref::<io::Error>() {
                match io.kind() {
                    io::ErrorKind::ConnectionRefused => return Self::Refused,
                    io::ErrorKind::TimedOut => return Self::Timeout,
                    _ => {}
                }
                // `source()` of such an error is its content's source: the content itself would be passed over.
                if let Some(content) = io.get_ref() {
                    next = Some(content);
                    continue;
                }
            }
            next = error.source();
        }
        if error.is_timeout() { Self::Timeout } else { Self::Lost }
    }

    pub fn note(self) -> &'static str {
        match self {
            Self::Address => "the model server's name leads to an address that is not allowed",
            Self::Lost => "the connection to the model server was lost",
            Self::Name => "the model server's name cannot be resolved",
            Self::Refused => "no model server listens at its address",
            Self::Timeout => "the model server cannot be reached in time",
            Self::Tls => {
                "no secure connection to the model server: its certificate is not trusted, or it speaks no TLS"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_resolves_to_is_checked() {
        let addresses = |list: &[&str]| list.iter().map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
        assert!(check(&addresses(&["127.0.0.1:0", "[::1]:0", "10.0.0.1:0"])).is_ok());
        assert!(check(&addresses(&["10.0.0.1:0", "169.254.169.254:0"])).is_err(), "one is enough");
        assert!(check(&addresses(&["[fe80::1]:0"])).is_err());
    }
}
