//! Certificate requests (PKCS#10, RFC 2986): a public key, and proof of possession of its private key.
//!
//! Subject and extensions of a request are ignored; only the key is used.

use rcgen::SubjectPublicKeyInfo;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
    OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA, OID_SIG_ED25519,
};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509;

/// A request with an RSA key of 8192 bits and a long name has less than 6 kB.
const MAX_LENGTH: usize = 16 * 1024;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("this is not a certificate request in PEM (PKCS#10)")]
    Malformed,
    #[error("the request's signature does not prove that the key is held")]
    Signature,
    #[error("use a key of type EC P-256, EC P-384, Ed25519 or RSA with 2048 to 8192 bits")]
    UnsupportedKey,
}

/// A key whose holder signed the request.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    pub(crate) key: SubjectPublicKeyInfo,
    key_der: Vec<u8>,
}

impl CertificateRequest {
    /// Parses a request and verifies its signature.
    ///
    /// # Errors
    /// [`RequestError`], whose messages are for the person who sent the request.
    pub fn from_pem(text: &str) -> Result<Self, RequestError> {
        if text.len() > MAX_LENGTH {
            return Err(RequestError::Malformed);
        }
        let (rest, pem) = parse_x509_pem(text.as_bytes()).map_err(|_| RequestError::Malformed)?;
        // `NEW` is how Windows' certreq writes it.
        let labelled = matches!(pem.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST");
        if !labelled || !rest.iter().all(u8::is_ascii_whitespace) {
            return Err(RequestError::Malformed);
        }
        let (rest, request) =
            X509CertificationRequest::from_der(&pem.contents).map_err(|_| RequestError::Malformed)?;
        if !rest.is_empty() {
            return Err(RequestError::Malformed);
        }
        let info = &request.certification_request_info.subject_pki;
        if !is_supported(info) {
            return Err(RequestError::UnsupportedKey);
        }
        // The verifier accepts SHA-1 for old certificates; a request is always new.
        let hashed_with_sha1 =
            [OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA].contains(&request.signature_algorithm.algorithm);
        if hashed_with_sha1 || request.verify_signature().is_err() {
            return Err(RequestError::Signature);
        }
        let key = SubjectPublicKeyInfo::from_der(info.raw).map_err(|_| RequestError::UnsupportedKey)?;
        Ok(Self { key, key_der: info.raw.to_vec() })
    }

    /// SHA-256 over the public key (`SubjectPublicKeyInfo`), hexadecimal: the same for every request with this
    /// key.
    pub fn key_fingerprint_hex(&self) -> String {
        crate::fields::fingerprint_hex(&self.key_der)
    }
}

fn is_supported(info: &x509::SubjectPublicKeyInfo<'_>) -> bool {
    let algorithm = &info.algorithm.algorithm;
    if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
        curve.is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384)
    } else if *algorithm == OID_PKCS1_RSAENCRYPTION {
        matches!(info.parsed(), Ok(PublicKey::RSA(key)) if RSA_BITS.contains(&key.key_size()))
    } else {
        *algorithm == OID_SIG_ED25519
    }
}
