//! Renewing a machine's certificate.

use std::collections::{BTreeSet, HashMap};

use app::services::CertificateService;
use domain::clock::Clock;
use http::StatusCode;
use protocol::Problem;
use protocol::native::{Renewed, Session};
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::on_both;
use crate::support::{Exchange, Machine, TestServer};

on_both!(
    a_certificate_is_renewed_for_the_same_machine_and_owner,
    only_the_key_of_a_request_is_used,
    a_revocation_covers_the_whole_machine,
    many_parallel_renewals_make_one_certificate,
    a_certificate_cannot_be_renewed_too_early,
    the_same_key_gets_the_same_certificate,
    renewal_attempts_are_limited,
    only_the_machine_with_its_owner_can_renew,
    signing_out_ends_the_session_before_a_renewal,
    no_session_is_left_when_a_renewal_meets_a_sign_out,
);

const DAY: i64 = 24 * 3600;

fn csr_of(key: &KeyPair) -> String {
    CertificateParams::default().serialize_request(key).unwrap().pem().unwrap()
}

fn csr() -> String {
    csr_of(&KeyPair::generate().unwrap())
}

fn leaf(renewed: &Renewed) -> Vec<u8> {
    CertificateDer::pem_slice_iter(renewed.certificate.as_bytes()).next().unwrap().unwrap().to_vec()
}

/// A machine in the last third of its certificate's lifetime, and its owner's token.
async fn old_machine(server: &TestServer) -> (Machine, String) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    server.clock.advance(61 * DAY);
    let token = server.token(&machine).await;
    (machine, token)
}

fn renew<'a>(server: &'a TestServer, der: &[u8], token: &str, csr: &str) -> Exchange<'a> {
    server.post("/native/renew").certificate(der).bearer(token).json(&json!({ "csr": csr }))
}

async fn certificates(server: &TestServer) -> u64 {
    server.state.env.store.read().await.unwrap().certificates().list("", 0, 10).await.unwrap().total
}

