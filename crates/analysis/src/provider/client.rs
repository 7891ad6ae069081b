//! The HTTP client of all providers, and why a server could not be reached.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client for all providers: make one and share it. It follows no redirects and uses no proxy, so that only the
/// configuration decides where pictures and keys go. The process must have installed a default rustls provider before.
///
/// # Errors
/// When TLS cannot be set up, such as without a default provider.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .dns_resolver(Arc::new(SystemResolver))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("aiwe/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The system's resolver, whose failures have a type of their own.
struct SystemResolver;

#[derive(Debug, thiserror::Error)]
#[error("the name cannot be resolved")]
struct ResolveError(#[source] io::Error);

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(ResolveError)?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// Why no connection came about, or why it ended before the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionFailure {
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
