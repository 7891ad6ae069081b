//! Parsing certificates. Parsing proves nothing.

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Parses one certificate without trailing bytes.
pub fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// The common name of a certificate that has exactly one.
pub fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?.to_owned();
    names.next().is_none().then_some(name)
}
