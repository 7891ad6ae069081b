mod of_pages;

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
use crate::connection::{Connected, Connection, Standing};
use crate::keystore::{KeyStore, Keys, MemoryStore};
use crate::test_server::Authority;

const TOKEN: &str = "Zm9vYmFyYmF6cXV4LWFuZC1zby1vbi1hbmQtc28tb24";
const CODE: &str = "ABCD-2345";
/// From 2020 to 2100.
const VALIDITY: (i64, i64) = (1_577_836_800, 4_102_444_800);

/// A server with one approved request.
#[derive(Default)]
struct Double {
    authority_told: Option<String>,
    machines_url: String,
    /// The server says that it wants no match code.
    no_code_wanted: bool,
    /// The link is one that renews a browser's certificate.
    renews: bool,
    issued: Option<(String, String)>,
    lose_the_next_answer: bool,
    /// Refuses the request for a field that no page has.
    wrong_field: bool,
    answer_with_nonsense: bool,
    /// Paths with methods, in order.
    requests: Vec<String>,
}

type Shared = Arc<(Authority, Mutex<Double>)>;

async fn ca(State(shared): State<Shared>) -> String {
    let told = shared.1.lock().unwrap().authority_told.clone();
    told.unwrap_or_else(|| shared.0.pem())
}

async fn offer(State(shared): State<Shared>, Path(token): Path<String>) -> Response {
    let double = shared.1.lock().unwrap();
    if token != TOKEN {
        return refused(Problem::not_found());
    }
    Json(json!({
        "state": if double.issued.is_some() { "redeemed" } else { "ready" },
        "device_name": "Ada’s <desk>",
        "platform": "linux",
        "expires_at": 2_000_000_000,
        "needs_match_code": !double.no_code_wanted && !double.renews,
        "setup_url": format!("/public/download-certs/{TOKEN}/setup"),
        "machines_url": double.machines_url,
        "pages_url": "http://pages.example",
        "needs_certificate": double.renews,
        "desktop_link": null,
    }))
    .into_response()
}

async fn csr(State(shared): State<Shared>, Json(asked): Json<Value>) -> Response {
    let mut double = shared.1.lock().unwrap();
    if asked["match_code"] != CODE {
        return refused(
            Problem::new("match-code", 403, "The match code is needed").field("match_code", "Wrong code"),
        );
    }
    if double.wrong_field {
        return refused(Problem::invalid_input().field("csr", "Not such a request"));
    }
    let csr = asked["csr"].as_str().unwrap().to_owned();
    let certificate = match &double.issued {
        Some((same, certificate)) if *same == csr => certificate.clone(),
        Some(_) => return refused(Problem::gone("Its package has been handed out.")),
        None => shared.0.certify(&csr, VALIDITY),
    };
    double.issued = Some((csr, certificate.clone()));
    if std::mem::take(&mut double.lose_the_next_answer) {
        return refused(Problem::internal());
    }
    if double.answer_with_nonsense {
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
    let address = shared.0.serve_anybody(routes).await;
    let server: Server = format!("https://localhost:{}", address.port()).parse().unwrap();
    shared.1.lock().unwrap().machines_url = format!("{server}/sidebar");
    server
}

struct World {
    shared: Shared,
    server: Server,
    system: Arc<MemoryStore>,
    enrolled: Arc<Enrolled>,
    enrolment: Enrolment,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(MemoryStore::default()).await
    }

    async fn with(system: MemoryStore) -> Self {
        let shared: Shared = Arc::new((Authority::new(), Mutex::default()));
        let server = serve(&shared).await;
        let (system, folder) = (Arc::new(system), tempfile::tempdir().unwrap());
        let keys = Keys::of(Arc::clone(&system) as Arc<dyn KeyStore>, folder.path());
        let enrolled = Arc::new(Enrolled::new(folder.path(), keys));
        let enrolment = Enrolment::new(Arc::clone(&enrolled), None, system_random);
        Self { shared, server, system, enrolled, enrolment, folder }
    }

    fn double(&self) -> std::sync::MutexGuard<'_, Double> {
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
    async fn opened(&self, link: &str) -> Result<Opened, Stopped> {
        let link: Link = link.parse().unwrap();
        let met = self.enrolment.meet(&link).await?;
        let compared = link.authority.unwrap_or(met.fingerprints()[0]);
        self.enrolment.open(met, compared).await
    }

    /// No request had the token anywhere in its address.
    fn token_stayed_here(&self) -> bool {
        self.double().requests.iter().all(|path| !path.contains(TOKEN))
    }
}

