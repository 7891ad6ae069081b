//! The native sign-in: client certificate, password, second factor, and a token bound to the certificate.

use app::services::CertificateService;
use protocol::certificate::RejectionReason;
use protocol::mode::ModeSummary;
use protocol::native::{Challenge, Login, SecondFactor, Session};
use x509_parser::prelude::{CertificateRevocationList, FromDer, ReasonCode, X509Certificate};

use crate::on_both;
use crate::support::{PASSWORD, TestServer, code_at};

on_both!(
    a_browser_without_a_certificate_learns_that_its_last_one_has_expired,
    a_challenge_is_valid_only_on_its_machine,
    an_invalid_certificate_is_rejected_with_the_reason,
    a_machine_signs_its_owner_in,
    a_revocation_takes_effect_at_once,
    a_token_is_valid_only_on_its_machine,
    only_the_owner_signs_in,
    the_bearer_scheme_is_case_insensitive,
    invalid_input_is_reported,
);

fn login(email: &str) -> Login {
    Login { username: email.to_owned(), password: PASSWORD.into() }
}

async fn a_machine_signs_its_owner_in(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let get = |path: &str| server.get(path).certificate(&machine.der).bearer(&token);
    let session: Session = get("/native/session").send().await.json();
    assert_eq!((session.email.as_str(), session.device_name.as_str()), ("anna@example.org", "Test machine"));
    let modes: Vec<ModeSummary> = get("/native/modes").send().await.json();
    let names: Vec<_> = modes.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["General", "Reflective Coach", "Coding Assistant"]);

    let reply = server.post("/native/logout").certificate(&machine.der).bearer(&token).send().await;
    assert_eq!(reply.status, 204);
    let reply = get("/native/modes").send().await;
    assert_eq!(
        (reply.problem().status, reply.headers["www-authenticate"].to_str().unwrap()),
        (401, "Bearer")
    );
    let token = server.token(&machine).await;
    server.clock.advance(12 * 3600 + 1);
    let reply = server.get("/native/modes").certificate(&machine.der).bearer(&token).send().await;
    assert_eq!(reply.problem().status, 401);
}

async fn only_the_owner_signs_in(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    // The administrator could sign in, but the machine is Anna's.
    let post = |email: &str| server.post("/native/login").certificate(&machine.der).json(&login(email));
    let stranger = post(&admin.email).send().await.problem();
    assert_eq!((stranger.status, &stranger), (401, &post("nobody@example.org").send().await.problem()));
    assert_eq!(server.post("/native/login").json(&login(&machine.email)).send().await.problem().status, 403);
}

async fn a_challenge_is_valid_only_on_its_machine(server: TestServer) {
    let admin = server.administrator().await;
    let (a, b) =
        (server.machine(&admin, "a@example.org").await, server.machine(&admin, "b@example.org").await);
    let reply = server.post("/native/login").certificate(&a.der).json(&login(&a.email)).send().await;
    let challenge: Challenge = reply.json();
    let code = code_at(&a.totp, server.state.env.now());
    let factor = SecondFactor { challenge: challenge.challenge, code: code.into() };
    let post = |der: &[u8]| server.post("/native/verify-2fa").certificate(der).json(&factor);
    assert!(post(&b.der).send().await.problem().is("challenge-expired"));
    // The panel's second step does not accept it either.
    let context = app::request_context::RequestContext {
        challenge: Some(factor.challenge.clone()),
        ..crate::support::context()
    };
    let panel =
        app::services::SignInService::second_factor(&server.state.people, &context, factor.code.expose())
            .await;
    assert!(panel.unwrap_err().into_problem().is("challenge-expired"));
    assert_eq!(post(&a.der).send().await.status, 200);
    assert!(post(&a.der).send().await.problem().is("challenge-expired"), "a challenge is spent once");
}

async fn a_token_is_valid_only_on_its_machine(server: TestServer) {
    let admin = server.administrator().await;
    let (a, b) =
        (server.machine(&admin, "a@example.org").await, server.machine(&admin, "b@example.org").await);
    let token = server.token(&a).await;
    let get = |der: &[u8]| server.get("/native/modes").certificate(der).bearer(&token);
    assert_eq!(get(&a.der).send().await.status, 200);
    assert_eq!(get(&b.der).send().await.problem().status, 401);
    assert_eq!(server.get("/native/modes").bearer(&token).send().await.problem().status, 403);
    assert_eq!(server.get("/native/modes").certificate(&a.der).send().await.problem().status, 401);
}

async fn an_invalid_certificate_is_rejected_with_the_reason(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let foreign = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    let cases =
        [(None, RejectionReason::Missing), (Some(foreign.cert.der().to_vec()), RejectionReason::Untrusted)];
    for (der, reason) in cases {
        let with = |path: &str| match &der {
            Some(der) => server.get(path).certificate(der),
            None => server.get(path).machines(),
        };
        let problem = with("/native/modes").send().await.problem();
        assert!(problem.status == 403 && problem.kind.ends_with(reason.as_str()), "{problem:?}");
        let page = with("/sidebar").header("accept", "text/html,*/*").send().await;
        assert_eq!(
            (page.status.as_u16(), page.location()),
            (303, &*format!("/request-access?reason={}", reason.as_str()))
        );
        // A script's request is not a navigation, whatever it accepts.
        let script = with("/sidebar").header("accept", "text/html").header("sec-fetch-mode", "cors");
        assert_eq!(script.send().await.problem().status, 403);
    }
    // On the pages' host the browser was not asked for its certificate: it is led to where it is.
    let on_pages_host = || server.get("/sidebar").header("accept", "text/html");
    let led = on_pages_host().send().await;
    assert_eq!((led.status.as_u16(), led.location()), (303, "https://localhost:8443/sidebar"));
    let script = on_pages_host().header("sec-fetch-mode", "cors").send().await.problem();
    assert!(script.status == 403 && script.kind.ends_with("missing"), "{script:?}");
    let get = || server.get("/native/modes").certificate(&machine.der);
    assert_eq!(get().send().await.problem().status, 401, "the certificate is good, the token is missing");
    server.clock.advance(91 * 24 * 3600);
    assert!(get().send().await.problem().kind.ends_with("expired"));
    server.clock.advance(-92 * 24 * 3600 - 3600);
    assert!(get().send().await.problem().kind.ends_with("not-yet-valid"));
}

