//! What OpenSSL reads in the certificates.

use std::path::Path;

use certificate::IssueError;
use protocol::access::DeviceName;
use tempfile::tempdir;
use time::Duration;

use crate::support::{NOW, at, authority, client, now, openssl, owner, profile, random, run, write};

fn text(folder: &Path, file: &str) -> String {
    openssl(&["x509", "-in", file, "-noout", "-text", "-nameopt", "utf8,sep_comma_plus_space"], folder)
}

fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// The hexadecimal line below a heading.
fn identifier(text: &str, heading: &str) -> String {
    let below = text.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading} in:\n{text}"));
    below.lines().nth(1).unwrap().trim().trim_start_matches("keyid:").to_owned()
}

#[test]
fn root_and_issuing_certificates_follow_the_profile() {
    let folder = tempdir().unwrap();
    let (_, material) = authority(1);
    write(folder.path(), "root.crt", &material.root_certificate);
    write(folder.path(), "issuing.crt", &material.issuing_certificate);
    let (root, issuing) = (text(folder.path(), "root.crt"), text(folder.path(), "issuing.crt"));

    let usage = "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n";
    let constraints = "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:";
    assert_has(&root, &[&format!("{constraints}1\n"), usage, "O=Example Org", "Root CA", "prime256v1"]);
    assert_has(&issuing, &[&format!("{constraints}0\n"), usage, "Issuing CA", "prime256v1"]);
    for certificate in [&root, &issuing] {
        assert!(!certificate.contains("Extended Key Usage"));
        assert_has(certificate, &["ecdsa-with-SHA256"]);
    }
    let root_id = identifier(&root, "Subject Key Identifier");
    assert_eq!(identifier(&root, "Authority Key Identifier"), root_id);
    assert_eq!(identifier(&issuing, "Authority Key Identifier"), root_id);
    assert_ne!(identifier(&issuing, "Subject Key Identifier"), root_id);
}

#[test]
fn client_certificates_follow_the_profile() {
    let folder = tempdir().unwrap();
    let (authority, material) = authority(1);
    let issued = client(&authority, "Anna’s laptop", now(), 2).certificate;
    write(folder.path(), "leaf.crt", &issued.pem);
    write(folder.path(), "issuing.crt", &material.issuing_certificate);
    let leaf = text(folder.path(), "leaf.crt");
    assert_has(
        &leaf,
        &[
            "Subject: CN=Anna’s laptop\n",
            "X509v3 Subject Alternative Name: \n                email:anna@example.org, \
             URI:urn:uuid:01930000-0000-7000-8000-000000000001\n",
            "X509v3 Key Usage: critical\n                Digital Signature\n",
            "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n",
            "X509v3 Basic Constraints: critical\n                CA:FALSE\n",
            "URI:http://pages.example.org/crl.der",
            "Subject Key Identifier",
        ],
    );
    assert_eq!(
        identifier(&leaf, "Authority Key Identifier"),
        identifier(&text(folder.path(), "issuing.crt"), "Subject Key Identifier")
    );

    let serial = openssl(&["x509", "-in", "leaf.crt", "-noout", "-serial"], folder.path());
    assert_eq!(serial.trim(), format!("serial={}", issued.serial_hex.to_uppercase()));
    assert_eq!(issued.serial_hex.len(), 40);
    let fingerprint =
        openssl(&["x509", "-in", "leaf.crt", "-noout", "-fingerprint", "-sha256"], folder.path());
    let fingerprint = fingerprint.split('=').nth(1).unwrap().trim().replace(':', "").to_lowercase();
    assert_eq!(fingerprint, issued.fingerprint_hex);
    assert_eq!(issued.not_before, now() - Duration::minutes(5));
    assert_eq!(issued.not_after, at(90));
}

