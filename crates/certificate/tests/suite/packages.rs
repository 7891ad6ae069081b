//! Packages, read back by OpenSSL and NSS.

use std::path::Path;

use certificate::package::{Contents, Package, PackageError, build};
use certificate::{Authority, IssuedCertificate, IssuedWithKey};
use protocol::access::Platform;
use tempfile::{TempDir, tempdir};

use crate::support::{PASSWORD, authority, both, client, now, openssl, output, random, run, write};

pub fn pack(
    authority: &Authority,
    issued: &IssuedWithKey,
    device: &str,
    platform: Platform,
    password: &str,
) -> Package {
    try_pack(authority, issued, device, platform, password).unwrap()
}

/// While another authority is trusted too.
pub fn pack_beside(
    other: &Authority,
    authority: &Authority,
    issued: &IssuedWithKey,
    device: &str,
    platform: Platform,
) -> Package {
    let contents = Contents {
        certificate: &issued.certificate.der,
        chain: &authority.chain(),
        other_roots: &[other.root_der().to_vec()],
        key: &issued.key,
        device_name: device,
    };
    build(platform, &contents, PASSWORD, now(), &mut random(5)).unwrap()
}

fn try_pack(
    authority: &Authority,
    issued: &IssuedWithKey,
    device: &str,
    platform: Platform,
    password: &str,
) -> Result<Package, PackageError> {
    let chain = authority.chain();
    let contents = Contents {
        certificate: &issued.certificate.der,
        chain: &chain,
        other_roots: &[],
        key: &issued.key,
        device_name: device,
    };
    build(platform, &contents, password, now(), &mut random(5))
}

/// OpenSSL's and NSS' reading of a PKCS#12 file: three certificates, the key of the first, no other password.
pub fn read_back(folder: &Path, file: &str, certificate: &IssuedCertificate, password: &str) {
    read_back_with(1, folder, file, certificate, password);
}

/// With so many roots.
pub fn read_back_with(
    roots: usize,
    folder: &Path,
    file: &str,
    certificate: &IssuedCertificate,
    password: &str,
) {
    let right = format!("pass:{password}");
    let pem = openssl(&["pkcs12", "-in", file, "-passin", &right, "-nodes"], folder);
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2 + roots, "{pem}");
    let exported = openssl(&["pkcs12", "-in", file, "-passin", &right, "-nodes", "-nocerts"], folder);
    assert_eq!(output("openssl", &["pkey", "-pubout"], folder, &exported), public_key(certificate, folder));
    let leaf = openssl(&["pkcs12", "-in", file, "-passin", &right, "-clcerts", "-nokeys"], folder);
    let fingerprint = output("openssl", &["x509", "-noout", "-fingerprint", "-sha256"], folder, &leaf);
    assert!(fingerprint.replace(':', "").to_lowercase().contains(&certificate.fingerprint_hex));
    let wrong =
        run("openssl", &["pkcs12", "-in", file, "-passin", "pass:wrong password", "-nodes"], folder, "");
    assert!(!wrong.status.success() && both(&wrong).contains("invalid password"), "{}", both(&wrong));

    let database = tempdir().unwrap();
    let sql = format!("sql:{}", database.path().display());
    output("certutil", &["-N", "-d", &sql, "--empty-password"], folder, "");
    let wrong = run("pk12util", &["-i", file, "-d", &sql, "-W", "wrong password"], folder, "");
    assert!(!wrong.status.success(), "{}", both(&wrong));
    output("pk12util", &["-i", file, "-d", &sql, "-W", password], folder, "");
    let keys = output("certutil", &["-K", "-d", &sql], folder, "");
    assert_eq!(keys.matches("< 0> ec").count(), 1, "{keys}");
    let certificates = output("certutil", &["-L", "-d", &sql], folder, "");
    assert_eq!(certificates.matches("u,u,u").count(), 1, "{certificates}");
    assert_eq!(certificates.matches(",,").count(), 1 + roots, "{certificates}");
}

#[test]
fn windows_gets_aes_that_openssl_and_nss_read() {
    let folder = tempdir().unwrap();
    let (authority, _) = authority(1);
    let issued = client(&authority, "Anna’s laptop", now(), 2);
    let package = pack(&authority, &issued, "Anna’s laptop", Platform::Windows, PASSWORD);
    assert_eq!(package.file_name, "certificate-anna-s-laptop.pfx");
    assert_eq!(package.media_type, "application/x-pkcs12");
    write(folder.path(), "client.pfx", &package.bytes);
    read_back(folder.path(), "client.pfx", &issued.certificate, PASSWORD);
    let info = info(folder.path(), "client.pfx");
    assert!(info.contains("MAC: sha256"), "{info}");
    assert_eq!(
        info.matches("PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256").count(),
        2,
        "{info}"
    );
}

