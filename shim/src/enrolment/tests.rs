mod wizard_pages;

use std::sync::Mutex;

use axum::extract::{Path, State};
use axum::http::{HeaderMap as Headers, Uri, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::HeaderValue;
use http::{Method, Request, StatusCode};
use protocol::Problem;
use serde_json::{Value, json};

use super::*;
use crate::clock::system_random;
use crate::connection::{Connected, Connection, ConnectionState};
use crate::keystore::{KeyStore, Keys, MemoryStore};
use crate::test_server::Authority;

const TOKEN: &str = "Zm9vYmFyYmF6cXV4LWFuZC1zby1vbi1hbmQtc28tb24";
const CODE: &str = "ABCD-2345";
/// From 2020 to 2100.
const VALIDITY: (i64, i64) = (1_577_836_800, 4_102_444_800);

/// A server with one approved request.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a behaviour of its own that a test switches on")]
struct FakeServer {
    authority_sent: Option<String>,
    machines_url: String,
    /// The server says that it wants no match code.
    no_code_wanted: bool,
    /// The link is one that renews a browser's certificate.
    renews: bool,
    issued: Option<(String, String)>,
    lose_the_next_answer: bool,
    /// Refuses the request because of a field that no page has.
    wrong_field: bool,
    answer_with_nonsense: bool,
    /// Paths with methods, in order.
    requests: Vec<String>,
}

type Shared = Arc<(Authority, Mutex<FakeServer>)>;

async fn ca(State(shared): State<Shared>) -> String {
    let sent = shared.1.lock().unwrap().authority_sent.clone();
    sent.unwrap_or_else(|| shared.0.pem())
}

async fn offer(State(shared): State<Shared>, Path(token): Path<String>) -> Response {
    let fake_server = shared.1.lock().unwrap();
    if token != TOKEN {
        return refused(Problem::not_found());
    }
    Json(json!({
        "state": if fake_server.issued.is_some() { "redeemed" } else { "ready" },
        "device_name": "Ada’s <desk>",
        "platform": "linux",
        "expires_at": 2_000_000_000,
        "needs_match_code": !fake_server.no_code_wanted && !fake_server.renews,
        "setup_url": format!("/public/download-certs/{TOKEN}/setup"),
        "machines_url": fake_server.machines_url,
        "pages_url": "http://pages.example",
        "needs_certificate": fake_server.renews,
        "desktop_link": null,
    }))
    .into_response()
}

async fn csr(State(shared): State<Shared>, Json(asked): Json<Value>) -> Response {
    let mut fake_server = shared.1.lock().unwrap();
    if asked["match_code"] != CODE {
        return refused(
            Problem::new("match-code", 403, "The match code is needed").field("match_code", "Wrong code"),
        );
    }
    if fake_server.wrong_field {
        return refused(Problem::invalid_input().field("csr", "Not such a request"));
    }
    let csr = asked["csr"].as_str().unwrap().to_owned();
    let certificate = match &fake_server.issued {
        Some((same, certificate)) if *same == csr => certificate.clone(),
        Some(_) => return refused(Problem::gone("Its package has been handed out.")),
        None => shared.0.certify(&csr, VALIDITY),
    };
    fake_server.issued = Some((csr, certificate.clone()));
    if std::mem::take(&mut fake_server.lose_the_next_answer) {
        return refused(Problem::internal());
    }
    if fake_server.answer_with_nonsense {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let cookie = HeaderValue::from_static("__Host-asked=1; Path=/; Secure");
    (AppendHeaders([(header::SET_COOKIE, cookie)]), certificate).into_response()
}

async fn setup(headers: Headers) -> Response {
    match headers.get(header::COOKIE) {
        Some(_) => Redirect::to("/setup/choose-a-password").into_response(),
        None => refused(Problem::forbidden()),
    }
}

fn refused(problem: Problem) -> Response {
    (StatusCode::from_u16(problem.status).unwrap(), Json(problem)).into_response()
}

async fn serve(shared: &Shared) -> Server {
    let note = {
        let shared = Arc::clone(shared);
        move |uri: &Uri| shared.1.lock().unwrap().requests.push(uri.path().to_owned())
    };
    let routes = Router::new()
        .route("/ca.pem", get(ca))
        .route("/public/download-certs/{token}", get(offer))
        .route("/public/download-certs/{token}/csr", post(csr))
        .route("/public/download-certs/{token}/setup", get(setup))
        .with_state(Arc::clone(shared))
        .layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                note(request.uri());
                next.run(request)
            },
        ));
    let address = shared.0.serve_with_optional_client_certificate(routes).await;
    let server: Server = format!("https://localhost:{}", address.port()).parse().unwrap();
    shared.1.lock().unwrap().machines_url = format!("{server}/sidebar");
    server
}

