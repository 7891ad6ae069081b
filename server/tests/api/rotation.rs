//! Rotating the authority: a new one issues, both are trusted, the old one is retired.

use std::process::{Command, Stdio};

use app::services::CertificateService;
use domain::certificate::AuthorityState;
use protocol::ServiceError;
use protocol::native::Renewed;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use server::certificate::{report, retire, rotate};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::on_both;
use crate::support::{AdminSession, Machine, PASSWORD, Reply, TestServer};

on_both!(
    rotation_with_the_same_root,
    rotation_with_a_new_root,
    an_offline_root_key_requires_a_new_root,
    an_authority_in_use_cannot_be_retired,
    concurrent_rotations_leave_one_authority_in_use,
);

async fn session(server: &TestServer, der: &[u8], token: &str) -> Reply {
    server.get("/native/session").certificate(der).bearer(token).send().await
}

async fn renew(server: &TestServer, der: &[u8], token: &str) -> Reply {
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let post = server.post("/native/renew").certificate(der).bearer(token);
    post.json(&json!({ "csr": csr })).send().await
}

fn first(pem: &str) -> Vec<u8> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).next().unwrap().unwrap().to_vec()
}

fn issuer(der: &[u8]) -> String {
    X509Certificate::from_der(der).unwrap().1.issuer().to_string()
}

/// The path of a certificate's CRL distribution point.
fn crl_path(der: &[u8]) -> String {
    let (_, certificate) = X509Certificate::from_der(der).unwrap();
    let named = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        x509_parser::extensions::ParsedExtension::CRLDistributionPoints(points) => {
            Some(format!("{points:?}"))
        }
        _ => None,
    });
    let named = named.unwrap();
    let (_, path) = named.split_once("http://localhost:8080").unwrap();
    path.split('"').next().unwrap().to_owned()
}

async fn reload(server: &TestServer) -> bool {
    server.state.certificates.reload_authorities().await.unwrap()
}

async fn refused(result: Result<impl std::fmt::Debug, ServiceError>) -> String {
    match result.unwrap_err() {
        ServiceError::Problem(problem) => problem.detail,
        error => panic!("{error:?}"),
    }
}

/// Rotates the authority; returns two machines, one with a certificate of each authority.
async fn rotated(server: &TestServer, admin: &AdminSession, with_new_root: bool) -> [(Machine, String); 2] {
    let old = server.machine(admin, "old@example.org").await;
    let token = server.token(&old).await;
    assert!(!reload(server).await, "nothing has changed yet");
    rotate(&server.state.env, with_new_root).await.unwrap();
    assert!(reload(server).await);
    assert_eq!(session(server, &old.der, &token).await.status, 200, "the session went on");
    let new = server.machine(admin, "new@example.org").await;
    let new_token = server.token(&new).await;
    assert_ne!(issuer(&old.der), issuer(&new.der));
    [(old, token), (new, new_token)]
}