async fn a_certificate_is_renewed_for_the_same_machine_and_owner(server: TestServer) {
    let (machine, token) = old_machine(&server).await;
    let get = |der: &[u8], token: &str| server.get("/native/session").certificate(der).bearer(token);
    let before: Session = get(&machine.der, &token).send().await.json();
    server.clock.advance(3600);
    let renewed: Renewed = renew(&server, &machine.der, &token, &csr()).send().await.json();
    let new = leaf(&renewed);

    let presented = |der: &[u8]| {
        let (_, parsed) = X509Certificate::from_der(der).unwrap();
        let names = parsed.subject_alternative_name().unwrap().unwrap().value.general_names.clone();
        (parsed.subject().to_string(), names.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>())
    };
    assert_eq!(presented(&new), presented(&machine.der), "name, owner and machine stay");
    assert_eq!(renewed.not_after, server.clock.unix() + 90 * DAY);
    assert_eq!(renewed.certificate.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(renewed.authorities, server.state.certificates.roots_pem());

    // The session continues, with its original expiry.
    let session: Session = get(&new, renewed.access_token.expose()).send().await.json();
    assert_eq!(session, before);
    assert_eq!(renewed.expires_in.cast_signed(), before.expires_at - server.clock.unix());
    // Each token is valid only with its own certificate; the old one still is.
    assert_eq!(get(&machine.der, &token).send().await.status, 200);
    assert_eq!(get(&machine.der, renewed.access_token.expose()).send().await.problem().status, 401);
    assert_eq!(get(&new, &token).send().await.problem().status, 401);

    let mut tx = server.state.env.store.read().await.unwrap();
    assert_eq!(tx.certificates().count_machines(server.clock.unix()).await.unwrap(), 1);
    let entries = tx.audit_log().entries(100, i64::MAX).await.unwrap();
    assert_eq!(entries.iter().filter(|e| e.action == "certificate.renewed").count(), 1);
    drop(tx);
    // The old certificate expires; the new one can be renewed in its turn.
    server.clock.advance(30 * DAY);
    assert!(get(&machine.der, &token).send().await.problem().kind.ends_with("expired"));
    server.clock.advance(20 * DAY);
    let successor = Machine { der: new, ..machine };
    let token = server.token(&successor).await;
    assert_eq!(renew(&server, &successor.der, &token, &csr()).send().await.status, 200);
}

async fn the_same_key_gets_the_same_certificate(server: TestServer) {
    let (machine, token) = old_machine(&server).await;
    let key = KeyPair::generate().unwrap();
    let first: Renewed = renew(&server, &machine.der, &token, &csr_of(&key)).send().await.json();
    // Another request with the same key, as after a crash of the machine.
    let again: Renewed = renew(&server, &machine.der, &token, &csr_of(&key)).send().await.json();
    assert_eq!(again.certificate, first.certificate);
    let session =
        server.get("/native/session").certificate(&leaf(&first)).bearer(again.access_token.expose());
    assert_eq!(session.send().await.status, 200);
    let problem = renew(&server, &machine.der, &token, &csr()).send().await.problem();
    assert!(problem.status == 409 && problem.is("renewed-already"), "{problem:?}");
    assert_eq!(certificates(&server).await, 2);
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(100, i64::MAX).await.unwrap();
    let opened = entries.iter().filter(|e| e.detail == "desktop, renewed certificate");
    assert_eq!(opened.count(), 1, "one session for one certificate");
}

async fn many_parallel_renewals_make_one_certificate(server: TestServer) {
    let (machine, token) = old_machine(&server).await;
    let count = |replies: &[crate::support::Reply]| {
        let mut counts = HashMap::new();
        for reply in replies {
            *counts.entry(reply.status.as_u16()).or_insert(0) += 1;
        }
        counts
    };
    let requests: Vec<_> = (0..200).map(|_| csr()).collect();
    let posts = requests.iter().map(|csr| renew(&server, &machine.der, &token, csr).send());
    let replies = futures::future::join_all(posts).await;
    assert_eq!(count(&replies), HashMap::from([(200, 1), (409, 199)]));
    assert_eq!(certificates(&server).await, 2);

    // Renewing the new one concurrently with the same request: all get the same certificate.
    let winner: Renewed = replies.iter().find(|r| r.status == StatusCode::OK).unwrap().json();
    server.clock.advance(61 * DAY);
    let machine = Machine { der: leaf(&winner), ..machine };
    let (token, csr) = (server.token(&machine).await, csr());
    let posts = (0..200).map(|_| renew(&server, &machine.der, &token, &csr).send());
    let replies = futures::future::join_all(posts).await;
    assert_eq!(count(&replies), HashMap::from([(200, 200)]));
    let issued: BTreeSet<_> = replies.iter().map(|r| r.json::<Renewed>().certificate).collect();
    assert_eq!((issued.len(), certificates(&server).await), (1, 3));
}

async fn only_the_key_of_a_request_is_used(server: TestServer) {
    let (machine, token) = old_machine(&server).await;
    let ascii = |text: &str| Ia5String::try_from(text).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Administrator");
    params.subject_alt_names = vec![
        SanType::Rfc822Name(ascii("admin@example.org")),
        SanType::URI(ascii("urn:uuid:00000000-0000-4000-8000-000000000000")),
        SanType::DnsName(ascii("localhost")),
    ];
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::Any];
    let key = KeyPair::generate().unwrap();
    let params = params.serialize_request(&key).unwrap().pem().unwrap();
    let renewed: Renewed = renew(&server, &machine.der, &token, &params).send().await.json();

    let der = leaf(&renewed);
    let (_, issued) = X509Certificate::from_der(&der).unwrap();
    assert_eq!(issued.subject().to_string(), "CN=Test machine");
    let names = &issued.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert!(matches!(names[..], [GeneralName::RFC822Name("anna@example.org"), GeneralName::URI(_)]));
    let machine_id = |der: &[u8]| {
        let (_, parsed) = X509Certificate::from_der(der).unwrap();
        let names = parsed.subject_alternative_name().unwrap().unwrap().value.general_names.clone();
        names.iter().find_map(|n| if let GeneralName::URI(uri) = n { Some((*uri).to_owned()) } else { None })
    };
    assert_eq!(machine_id(&der), machine_id(&machine.der));
    let usage = issued.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert!(!issued.is_ca() && !issued.key_usage().unwrap().unwrap().value.key_cert_sign());

    // Invalid requests, and one with a wrong signature.
    let (machine, token) = (Machine { der, ..machine }, renewed.access_token.expose());
    let mut forged = csr();
    let middle = forged.len() - 60;
    let other = if &forged[middle..=middle] == "A" { "B" } else { "A" };
    forged.replace_range(middle..=middle, other);
    for bad in ["", "nonsense", &forged] {
        let problem = renew(&server, &machine.der, token, bad).send().await.problem();
        assert!(problem.status == 422 && problem.error_of("csr").is_some(), "{problem:?}");
    }
}