#[test]
fn openssl_accepts_the_chain_for_the_right_purpose_only() {
    let folder = tempdir().unwrap();
    let (authority, material) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2).certificate;
    let server = authority
        .issue_server(
            &["machines.example.org", "127.0.0.1", "::1"],
            Duration::days(90),
            now(),
            &mut random(3),
        )
        .unwrap()
        .certificate;
    write(folder.path(), "root.crt", &material.root_certificate);
    write(folder.path(), "issuing.crt", &material.issuing_certificate);
    write(folder.path(), "client.crt", &issued.pem);
    write(folder.path(), "server.crt", &server.pem);
    let instant = (NOW + 60).to_string();
    let verify = |purpose: &str, extra: &[&str], file: &str| {
        let mut arguments = vec!["verify", "-x509_strict", "-attime", &instant, "-CAfile", "root.crt"];
        arguments.extend(["-untrusted", "issuing.crt", "-purpose", purpose]);
        arguments.extend(extra);
        arguments.push(file);
        run("openssl", &arguments, folder.path(), "").status.success()
    };
    assert!(verify("sslclient", &[], "client.crt"));
    assert!(!verify("sslserver", &[], "client.crt"));
    assert!(verify("sslserver", &["-verify_hostname", "machines.example.org"], "server.crt"));
    assert!(verify("sslserver", &["-verify_ip", "127.0.0.1"], "server.crt"));
    assert!(verify("sslserver", &["-verify_ip", "::1"], "server.crt"));
    assert!(!verify("sslserver", &["-verify_hostname", "other.example.org"], "server.crt"));
    assert!(!verify("sslclient", &[], "server.crt"));
}

#[test]
fn nothing_outlives_its_issuer() {
    let (authority, _) = authority(1);
    let late = client(&authority, "Laptop", at(1826 - 10), 2).certificate;
    assert_eq!(late.not_after, authority.issuing_not_after());
    // At the very start it does not begin before its issuer either.
    let early = client(&authority, "Laptop", now() - Duration::minutes(2), 2).certificate;
    assert_eq!(early.not_before, now() - Duration::minutes(5));

    let (device, owner) = ("Laptop".parse::<DeviceName>().unwrap(), owner());
    for when in [at(-1), at(1826), at(4000)] {
        let error =
            authority.issue_client_with_key(&profile(&device, &owner), when, &mut random(2)).unwrap_err();
        assert!(matches!(error, IssueError::AuthorityNotValid), "{error}");
    }
}

#[test]
fn lifetimes_urls_and_server_names_are_checked() {
    let (authority, _) = authority(1);
    let (device, owner) = ("Laptop".parse::<DeviceName>().unwrap(), owner());
    let issue = |change: fn(&mut certificate::ClientProfile<'_>)| {
        let mut profile = profile(&device, &owner);
        change(&mut profile);
        authority.issue_client_with_key(&profile, now(), &mut random(2))
    };
    assert!(matches!(issue(|p| p.lifetime = Duration::ZERO), Err(IssueError::Lifetime)));
    assert!(matches!(issue(|p| p.lifetime = Duration::days(-1)), Err(IssueError::Lifetime)));
    assert!(matches!(issue(|p| p.crl_url = Some("http://exämple.org/")), Err(IssueError::CrlUrl)));
    assert!(issue(|p| p.lifetime = Duration::MAX).is_ok_and(|i| i.certificate.not_after == at(1826)));
    assert!(issue(|p| p.crl_url = None).is_ok());

    let serve = |names: &[&str]| authority.issue_server(names, Duration::days(4000), now(), &mut random(2));
    assert!(matches!(serve(&[]), Err(IssueError::ServerNames)));
    let error = serve(&["ok.example.org", "not a name"]).unwrap_err();
    assert!(matches!(error, IssueError::ServerName(name) if name == "not a name"));
    let longest = serve(&["localhost"]).unwrap().certificate;
    assert_eq!(longest.not_after - longest.not_before + Duration::SECOND, Duration::days(397));
    // A name too long for a subject: the certificate has none, and the alternative name becomes critical.
    let long = format!("{}.{}.example.org", "a".repeat(60), "b".repeat(60));
    let folder = tempdir().unwrap();
    write(folder.path(), "long.crt", serve(&[&long]).unwrap().certificate.pem);
    assert_has(&text(folder.path(), "long.crt"), &["X509v3 Subject Alternative Name: critical", &long]);
}

#[test]
fn serial_numbers_are_positive_and_of_full_length_whatever_the_randomness() {
    let (authority, _) = authority(1);
    let (device, owner) = ("Laptop".parse::<DeviceName>().unwrap(), owner());
    for byte in [0x00, 0xff] {
        let mut constant = |bytes: &mut [u8]| bytes.fill(byte);
        let issued =
            authority.issue_client_with_key(&profile(&device, &owner), now(), &mut constant).unwrap();
        let serial = hex::decode(issued.certificate.serial_hex).unwrap();
        assert_eq!(serial.len(), 20);
        assert!((0x40..0x80).contains(&serial[0]));
    }
    let (one, other) = (client(&authority, "Laptop", now(), 2), client(&authority, "Laptop", now(), 3));
    assert_ne!(one.certificate.serial_hex, other.certificate.serial_hex);
    assert_ne!(one.key.der(), other.key.der());
}
