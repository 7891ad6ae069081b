//! The certificates that a machine may present, each in a package as users get it.

use std::path::{Path, PathBuf};

use certificate::package::{self, Contents};
use certificate::{Authority, ClientProfile};
use domain::certificate::MachineCertificate;
use domain::clock::{Clock, SystemClock};
use domain::id::AccountId;
use domain::random::{Random, SystemRandom};
use protocol::access::Platform;
use protocol::certificate::RejectionReason;
use server::certificate::NewCertificate;
use server::state::AppState;
use time::Duration;
use uuid::Uuid;

/// The password of every package.
pub const PASSWORD: &str = "a password for the file";
/// The package format that is fastest to open.
const PLATFORM: Platform = Platform::Macos;
const DEVICE: &str = "Test machine";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Missing,
    Valid,
    Expired,
    NotYetValid,
    /// Issued by another authority with the same organisation name.
    Foreign,
    /// Signed by this server's authority but not in its database.
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

    /// The rejection reason that the API contract requires.
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

/// A package on disk and its certificate.
#[derive(Debug, Clone)]
pub struct Package {
    pub kind: Kind,
    /// PKCS#12.
    pub file: PathBuf,
    pub der: Vec<u8>,
}

/// One package of each kind that was issued.
#[derive(Debug)]
pub struct Packages(Vec<Package>);

impl Packages {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    pub fn get(&self, kind: Kind) -> Option<&Package> {
        self.0.iter().find(|package| package.kind == kind)
    }

    /// Issues with the server's authority at the server's time. Returns the certificate, ready to be stored.
    pub async fn issue(
        &mut self,
        kind: Kind,
        from: &AppState,
        account_id: &AccountId,
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
        self.0.push(Package { kind, file, der: der.to_vec() });
    }
}

pub fn new_certificate(account_id: &AccountId) -> NewCertificate {
    NewCertificate {
        account_id: account_id.clone(),
        owner: "anna@example.org".parse().unwrap(),
        device_name: DEVICE.to_owned(),
        replaces: None,
    }
}
