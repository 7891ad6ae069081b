//! Issuing certificates to machines.

use std::sync::Arc;

use ::certificate::package::{self, Contents, PackageError};
use ::certificate::{CertificateRequest, ClientProfile, IssueError, IssuedCertificate, RandomBytes};
use domain::certificate::MachineCertificate;
use domain::id::{AccountId, MachineId};
use protocol::access::{DeviceName, EmailAddress, Platform};
use protocol::people::NewPassword;
use protocol::{Problem, ServiceError};
use time::Duration;
use uuid::Uuid;

use super::authority::Trusted;
use super::{Certificates, Inner};
use crate::failure::Failure;

/// The subject of a certificate to be issued.
#[derive(Debug, Clone)]
pub struct NewCertificate {
    pub account_id: AccountId,
    pub owner: EmailAddress,
    pub device_name: String,
    /// The certificate that it replaces, for the same machine. `None`: a new machine.
    pub replaces: Option<MachineCertificate>,
}

pub use ::certificate::package::Package as IssuedPackage;

impl Certificates {
    /// A certificate with a key made here, packaged for a platform. Nothing is stored: the caller stores the certificate in
    /// the transaction that redeems the link. The key exists only in the package.
    pub async fn issue_package(
        &self,
        new: NewCertificate,
        platform: Platform,
        password: NewPassword,
    ) -> Result<(MachineCertificate, IssuedPackage), ServiceError> {
        let busy = || Problem::unavailable("Many packages are being made at the moment.", 5);
        let permit = Arc::clone(&self.0.packing).acquire_owned().await.map_err(|_| busy())?;
        let inner = Arc::clone(&self.0);
        let package = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            inner.pack(&new, platform, &password)
        });
        package.await.map_err(Failure::Task)?
    }

    /// A certificate for the key of a PKCS#10 request.
    pub async fn issue_for_csr(
        &self,
        new: NewCertificate,
        csr: &str,
    ) -> Result<MachineCertificate, ServiceError> {
        let request = read_request(csr)?;
        let authorities = self.authorities();
        let issuer = authorities.in_use()?;
        self.0.issue(issuer, &new, |profile, random| {
            issuer.authority.issue_client_for(&request, profile, self.0.env.clock.now(), random)
        })
    }

    /// The certificate and its issuer's, PEM.
    pub fn chain_pem(&self, certificate: &MachineCertificate) -> String {
        let authorities = self.authorities();
        let issuing = certificate
            .authority_id
            .as_ref()
            .and_then(|id| authorities.find(id))
            .map(|issuer| issuer.authority.issuing_pem());
        format!("{}{}", to_pem(&certificate.certificate), issuing.unwrap_or_default())
    }
}

impl Inner {
    fn pack(
        &self,
        new: &NewCertificate,
        platform: Platform,
        password: &NewPassword,
    ) -> Result<(MachineCertificate, IssuedPackage), ServiceError> {
        let now = self.env.clock.now();
        let (authorities, mut key) = (self.authorities(), None);
        let issuer = authorities.in_use()?;
        let stored = self.issue(issuer, new, |profile, random| {
            let issued = issuer.authority.issue_client_with_key(profile, now, random)?;
            key = Some(issued.key);
            Ok(issued.certificate)
        })?;
        let key = key.ok_or(Failure::Other("no key was generated"))?;
        let contents = Contents {
            certificate: &stored.certificate,
            chain: &issuer.authority.chain(),
            other_roots: &authorities.roots_except(issuer.authority.root_der()),
            key: &key,
            device_name: &new.device_name,
        };
        let random = &self.env.random;
        match package::build(platform, &contents, password.expose(), now, &mut |bytes| random.fill(bytes)) {
            Ok(package) => Ok((stored, package)),
            Err(error @ PackageError::Password) => Err(Problem::invalid_input()
                .field("password", format!("Choose another password: {error}."))
                .into()),
            Err(error) => Err(Failure::from(error).into()),
        }
    }

    pub(super) fn issue(
        &self,
        issuer: &Trusted,
        new: &NewCertificate,
        sign: impl FnOnce(&ClientProfile<'_>, &mut RandomBytes<'_>) -> Result<IssuedCertificate, IssueError>,
    ) -> Result<MachineCertificate, ServiceError> {
        let device_name = DeviceName::from_stored(&new.device_name);
        let former = new.replaces.as_ref();
        let machine_id: MachineId =
            former.map_or_else(|| self.env.new_id(), |former| former.machine_id.clone());
        let crl_url = self.env.config.public_url.join(&format!("/crl/{}", issuer.id));
        let profile = ClientProfile {
            device_name: &device_name,
            owner: &new.owner,
            machine: machine_id.as_str().parse::<Uuid>().map_err(|_| Failure::Other("an id is no UUID"))?,
            lifetime: Duration::days(i64::from(self.env.config.access.certificate_days)),
            crl_url: Some(&crl_url),
        };
        let random = &self.env.random;
        let issued = sign(&profile, &mut |bytes| random.fill(bytes)).map_err(Failure::from)?;
        Ok(MachineCertificate {
            id: self.env.new_id(),
            machine_id,
            account_id: new.account_id.clone(),
            device_name: device_name.into_string(),
            serial: issued.serial_hex,
            fingerprint: issued.fingerprint_hex,
            certificate: issued.der,
            not_before: issued.not_before.unix_timestamp(),
            not_after: issued.not_after.unix_timestamp(),
            revoked_at: None,
            renewed_from: former.map(|former| former.id.clone()),
            authority_id: Some(issuer.id.clone()),
        })
    }
}

/// Parses a certificate request from a client.
pub fn read_request(csr: &str) -> Result<CertificateRequest, Problem> {
    CertificateRequest::from_pem(csr).map_err(|error| {
        Problem::invalid_input().field("csr", format!("Send a PKCS#10 request in PEM: {error}."))
    })
}

/// RFC 7468 §5.
fn to_pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