/// Browsers do not offer expired certificates, so only a cookie can tell the server of one.
async fn a_browser_without_a_certificate_learns_that_its_last_one_has_expired(server: TestServer) {
    const WORDS: &str = "Browsers do not offer a certificate that has ended";
    const COOKIE: &str = "__Host-aiwe_certificate_end";
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let page = |path: &str| server.get(path).machines().header("accept", "text/html");
    let page_with = |path: &str, end: &str| page(path).cookie(COOKIE, end);
    let first = page("/certificate-test").certificate(&machine.der).send().await;
    let end = first.cookie(COOKIE).unwrap();
    let again = page_with("/certificate-test", &end).certificate(&machine.der).send().await;
    assert_eq!((again.status.as_u16(), again.cookie(COOKIE)), (200, None), "the cookie is set once");

    let arrival = "/request-access?reason=missing";
    assert!(!page_with(arrival, &end).send().await.text().contains(WORDS), "it has not ended yet");
    server.clock.advance(91 * 24 * 3600);
    for path in [arrival, "/certificate-test"] {
        assert!(page_with(path, &end).send().await.text().contains(WORDS), "{path}");
        for nonsense in ["", "x", "<b>", "-1", "99999999999999999999"] {
            let page = page_with(path, nonsense).send().await;
            assert!(page.status == 200 && !page.text().contains(WORDS), "{path} {nonsense}");
        }
    }
    let expired = page("/certificate-test").certificate(&machine.der).send().await;
    assert_eq!(expired.cookie(COOKIE), None, "only a valid certificate sets the cookie");
}

async fn a_revocation_takes_effect_at_once(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let get = || server.get("/native/modes").certificate(&machine.der).bearer(&token);
    assert_eq!(get().send().await.status, 200);
    let certificates = &server.state.certificates;
    let revoke = async |reason, words| {
        certificates.revoke(&admin.proof(), machine.certificate_id.as_str(), reason, words).await
    };
    assert!(revoke("bored", "").await.unwrap_err().into_problem().error_of("reason").is_some());
    let long = "x".repeat(10_000);
    assert!(revoke("", &long).await.unwrap_err().into_problem().error_of("words").is_some());
    assert_eq!(get().send().await.status, 200, "nothing was revoked");
    revoke("key-compromise", "on a train").await.unwrap();
    assert!(get().send().await.problem().kind.ends_with("revoked"));
    let mail = server.mail_to("anna@example.org", "revoked the certificate of “Test machine”").await;
    assert!(mail.text.contains("lost, stolen or copied") && mail.text.contains("> on a train"), "{mail:?}");
    assert!(mail.html.contains("<blockquote>on a train</blockquote>"), "{mail:?}");
    assert_eq!(revoke("", "").await.unwrap_err().into_problem().status, 409);
    let mut tx = server.state.env.store.read().await.unwrap();
    let authority =
        tx.certificates().find(&machine.certificate_id).await.unwrap().unwrap().authority_id.unwrap();
    drop(tx);
    let of_authority = server.get(&format!("/crl/{authority}")).send().await;
    assert_eq!(server.get("/crl/another").send().await.problem().status, 404);
    let crl = server.get("/crl.der").send().await;
    assert_eq!(of_authority.headers["content-type"], crl.headers["content-type"]);
    assert_eq!(crl.headers["content-type"], "application/pkix-crl");
    let (_, leaf) = X509Certificate::from_der(&machine.der).unwrap();
    for list in [crl, of_authority] {
        let (_, list) = CertificateRevocationList::from_der(&list.body).unwrap();
        let entry = list.iter_revoked_certificates().next().expect("the list names the certificate");
        assert_eq!(entry.raw_serial(), leaf.raw_serial());
        assert_eq!(entry.reason_code(), Some((false, ReasonCode::KeyCompromise)));
    }
}

async fn the_bearer_scheme_is_case_insensitive(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    for (credentials, status) in [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (format!("BEARER  {token}"), 200),
        (format!("Bearer{token}"), 401),
        (format!("Basic {token}"), 401),
        ("Bearer".to_owned(), 401),
        (token.clone(), 401),
    ] {
        let get = server.get("/native/session").certificate(&machine.der);
        let reply = get.header("authorization", &credentials).send().await;
        assert_eq!(reply.status, status, "{}", credentials.replace(&token, "…"));
    }
}

async fn invalid_input_is_reported(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let post = |path: &str| server.post(path).certificate(&machine.der);
    let problem = post("/native/login").json(&serde_json::json!({ "username": "a" })).send().await.problem();
    assert!(problem.status == 422 && problem.error_of("password").is_some(), "{problem:?}");
    let problem = post("/native/verify-2fa")
        .json(&serde_json::json!({ "challenge": 1, "code": "" }))
        .send()
        .await
        .problem();
    assert!(problem.status == 422 && problem.error_of("challenge").is_some(), "{problem:?}");
    assert_eq!(post("/native/login").raw("application/json", "[").send().await.problem().status, 400);
    assert_eq!(post("/native/login").send().await.problem().status, 415);
}
