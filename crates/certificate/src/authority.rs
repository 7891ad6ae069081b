//! The authority itself: a root that signs one issuing certificate, and the issuing key that signs everything else.
//!
//! [`Authority::load`] is the only constructor, for new as for stored material: what it returns can sign, its parts belong
//! together, and both certificates are valid at `now`.

use package::{KeyPem, RandomBytes, pem};
use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyPair, PublicKeyData};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;

use crate::fields::{certificate_from_pem, fingerprint_hex, parse};
use crate::key::{generate, wipe};
use crate::profile::{BACKDATE, ISSUING_LIFETIME, ROOT_LIFETIME, authority, whole_seconds};
use crate::trust::{TrustAnchors, TrustError, issued_by};

/// The keys and certificates of an authority as they are stored, in PEM.
#[derive(Debug, Clone, Default)]
pub struct AuthorityMaterial {
    pub root_certificate: String,
    /// `None`: kept elsewhere. The daily work does not need it.
    pub root_key: Option<KeyPem>,
    pub issuing_certificate: String,
    pub issuing_key: KeyPem,
}

/// A part of the material, as errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    IssuingCertificate,
    IssuingKey,
    RootCertificate,
    RootKey,
}

/// Why an authority cannot be used. Then nothing is issued and nobody is trusted.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("the {0} cannot be read")]
    Corrupt(Part),
    #[error("the {0} has expired")]
    Expired(Part),
    #[error("the issuing certificate was not issued by the root certificate")]
    ForeignIssuing,
    #[error("the {0} does not belong to its certificate")]
    KeyMismatch(Part),
    #[error("the {0} is missing")]
    Missing(Part),
    #[error("the {0} may not sign certificates and revocation lists")]
    NotAnAuthority(Part),
    #[error("the root certificate did not sign itself")]
    NotSelfSigned,
    #[error("the {0} is not valid yet")]
    NotYetValid(Part),
    #[error("the organisation's name must have 1 to 64 visible characters")]
    Organisation,
    #[error("a key could not be made or used")]
    Signing(#[from] rcgen::Error),
}

/// Issues certificates and revocation lists.
#[derive(Debug)]
pub struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) issuing_not_before: OffsetDateTime,
    pub(crate) issuing_not_after: OffsetDateTime,
    issuing: Vec<u8>,
    root: Vec<u8>,
}

impl Authority {
    /// A new root (10 years) and issuing certificate (5 years), each with an ECDSA P-256 key of its own. The
    /// material is what [`Authority::load`] takes later.
    ///
    /// # Errors
    /// [`AuthorityError::Organisation`] for a name that does not fit into a certificate;
    /// [`AuthorityError::Signing`].
    pub fn create(
        now: OffsetDateTime,
        organisation: &str,
        random: &mut RandomBytes<'_>,
    ) -> Result<(Self, AuthorityMaterial), AuthorityError> {
        let organisation = organisation.trim();
        let length = organisation.chars().count();
        if length == 0 || length > 64 || organisation.chars().any(char::is_control) {
            return Err(AuthorityError::Organisation);
        }
        // Two authorities of one organisation must not share a name: stores that look issuers up by name
        // would find the wrong key.
        let mut suffix = [0_u8; 4];
        random(&mut suffix);
        let suffix = hex::encode(suffix);

        let (root_key, root_pair) = generate()?;
        let mut root = authority(name(organisation, "Root CA", &suffix), 1, random);
        set_validity(&mut root, now, ROOT_LIFETIME);
        let root_certificate = root.self_signed(&root_pair)?;
        wipe(root_pair);
        Self::create_below(&root_certificate.pem(), &root_key.pem(), now, organisation, random)
    }

    /// A new issuing certificate (5 years, but not beyond the root's end) and key below an existing root.
    ///
    /// # Errors
    /// As [`Authority::load`] for the root, and as [`Authority::create`].
    pub fn create_below(
        root_certificate: &str,
        root_key: &KeyPem,
        now: OffsetDateTime,
        organisation: &str,
        random: &mut RandomBytes<'_>,
    ) -> Result<(Self, AuthorityMaterial), AuthorityError> {
        let root_der = read_certificate(Part::RootCertificate, root_certificate)?;
        let root = parse(&root_der).ok_or(AuthorityError::Corrupt(Part::RootCertificate))?;
        check_may_sign(Part::RootCertificate, &root, 1)?;
        check_validity(Part::RootCertificate, &root, now)?;
        let root_pair = read_key(Part::RootKey, root_key, &root)?;
        let root_end = root.validity().not_after.to_datetime();
        let mut suffix = [0_u8; 4];
        random(&mut suffix);

        let (issuing_key, issuing_pair) = generate()?;
        let name = name(organisation.trim(), "Issuing CA", &hex::encode(suffix));
        let mut issuing = authority(name, 0, random);
        set_validity(&mut issuing, now, ISSUING_LIFETIME);
        issuing.not_after = issuing.not_after.min(root_end);
        let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(root_der.as_slice()), root_pair)?;
        let issuing_certificate = issuing.signed_by(&issuing_pair, &issuer)?;
        wipe(issuing_pair);

