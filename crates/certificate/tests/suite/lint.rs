//! Everything that the authority signs, checked by pkilint against RFC 5280 and related RFCs.
//!
//! `cargo xtask test integration` installs pkilint and sets `AIWE_TEST_LINT` to the folder of its programs.

use std::path::{Path, PathBuf};

use certificate::{Authority, CertificateRequest, ClientProfile, RevokedEntry};
use protocol::certificate::RevocationReason;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use time::Duration;

use crate::support::{MACHINE, at, authority, client, now, openssl, owner, profile, random, run, write};

/// Findings of pkilint that are not errors, by the beginning of their message:
/// - A URN is a URI (RFC 8141) with a scheme and a scheme-specific part, as RFC 5280 §4.2.1.6 asks for; pkilint's check
///   knows addresses of web pages alone. The machine's UUID stands in this form in each client certificate.
/// - `localhost` is a name in the preferred syntax (RFC 1034 §3.5); pkilint's check wants a dot. It stands in the built-in
///   server certificate, for who sits at the server itself.
const FALSE_POSITIVES: [&str; 2] =
    ["Invalid URI syntax: \"urn:uuid:", "Invalid domain name syntax: \"localhost\""];

/// Runs pkilint and collects its findings.
struct Linter {
    folder: TempDir,
    found: Vec<String>,
}

