use std::sync::Mutex;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use protocol::native::Renew;
use serde_json::json;

use super::*;
use crate::clock::system_random;
use crate::enrolment_store::{Machine, Trusted};
use crate::identity::new_key;
use crate::keystore::{KeyLocation, KeyStore, Keys, MemoryStore};
use crate::link::Fingerprint;
use crate::test_server::{Authority, Peer};

/// From 2020 to 2100.
const VALIDITY: (i64, i64) = (1_577_836_800, 4_102_444_800);
const DUE: i64 = VALIDITY.0 + (VALIDITY.1 - VALIDITY.0) / 3 * 2;

/// The server: tokens are the fingerprints of the certificates that they are bound to.
#[derive(Default)]
struct FakeServer {
    /// Request and answer.
    issued: Option<(String, String)>,
    asked: usize,
    lose_the_next_answer: bool,
    refuse_new: bool,
    /// The peer of the last request for the session.
    seen: Option<Fingerprint>,
}

type Shared = Arc<(Authority, Mutex<FakeServer>)>;

fn token(der: &[u8]) -> String {
    Fingerprint::of(der).to_string()
}

fn refused(status: u16, name: &str) -> Response {
    let problem = Problem::new(name, status, "Refused");
    (StatusCode::from_u16(status).unwrap(), Json(problem)).into_response()
}

fn is_signed_in(peer: Peer, headers: &HeaderMap) -> bool {
    let bearer = headers.get("authorization").and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
    peer.0.is_some_and(|peer| Some(peer.to_string().as_str()) == bearer)
}

async fn renew(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Json(renew): Json<Renew>,
) -> Response {
    let (authority, fake_server) = &*shared;
    let mut fake_server = fake_server.lock().unwrap();
    fake_server.asked += 1;
    if !is_signed_in(peer, &headers) {
        return refused(401, "sign-in-required");
    }
    let certificate = match &fake_server.issued {
        Some((csr, certificate)) if *csr == renew.csr => certificate.clone(),
        Some(_) => return refused(409, "renewed-already"),
        None => authority.certify(&renew.csr, VALIDITY),
    };
    fake_server.issued = Some((renew.csr, certificate.clone()));
    if std::mem::take(&mut fake_server.lose_the_next_answer) {
        return refused(503, "busy");
    }
    let leaf = Identity::leaf_of(&certificate);
    Json(json!({
        "certificate": certificate,
        "authorities": authority.pem(),
        "not_after": VALIDITY.1,
        "access_token": token(&leaf),
        "token_type": "Bearer",
        "expires_in": 3600,
    }))
    .into_response()
}

async fn session(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let mut fake_server = shared.1.lock().unwrap();
    let new = fake_server.issued.as_ref().map(|(_, pem)| Fingerprint::of(&Identity::leaf_of(pem)));
    if fake_server.refuse_new && peer.0 == new {
        return refused(403, "client-certificate:untrusted");
    }
    fake_server.seen = peer.0;
    if !is_signed_in(peer, &headers) {
        return refused(401, "sign-in-required");
    }
    Json(json!({"email": "ada@example.org", "device_name": "desk", "expires_at": 2_000_000_000}))
        .into_response()
}

/// The first step of a sign-in.
async fn login() -> Response {
    Json(json!({"challenge": "c-1", "methods": ["totp"], "expires_in": 300})).into_response()
}

struct Fixture {
    shared: Shared,
    store: Arc<EnrolmentStore>,
    system: Arc<MemoryStore>,
    native_api: Arc<NativeApiClient>,
    renewal: Renewal,
    old: Fingerprint,
    _folder: tempfile::TempDir,
}

impl Fixture {
    /// An enrolled machine whose owner is signed in.
    async fn new() -> Self {
        let shared: Shared = Arc::new((Authority::new(), Mutex::default()));
        let routes = Router::new()
            .route("/native/renew", post(renew))
            .route("/native/login", post(login))
            .route("/native/session", get(session))
            .with_state(Arc::clone(&shared));
        let address = shared.0.serve(routes).await;
        let (system, folder) = (Arc::new(MemoryStore::default()), tempfile::tempdir().unwrap());
        let keys = Keys::of(Arc::clone(&system) as Arc<dyn KeyStore>, folder.path());
        let store = Arc::new(EnrolmentStore::new(folder.path(), keys));
        let key = new_key(system_random).unwrap();
        let certificates = shared.0.certify(key.request(), VALIDITY);
        let chain = key.chain(Answer { certificates: &certificates, roots: &shared.0.pem() }).unwrap();
        let record = Record {
            version: 0,
            server: format!("https://localhost:{}", address.port()),
            pages: String::new(),
            trusted: Trusted::Authority,
            authorities: shared.0.pem(),
            key_location: KeyLocation::System,
            current: String::new(),
            next: None,
            obsolete: None,
        };
        let machine = store.enrol(record, key.key(), &chain).unwrap();
        let old = Fingerprint::of(&machine.identity.certificates()[0]);
        let (native_api, renewal) = started(&store, machine, Some(old));
        Self { shared, store, system, native_api, renewal, old, _folder: folder }
    }

