//! The archive for Linux: browsers there keep certificates in NSS databases of their own, so it carries what
//! command-line programs read (`.crt`, `.key`), what browsers read (`.p12`) and a script that imports the
//! latter.

use std::io::{Cursor, Write};

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::pkcs5::pbes2;
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
    let root = contents.chain.last().ok_or(PackageError::Chain)?;
    // The root comes on its own: a server has it already, and a person decides about it separately.
    let sent: String = std::iter::once(contents.certificate)
        .chain(contents.chain.iter().take(contents.chain.len() - 1).map(Vec::as_slice))
        .map(|der| pem("CERTIFICATE", der).to_string())
        .collect();
    let encrypted_key = encrypt(contents.key, password, random)?;
    let pkcs12 = MODERN.write(contents, password)?;
    let script = script(contents.certificate, root)?;

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
    add("ca.crt", 0o644, pem("CERTIFICATE", root).as_bytes())?;
    add("client.crt", 0o644, sent.as_bytes())?;
    add("client.key", 0o600, encrypted_key.as_bytes())?;
    add("client.p12", 0o600, &pkcs12)?;
    add("install.sh", 0o755, script.as_bytes())?;
    Ok(archive.finish()?.into_inner())
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

/// The script with the names that tell this package's entries in a machine's stores from all others.
fn script(certificate: &[u8], root: &[u8]) -> Result<String, PackageError> {
    let certificate = parse(certificate).ok_or(PackageError::Contents)?;
    let parsed_root = parse(root).ok_or(PackageError::Contents)?;
    let root_name = common_name(&parsed_root).unwrap_or_else(|| "Certificate authority".to_owned());
    // Between single quotes, nothing but a single quote is special to a shell.
    let root_name: String = root_name.chars().filter(|&c| c != '\'' && !c.is_control()).collect();
    let root_file = format!("client-certificate-authority-{}", hex(&Sha1::digest(root), ""));
    // NSS gives key and certificate the SHA-1 of the public value as their id; PKCS #11 URIs (RFC 7512) find it. What
    // that value is depends on the kind of key, and all that is packed is P-256.
    let key = certificate.public_key();
    if key.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
        return Err(PackageError::Contents);
    }
    let id = hex(&Sha1::digest(&key.subject_public_key.data), "%");
    Ok(SCRIPT.replace("@KEY_ID@", &id).replace("@CA_FILE@", &root_file).replace("@CA_NAME@", &root_name))
}

fn hex(bytes: &[u8], before_each: &str) -> String {
    bytes.iter().map(|byte| format!("{before_each}{byte:02x}")).collect()
}

/// Archives know two-second local time from 1980 to 2107. An instant outside is left at 1980.
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