impl Linter {
    fn new() -> Self {
        Self { folder: tempdir().unwrap(), found: Vec::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn certificate(&mut self, what: &str, pem: &str) {
        write(self.path(), "one.pem", pem);
        self.lint("lint_pkix_cert", what, &["one.pem"]);
    }

    fn list(&mut self, what: &str, der: &[u8]) {
        write(self.path(), "list.der", der);
        self.lint("lint_crl", what, &["-t", "CRL", "-p", "PKIX", "list.der"]);
    }

    /// `signer` stands above `signee`.
    fn chain(&mut self, what: &str, signer: &str, signee: &str) {
        write(self.path(), "signer.pem", signer);
        write(self.path(), "signee.pem", signee);
        self.lint("lint_pkix_signer_signee_cert_chain", what, &["signer.pem", "signee.pem"]);
    }

    /// Collects every finding of severity ERROR or higher. A run without a report fails the test.
    fn lint(&mut self, program: &str, what: &str, files: &[&str]) {
        let programs = std::env::var_os("AIWE_TEST_LINT").unwrap_or_else(|| {
            panic!(
                "AIWE_TEST_LINT names the folder of pkilint's programs; `cargo xtask test integration` installs them"
            )
        });
        let program = PathBuf::from(programs).join(program);
        let arguments = [&["lint", "--severity", "ERROR", "--format", "JSON"], files].concat();
        let output = run(&program.display().to_string(), &arguments, self.path(), "");
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        for result in report["results"].as_array().unwrap() {
            for finding in result["finding_descriptions"].as_array().unwrap() {
                let message = finding["message"].as_str().unwrap_or_default();
                if FALSE_POSITIVES.iter().any(|beginning| message.starts_with(beginning)) {
                    continue;
                }
                self.found.push(format!("{what}: {} at {}", finding["code"], result["node_path"]));
            }
        }
    }
}

/// A certificate request for a key that OpenSSL makes.
fn request(folder: &Path, key: &[&str]) -> CertificateRequest {
    openssl(&[&["genpkey", "-out", "client.key"], key].concat(), folder);
    let pem = openssl(&["req", "-new", "-key", "client.key", "-subj", "/CN=anything"], folder);
    CertificateRequest::from_pem(&pem).unwrap()
}

#[test]
fn no_error_is_found_in_any_certificate() {
    let mut linter = Linter::new();
    let (authority, material) = authority(1);
    let (below, rotated) = {
        let key = material.root_key.clone().unwrap();
        Authority::create_below(&material.root_certificate, &key, at(30), "Example Org", &mut random(9))
            .unwrap()
    };
    let long_name = "Ö".repeat(64);
    let (_, long) = Authority::create(now(), &long_name, &mut random(3)).unwrap();
    for (what, pem) in [
        ("the root", &material.root_certificate),
        ("the issuing certificate", &material.issuing_certificate),
        ("the next issuing certificate", &rotated.issuing_certificate),
        ("the root of a long name", &long.root_certificate),
        ("the issuing certificate of a long name", &long.issuing_certificate),
    ] {
        linter.certificate(what, pem);
    }
    linter.chain("root and root", &material.root_certificate, &material.root_certificate);
    linter.chain("root and issuing", &material.root_certificate, &material.issuing_certificate);
    linter.chain("root and next issuing", &material.root_certificate, &rotated.issuing_certificate);

    // Clients: keys made here and by others, names of every kind, with and without a list.
    for device in ["Laptop", "Anna’s Rechner 电脑", &"x".repeat(64)] {
        let issued = client(&authority, device, now(), 2).certificate;
        linter.certificate(device, &issued.pem);
        linter.chain(device, &material.issuing_certificate, &issued.pem);
    }
    let (device, owner) = ("Laptop".parse().unwrap(), owner());
    for key in [
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"][..],
        &["-algorithm", "ED25519"],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    ] {
        let request = request(linter.path(), key);
        let issued = authority.issue_client_for(&request, &profile(&device, &owner), now(), &mut random(4));
        let issued = issued.unwrap();
        linter.certificate(&key.join(" "), &issued.pem);
        linter.chain(&key.join(" "), &material.issuing_certificate, &issued.pem);
    }
    let without_list = ClientProfile {
        device_name: &device,
        owner: &owner,
        machine: MACHINE,
        lifetime: Duration::days(1),
        crl_url: None,
    };
    let issued = below.issue_client_with_key(&without_list, at(31), &mut random(5)).unwrap().certificate;
    linter.certificate("without a list", &issued.pem);
    linter.chain("below the next issuing certificate", &rotated.issuing_certificate, &issued.pem);

    let long_host = format!("{}.example.org", ["a".repeat(60), "b".repeat(60)].join("."));
    for names in [&["localhost", "127.0.0.1", "::1"][..], &["machines.example.org"], &[long_host.as_str()]] {
        let issued =
            authority.issue_server(names, Duration::days(397), now(), &mut random(6)).unwrap().certificate;
        linter.certificate(names[0], &issued.pem);
        linter.chain(names[0], &material.issuing_certificate, &issued.pem);
    }
    assert!(linter.found.is_empty(), "{}", linter.found.join("\n"));
}

#[test]
fn no_error_is_found_in_any_revocation_list() {
    let mut linter = Linter::new();
    let (authority, _) = authority(1);
    linter.list("empty", &authority.crl(now(), &[], 1, at(7)).unwrap());
    let revoked: Vec<_> = RevocationReason::ALL
        .into_iter()
        .zip(10..)
        .map(|(reason, seed)| {
            let serial = client(&authority, "Laptop", now(), seed).certificate.serial_hex;
            RevokedEntry { serial, revoked_at: now(), reason }
        })
        .collect();
    // The number is an instant, as the server takes it.
    let number = now().unix_timestamp().unsigned_abs();
    linter.list("every reason", &authority.crl(at(1), &revoked, number, at(8)).unwrap());
    assert!(linter.found.is_empty(), "{}", linter.found.join("\n"));
}

/// The check itself: what is wrong is found.
#[test]
fn errors_are_found_where_there_are_some() {
    let mut linter = Linter::new();
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=a"];
    let pem = openssl(&[&request[..], &["-addext", "keyUsage=digitalSignature"]].concat(), linter.path());
    linter.certificate("an authority that may not sign", &pem);
    let (authority, material) = authority(1);
    let (_, other) = crate::support::authority(2);
    let issued = client(&authority, "Laptop", now(), 2).certificate;
    linter.chain("a stranger above", &other.issuing_certificate, &issued.pem);
    linter.chain("the root instead of the issuing one", &material.root_certificate, &issued.pem);
    for what in ["an authority that", "a stranger", "the root instead"] {
        assert!(linter.found.iter().any(|found| found.starts_with(what)), "{what}: {:?}", linter.found);
    }
}
