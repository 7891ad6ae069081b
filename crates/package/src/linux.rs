//! The archive for Linux. Browsers there have NSS databases of their own, so it holds files for command-line programs
//! (`.crt`, `.key`), one for browsers (`.p12`) and a script that imports that one.

use std::fmt::Write as _;
use std::io::{Cursor, Write};

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::pkcs5::pbes2;
use protocol::text::is_invisible;
use sha1::{Digest, Sha1};
use time::OffsetDateTime;
use x509_parser::oid_registry::OID_KEY_TYPE_EC_PUBLIC_KEY;
use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::key::{PrivateKey, pem};
use crate::pkcs12::MODERN;
use crate::read::{common_name, parse};
use crate::{Contents, PackageError, RandomBytes};

const README: &str = include_str!("README.txt");
const SCRIPT: &str = include_str!("install.sh");
const KEY_ITERATIONS: u32 = 100_000;

pub(super) fn write(
    contents: &Contents<'_>,
    password: &str,
    now: OffsetDateTime,
    random: &mut RandomBytes<'_>,
) -> Result<Vec<u8>, PackageError> {
    let (root, issuing) = contents.chain.split_last().ok_or(PackageError::Chain)?;
    // Roots are in a file of their own: servers have them already, and the user decides about them separately.
    let roots: Vec<_> = std::iter::once(root).chain(contents.other_roots).map(Vec::as_slice).collect();
    let client_chain: Vec<_> =
        std::iter::once(contents.certificate).chain(issuing.iter().map(Vec::as_slice)).collect();
    let encrypted_key = encrypt(contents.key, password, random)?;
    let pkcs12 = MODERN.write(contents, password)?;
    let script = script(contents.certificate, &roots)?;

    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(dos_time(now));
    let mut add = |name: &str, mode: u32, bytes: &[u8]| -> Result<(), PackageError> {
        archive.start_file(name, options.unix_permissions(mode))?;
        archive.write_all(bytes).map_err(zip::result::ZipError::Io)?;
        Ok(())
    };
    add("README.txt", 0o644, README.as_bytes())?;
    add("ca.crt", 0o644, to_pem(&roots).as_bytes())?;
    add("client.crt", 0o644, to_pem(&client_chain).as_bytes())?;
    add("client.key", 0o600, encrypted_key.as_bytes())?;
    add("client.p12", 0o600, &pkcs12)?;
    add("install.sh", 0o755, script.as_bytes())?;
    Ok(archive.finish()?.into_inner())
}

fn to_pem(certificates: &[&[u8]]) -> String {
    certificates.iter().map(|der| pem("CERTIFICATE", der).to_string()).collect()
}

/// PKCS#8, encrypted with PBES2 (PBKDF2 with SHA-256, AES-256-CBC): RFC 8018.
fn encrypt(
    key: &PrivateKey,
    password: &str,
    random: &mut RandomBytes<'_>,
) -> Result<Zeroizing<String>, PackageError> {
    let (mut salt, mut iv) = ([0_u8; 16], [0_u8; 16]);
    random(&mut salt);
    random(&mut iv);
    let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(KEY_ITERATIONS, &salt, iv)
        .map_err(pkcs8::Error::from)?;
    let key = PrivateKeyInfoRef::try_from(key.der()).map_err(|_| PackageError::Contents)?;
    let encrypted = key.encrypt_with_params(parameters, password)?;
    encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).map_err(|_| PackageError::Contents)
}

/// The script, with the names that identify this package's entries in the certificate stores.
fn script(certificate: &[u8], roots: &[&[u8]]) -> Result<String, PackageError> {
    let certificate = parse(certificate).ok_or(PackageError::Contents)?;
    let roots: String = roots.iter().map(|root| root_line(root)).collect::<Result<_, _>>()?;
    // NSS uses the SHA-1 of the public value as the id of key and certificate, and PKCS #11 URIs (RFC 7512) refer to it. The
    // public value depends on the type of the key; packages only hold P-256 keys.
    let key = certificate.public_key();
    if key.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
        return Err(PackageError::Contents);
    }
    let id = hex(&Sha1::digest(&key.subject_public_key.data), "%");
    Ok(SCRIPT.replace("@KEY_ID@", &id).replace("@ROOTS@\n", &roots))
}

/// The script's line for a root: its file name in the system's store, and its name in a database. The script does not
/// expand the lines, so only a line break in a name would matter.
fn root_line(root: &[u8]) -> Result<String, PackageError> {
    let parsed = parse(root).ok_or(PackageError::Contents)?;
    let name = common_name(&parsed).unwrap_or_else(|| "Certificate authority".to_owned());
    let name: String = name.chars().filter(|c| !is_invisible(*c)).collect();
    Ok(format!("client-certificate-authority-{} {name}\n", hex(&Sha1::digest(root), "")))
}

fn hex(bytes: &[u8], before_each: &str) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{before_each}{byte:02x}");
        text
    })
}

/// Archives store local time from 1980 to 2107 in steps of two seconds. An instant outside becomes 1980.
fn dos_time(now: OffsetDateTime) -> DateTime {
    let now = now.to_offset(time::UtcOffset::UTC);
    u16::try_from(now.year())
        .ok()
        .and_then(|year| {
            let (month, day) = (u8::from(now.month()), now.day());
            DateTime::from_date_and_time(year, month, day, now.hour(), now.minute(), now.second()).ok()
        })
        .unwrap_or_default()
}