#[test]
fn macos_gets_triple_des_that_openssl_3_reads_without_its_legacy_provider() {
    let folder = tempdir().unwrap();
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let package = pack(&authority, &issued, "Laptop", Platform::Macos, PASSWORD);
    assert_eq!(package.file_name, "certificate-laptop.p12");
    write(folder.path(), "client.p12", &package.bytes);
    read_back(folder.path(), "client.p12", &issued.certificate, PASSWORD);
    let info = info(folder.path(), "client.p12");
    assert!(info.contains("MAC: sha1"), "{info}");
    assert_eq!(info.matches("pbeWithSHA1And3-KeyTripleDES-CBC").count(), 2, "{info}");
}

#[test]
fn both_roots_are_in_it_while_one_authority_replaces_another() {
    let folder = tempdir().unwrap();
    let (authority, _) = authority(1);
    let (other, _) = self::authority(2);
    let issued = client(&authority, "Laptop", now(), 2);
    for platform in [Platform::Windows, Platform::Macos] {
        let package = pack_beside(&other, &authority, &issued, "Laptop", platform);
        write(folder.path(), "client.p12", &package.bytes);
        read_back_with(2, folder.path(), "client.p12", &issued.certificate, PASSWORD);
    }
    let archive = unpacked(&pack_beside(&other, &authority, &issued, "Laptop", Platform::Linux));
    read_back_with(2, archive.path(), "client.p12", &issued.certificate, PASSWORD);
    let roots = std::fs::read_to_string(archive.path().join("ca.crt")).unwrap();
    assert_eq!(roots, format!("{}{}", authority.root_pem(), other.root_pem()));
}

#[test]
fn unicode_names_and_passwords_are_read_back() {
    let folder = tempdir().unwrap();
    let (authority, _) = authority(1);
    for (device, password) in
        [("😀", "ordinary password"), ("电脑 😀", "pässwörter, 密码"), ("$(touch x)", "'\"\\$`!* ;&")]
    {
        let issued = client(&authority, device, now(), 2);
        for platform in [Platform::Windows, Platform::Macos] {
            let package = pack(&authority, &issued, device, platform, password);
            write(folder.path(), "client.p12", &package.bytes);
            read_back(folder.path(), "client.p12", &issued.certificate, password);
        }
    }
}

#[test]
fn passwords_that_cannot_be_typed_back_are_refused() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    for platform in Platform::ALL {
        for password in ["", "emoji 😀 password", "two\nlines of text"] {
            let error = try_pack(&authority, &issued, "Laptop", platform, password).unwrap_err();
            assert!(matches!(error, PackageError::Password), "{password:?}: {error}");
        }
    }
}

#[test]
fn linux_gets_an_archive_with_a_file_for_every_program() {
    let (authority, material) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let folder = unpacked(&pack(&authority, &issued, "Laptop", Platform::Linux, PASSWORD));
    let folder = folder.path();
    let listing = output("unzip", &["-Z", "client.zip"], folder, "");
    for line in [
        "-rwxr-xr-x|install.sh",
        "-rw-------|client.key",
        "-rw-------|client.p12",
        "-rw-r--r--|client.crt",
        "-rw-r--r--|ca.crt",
        "-rw-r--r--|README.txt",
    ] {
        let (mode, name) = line.split_once('|').unwrap();
        assert!(
            listing.lines().any(|l| l.starts_with(mode) && l.ends_with(name)),
            "{line} is not in:\n{listing}"
        );
    }
    read_back(folder, "client.p12", &issued.certificate, PASSWORD);
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(file("ca.crt"), material.root_certificate);
    assert_eq!(file("client.crt"), format!("{}{}", issued.certificate.pem, material.issuing_certificate));
    assert!(file("client.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let pass = format!("pass:{PASSWORD}");
    assert_eq!(
        openssl(&["pkey", "-in", "client.key", "-passin", &pass, "-pubout"], folder),
        public_key(&issued.certificate, folder)
    );
    let wrong = run("openssl", &["pkey", "-in", "client.key", "-passin", "pass:wrong password"], folder, "");
    assert!(!wrong.status.success());
    let script = file("install.sh");
    assert!(!["@ROOTS", "@KEY_"].iter().any(|name| script.contains(name)), "a placeholder is left");
}

pub fn unpacked(package: &Package) -> TempDir {
    let folder = tempdir().unwrap();
    assert_eq!(package.media_type, "application/zip");
    write(folder.path(), "client.zip", &package.bytes);
    output("unzip", &["-q", "client.zip"], folder.path(), "");
    folder
}

/// The public key in a certificate, as OpenSSL writes it.
fn public_key(certificate: &IssuedCertificate, folder: &Path) -> String {
    output("openssl", &["x509", "-noout", "-pubkey"], folder, &certificate.pem)
}

pub fn info(folder: &Path, file: &str) -> String {
    let pass = format!("pass:{PASSWORD}");
    both(&run("openssl", &["pkcs12", "-in", file, "-passin", &pass, "-info", "-noout"], folder, ""))
}