async fn only_the_machine_with_its_owner_can_renew(server: TestServer) {
    let admin = server.administrator().await;
    let a = server.machine(&admin, "a@example.org").await;
    let b = server.machine(&admin, "b@example.org").await;
    server.clock.advance(61 * DAY);
    let (token_a, token_b) = (server.token(&a).await, server.token(&b).await);
    let csr = csr();
    let body = json!({ "csr": csr });
    let post = || server.post("/native/renew").json(&body);
    for (exchange, status) in [
        (post().bearer(&token_a), 403),
        (post().certificate(&a.der), 401),
        (post().certificate(&a.der).bearer("nonsense"), 401),
        (post().certificate(&a.der).bearer(&token_b), 401),
        (post().certificate(&b.der).bearer(&token_a), 401),
    ] {
        assert_eq!(exchange.send().await.problem().status, status);
    }
    let revoke = |machine: &Machine| {
        let id = machine.certificate_id.clone();
        let (certificates, proof) = (server.state.certificates.clone(), admin.proof());
        async move { certificates.revoke(&proof, id.as_str(), "", "lost").await }
    };
    revoke(&a).await.unwrap();
    let problem = renew(&server, &a.der, &token_a, &csr).send().await.problem();
    assert!(problem.status == 403 && problem.kind.ends_with("revoked"), "{problem:?}");
    assert_eq!(server.post("/native/logout").certificate(&b.der).bearer(&token_b).send().await.status, 204);
    assert_eq!(renew(&server, &b.der, &token_b, &csr).send().await.problem().status, 401);
    server.clock.advance(30 * DAY);
    assert!(renew(&server, &b.der, &token_b, &csr).send().await.problem().kind.ends_with("expired"));
    assert_eq!(certificates(&server).await, 2);
}

async fn signing_out_ends_the_session_before_a_renewal(server: TestServer) {
    let (machine, token) = old_machine(&server).await;
    let other = server.token(&machine).await;
    let session = |der: &[u8], token: &str| server.get("/native/session").certificate(der).bearer(token);
    let sign_out = |der: &[u8], token: &str| server.post("/native/logout").certificate(der).bearer(token);
    let key = KeyPair::generate().unwrap();
    let renewed: Renewed = renew(&server, &machine.der, &token, &csr_of(&key)).send().await.json();
    let (new, new_token) = (leaf(&renewed), renewed.access_token.expose());
    assert_eq!(session(&machine.der, &token).send().await.status, 200);

    assert_eq!(sign_out(&new, new_token).send().await.status, 204);
    assert_eq!(session(&new, new_token).send().await.problem().status, 401);
    assert_eq!(session(&machine.der, &token).send().await.problem().status, 401, "nor with the former one");
    let again = renew(&server, &machine.der, &token, &csr_of(&key)).send().await;
    assert_eq!(again.problem().status, 401, "the renewal does not bring it back");
    assert_eq!(session(&machine.der, &other).send().await.status, 200, "another sign-in goes on");

    // The same key gets its certificate again, and the other sign-in a session with it, which ends in its turn.
    let renewed: Renewed = renew(&server, &machine.der, &other, &csr_of(&key)).send().await.json();
    assert_eq!(session(&new, renewed.access_token.expose()).send().await.status, 200);
    assert_eq!(session(&new, new_token).send().await.problem().status, 401);
    assert_eq!(sign_out(&machine.der, &other).send().await.status, 204);
    assert_eq!(session(&new, renewed.access_token.expose()).send().await.problem().status, 401);
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(100, i64::MAX).await.unwrap();
    assert_eq!(entries.iter().filter(|e| e.action == "session.ended").count(), 4, "each is in the log");
}

async fn no_session_is_left_when_a_renewal_meets_a_sign_out(server: TestServer) {
    let admin = server.administrator().await;
    for n in 0..3 {
        let machine = server.machine(&admin, &format!("p{n}@example.org")).await;
        server.clock.advance(61 * DAY);
        let token = server.token(&machine).await;
        let csr = csr();
        let sign_out = server.post("/native/logout").certificate(&machine.der).bearer(&token);
        let (renewal, ended) =
            tokio::join!(renew(&server, &machine.der, &token, &csr).send(), sign_out.send());
        assert_eq!(ended.status, 204);
        let mut sessions = vec![(machine.der.clone(), token)];
        if renewal.status == StatusCode::OK {
            let renewed: Renewed = renewal.json();
            sessions.push((leaf(&renewed), renewed.access_token.expose().to_owned()));
        } else {
            assert_eq!(renewal.problem().status, 401);
        }
        for (der, token) in sessions {
            let reply = server.get("/native/session").certificate(&der).bearer(&token).send().await;
            assert_eq!(reply.problem().status, 401);
        }
    }
}