async fn rotation_with_the_same_root(server: TestServer) {
    let admin = server.administrator().await;
    let root = server.get("/ca.pem").send().await.text();
    let [(old, old_token), (new, new_token)] = rotated(&server, &admin, false).await;
    assert_eq!(server.get("/ca.pem").send().await.text(), root, "the root is the same");

    // Each list is signed by its own issuer and lists that issuer's revoked certificates.
    let (old_list, new_list) = (crl_path(&old.der), crl_path(&new.der));
    assert_ne!(old_list, new_list);
    let certificates = &server.state.certificates;
    let lost = server.machine(&admin, "lost@example.org").await;
    certificates.revoke(&admin.proof(), lost.certificate_id.as_str(), "", "lost").await.unwrap();
    for (path, of, entries) in [(&old_list, &old, 0), (&new_list, &new, 1), (&"/crl.der".to_owned(), &new, 1)]
    {
        let der = server.get(path).send().await.body;
        let (_, list) = CertificateRevocationList::from_der(&der).unwrap();
        assert_eq!(
            (list.issuer().to_string(), list.iter_revoked_certificates().count()),
            (issuer(&of.der), entries)
        );
    }

    // The old machine can renew at once, long before half of its certificate's lifetime; the new one cannot.
    assert_eq!(renew(&server, &new.der, &new_token).await.problem().status, 409);
    let replacement = async || certificates.replacement(&admin.proof()).await.unwrap();
    assert_eq!(replacement().await.map(|r| r.machines_left), Some(1));
    let [in_use, superseded] = &report(&server.state.env).await.unwrap()[..] else { panic!("two") };
    assert_eq!((in_use.stored.state(), in_use.machines), (AuthorityState::InUse, 1));
    assert_eq!((superseded.stored.state(), superseded.machines), (AuthorityState::Superseded, 1));
    assert_eq!(in_use.root_fingerprint, superseded.root_fingerprint);
    let said = refused(retire(&server.state.env, &superseded.stored.id, false).await).await;
    assert!(said.starts_with("1 machines have no other certificate"), "{said}");
    let renewed: Renewed = renew(&server, &old.der, &old_token).await.json();
    let der = first(&renewed.certificate);
    assert_eq!(issuer(&der), issuer(&new.der));
    assert_eq!(report(&server.state.env).await.unwrap()[1].machines, 0);

    assert_eq!(retire(&server.state.env, &superseded.stored.id, false).await.unwrap(), 0);
    assert!(reload(&server).await);
    assert_eq!(replacement().await, None);
    assert!(session(&server, &old.der, &old_token).await.problem().kind.ends_with("untrusted"));
    assert_eq!(session(&server, &der, renewed.access_token.expose()).await.status, 200);
    assert_eq!(session(&server, &new.der, &new_token).await.status, 200);
    assert_eq!(server.get(&old_list).send().await.problem().status, 404);
    // The same after a restart.
    let again = server.restarted_with(&[]).await;
    assert!(session(&again, &old.der, &old_token).await.problem().kind.ends_with("untrusted"));
    assert_eq!(session(&again, &new.der, &new_token).await.status, 200);
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    for action in ["authority.rotated", "authority.retired"] {
        assert_eq!(entries.iter().filter(|e| e.action == action).count(), 1, "{action}");
    }
}

async fn rotation_with_a_new_root(server: TestServer) {
    let admin = server.administrator().await;
    let old_root = server.get("/ca.pem").send().await.text();
    let [(old, old_token), (new, new_token)] = rotated(&server, &admin, true).await;
    let both = server.get("/ca.pem").send().await.text();
    assert!(both.ends_with(&old_root) && both.matches("BEGIN CERTIFICATE").count() == 2, "{both}");
    assert!(verifies(&both, &old.der, &server).await && verifies(&both, &new.der, &server).await);
    assert!(verifies(&old_root, &old.der, &server).await && !verifies(&old_root, &new.der, &server).await);
    // The machines' listener names both authorities, so that browsers offer certificates of either.
    assert_eq!(server.state.certificates.authority_names().len(), 4);

    // New packages contain both roots, since the server's own certificate still chains to the old one. The archive is not
    // compressed.
    let (link, _, browser) = server.approved(&admin, "newer@example.org").await;
    let package = server.post(&format!("/public/download-certs/{link}")).cookie("aiwe_asked", &browser);
    let package = package.json(&json!({ "platform": "linux", "password": PASSWORD })).send().await;
    assert_eq!(package.status, 200);
    assert!(package.body.windows(both.len()).any(|part| part == both.as_bytes()), "ca.crt holds both");

    // A renewal returns both roots.
    let renewed: Renewed = renew(&server, &old.der, &old_token).await.json();
    assert_eq!(renewed.authorities, both);

    // Retired by force: the certificates of machines that have not renewed are revoked.
    let current = server.machine(&admin, "stays@example.org").await;
    let off = report(&server.state.env).await.unwrap()[1].stored.id.clone();
    let late = {
        // A machine that got its certificate before the rotation and has not connected since.
        let mut tx = server.state.env.store.begin().await.unwrap();
        let late = tx.certificates().find(&old.certificate_id).await.unwrap().unwrap();
        let renamed = domain::certificate::MachineCertificate {
            id: "late".parse().unwrap(),
            machine_id: "late".parse().unwrap(),
            serial: "01".to_owned(),
            fingerprint: "00".to_owned(),
            renewed_from: None,
            ..late
        };
        tx.certificates().insert(&renamed, server.state.env.now()).await.unwrap();
        tx.commit().await.unwrap();
        renamed
    };
    refused(retire(&server.state.env, &off, false).await).await;
    assert_eq!(retire(&server.state.env, &off, true).await.unwrap(), 1);
    assert!(reload(&server).await);
    let mut tx = server.state.env.store.read().await.unwrap();
    assert!(tx.certificates().find(&late.id).await.unwrap().unwrap().revoked_at.is_some());
    drop(tx);
    assert!(session(&server, &old.der, &old_token).await.problem().kind.ends_with("untrusted"));
    let der = first(&renewed.certificate);
    assert_eq!(session(&server, &der, renewed.access_token.expose()).await.status, 200);
    assert_eq!(session(&server, &new.der, &new_token).await.status, 200);
    let new_root = server.get("/ca.pem").send().await.text();
    assert!(both.starts_with(&new_root) && new_root.matches("BEGIN CERTIFICATE").count() == 1);
    server.token(&current).await;
    assert_eq!(
        refused(retire(&server.state.env, &off, true).await).await.split(':').next(),
        Some("Only an authority that another one has superseded can be retired")
    );
}

