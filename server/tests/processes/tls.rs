//! sslyze against the built-in TLS. Behind Caddy, TLS is Caddy's.
//!
//! `cargo xtask test integration` installs sslyze and sets its path: `AIWE_TEST_LINT`.
//!
//! Findings of sslyze that are intended:
//! - No public CA trusts the certificate: the built-in authority issues it, and clients are given its root. Operators can
//!   configure another certificate.
//! - No Certificate Transparency, OCSP or stapling: a private CA has none of them.
//! - No HSTS on localhost: it would affect every other program of the machine. A real host gets it.
//! - No session tickets with TLS 1.2: sessions are resumed by id, and tickets would need a rotated key.

use std::path::PathBuf;

use serde_json::Value;

use crate::process::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_modern_tls_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(&folder.path().join("data"));
    let process = program.serve().await;
    let programs = std::env::var_os("AIWE_TEST_LINT")
        .expect("AIWE_TEST_LINT names the folder of sslyze; `cargo xtask test integration` installs it");
    let (report, roots) = (folder.path().join("report.json"), folder.path().join("roots.pem"));
    std::fs::write(&roots, program.must(&["ca", "show"])).unwrap();
    let mut sslyze = tokio::process::Command::new(PathBuf::from(programs).join("sslyze"));
    sslyze
        .args(["--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--heartbleed"])
        .args(["--openssl_ccs", "--robot", "--compression", "--reneg", "--early_data", "--fallback"])
        .args(["--elliptic_curves", "--ems", "--resum", "--certinfo"])
        .arg(format!("--json_out={}", report.display()))
        .arg(format!("--certinfo_ca_file={}", roots.display()))
        .arg(format!("localhost:{}", process.machines));
    let output = sslyze.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_slice(&std::fs::read(&report).expect(&said)).unwrap();
    let scan = &report["server_scan_results"][0];
    assert_eq!(scan["scan_status"], "COMPLETED", "{said}");
    let result = |name: &str| {
        assert_eq!(scan["scan_result"][name]["status"], "COMPLETED", "{name}: {said}");
        scan["scan_result"][name]["result"].clone()
    };
    let accepted = |version: &str| -> Vec<String> {
        let suites = result(&format!("{version}_cipher_suites"));
        let names = suites["accepted_cipher_suites"].as_array().unwrap().iter();
        names.map(|suite| suite["cipher_suite"]["name"].as_str().unwrap().to_owned()).collect()
    };
    for old in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
        assert!(accepted(old).is_empty(), "{old} is accepted");
    }
    // Forward secrecy and authenticated encryption, and nothing else.
    for version in ["tls_1_2", "tls_1_3"] {
        let suites = accepted(version);
        assert_eq!(suites.len(), 3, "{suites:?}");
        for suite in suites {
            let modern = suite.contains("_GCM_") || suite.contains("_CHACHA20_POLY1305_");
            assert!(modern && (version == "tls_1_3" || suite.starts_with("TLS_ECDHE_")), "{suite}");
        }
    }
    for (name, field, expected) in [
        ("tls_compression", "supports_compression", false),
        ("tls_1_3_early_data", "supports_early_data", false),
        ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection", false),
        ("tls_fallback_scsv", "supports_fallback_scsv", true),
        ("heartbleed", "is_vulnerable_to_heartbleed", false),
        ("session_renegotiation", "supports_secure_renegotiation", true),
        ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos", false),
        ("tls_extended_master_secret", "supports_ems_extension", true),
    ] {
        assert_eq!(result(name)[field], expected, "{name}: {field}");
    }
    assert_eq!(result("robot")["robot_result"], "NOT_VULNERABLE_RSA_NOT_SUPPORTED");
    let curves = result("elliptic_curves");
    let mut curves: Vec<_> =
        curves["supported_curves"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    curves.sort_unstable();
    assert_eq!(curves, ["X25519", "secp256r1", "secp384r1"]);

    let deployment = &result("certificate_info")["certificate_deployments"][0];
    assert_eq!(deployment["received_chain_has_valid_order"], true);
    assert_eq!(deployment["received_chain_contains_anchor_certificate"], false);
    assert_eq!(deployment["verified_chain_has_sha1_signature"], false);
    let validations = deployment["path_validation_results"].as_array().unwrap();
    let by_ours = validations.iter().find(|one| one["trust_store"]["path"] == roots.display().to_string());
    assert_eq!(by_ours.expect("our own root")["was_validation_successful"], true, "{validations:?}");
}