        let material = AuthorityMaterial {
            root_certificate: root_certificate.to_owned(),
            root_key: Some(root_key.clone()),
            issuing_certificate: issuing_certificate.pem(),
            issuing_key: issuing_key.pem(),
        };
        Ok((Self::load(&material, now)?, material))
    }

    /// The authority of stored material.
    ///
    /// # Errors
    /// Every [`AuthorityError`] except `Organisation`: a part is missing, unreadable, not valid now, not allowed to sign, or
    /// does not belong to the others.
    pub fn load(material: &AuthorityMaterial, now: OffsetDateTime) -> Result<Self, AuthorityError> {
        let root_der = read_certificate(Part::RootCertificate, &material.root_certificate)?;
        let issuing_der = read_certificate(Part::IssuingCertificate, &material.issuing_certificate)?;
        let root = parse(&root_der).ok_or(AuthorityError::Corrupt(Part::RootCertificate))?;
        let issuing = parse(&issuing_der).ok_or(AuthorityError::Corrupt(Part::IssuingCertificate))?;

        check_may_sign(Part::RootCertificate, &root, 1)?;
        check_may_sign(Part::IssuingCertificate, &issuing, 0)?;
        if !issued_by(&root, &root) {
            return Err(AuthorityError::NotSelfSigned);
        }
        if !issued_by(&issuing, &root) {
            return Err(AuthorityError::ForeignIssuing);
        }
        check_validity(Part::RootCertificate, &root, now)?;
        check_validity(Part::IssuingCertificate, &issuing, now)?;

        if let Some(root_key) = &material.root_key {
            wipe(read_key(Part::RootKey, root_key, &root)?);
        }
        let pair = read_key(Part::IssuingKey, &material.issuing_key, &issuing)?;
        let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(issuing_der.as_slice()), pair)?;
        let validity = issuing.validity();
        let (issuing_not_before, issuing_not_after) =
            (validity.not_before.to_datetime(), validity.not_after.to_datetime());
        Ok(Self { issuer, issuing_not_before, issuing_not_after, issuing: issuing_der, root: root_der })
    }

    /// The chain above every certificate issued here: the issuing certificate, then the root. DER.
    pub fn chain(&self) -> [Vec<u8>; 2] {
        [self.issuing.clone(), self.root.clone()]
    }

    /// The issuing certificate, DER.
    pub fn issuing_der(&self) -> &[u8] {
        &self.issuing
    }

    /// The issuing certificate, PEM: a TLS listener sends it after its own certificate.
    pub fn issuing_pem(&self) -> String {
        pem("CERTIFICATE", &self.issuing).to_string()
    }

    /// After this nothing can be issued any more.
    pub fn issuing_not_after(&self) -> OffsetDateTime {
        self.issuing_not_after
    }

    /// The root certificate, DER.
    pub fn root_der(&self) -> &[u8] {
        &self.root
    }

    /// SHA-256 over the root certificate, hexadecimal, for people to compare.
    pub fn root_fingerprint_hex(&self) -> String {
        fingerprint_hex(&self.root)
    }

    /// The root certificate, PEM, for people to install.
    pub fn root_pem(&self) -> String {
        pem("CERTIFICATE", &self.root).to_string()
    }

    /// Trusts this authority and no other.
    ///
    /// # Errors
    /// [`TrustError`] if webpki cannot use the certificates as trust anchors.
    pub fn trust_anchors(&self) -> Result<TrustAnchors, TrustError> {
        TrustAnchors::new(std::slice::from_ref(&self.root), std::slice::from_ref(&self.issuing))
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::IssuingCertificate => "issuing certificate",
            Self::IssuingKey => "issuing key",
            Self::RootCertificate => "root certificate",
            Self::RootKey => "root key",
        })
    }
}

fn name(organisation: &str, role: &str, suffix: &str) -> DistinguishedName {
    // "Acme Issuing CA 1a2b3c4d": RFC 5280 gives a common name 64 characters.
    let short: String = organisation.chars().take(40).collect();
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, organisation);
    name.push(DnType::CommonName, format!("{} {role} {suffix}", short.trim_end()));
    name
}

fn set_validity(params: &mut CertificateParams, now: OffsetDateTime, lifetime: time::Duration) {
    let now = whole_seconds(now);
    params.not_before = now - BACKDATE;
    params.not_after = now + lifetime;
}

fn read_certificate(part: Part, pem: &str) -> Result<Vec<u8>, AuthorityError> {
    if pem.trim().is_empty() {
        return Err(AuthorityError::Missing(part));
    }
    certificate_from_pem(pem).ok_or(AuthorityError::Corrupt(part))
}

fn read_key(part: Part, pem: &KeyPem, certificate: &X509Certificate<'_>) -> Result<KeyPair, AuthorityError> {
    if pem.expose().trim().is_empty() {
        return Err(AuthorityError::Missing(part));
    }
    let pair = KeyPair::from_pem(pem.expose()).map_err(|_| AuthorityError::Corrupt(part))?;
    if pair.subject_public_key_info() == certificate.public_key().raw {
        Ok(pair)
    } else {
        Err(AuthorityError::KeyMismatch(part))
    }
}

fn check_may_sign(
    part: Part,
    certificate: &X509Certificate<'_>,
    authorities_below: u32,
) -> Result<(), AuthorityError> {
    let constraints = certificate.basic_constraints().ok().flatten().map(|extension| extension.value);
    let is_authority = constraints
        .is_some_and(|c| c.ca && c.path_len_constraint.is_none_or(|length| length >= authorities_below));
    let usage = certificate.key_usage().ok().flatten().map(|extension| extension.value);
    if is_authority && usage.is_some_and(|u| u.key_cert_sign() && u.crl_sign()) {
        Ok(())
    } else {
        Err(AuthorityError::NotAnAuthority(part))
    }
}

fn check_validity(
    part: Part,
    certificate: &X509Certificate<'_>,
    now: OffsetDateTime,
) -> Result<(), AuthorityError> {
    let now = now.unix_timestamp();
    if now < certificate.validity().not_before.timestamp() {
        Err(AuthorityError::NotYetValid(part))
    } else if now > certificate.validity().not_after.timestamp() {
        Err(AuthorityError::Expired(part))
    } else {
        Ok(())
    }
}