#[tokio::test]
async fn a_link_becomes_an_identity() {
    let world = World::new().await;
    let opened = world.opened(&world.right_link()).await.unwrap();
    assert!(opened.offer.needs_match_code);
    let done = world.enrolment.redeem(&opened, " abcd ").await.unwrap_err();
    assert!(
        matches!(&done.why, EnrolmentError::Refused(p) if p.error_of("match_code").is_some()),
        "{done:?}"
    );
    let done = world.enrolment.redeem(&opened, CODE).await.unwrap();
    assert_eq!(done.setup.unwrap().as_str(), "http://pages.example/setup/choose-a-password");

    let machine = world.enrolled.load().unwrap().unwrap();
    let (csr, certificate) = world.double().issued.clone().unwrap();
    assert_eq!(machine.identity.certificates()[0], crate::identity::Identity::leaf_of(&certificate));
    assert!(!csr.contains("PRIVATE"));
    let Record { server, pages, trusted, authorities, .. } = machine.record;
    assert_eq!((server, pages.as_str()), (world.server.origin(), "http://pages.example"));
    assert_eq!(
        (trusted, authorities.trim()),
        (Trusted::Authority, world.shared.0.pem().replace("\r\n", "\n").trim())
    );
    assert_eq!(world.system.names().len(), 1);
}

#[tokio::test]
async fn another_authority_is_refused_before_the_token_leaves() {
    let world = World::new().await;
    let link = world.program_link(Authority::new().fingerprint());
    let error = world.opened(&link).await.unwrap_err();
    assert!(matches!(error.why, EnrolmentError::OtherAuthority), "{error:?}");
    assert_eq!(world.double().requests, ["/ca.pem"]);
    assert!(world.system.names().is_empty() && world.enrolled.load().unwrap().is_none());
    let problem = error.problem(&world.server);
    assert!(problem.detail.contains("was not sent"), "{problem:?}");
}

/// What the link of a server says whose certificate may come from another authority.
fn judged_by_system(link: &str) -> String {
    format!("{link}&tls=system")
}

#[tokio::test]
async fn whoever_only_repeats_the_right_authority_gets_no_token() {
    let (mut world, right) = (World::new().await, Authority::new());
    // In between: tells the right authority's certificate, but has none of its making.
    world.double().authority_told = Some(right.pem());
    let by_authority = world.program_link(right.fingerprint());
    let by_system = judged_by_system(&by_authority);
    // A network that looks into connections: this system trusts it, and it fails the other judgement on purpose.
    let inspected = Trust::in_authorities(world.shared.0.pem().as_bytes()).unwrap();
    for (system, link, judge, words) in [
        (None, by_authority.clone(), Judge::Authority, "Somebody may stand between"),
        (None, world.mail_link(), Judge::Person, "“Open in the desktop program”"),
        (None, by_system, Judge::System, "This system does not know it either"),
        (Some(inspected.clone()), by_authority, Judge::Authority, "Somebody may stand between"),
        (Some(inspected), world.mail_link(), Judge::Person, "“Open in the desktop program”"),
    ] {
        world.enrolment.system = system;
        let error = world.opened(&link).await.unwrap_err();
        assert!(matches!(error.why, EnrolmentError::Unproven { by, .. } if by == judge), "{link}: {error:?}");
        let told = error.problem(&world.server).detail;
        assert!(told.contains("was not sent") && told.contains(words), "{told}");
    }
    assert!(world.token_stayed_here(), "{:?}", world.double().requests);
}

#[tokio::test]
async fn a_server_with_a_public_certificate_is_judged_as_the_system_does_where_the_link_says_so() {
    // The server's certificate comes from an authority that the system knows; machines' come from another one.
    let (mut world, own) = (World::new().await, Authority::new());
    world.double().authority_told = Some(own.pem());
    let known = Trust::in_authorities(world.shared.0.pem().as_bytes()).unwrap();
    world.enrolment.system = Some(known);
    let link = judged_by_system(&world.program_link(own.fingerprint()));
    let opened = world.opened(&link).await.unwrap();
    assert_eq!(
        (opened.trusted, opened.authorities.fingerprints.as_slice()),
        (Trusted::System, &[own.fingerprint()][..])
    );
    // A link that tells another authority still leads nowhere.
    let link = judged_by_system(&world.program_link(world.shared.0.fingerprint()));
    let error = world.opened(&link).await.unwrap_err();
    assert!(matches!(error.why, EnrolmentError::OtherAuthority), "{error:?}");
}

