//! The fields of a certificate. Parsing proves nothing: see [`crate::TrustAnchors::verify_client`].

pub(crate) use package::{common_name, parse};
use protocol::certificate::PresentedCertificate;
use protocol::text::is_invisible;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;
use x509_parser::x509::X509Name;

/// A name in a foreign certificate may be megabytes long; it is cut to this many characters.
const MAX_NAME_LENGTH: usize = 300;

/// The fields of a presented certificate for display; `None` if it cannot be parsed.
pub fn describe(leaf_der: &[u8]) -> Option<PresentedCertificate> {
    let certificate = parse(leaf_der)?;
    Some(PresentedCertificate {
        subject: printable_name(certificate.subject()),
        issuer: printable_name(certificate.issuer()),
        serial: serial_hex(&certificate),
        fingerprint: fingerprint_hex(leaf_der),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

/// As [`describe`], of the one certificate in this PEM text.
pub fn describe_pem(text: &str) -> Option<PresentedCertificate> {
    describe(&certificate_from_pem(text)?)
}

/// SHA-256 over the DER, lower-case hexadecimal.
pub fn fingerprint_hex(der: &[u8]) -> String {
    hex::encode(Sha256::digest(der))
}

/// SHA-256 over a certificate's public key (`SubjectPublicKeyInfo`), lower-case hexadecimal: the same as that of each request
/// with this key. `None` if it is no certificate.
pub fn key_fingerprint_hex(der: &[u8]) -> Option<String> {
    Some(fingerprint_hex(parse(der)?.public_key().raw))
}

/// The DER of the one certificate in this PEM text.
pub(crate) fn certificate_from_pem(text: &str) -> Option<Vec<u8>> {
    let (rest, pem) = parse_x509_pem(text.as_bytes()).ok()?;
    let alone = rest.iter().all(u8::is_ascii_whitespace);
    (alone && pem.label == "CERTIFICATE").then_some(pem.contents)
}

/// Lower-case hexadecimal without the sign octet that DER puts before a high first bit.
pub(crate) fn serial_hex(certificate: &X509Certificate<'_>) -> String {
    let raw = certificate.raw_serial();
    let start = raw.iter().position(|&b| b != 0).unwrap_or(raw.len().saturating_sub(1));
    hex::encode(raw.get(start..).unwrap_or_default())
}

/// The owner's address and the machine's UUID from the subject alternative names, each exactly once.
pub(crate) fn owner_and_machine(certificate: &X509Certificate<'_>) -> Option<(String, uuid::Uuid)> {
    let names = &certificate.subject_alternative_name().ok()??.value.general_names;
    let mut owners = names.iter().filter_map(|name| match name {
        GeneralName::RFC822Name(address) => Some(*address),
        _ => None,
    });
    let mut machines = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => uri.strip_prefix("urn:uuid:")?.parse().ok(),
        _ => None,
    });
    let found = (owners.next()?.to_owned(), machines.next()?);
    (owners.next().is_none() && machines.next().is_none()).then_some(found)
}

/// A name to display: invisible and bidirectional control characters are replaced by U+FFFD.
fn printable_name(name: &X509Name<'_>) -> String {
    let printable = |c| if is_invisible(c) { '\u{FFFD}' } else { c };
    name.to_string().chars().take(MAX_NAME_LENGTH).map(printable).collect()
}
