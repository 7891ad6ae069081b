//! The revocation list as OpenSSL reads it.

use certificate::{CrlError, RevokedEntry};
use protocol::certificate::RevocationReason;
use tempfile::tempdir;
use time::Duration;

use crate::support::{NOW, at, authority, both, client, now, openssl, run, write};

#[test]
fn openssl_accepts_the_list_and_rejects_revoked_certificates() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let (authority, material) = authority(1);
    let (good, bad) =
        (client(&authority, "Good", now(), 2).certificate, client(&authority, "Bad", now(), 3).certificate);
    let revoked = [
        RevokedEntry {
            serial: bad.serial_hex.clone(),
            revoked_at: now(),
            reason: RevocationReason::KeyCompromise,
        },
        RevokedEntry { serial: "0a".to_owned(), revoked_at: now(), reason: RevocationReason::Unspecified },
    ];
    let list = authority.crl(now(), &revoked, 7, at(1)).unwrap();
    write(folder, "list.der", &list);
    write(folder, "root.crt", &material.root_certificate);
    write(folder, "issuing.crt", &material.issuing_certificate);
    write(folder, "good.crt", &good.pem);
    write(folder, "bad.crt", &bad.pem);

    let result = run(
        "openssl",
        &["crl", "-inform", "DER", "-in", "list.der", "-CAfile", "issuing.crt", "-verify", "-noout", "-text"],
        folder,
        "",
    );
    let text = both(&result);
    assert!(result.status.success() && text.contains("verify OK"), "{text}");
    for part in [
        format!("Serial Number: {}", bad.serial_hex.to_uppercase()),
        "Serial Number: 0A".to_owned(),
        "Key Compromise".to_owned(),
        "X509v3 CRL Number: \n                7".to_owned(),
    ] {
        assert!(text.contains(&part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains(&good.serial_hex.to_uppercase()));
    let issuing = openssl(&["x509", "-in", "issuing.crt", "-noout", "-ext", "subjectKeyIdentifier"], folder);
    let identifier = issuing.lines().nth(1).unwrap().trim();
    assert!(text.contains(identifier), "{identifier} is not in:\n{text}");

    openssl(&["crl", "-inform", "DER", "-in", "list.der", "-out", "list.pem"], folder);
    let instant = (NOW + 60).to_string();
    let verify = |file: &str| {
        let arguments = ["verify", "-attime", &instant, "-crl_check", "-CRLfile", "list.pem"];
        let chain = ["-CAfile", "root.crt", "-untrusted", "issuing.crt", file];
        run("openssl", &[&arguments[..], &chain].concat(), folder, "")
    };
    let accepted = verify("good.crt");
    assert!(accepted.status.success(), "{}", both(&accepted));
    let refused = verify("bad.crt");
    assert!(!refused.status.success() && both(&refused).contains("revoked"), "{}", both(&refused));
}

#[test]
fn an_empty_list_is_a_list() {
    let folder = tempdir().unwrap();
    let (authority, material) = authority(1);
    write(folder.path(), "list.der", authority.crl(now(), &[], 1, at(1)).unwrap());
    write(folder.path(), "issuing.crt", material.issuing_certificate);
    let arguments =
        ["crl", "-inform", "DER", "-in", "list.der", "-CAfile", "issuing.crt", "-verify", "-noout", "-text"];
    let text = both(&run("openssl", &arguments, folder.path(), ""));
    assert!(text.contains("verify OK") && text.contains("No Revoked Certificates"), "{text}");
}

#[test]
fn impossible_lists_are_refused() {
    let (authority, _) = authority(1);
    assert!(matches!(authority.crl(now(), &[], 1, now()), Err(CrlError::NextUpdate)));
    assert!(matches!(authority.crl(now(), &[], 1, now() - Duration::DAY), Err(CrlError::NextUpdate)));
    for serial in ["", "xyz", "abc", &"ab".repeat(21)] {
        let entry = RevokedEntry {
            serial: serial.to_owned(),
            revoked_at: now(),
            reason: RevocationReason::default(),
        };
        let error = authority.crl(now(), &[entry], 1, at(1)).unwrap_err();
        assert!(matches!(error, CrlError::Serial(ref s) if s == serial), "{error}");
    }
}
