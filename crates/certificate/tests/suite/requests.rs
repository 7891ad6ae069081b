//! Certificate requests as OpenSSL writes them, good and bad.

use std::path::Path;

use certificate::{CertificateRequest, RequestError};
use protocol::access::DeviceName;
use tempfile::tempdir;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::support::{NOW, authority, now, openssl, output, owner, profile, random, write};

/// A request for a new key; `key` are arguments to `openssl genpkey`, `extra` to `openssl req`.
fn request(folder: &Path, key: &[&str], extra: &[&str]) -> String {
    let mut arguments = vec!["genpkey", "-out", "client.key"];
    arguments.extend(key);
    openssl(&arguments, folder);
    let mut arguments = vec!["req", "-new", "-key", "client.key", "-subj", "/O=Evil/CN=Administrator"];
    arguments.extend(extra);
    openssl(&arguments, folder)
}

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
const P521: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
const ED25519: &[&str] = &["-algorithm", "ED25519"];
const RSA1024: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"];
const RSA2048: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

#[test]
fn every_supported_key_gets_a_certificate_that_openssl_accepts() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let (authority, material) = authority(1);
    write(folder, "root.crt", &material.root_certificate);
    write(folder, "issuing.crt", &material.issuing_certificate);
    let (device, owner) = ("Laptop".parse::<DeviceName>().unwrap(), owner());
    // A P-384 key signs with SHA-256 by OpenSSL's default: the hash says nothing about the curve.
    let cases: [(&[&str], &[&str]); 6] = [
        (P256, &[]),
        (P384, &["-sha256"]),
        (P384, &["-sha384"]),
        (ED25519, &[]),
        (RSA2048, &["-newhdr"]),
        (RSA2048, &["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]),
    ];
    for (key, extra) in cases {
        let request = CertificateRequest::from_pem(&request(folder, key, extra)).unwrap();
        let issued =
            authority.issue_client_for(&request, &profile(&device, &owner), now(), &mut random(2)).unwrap();
        write(folder, "leaf.crt", &issued.pem);
        let instant = (NOW + 60).to_string();
        let verify = ["verify", "-x509_strict", "-attime", &instant, "-purpose", "sslclient"];
        openssl(
            &[&verify[..], &["-CAfile", "root.crt", "-untrusted", "issuing.crt", "leaf.crt"]].concat(),
            folder,
        );
        // It is the requester's key.
        assert_eq!(
            openssl(&["x509", "-in", "leaf.crt", "-noout", "-pubkey"], folder),
            openssl(&["pkey", "-in", "client.key", "-pubout"], folder),
        );
        assert!(authority.trust_anchors().unwrap().verify_client(&issued.der, &[], now()).is_ok());
    }
}

#[test]
fn nothing_but_the_key_is_taken_over() {
    let folder = tempdir().unwrap();
    let (authority, _) = authority(1);
    let extensions = [
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "subjectAltName=email:root@example.org,DNS:machines.example.org",
        "-addext",
        "extendedKeyUsage=serverAuth,codeSigning",
        "-addext",
        "keyUsage=keyCertSign",
        "-addext",
        "1.2.3.4=ASN1:UTF8String:anything",
    ];
    let pem = request(folder.path(), P256, &extensions);
    let request = CertificateRequest::from_pem(&pem).unwrap();
    let (device, owner) = ("Laptop".parse::<DeviceName>().unwrap(), owner());
    let issued =
        authority.issue_client_for(&request, &profile(&device, &owner), now(), &mut random(2)).unwrap();
    let text = output("openssl", &["x509", "-noout", "-text"], folder.path(), &issued.pem);
    for part in [
        "CA:TRUE",
        "root@",
        "machines.example.org",
        "Server",
        "Code Signing",
        "Certificate Sign",
        "Evil",
        "1.2.3.4",
    ] {
        assert!(!text.contains(part), "{part} in:\n{text}");
    }
    let identity = authority.trust_anchors().unwrap().verify_client(&issued.der, &[], now()).unwrap();
    assert_eq!(
        (identity.device_name.as_str(), identity.owner_email.as_str()),
        ("Laptop", "anna@example.org")
    );

    // The same key is recognised in another request.
    let again = openssl(&["req", "-new", "-key", "client.key", "-subj", "/CN=other"], folder.path());
    assert_ne!(again, pem);
    let again = CertificateRequest::from_pem(&again).unwrap();
    assert_eq!(again.key_fingerprint_hex(), request.key_fingerprint_hex());
}

#[test]
fn weak_and_unknown_keys_are_refused() {
    let folder = tempdir().unwrap();
    for key in [RSA1024, P521] {
        let error = CertificateRequest::from_pem(&request(folder.path(), key, &[])).unwrap_err();
        assert_eq!(error, RequestError::UnsupportedKey, "{key:?}");
    }
    let error = CertificateRequest::from_pem(&request(folder.path(), RSA2048, &["-sha1"])).unwrap_err();
    assert_eq!(error, RequestError::Signature);
}

#[test]
fn a_request_that_proves_nothing_is_refused() {
    let folder = tempdir().unwrap();
    let pem = request(folder.path(), P256, &[]);
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    assert!(CertificateRequest::from_pem(&to_pem(&block.contents)).is_ok());

    let mut changed = block.contents.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(CertificateRequest::from_pem(&to_pem(&changed)).unwrap_err(), RequestError::Signature);
    let mut renamed = block.contents.clone();
    let name = renamed.windows(4).position(|w| w == b"Evil").unwrap();
    renamed[name] = b'D';
    assert_eq!(CertificateRequest::from_pem(&to_pem(&renamed)).unwrap_err(), RequestError::Signature);
    // Every byte that is signed. (The signature's own encoding has bytes that mean nothing.)
    let (_, parsed) = X509CertificationRequest::from_der(&block.contents).unwrap();
    let signed = parsed.certification_request_info.raw;
    let start = block.contents.windows(signed.len()).position(|window| window == signed).unwrap();
    for index in start..start + signed.len() {
        let mut bad = block.contents.clone();
        bad[index] ^= 0x10;
        assert!(CertificateRequest::from_pem(&to_pem(&bad)).is_err(), "byte {index}");
    }
    let mut longer = block.contents.clone();
    longer.push(0);
    assert_eq!(CertificateRequest::from_pem(&to_pem(&longer)).unwrap_err(), RequestError::Malformed);
}

#[test]
fn garbage_is_malformed() {
    let folder = tempdir().unwrap();
    let good = request(folder.path(), P256, &[]);
    let key = std::fs::read_to_string(folder.path().join("client.key")).unwrap();
    let (_, material) = authority(1);
    let garbage = [
        String::new(),
        "garbage".to_owned(),
        "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n".to_owned(),
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n".to_owned(),
        good[..good.len() / 2].to_owned(),
        format!("{good}{good}"),
        format!("{good}{}", " ".repeat(20_000)),
        key,
        material.root_certificate,
    ];
    for text in garbage {
        assert_eq!(CertificateRequest::from_pem(&text).unwrap_err(), RequestError::Malformed, "{text:?}");
    }
}

fn to_pem(der: &[u8]) -> String {
    package::pem("CERTIFICATE REQUEST", der).to_string()
}