async fn a_revocation_covers_the_whole_machine(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    server.clock.advance(61 * DAY);
    let token = server.token(&machine).await;
    let revoke = async || {
        server.state.certificates.revoke(&admin.proof(), machine.certificate_id.as_str(), "", "lost").await
    };
    // Concurrently with a renewal: whichever comes first, no valid certificate is left.
    let csr = csr();
    let (renewal, revocation) = tokio::join!(renew(&server, &machine.der, &token, &csr).send(), revoke());
    revocation.unwrap();
    assert_eq!(revoke().await.unwrap_err().into_problem().status, 409);
    if renewal.status == StatusCode::OK {
        let renewed: Renewed = renewal.json();
        let reply =
            server.get("/native/session").certificate(&leaf(&renewed)).bearer(renewed.access_token.expose());
        assert!(reply.send().await.problem().kind.ends_with("revoked"));
    } else {
        // Either only the session was checked after the revocation, or the certificate was, too.
        let problem = renewal.problem();
        assert!(problem.kind.ends_with("revoked") || problem.is("sign-in-required"), "{problem:?}");
    }
    let mut tx = server.state.env.store.read().await.unwrap();
    assert_eq!(tx.certificates().count_machines(server.clock.unix()).await.unwrap(), 0);
    drop(tx);

    // One after the other: revoking a certificate revokes its renewal, too.
    let other = server.machine(&admin, "ben@example.org").await;
    server.clock.advance(61 * DAY);
    let token = server.token(&other).await;
    let renewed: Renewed = renew(&server, &other.der, &token, &csr).send().await.json();
    let session = |der: &[u8], token: &str| server.get("/native/session").certificate(der).bearer(token);
    assert_eq!(session(&leaf(&renewed), renewed.access_token.expose()).send().await.status, 200);
    let certificates = &server.state.certificates;
    certificates.revoke(&admin.proof(), other.certificate_id.as_str(), "", "lost").await.unwrap();
    for (der, token) in [(leaf(&renewed), renewed.access_token.expose()), (other.der.clone(), token.as_str())]
    {
        assert!(session(&der, token).send().await.problem().kind.ends_with("revoked"));
    }
    let mut tx = server.state.env.store.read().await.unwrap();
    let authority = tx.authorities().list().await.unwrap().remove(0).id;
    let listed = tx.certificates().revoked_serials(&authority, server.clock.unix()).await.unwrap();
    let at_last = listed.iter().filter(|entry| entry.revoked_at == server.clock.unix());
    assert_eq!(at_last.count(), 2, "{listed:?}");
}

async fn a_certificate_cannot_be_renewed_too_early(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let attempt = async || -> Result<Renewed, Problem> {
        let token = server.token(&machine).await;
        let reply = renew(&server, &machine.der, &token, &csr()).send().await;
        if reply.status == StatusCode::OK { Ok(reply.json()) } else { Err(reply.problem()) }
    };
    let problem = attempt().await.unwrap_err();
    assert!(problem.status == 409 && problem.is("too-early"), "{problem:?}");
    assert!(problem.detail.contains("in 45 days"), "{problem:?}");
    server.clock.advance(44 * DAY + DAY / 2);
    let problem = attempt().await.unwrap_err();
    assert!(problem.detail.contains("in 1 day."), "{problem:?}");
    server.clock.advance(DAY / 2);
    attempt().await.unwrap();
}

async fn renewal_attempts_are_limited(server: TestServer) {
    let (machine, _) = old_machine(&server).await;
    let strict = server.restarted_with(&[("AIWE_LIMITS__RENEWALS_PER_HOUR", "3")]).await;
    let token = strict.token(&machine).await;
    for _ in 0..3 {
        assert_eq!(renew(&strict, &machine.der, &token, "nonsense").send().await.problem().status, 422);
    }
    let problem = renew(&strict, &machine.der, &token, &csr()).send().await.problem();
    assert_eq!((problem.status, problem.retry_after), (429, Some(1_200)));
}