struct Fixture {
    shared: Shared,
    server: Server,
    system: Arc<MemoryStore>,
    store: Arc<EnrolmentStore>,
    enrolment: Enrolment,
    folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(MemoryStore::default()).await
    }

    async fn with(system: MemoryStore) -> Self {
        let shared: Shared = Arc::new((Authority::new(), Mutex::default()));
        let server = serve(&shared).await;
        let (system, folder) = (Arc::new(system), tempfile::tempdir().unwrap());
        let keys = Keys::of(Arc::clone(&system) as Arc<dyn KeyStore>, folder.path());
        let store = Arc::new(EnrolmentStore::new(folder.path(), keys));
        let enrolment = Enrolment::new(Arc::clone(&store), None, system_random);
        Self { shared, server, system, store, enrolment, folder }
    }

    fn fake_server(&self) -> std::sync::MutexGuard<'_, FakeServer> {
        self.shared.1.lock().unwrap()
    }

    fn program_link(&self, authority: Fingerprint) -> String {
        format!("aiwe://enrol?server={}&ca={authority}&token={TOKEN}", self.server)
    }

    fn right_link(&self) -> String {
        self.program_link(self.shared.0.fingerprint())
    }

    fn mail_link(&self) -> String {
        format!("{}/public/download-certs/{TOKEN}", self.server)
    }

    /// The person compares with what the administrator says.
    async fn verified(&self, link: &str) -> Result<Verified, EnrolmentFailed> {
        let link: Link = link.parse().unwrap();
        let contacted = self.enrolment.contact(&link).await?;
        let compared = link.authority.unwrap_or(contacted.fingerprints()[0]);
        self.enrolment.verify(contacted, compared).await
    }

    /// No request had the token anywhere in its address.
    fn token_stayed_here(&self) -> bool {
        self.fake_server().requests.iter().all(|path| !path.contains(TOKEN))
    }
}

#[tokio::test]
async fn a_link_becomes_an_identity() {
    let fixture = Fixture::new().await;
    let verified = fixture.verified(&fixture.right_link()).await.unwrap();
    assert!(verified.offer.needs_match_code);
    let done = fixture.enrolment.redeem(&verified, " abcd ").await.unwrap_err();
    assert!(
        matches!(&done.cause, EnrolmentError::Refused(p) if p.error_of("match_code").is_some()),
        "{done:?}"
    );
    let done = fixture.enrolment.redeem(&verified, CODE).await.unwrap();
    assert_eq!(done.setup.unwrap().as_str(), "http://pages.example/setup/choose-a-password");

    let machine = fixture.store.load().unwrap().unwrap();
    let (csr, certificate) = fixture.fake_server().issued.clone().unwrap();
    assert_eq!(machine.identity.certificates()[0], crate::identity::Identity::leaf_of(&certificate));
    assert!(!csr.contains("PRIVATE"));
    let Record { server, pages, trusted, authorities, .. } = machine.record;
    assert_eq!((server, pages.as_str()), (fixture.server.origin(), "http://pages.example"));
    assert_eq!(
        (trusted, authorities.trim()),
        (Trusted::Authority, fixture.shared.0.pem().replace("\r\n", "\n").trim())
    );
    assert_eq!(fixture.system.names().len(), 1);
}

