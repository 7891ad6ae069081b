//! Keys that are made in the page: their requests, as OpenSSL and the authority read them, and their packages, beside
//! those of the server.

use certificate::{Authority, CertificateRequest, IssuedCertificate};
use keys::{Answer, KeyError, MachineKey};
use package::{Package, PackageError};
use protocol::access::{DeviceName, Platform};
use tempfile::tempdir;

use crate::packages::{info, pack, read_back, read_back_with, unpacked};
use crate::support::{PASSWORD, authority, client, now, openssl, output, owner, profile, random, run, write};

const DEVICE: &str = "Anna’s laptop";

fn certify(authority: &Authority, key: &MachineKey) -> IssuedCertificate {
    let device_name: DeviceName = DEVICE.parse().unwrap();
    let request = CertificateRequest::from_pem(key.request()).unwrap();
    authority.issue_client_for(&request, &profile(&device_name, &owner()), now(), &mut random(7)).unwrap()
}

/// What the server answers: the certificate and the issuing one.
fn answered(authority: &Authority, certificate: &IssuedCertificate) -> String {
    format!("{}{}", certificate.pem, authority.issuing_pem())
}

fn try_pack(
    key: &MachineKey,
    certificates: &str,
    roots: &str,
    platform: Platform,
    password: &str,
) -> Result<Package, KeyError> {
    key.package(platform, Answer { certificates, roots }, password, now(), &mut random(5))
}

#[test]
fn a_request_proves_its_key_and_says_nothing_else() {
    let folder = tempdir().unwrap();
    let key = MachineKey::generate(&mut random(3)).unwrap();
    write(folder.path(), "request.pem", key.request());
    let checked = run("openssl", &["req", "-in", "request.pem", "-verify", "-noout"], folder.path(), "");
    assert!(checked.status.success());
    let text = openssl(&["req", "-in", "request.pem", "-noout", "-text"], folder.path());
    assert!(text.contains("ASN1 OID: prime256v1"), "{text}");
    assert!(text.contains("Signature Algorithm: ecdsa-with-SHA256"), "{text}");
    assert!(text.lines().any(|line| line.trim_end().ends_with("Subject:")), "it names nobody: {text}");
    assert!(text.contains("Attributes:\n            (none)"), "{text}");
    assert!(!format!("{key:?}").to_lowercase().contains("private key"), "{key:?}");

    // The server gives the same certificate only for the same text.
    assert_eq!(key.request(), key.request());
    let other = MachineKey::generate(&mut random(4)).unwrap();
    assert_ne!(key.request(), other.request());
}

#[test]
fn the_pages_package_is_read_back_and_like_the_servers() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let (authority, _) = authority(1);
    let key = MachineKey::generate(&mut random(3)).unwrap();
    let certificate = certify(&authority, &key);
    let answer = answered(&authority, &certificate);
    for platform in [Platform::Windows, Platform::Macos] {
        let package = try_pack(&key, &answer, &authority.root_pem(), platform, PASSWORD).unwrap();
        let servers = pack(&authority, &client(&authority, DEVICE, now(), 2), DEVICE, platform, PASSWORD);
        assert_eq!((&package.file_name, package.media_type), (&servers.file_name, servers.media_type));
        write(folder, "page.p12", &package.bytes);
        write(folder, "server.p12", &servers.bytes);
        read_back(folder, "page.p12", &certificate, PASSWORD);
        assert_eq!(info(folder, "page.p12"), info(folder, "server.p12"), "the same algorithms");
    }
}

