//! Reloads the listeners' TLS configurations while they serve, since certificates expire and other programs renew their
//! files.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::config::{Config, MachinesTls, TlsFiles};
use crate::state::AppState;
use crate::{job, tls};

/// Often enough: the built-in certificate is valid for more than a year, and one of a public authority is renewed weeks
/// before it expires.
const RELOAD_INTERVAL: Duration = Duration::from_hours(24);

/// The TLS configurations of the listeners. `None`: plain HTTP, with or without a proxy that terminates TLS.
#[derive(Debug, Clone)]
pub(super) struct TlsReloader {
    pub pages: Option<tls::ReloadableConfig>,
    pub machines: Option<tls::ReloadableConfig>,
}

impl TlsReloader {
    pub fn new(state: &AppState) -> Result<Self, StartError> {
        Ok(Self {
            pages: pages(state)?.map(tls::ReloadableConfig::new),
            machines: machines(state)?.map(tls::ReloadableConfig::new),
        })
    }

    /// Builds the configurations as at the start. One that cannot be built is logged, and the present one stays.
    pub fn reload(&self, state: &AppState) {
        replace(self.pages.as_ref(), pages(state), "the pages' listener");
        replace(self.machines.as_ref(), machines(state), "the machines' listener");
    }

    pub async fn reload_daily(self, state: AppState, shutdown: CancellationToken) {
        // At the start they are new.
        shutdown.run_until_cancelled(tokio::time::sleep(RELOAD_INTERVAL)).await;
        job::every(RELOAD_INTERVAL, &shutdown, "reloading TLS configurations", || {
            self.reload(&state);
            std::future::ready(Ok(()))
        })
        .await;
    }
}

type TlsConfigResult = Result<Option<Arc<rustls::ServerConfig>>, StartError>;

fn replace(current: Option<&tls::ReloadableConfig>, new: TlsConfigResult, listener: &str) {
    match (new, current) {
        (Ok(Some(config)), Some(current)) => current.replace(config),
        (Ok(_), _) => {}
        (Err(error), _) => {
            let causes = domain::error::causes(&error);
            tracing::error!(causes, listener, "the new certificate cannot be used; the present one stays");
        }
    }
}

fn pages(state: &AppState) -> TlsConfigResult {
    let files = state.env.config.pages.tls.as_ref();
    files.map(|files| from_files("pages.tls_certificate with pages.tls_key", files, tls::pages)).transpose()
}

/// The machines listener requests certificates of the authorities that are trusted now. The built-in server certificate is
/// issued by one of them.
fn machines(state: &AppState) -> TlsConfigResult {
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

/// The names in the built-in server certificate: the host of `machines_url`, and this machine.
fn server_names(config: &Config) -> Vec<String> {
    let mut names = vec![config.machines_url.server_name()];
    for local in ["localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|n| n == local) {
            names.push(local.to_owned());
        }
    }
    names
}
