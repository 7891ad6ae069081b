//! The certificates that a machine may present, each in the package that people get.

use std::path::{Path, PathBuf};

use certificate::package::{self, Contents};
use certificate::{Authority, ClientProfile};
use protocol::access::Platform;
use protocol::certificate::RejectionReason;
use server::certificate::NewCertificate;
use server::clock::{Clock, SystemClock};
use server::random::{Random, SystemRandom};
use server::state::AppState;
use server::store::MachineCertificate;
use time::Duration;
use uuid::Uuid;

/// Of every package.
pub const PASSWORD: &str = "a password for the file";
/// Of the three packages the one that is opened the fastest.
const PLATFORM: Platform = Platform::Macos;
const DEVICE: &str = "Test machine";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Missing,
    Valid,
    Expired,
    NotYetValid,
    /// Of an authority with the same organisation's name.
    Foreign,
    /// Signed by this server's authority, and not in its database.
    Unknown,
    Revoked,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Valid,
        Self::Expired,
        Self::NotYetValid,
        Self::Foreign,
        Self::Unknown,
        Self::Revoked,
    ];

    /// What the contract says that is wrong with it.
    pub fn reason(self) -> Option<RejectionReason> {
        match self {
            Self::Missing => Some(RejectionReason::Missing),
            Self::Valid => None,
            Self::Expired => Some(RejectionReason::Expired),
            Self::NotYetValid => Some(RejectionReason::NotYetValid),
            Self::Foreign | Self::Unknown => Some(RejectionReason::Untrusted),
            Self::Revoked => Some(RejectionReason::Revoked),
        }
    }
}

/// A package on disk, and what the server knows of its certificate.
#[derive(Debug, Clone)]
pub struct Packed {
    pub kind: Kind,
    /// PKCS#12.
    pub file: PathBuf,
    pub der: Vec<u8>,
}

/// One package of each kind that was issued.
#[derive(Debug)]
pub struct Packages(Vec<Packed>);

impl Packages {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    pub fn get(&self, kind: Kind) -> Option<&Packed> {
        self.0.iter().find(|packed| packed.kind == kind)
    }

    /// Issues with the server's authority at the server's time. Gives the certificate as it is to be stored.
    pub async fn issue(
        &mut self,
        kind: Kind,
        from: &AppState,
        account_id: &str,
        folder: &Path,
    ) -> MachineCertificate {
        let password = PASSWORD.parse().unwrap();
        let new = new_certificate(account_id);
        let (issued, package) = from.certificates.issue_package(new, PLATFORM, password).await.unwrap();
        self.write(kind, folder, &package.bytes, &issued.certificate);
        issued
    }

    /// Issues with another authority.
    pub fn issue_foreign(&mut self, organisation: &str, folder: &Path) {
        let random = &mut |bytes: &mut [u8]| SystemRandom.fill(bytes);
        let now = SystemClock.now();
        let (authority, _) = Authority::create(now, organisation, random).unwrap();
        let profile = ClientProfile {
            device_name: &DEVICE.parse().unwrap(),
            owner: &"anna@example.org".parse().unwrap(),
            machine: Uuid::from_u128(7),
            lifetime: Duration::days(90),
            crl_url: None,
        };
        let issued = authority.issue_client_with_key(&profile, now, random).unwrap();
        let contents = Contents {
            certificate: &issued.certificate.der,
            chain: &authority.chain(),
            other_roots: &[],
            key: &issued.key,
            device_name: DEVICE,
        };
        let package = package::build(PLATFORM, &contents, PASSWORD, now, random).unwrap();
        self.write(Kind::Foreign, folder, &package.bytes, &issued.certificate.der);
    }

    fn write(&mut self, kind: Kind, folder: &Path, package: &[u8], der: &[u8]) {
        let file = folder.join(format!("{kind:?}.p12"));
        std::fs::write(&file, package).unwrap();
        self.0.push(Packed { kind, file, der: der.to_vec() });
    }
}

pub fn new_certificate(account_id: &str) -> NewCertificate {
    NewCertificate {
        account_id: account_id.to_owned(),
        owner: "anna@example.org".parse().unwrap(),
        device_name: DEVICE.to_owned(),
        replaces: None,
    }
}