async fn an_authority_in_use_cannot_be_retired(server: TestServer) {
    let admin = server.administrator().await;
    let id = report(&server.state.env).await.unwrap()[0].stored.id.clone();
    for id in [id.as_str(), "another"] {
        assert!(
            refused(retire(&server.state.env, &id.parse().unwrap(), true).await).await.contains("superseded"),
            "{id}"
        );
    }
    server.machine(&admin, "anna@example.org").await;
}

async fn concurrent_rotations_leave_one_authority_in_use(server: TestServer) {
    let admin = server.administrator().await;
    let rotations = (0..12).map(|_| rotate(&server.state.env, false));
    let done = futures::future::join_all(rotations).await;
    let made = done.iter().filter(|result| result.is_ok()).count();
    assert!(made >= 1);
    let all = report(&server.state.env).await.unwrap();
    assert_eq!(all.len(), made + 1);
    assert_eq!(all.iter().filter(|a| a.stored.state() == AuthorityState::InUse).count(), 1);
    assert!(reload(&server).await);
    let machine = server.machine(&admin, "anna@example.org").await;
    server.token(&machine).await;
}

async fn an_offline_root_key_requires_a_new_root(server: TestServer) {
    let mut tx = server.state.env.store.begin().await.unwrap();
    let sql = "UPDATE authority SET root_key_sealed = NULL";
    match &mut tx {
        store::Tx::Sqlite(tx) => drop(sqlx::query(sql).execute(&mut **tx).await.unwrap()),
        store::Tx::Postgres(tx) => drop(sqlx::query(sql).execute(&mut **tx).await.unwrap()),
    }
    tx.commit().await.unwrap();
    assert!(refused(rotate(&server.state.env, false).await).await.contains("--new-root"));
    rotate(&server.state.env, true).await.unwrap();
}

/// Whether OpenSSL verifies a certificate with these roots and the intermediates from the server.
async fn verifies(roots: &str, der: &[u8], server: &TestServer) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let mut tx = server.state.env.store.read().await.unwrap();
    let fingerprint = certificate::fingerprint_hex(der);
    let stored = tx.certificates().find_by_fingerprint(&fingerprint).await.unwrap().unwrap();
    let chain = server.state.certificates.chain_pem(&stored);
    let (leaf, issuing) = chain.split_at(chain.rfind("-----BEGIN").unwrap());
    let time = server.state.env.now().to_string();
    let mut openssl = Command::new("openssl");
    openssl.args(["verify", "-x509_strict", "-purpose", "sslclient", "-attime", &time, "-CAfile"]);
    openssl.arg(file("roots", roots)).arg("-untrusted").arg(file("issuing", issuing)).arg(file("leaf", leaf));
    openssl.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}