#[test]
fn the_pages_archive_has_the_same_files_as_the_servers() {
    let (authority, _) = authority(1);
    let key = MachineKey::generate(&mut random(3)).unwrap();
    let certificate = certify(&authority, &key);
    let answer = answered(&authority, &certificate);
    let package = try_pack(&key, &answer, &authority.root_pem(), Platform::Linux, PASSWORD).unwrap();
    let servers = pack(&authority, &client(&authority, DEVICE, now(), 2), DEVICE, Platform::Linux, PASSWORD);
    let (page, server) = (unpacked(&package), unpacked(&servers));
    let listed = |folder: &std::path::Path| {
        // Modes and names; sizes of the files that hold a signature differ.
        let listing = output("unzip", &["-Z", "client.zip"], folder, "");
        let entries = listing.lines().filter(|line| line.starts_with('-'));
        entries
            .map(|line| format!("{} {}", &line[..10], line.split(' ').next_back().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(page.path()), listed(server.path()));
    let file = |folder: &std::path::Path, name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for name in ["README.txt", "ca.crt"] {
        assert_eq!(file(page.path(), name), file(server.path(), name), "{name}");
    }
    assert_eq!(file(page.path(), "client.crt"), answer);
    read_back(page.path(), "client.p12", &certificate, PASSWORD);
    let pass = format!("pass:{PASSWORD}");
    let public = openssl(&["pkey", "-in", "client.key", "-passin", &pass, "-pubout"], page.path());
    assert_eq!(public, output("openssl", &["x509", "-noout", "-pubkey"], page.path(), &certificate.pem));
}

#[test]
fn a_package_can_be_made_again_with_another_password() {
    let folder = tempdir().unwrap();
    let (authority, _) = authority(1);
    let key = MachineKey::generate(&mut random(3)).unwrap();
    let certificate = certify(&authority, &key);
    let answer = answered(&authority, &certificate);
    let refused = try_pack(&key, &answer, &authority.root_pem(), Platform::Windows, "emoji 😀 password");
    assert!(matches!(refused, Err(KeyError::Package(PackageError::Password))));
    for password in [PASSWORD, "another password"] {
        let package = try_pack(&key, &answer, &authority.root_pem(), Platform::Windows, password).unwrap();
        write(folder.path(), "page.p12", &package.bytes);
        read_back(folder.path(), "page.p12", &certificate, password);
    }
}

#[test]
fn every_root_is_in_the_package_once() {
    let folder = tempdir().unwrap();
    let (ours, _) = authority(1);
    let (other, _) = authority(2);
    let key = MachineKey::generate(&mut random(3)).unwrap();
    let certificate = certify(&ours, &key);
    let roots = format!("{}{}", other.root_pem(), ours.root_pem());
    let with_root = format!("{}{}", answered(&ours, &certificate), ours.root_pem());
    for answer in [answered(&ours, &certificate), with_root] {
        let package = try_pack(&key, &answer, &roots, Platform::Windows, PASSWORD).unwrap();
        write(folder.path(), "page.p12", &package.bytes);
        read_back_with(2, folder.path(), "page.p12", &certificate, PASSWORD);
    }
    let foreign =
        try_pack(&key, &answered(&ours, &certificate), &other.root_pem(), Platform::Windows, PASSWORD);
    assert!(matches!(foreign, Err(KeyError::Authority)));
}

#[test]
fn answers_that_are_not_for_this_key_are_refused() {
    let (authority, _) = authority(1);
    let key = MachineKey::generate(&mut random(3)).unwrap();
    let other = MachineKey::generate(&mut random(4)).unwrap();
    let others = answered(&authority, &certify(&authority, &other));
    let own = answered(&authority, &certify(&authority, &key));
    let half = &own[..own.len() / 2];
    for answer in ["", "<html>proxy</html>", half, &others, other.request(), &authority.issuing_pem()] {
        let refused = try_pack(&key, answer, &authority.root_pem(), Platform::Windows, PASSWORD);
        assert!(matches!(refused, Err(KeyError::Answer)), "{answer}");
    }
}

#[test]
fn without_randomness_there_is_no_key() {
    let refused = MachineKey::generate(&mut |bytes| bytes.fill(0));
    assert!(matches!(refused, Err(KeyError::Random)));
    assert!(matches!(MachineKey::generate(&mut |bytes| bytes.fill(0xff)), Err(KeyError::Random)));
}