#[tokio::test]
async fn another_authority_is_refused_before_the_token_leaves() {
    let fixture = Fixture::new().await;
    let link = fixture.program_link(Authority::new().fingerprint());
    let error = fixture.verified(&link).await.unwrap_err();
    assert!(matches!(error.cause, EnrolmentError::OtherAuthority), "{error:?}");
    assert_eq!(fixture.fake_server().requests, ["/ca.pem"]);
    assert!(fixture.system.names().is_empty() && fixture.store.load().unwrap().is_none());
    let problem = error.problem(&fixture.server);
    assert!(problem.detail.contains("was not sent"), "{problem:?}");
}

/// The link of a server whose certificate may come from another authority.
fn verified_by_system(link: &str) -> String {
    format!("{link}&tls=system")
}

#[tokio::test]
async fn a_man_in_the_middle_with_the_right_authority_gets_no_token() {
    let (mut fixture, right) = (Fixture::new().await, Authority::new());
    // A man in the middle: names the right authority, but has no certificate from it.
    fixture.fake_server().authority_sent = Some(right.pem());
    let by_authority = fixture.program_link(right.fingerprint());
    let system_trust = verified_by_system(&by_authority);
    // A network that inspects TLS: the system trusts it, and it makes the check by the authority fail on purpose.
    let inspected = Trust::in_authorities(fixture.shared.0.pem().as_bytes()).unwrap();
    for (system, link, judge, words) in [
        (None, by_authority.clone(), TrustSource::Authority, "Somebody may stand between"),
        (None, fixture.mail_link(), TrustSource::Person, "“Open in the desktop program”"),
        (None, system_trust, TrustSource::System, "This system does not know it either"),
        (Some(inspected.clone()), by_authority, TrustSource::Authority, "Somebody may stand between"),
        (Some(inspected), fixture.mail_link(), TrustSource::Person, "“Open in the desktop program”"),
    ] {
        fixture.enrolment.system = system;
        let error = fixture.verified(&link).await.unwrap_err();
        assert!(
            matches!(error.cause, EnrolmentError::Unverified { by, .. } if by == judge),
            "{link}: {error:?}"
        );
        let detail = error.problem(&fixture.server).detail;
        assert!(detail.contains("was not sent") && detail.contains(words), "{detail}");
    }
    assert!(fixture.token_stayed_here(), "{:?}", fixture.fake_server().requests);
}

#[tokio::test]
async fn a_server_with_a_public_certificate_is_verified_by_the_system_where_the_link_says_so() {
    // The server's certificate comes from an authority that the system knows; machines' come from another one.
    let (mut fixture, own) = (Fixture::new().await, Authority::new());
    fixture.fake_server().authority_sent = Some(own.pem());
    let known = Trust::in_authorities(fixture.shared.0.pem().as_bytes()).unwrap();
    fixture.enrolment.system = Some(known);
    let link = verified_by_system(&fixture.program_link(own.fingerprint()));
    let verified = fixture.verified(&link).await.unwrap();
    assert_eq!(
        (verified.trusted, verified.authorities.fingerprints.as_slice()),
        (Trusted::System, &[own.fingerprint()][..])
    );
    // A link with another authority still fails.
    let link = verified_by_system(&fixture.program_link(fixture.shared.0.fingerprint()));
    let error = fixture.verified(&link).await.unwrap_err();
    assert!(matches!(error.cause, EnrolmentError::OtherAuthority), "{error:?}");
}

#[tokio::test]
async fn of_several_authorities_only_the_compared_one_is_trusted() {
    // A man in the middle: names the right authority beside its own, which issued its certificate.
    let (fixture, right) = (Fixture::new().await, Authority::new());
    let attackers = fixture.shared.0.fingerprint();
    for sent in [right.pem() + &fixture.shared.0.pem(), fixture.shared.0.pem() + &right.pem()] {
        fixture.fake_server().authority_sent = Some(sent);
        let contacted = fixture.enrolment.contact(&fixture.mail_link().parse().unwrap()).await.unwrap();
        assert!(contacted.fingerprints().contains(&attackers) && contacted.fingerprints().len() == 2);
        let error = fixture.enrolment.verify(contacted.clone(), right.fingerprint()).await.unwrap_err();
        assert!(
            matches!(error.cause, EnrolmentError::Unverified { by: TrustSource::Person, .. }),
            "{error:?}"
        );
        let error = fixture.enrolment.verify(contacted, Authority::new().fingerprint()).await.unwrap_err();
        assert!(matches!(error.cause, EnrolmentError::OtherAuthority), "{error:?}");
    }
    assert!(fixture.token_stayed_here(), "{:?}", fixture.fake_server().requests);
}

