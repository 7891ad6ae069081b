//! What the certificates of this authority have in common (RFC 5280 §4): validity, serial numbers,
//! extensions.

use package::RandomBytes;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SerialNumber,
};
use time::{Duration, OffsetDateTime};

/// Certificates begin this much before they were issued, for machines whose clock is a little behind.
pub(crate) const BACKDATE: Duration = Duration::minutes(5);
pub(crate) const ROOT_LIFETIME: Duration = Duration::days(3652);
pub(crate) const ISSUING_LIFETIME: Duration = Duration::days(1826);
/// The longest that browsers accept of a server certificate (CA/Browser Forum Baseline Requirements §6.3.2
/// until March 2026, and still the rule for roots that a person installed).
pub(crate) const SERVER_LIFETIME: Duration = Duration::days(397);

/// 158 random bits in 20 octets: positive, never longer than RFC 5280 §4.1.2.2 allows, and of one length, so
/// that the hexadecimal form is the same for every reader.
pub(crate) fn serial(random: &mut RandomBytes<'_>) -> SerialNumber {
    let mut bytes = [0_u8; 20];
    random(&mut bytes);
    bytes[0] = (bytes[0] & 0x3f) | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// Whole seconds: all that a certificate can say.
pub(crate) fn whole_seconds(instant: OffsetDateTime) -> OffsetDateTime {
    instant.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(instant)
}

/// A certificate authority's certificate, below which `path_length` further authorities may stand.
pub(crate) fn authority(
    name: DistinguishedName,
    path_length: u8,
    random: &mut RandomBytes<'_>,
) -> CertificateParams {
    let mut params = base(name, random);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A certificate for one end of a TLS connection.
pub(crate) fn end_entity(
    name: DistinguishedName,
    usage: ExtendedKeyUsagePurpose,
    random: &mut RandomBytes<'_>,
) -> CertificateParams {
    let mut params = base(name, random);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params
}

pub(crate) fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn base(name: DistinguishedName, random: &mut RandomBytes<'_>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(serial(random));
    params.use_authority_key_identifier_extension = true;
    params
}
