//! What every benchmark starts from: a data folder in which an administrator, a machine with its certificate and a person
//! signed in on it exist, made the way that people make them.
//!
//! Each benchmark gets copies of that folder, so that none finds what another left.

mod identity;
mod journey;
mod visitor;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::mode::ModeSummary;
use rustls::ClientConfig;
use tempfile::TempDir;

use crate::Programs;
use crate::programs::{Ports, Server};
use journey::Furnished;

pub use journey::{Approved, approve, approved, ask, links, provision, request_of};
pub use visitor::{Visitor, http_client};

#[derive(Debug)]
pub struct House {
    folder: TempDir,
    /// In the links, cookies and tokens of everything below.
    pub ports: Ports,
    administrator: Visitor,
    pub machine: Machine,
    pub pages: Vec<Page>,
}

/// A machine with a certificate, and the person who is signed in on it.
#[derive(Debug)]
pub struct Machine {
    pub email: String,
    /// DER.
    pub certificate: Vec<u8>,
    /// PKCS#12.
    pub package_file: PathBuf,
    pub package_password: String,
    /// PEM.
    pub authority_file: PathBuf,
    /// Presents the certificate, and speaks HTTP/1.1.
    pub tls: Arc<ClientConfig>,
    /// The access token.
    pub token: String,
    /// What `/native/modes` answered.
    pub modes: Vec<ModeSummary>,
}

/// A page that somebody can open.
#[derive(Debug, Clone)]
pub struct Page {
    /// The route, with its tokens left out.
    pub name: &'static str,
    pub path: String,
    /// The `Cookie` header.
    pub cookies: String,
    /// Whether it is for machines with a certificate.
    pub on_machines: bool,
}

impl House {
    pub async fn furnish(programs: &Programs) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("aiwe-bench-").tempdir()?;
        let ports = Ports::free()?;
        let mut server = Server::start(programs, &folder.path().join("data"), ports, None).await?;
        let Furnished { administrator, machine, pages } =
            journey::furnish(&mut server, ports, folder.path()).await?;
        server.program.stop().await?;
        Ok(Self { folder, ports, administrator, machine, pages })
    }

    /// Somebody who is signed in to the panel.
    pub fn administrator(&self) -> Result<Visitor> {
        self.administrator.reconnected()
    }

    /// A copy of the data folder, below `folder`.
    pub fn data_in(&self, folder: &Path, name: &str) -> Result<PathBuf> {
        let copied = folder.join(name);
        copy(&self.folder.path().join("data"), &copied)?;
        Ok(copied)
    }
}

impl Page {
    /// Whether it is for everybody: neither of the panel nor the sidebar.
    pub fn is_public(&self) -> bool {
        !(self.on_machines || self.path.starts_with("/admin"))
    }
}

impl Machine {
    pub fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate)
    }

    /// As `tls`, towards a server whose certificate another authority made (PEM).
    pub fn tls_towards(&self, authority: &[u8]) -> Result<Arc<ClientConfig>> {
        let package = fs::read(&self.package_file)
            .with_context(|| format!("reading {}", self.package_file.display()))?;
        Ok(identity::open(&package, &self.package_password, authority)?.1)
    }
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let copied = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &copied)?;
        } else {
            fs::copy(entry.path(), &copied).with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}