#[tokio::test]
async fn of_several_authorities_only_the_compared_one_is_trusted() {
    // In between: tells the right authority beside its own, which has certified it.
    let (world, right) = (World::new().await, Authority::new());
    let attackers = world.shared.0.fingerprint();
    for told in [right.pem() + &world.shared.0.pem(), world.shared.0.pem() + &right.pem()] {
        world.double().authority_told = Some(told);
        let met = world.enrolment.meet(&world.mail_link().parse().unwrap()).await.unwrap();
        assert!(met.fingerprints().contains(&attackers) && met.fingerprints().len() == 2);
        let error = world.enrolment.open(met.clone(), right.fingerprint()).await.unwrap_err();
        assert!(matches!(error.why, EnrolmentError::Unproven { by: Judge::Person, .. }), "{error:?}");
        let error = world.enrolment.open(met, Authority::new().fingerprint()).await.unwrap_err();
        assert!(matches!(error.why, EnrolmentError::OtherAuthority), "{error:?}");
    }
    assert!(world.token_stayed_here(), "{:?}", world.double().requests);
}

#[tokio::test]
async fn an_authority_that_speaks_for_the_server_is_the_only_one() {
    let mut world = World::new().await;
    world.enrolment.system = Some(Trust::in_authorities(world.shared.0.pem().as_bytes()).unwrap());
    let opened = world.opened(&judged_by_system(&world.right_link())).await.unwrap();
    assert_eq!(opened.trusted, Trusted::Authority);
}

#[tokio::test]
async fn the_server_that_the_certificate_opens_proves_itself_too() {
    let (world, other) = (World::new().await, World::new().await);
    world.double().machines_url = format!("{}/sidebar", other.server);
    let error = world.opened(&world.right_link()).await.unwrap_err();
    assert!(matches!(error.why, EnrolmentError::Unproven { by: Judge::Authority, .. }), "{error:?}");
    // The first server has seen it by then.
    assert!(!error.problem(&world.server).detail.contains("was not sent"));
    assert!(other.token_stayed_here());
    for address in ["http://localhost:1/sidebar", "nothing"] {
        world.double().machines_url = address.to_owned();
        let error = world.opened(&world.right_link()).await.unwrap_err();
        assert!(matches!(error.why, EnrolmentError::NoMachines), "{error:?}");
    }
}

#[tokio::test]
async fn a_successor_beside_the_confirmed_authority_is_kept_too() {
    let (world, next) = (World::new().await, Authority::new());
    world.double().authority_told = Some(next.pem() + &world.shared.0.pem());
    let opened = world.opened(&world.right_link()).await.unwrap();
    assert_eq!(opened.authorities.fingerprints, [next.fingerprint(), world.shared.0.fingerprint()]);
}

#[tokio::test]
async fn a_link_for_a_browser_is_left_to_it() {
    let world = World::new().await;
    world.double().renews = true;
    let refused = world.opened(&world.right_link()).await.unwrap_err();
    assert!(matches!(refused.why, EnrolmentError::Renewal), "{refused}");
    assert!(!world.double().requests.iter().any(|request| request.contains("/csr")));
}

#[tokio::test]
async fn a_lost_answer_costs_nothing() {
    let world = World::new().await;
    world.double().lose_the_next_answer = true;
    let opened = world.opened(&world.right_link()).await.unwrap();
    assert!(world.enrolment.redeem(&opened, CODE).await.is_err());
    // Even when the program was started anew, since the key was kept before it was used.
    let opened = world.opened(&world.right_link()).await.unwrap();
    world.enrolment.redeem(&opened, CODE).await.unwrap();
    assert!(world.enrolled.load().unwrap().is_some());
}

#[tokio::test]
async fn what_is_no_such_server_is_told() {
    let world = World::new().await;
    for text in ["", "<html>", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        world.double().authority_told = Some(text.to_owned());
        let error = world.opened(&world.mail_link()).await.unwrap_err();
        assert!(matches!(error.why, EnrolmentError::NoAuthority), "{text}: {error:?}");
    }
    assert!(world.token_stayed_here());
}

#[tokio::test]
async fn after_the_certificate_was_asked_for_nothing_is_claimed() {
    let world = World::new().await;
    let opened = world.opened(&world.right_link()).await.unwrap();
    world.double().answer_with_nonsense = true;
    let error = world.enrolment.redeem(&opened, CODE).await.unwrap_err();
    assert_eq!(error.link, LinkUse::Asked);
    let told = error.problem(&world.server).detail;
    assert!(told.contains("is not known") && !told.contains("was not"), "{told}");
    assert!(world.double().issued.is_some());
}
