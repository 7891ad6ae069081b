//! Issuing: client certificates for machines, server certificates for the built-in TLS.
//!
//! A certificate never outlives the one that signed it, and never begins before it.

use std::net::IpAddr;

use package::{PrivateKey, RandomBytes};
use protocol::access::{DeviceName, EmailAddress};
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, CrlDistributionPoint, DistinguishedName, ExtendedKeyUsagePurpose, PublicKeyData,
    SanType,
};
use rustls_pki_types::DnsName;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::authority::Authority;
use crate::fields::fingerprint_hex;
use crate::key::{generate, wipe};
use crate::profile::{BACKDATE, SERVER_LIFETIME, common_name, end_entity, whole_seconds};
use crate::request::CertificateRequest;

/// Whom and what a client certificate is for.
#[derive(Debug, Clone, Copy)]
pub struct ClientProfile<'a> {
    pub device_name: &'a DeviceName,
    pub owner: &'a EmailAddress,
    pub machine: Uuid,
    /// From `now` on; cut at the end of the issuing certificate.
    pub lifetime: Duration,
    /// Where the revocation list is served.
    pub crl_url: Option<&'a str>,
}

/// An issued certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    pub der: Vec<u8>,
    pub pem: String,
    /// 40 lower-case hexadecimal digits.
    pub serial_hex: String,
    /// SHA-256 over the DER, lower-case hexadecimal.
    pub fingerprint_hex: String,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

/// A certificate and its key, which exists nowhere else.
#[derive(Debug)]
pub struct IssuedWithKey {
    pub certificate: IssuedCertificate,
    pub key: PrivateKey,
}

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    #[error("the issuing certificate is not valid at this time")]
    AuthorityNotValid,
    #[error("the address of the revocation list is not an ASCII URL")]
    CrlUrl,
    #[error("a certificate's lifetime must be longer than nothing")]
    Lifetime,
    #[error("{0:?} is neither a DNS name nor an IP address")]
    ServerName(String),
    #[error("a server certificate needs at least one name")]
    ServerNames,
    #[error("a key could not be made or used")]
    Signing(#[from] rcgen::Error),
}

impl Authority {
    /// A client certificate for the key of a verified request.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue_client_for(
        &self,
        request: &CertificateRequest,
        profile: &ClientProfile<'_>,
        now: OffsetDateTime,
        random: &mut RandomBytes<'_>,
    ) -> Result<IssuedCertificate, IssueError> {
        let params = self.client_params(profile, now, random)?;
        self.sign(params, &request.key)
    }

    /// A client certificate with a new P-256 key (from the operating system's randomness). The key is
    /// returned here and kept nowhere.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue_client_with_key(
        &self,
        profile: &ClientProfile<'_>,
        now: OffsetDateTime,
        random: &mut RandomBytes<'_>,
    ) -> Result<IssuedWithKey, IssueError> {
        let params = self.client_params(profile, now, random)?;
        self.sign_new_key(params)
    }

    /// A server certificate for DNS names and IP addresses, of 397 days at most.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue_server<Name: AsRef<str>>(
        &self,
        names: &[Name],
        lifetime: Duration,
        now: OffsetDateTime,
        random: &mut RandomBytes<'_>,
    ) -> Result<IssuedWithKey, IssueError> {
        let alternative_names =
            names.iter().map(|name| server_name(name.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let first = names.first().ok_or(IssueError::ServerNames)?.as_ref();
        // A DNS name may be longer than a common name; the alternative names carry it all the same.
        let subject = if first.len() <= 64 { common_name(first) } else { DistinguishedName::new() };
        let mut params = end_entity(subject, ExtendedKeyUsagePurpose::ServerAuth, random);
        params.subject_alt_names = alternative_names;
        // The backdating counts: 397 days from the first to the last second, both included.
        let longest = SERVER_LIFETIME - BACKDATE - Duration::SECOND;
        self.set_validity(&mut params, now, lifetime.min(longest))?;
        self.sign_new_key(params)
    }

    fn client_params(
        &self,
        profile: &ClientProfile<'_>,
        now: OffsetDateTime,
        random: &mut RandomBytes<'_>,
    ) -> Result<CertificateParams, IssueError> {
        let subject = common_name(profile.device_name.as_str());
        let mut params = end_entity(subject, ExtendedKeyUsagePurpose::ClientAuth, random);
        params.subject_alt_names = vec![
            SanType::Rfc822Name(Ia5String::try_from(profile.owner.as_str())?),
            SanType::URI(Ia5String::try_from(profile.machine.urn().to_string())?),
        ];
        if let Some(url) = profile.crl_url {
            if url.is_empty() || !url.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(IssueError::CrlUrl);
            }
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.to_owned()] }];
        }
        self.set_validity(&mut params, now, profile.lifetime)?;
        Ok(params)
    }

    fn set_validity(
        &self,
        params: &mut CertificateParams,
        now: OffsetDateTime,
        lifetime: Duration,
    ) -> Result<(), IssueError> {
        if lifetime < Duration::SECOND {
            return Err(IssueError::Lifetime);
        }
        let now = whole_seconds(now);
        if now < self.issuing_not_before || now >= self.issuing_not_after {
            return Err(IssueError::AuthorityNotValid);
        }
        params.not_before = (now - BACKDATE).max(self.issuing_not_before);
        params.not_after = now
            .checked_add(lifetime)
            .map_or(self.issuing_not_after, |end| whole_seconds(end).min(self.issuing_not_after));
        Ok(())
    }

    fn sign_new_key(&self, params: CertificateParams) -> Result<IssuedWithKey, IssueError> {
        let (key, pair) = generate()?;
        let certificate = self.sign(params, &pair)?;
        wipe(pair);
        Ok(IssuedWithKey { certificate, key })
    }

    fn sign(
        &self,
        params: CertificateParams,
        key: &impl PublicKeyData,
    ) -> Result<IssuedCertificate, IssueError> {
        let certificate = params.signed_by(key, &self.issuer)?;
        let der = certificate.der().to_vec();
        Ok(IssuedCertificate {
            pem: certificate.pem(),
            serial_hex: params.serial_number.map(|serial| hex::encode(serial.to_bytes())).unwrap_or_default(),
            fingerprint_hex: fingerprint_hex(&der),
            not_before: params.not_before,
            not_after: params.not_after,
            der,
        })
    }
}

fn server_name(name: &str) -> Result<SanType, IssueError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let name_error = || IssueError::ServerName(name.to_owned());
    DnsName::try_from(name).map_err(|_| name_error())?;
    Ok(SanType::DnsName(Ia5String::try_from(name).map_err(|_| name_error())?))
}