    /// The program is restarted; nobody is signed in.
    fn restart(&mut self) {
        let machine = self.store.load().unwrap().unwrap();
        (self.native_api, self.renewal) = started(&self.store, machine, None);
    }

    fn fake_server(&self) -> std::sync::MutexGuard<'_, FakeServer> {
        self.shared.1.lock().unwrap()
    }

    fn new_one(&self) -> Fingerprint {
        Fingerprint::of(&Identity::leaf_of(&self.fake_server().issued.as_ref().unwrap().1))
    }

    /// The certificate that requests go out with.
    async fn used(&self) -> Fingerprint {
        let _ = self.native_api.certificate().await;
        self.fake_server().seen.unwrap()
    }
}

fn started(
    store: &Arc<EnrolmentStore>,
    machine: Machine,
    signed_in: Option<Fingerprint>,
) -> (Arc<NativeApiClient>, Renewal) {
    let validity = machine.identity.validity().unwrap();
    let (record, configuration) = machine.configuration().unwrap();
    let transport = Arc::new(Transport::new(configuration).unwrap());
    let native_api = Arc::new(match signed_in {
        Some(fingerprint) => NativeApiClient::signed_in(transport, Secret::new(fingerprint.to_string())),
        None => NativeApiClient::new(transport),
    });
    let renewal = Renewal::new(Arc::clone(store), Arc::clone(&native_api), record, validity, system_random);
    (native_api, renewal)
}

#[tokio::test]
async fn at_two_thirds_of_its_life_a_certificate_is_replaced() {
    let mut fixture = Fixture::new().await;
    assert_eq!(fixture.renewal.renew_if_due(DUE - 1).await, Outcome::NotDue);
    assert_eq!(fixture.fake_server().asked, 0);
    let old_name = fixture.system.names();
    assert_eq!(fixture.renewal.renew_if_due(DUE).await, Outcome::Renewed);

    let new = fixture.new_one();
    assert_ne!(new, fixture.old);
    assert_eq!(fixture.used().await, new);
    assert!(fixture.native_api.session().await.unwrap().is_some(), "the sign-in goes on");
    assert_eq!(fixture.system.names().len(), 1);
    assert_ne!(fixture.system.names(), old_name, "the old key is gone");
    fixture.restart();
    assert_eq!(fixture.used().await, new);
}

#[tokio::test]
async fn a_lost_answer_is_requested_again_with_the_same_key() {
    let mut fixture = Fixture::new().await;
    fixture.fake_server().lose_the_next_answer = true;
    assert_eq!(fixture.renewal.renew_if_due(DUE).await, Outcome::Failed);
    assert_eq!(fixture.used().await, fixture.old);
    assert!(fixture.native_api.session().await.unwrap().is_some(), "nobody is signed out");
    assert_eq!(fixture.renewal.renew_if_due(DUE + 59).await, Outcome::Waiting);
    assert_eq!(fixture.fake_server().asked, 1);
    // The key is the same even if the program was restarted.
    let asked_with = fixture.fake_server().issued.clone().unwrap().0;
    fixture.restart();
    assert_eq!(fixture.renewal.renew_if_due(DUE + 60).await, Outcome::SignedOut);
    let machine = fixture.store.load().unwrap().unwrap();
    (fixture.native_api, fixture.renewal) = started(&fixture.store, machine, Some(fixture.old));
    assert_eq!(fixture.renewal.renew_if_due(DUE + 60).await, Outcome::Renewed);
    assert_eq!(fixture.fake_server().issued.clone().unwrap().0, asked_with);
    assert_eq!(fixture.used().await, fixture.new_one());
}

