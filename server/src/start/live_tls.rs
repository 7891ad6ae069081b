//! What both listeners show of themselves, kept current while they serve: certificates end, and files are replaced by
//! whatever renews them.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::config::{Config, MachinesTls, TlsFiles};
use crate::state::AppState;
use crate::tls;

/// The built-in certificate lives for over a year, and one of a public authority is replaced weeks before its end.
const ROUND: Duration = Duration::from_secs(24 * 60 * 60);

/// `None` where a proxy speaks TLS, or nobody.
#[derive(Debug, Clone)]
pub(super) struct LiveTls {
    pub pages: Option<tls::Replaceable>,
    pub machines: Option<tls::Replaceable>,
}

impl LiveTls {
    pub fn new(state: &AppState) -> Result<Self, StartError> {
        Ok(Self {
            pages: pages(state)?.map(tls::Replaceable::new),
            machines: machines(state)?.map(tls::Replaceable::new),
        })
    }

    /// As a start would make it now. What cannot be used is told, and what was there stays.
    pub fn renew(&self, state: &AppState) {
        replace(self.pages.as_ref(), pages(state), "the pages' listener");
        replace(self.machines.as_ref(), machines(state), "the machines' listener");
    }

    pub async fn renew_daily(self, state: AppState, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(ROUND) => self.renew(&state),
            }
        }
    }
}

type Made = Result<Option<Arc<rustls::ServerConfig>>, StartError>;

fn replace(current: Option<&tls::Replaceable>, made: Made, listener: &str) {
    match (made, current) {
        (Ok(Some(config)), Some(current)) => current.replace(config),
        (Ok(_), _) => {}
        (Err(error), _) => {
            let causes = crate::failure::causes(&error);
            tracing::error!(causes, listener, "a new certificate cannot be used; the one before it stays");
        }
    }
}

fn pages(state: &AppState) -> Made {
    let files = state.env.config.pages.tls.as_ref();
    let made = files.map(|files| from_files("pages.tls_certificate with pages.tls_key", files, tls::pages));
    made.transpose()
}

/// The machines' listener asks for certificates of the authorities that are trusted now, and has one of theirs itself.
fn machines(state: &AppState) -> Made {
    let (config, authorities) = (&state.env.config, state.certificates.authority_names());
    match &config.machines.tls {
        MachinesTls::BuiltIn => {
            let identity = state.certificates.server_identity(&server_names(config))?;
            let what = "the built-in server certificate";
            let tls = tls::machines(identity, &authorities);
            tls.map(Some).map_err(|source| StartError::Tls { what, source })
        }
        MachinesTls::Files(files) => {
            let what = "machines.tls_certificate with machines.tls_key";
            from_files(what, files, |identity| tls::machines(identity, &authorities)).map(Some)
        }
        MachinesTls::Off => Ok(None),
    }
}

fn from_files(
    what: &'static str,
    files: &TlsFiles,
    finish: impl FnOnce(tls::Identity) -> Result<Arc<rustls::ServerConfig>, tls::TlsError>,
) -> Result<Arc<rustls::ServerConfig>, StartError> {
    tls::Identity::from_files(files).and_then(finish).map_err(|source| StartError::Tls { what, source })
}

/// What the built-in certificate is for: the host in `machines_url`, and this machine.
fn server_names(config: &Config) -> Vec<String> {
    let mut names = vec![config.machines_url.host()];
    for local in ["localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|n| n == local) {
            names.push(local.to_owned());
        }
    }
    names
}