#[tokio::test]
async fn where_the_authority_verifies_the_server_the_system_does_not() {
    let mut fixture = Fixture::new().await;
    fixture.enrolment.system = Some(Trust::in_authorities(fixture.shared.0.pem().as_bytes()).unwrap());
    let verified = fixture.verified(&verified_by_system(&fixture.right_link())).await.unwrap();
    assert_eq!(verified.trusted, Trusted::Authority);
}

#[tokio::test]
async fn the_server_that_the_certificate_opens_proves_itself_too() {
    let (fixture, other) = (Fixture::new().await, Fixture::new().await);
    fixture.fake_server().machines_url = format!("{}/sidebar", other.server);
    let error = fixture.verified(&fixture.right_link()).await.unwrap_err();
    assert!(
        matches!(error.cause, EnrolmentError::Unverified { by: TrustSource::Authority, .. }),
        "{error:?}"
    );
    // The first server has seen it by then.
    assert!(!error.problem(&fixture.server).detail.contains("was not sent"));
    assert!(other.token_stayed_here());
    for address in ["http://localhost:1/sidebar", "nothing"] {
        fixture.fake_server().machines_url = address.to_owned();
        let error = fixture.verified(&fixture.right_link()).await.unwrap_err();
        assert!(matches!(error.cause, EnrolmentError::NoMachines), "{error:?}");
    }
}

#[tokio::test]
async fn a_successor_beside_the_confirmed_authority_is_stored_too() {
    let (fixture, next) = (Fixture::new().await, Authority::new());
    fixture.fake_server().authority_sent = Some(next.pem() + &fixture.shared.0.pem());
    let verified = fixture.verified(&fixture.right_link()).await.unwrap();
    assert_eq!(verified.authorities.fingerprints, [next.fingerprint(), fixture.shared.0.fingerprint()]);
}

#[tokio::test]
async fn a_link_for_a_browser_is_refused() {
    let fixture = Fixture::new().await;
    fixture.fake_server().renews = true;
    let refused = fixture.verified(&fixture.right_link()).await.unwrap_err();
    assert!(matches!(refused.cause, EnrolmentError::Renewal), "{refused}");
    assert!(!fixture.fake_server().requests.iter().any(|request| request.contains("/csr")));
}

#[tokio::test]
async fn a_lost_answer_can_be_requested_again() {
    let fixture = Fixture::new().await;
    fixture.fake_server().lose_the_next_answer = true;
    let verified = fixture.verified(&fixture.right_link()).await.unwrap();
    assert!(fixture.enrolment.redeem(&verified, CODE).await.is_err());
    // Also after a restart of the program, since the key was stored before it was used.
    let verified = fixture.verified(&fixture.right_link()).await.unwrap();
    fixture.enrolment.redeem(&verified, CODE).await.unwrap();
    assert!(fixture.store.load().unwrap().is_some());
}

#[tokio::test]
async fn another_kind_of_server_is_an_error() {
    let fixture = Fixture::new().await;
    for text in ["", "<html>", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fixture.fake_server().authority_sent = Some(text.to_owned());
        let error = fixture.verified(&fixture.mail_link()).await.unwrap_err();
        assert!(matches!(error.cause, EnrolmentError::NoAuthority), "{text}: {error:?}");
    }
    assert!(fixture.token_stayed_here());
}

#[tokio::test]
async fn after_the_request_for_a_certificate_nothing_is_claimed() {
    let fixture = Fixture::new().await;
    let verified = fixture.verified(&fixture.right_link()).await.unwrap();
    fixture.fake_server().answer_with_nonsense = true;
    let error = fixture.enrolment.redeem(&verified, CODE).await.unwrap_err();
    assert_eq!(error.link, LinkUse::CertificateRequested);
    let detail = error.problem(&fixture.server).detail;
    assert!(detail.contains("is not known") && !detail.contains("was not"), "{detail}");
    assert!(fixture.fake_server().issued.is_some());
}