#[tokio::test]
async fn the_old_one_stays_until_the_new_one_was_used() {
    let mut fixture = Fixture::new().await;
    fixture.fake_server().refuse_new = true;
    assert_eq!(fixture.renewal.renew_if_due(DUE).await, Outcome::Failed);
    assert_eq!(fixture.used().await, fixture.old);
    assert_eq!(fixture.system.names().len(), 2, "both are kept");
    fixture.restart();
    assert_eq!(fixture.used().await, fixture.old, "also after a new start");
    // Stored, and not used yet: a restarted program tries it, signed in or not.
    assert_eq!(fixture.renewal.renew_if_due(VALIDITY.0).await, Outcome::Failed);
    fixture.fake_server().refuse_new = false;
    assert_eq!(fixture.renewal.renew_if_due(VALIDITY.0 + 60).await, Outcome::Renewed);
    assert_eq!(fixture.used().await, fixture.new_one());
    assert_eq!(fixture.system.names().len(), 1);
}

#[tokio::test]
async fn without_a_sign_in_nothing_is_renewed() {
    let mut fixture = Fixture::new().await;
    fixture.restart();
    assert_eq!(fixture.renewal.renew_if_due(DUE).await, Outcome::SignedOut);
    assert_eq!((fixture.fake_server().asked, fixture.system.names().len()), (0, 1));
}

#[tokio::test]
async fn a_renewal_that_cannot_succeed_signs_nobody_out() {
    let mut fixture = Fixture::new().await;
    // The renewed certificate was issued to another key.
    let other = new_key(system_random).unwrap();
    let certificate = fixture.shared.0.certify(other.request(), VALIDITY);
    fixture.fake_server().issued = Some((other.request().to_owned(), certificate));
    let mut now = DUE;
    for _ in 0..3 {
        assert_eq!(fixture.renewal.renew_if_due(now).await, Outcome::Failed);
        now += 6 * 3600;
    }
    assert_eq!(fixture.used().await, fixture.old);
    assert!(fixture.native_api.session().await.unwrap().is_some());
}

#[tokio::test]
async fn somebody_who_is_signing_in_is_not_disturbed() {
    let mut fixture = Fixture::new().await;
    let other = Transport::anonymous("https://localhost:1".parse().unwrap(), &fixture.trust()).unwrap();
    let wrong = Secret::new("of another sign-in");
    assert!(!fixture.native_api.switch_to(&other, Some(&wrong), None));
    assert!(!fixture.native_api.switch_to(&other, None, Some(wrong)));
    assert_eq!(fixture.used().await, fixture.old);
    // Between password and code nobody is signed in, as when the program has just started.
    fixture.restart();
    fixture.native_api.login("ada@example.org".into(), "a password".into()).await.unwrap();
    assert!(!fixture.native_api.switch_to(&other, None, None));
    assert_eq!(fixture.used().await, fixture.old);
}

#[tokio::test]
async fn a_postponed_certificate_is_used_at_the_next_check() {
    let mut fixture = Fixture::new().await;
    fixture.fake_server().refuse_new = true;
    assert_eq!(fixture.renewal.renew_if_due(DUE).await, Outcome::Failed);
    fixture.fake_server().refuse_new = false;
    fixture.restart();
    fixture.native_api.login("ada@example.org".into(), "a password".into()).await.unwrap();
    assert_eq!(fixture.renewal.renew_if_due(DUE).await, Outcome::Renewed);
    assert_eq!(fixture.used().await, fixture.old, "not now");
    assert_eq!(fixture.renewal.renew_if_due(DUE - 1).await, Outcome::NotDue);
    assert_eq!(fixture.used().await, fixture.old, "not yet");
    fixture.native_api.logout().await.unwrap();
    assert_eq!(fixture.renewal.renew_if_due(DUE - 1).await, Outcome::NotDue);
    assert_eq!(fixture.used().await, fixture.new_one());
}

#[tokio::test]
async fn a_renewal_ends_with_its_enrolment() {
    let mut fixture = Fixture::new().await;
    assert!(fixture.store.forget().unwrap());
    assert_eq!(fixture.renewal.renew_if_due(DUE).await, Outcome::Ended);
    assert!(fixture.store.record().unwrap().is_none() && fixture.system.names().is_empty());
    assert_eq!(fixture.fake_server().asked, 0);
}

impl Fixture {
    fn trust(&self) -> crate::trust::Trust {
        crate::trust::Trust::in_authorities(self.shared.0.pem().as_bytes()).unwrap()
    }
}
