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
use crate::enrolled::{Machine, Trusted};
use crate::identity::new_key;
use crate::keystore::{KeyStore, Keys, MemoryStore, Place};
use crate::link::Fingerprint;
use crate::test_server::{Authority, Peer};

/// From 2020 to 2100.
const VALIDITY: (i64, i64) = (1_577_836_800, 4_102_444_800);
const DUE: i64 = VALIDITY.0 + (VALIDITY.1 - VALIDITY.0) / 3 * 2;

/// The server: tokens are the fingerprints of the certificates that they count with.
#[derive(Default)]
struct Double {
    /// Request and answer.
    issued: Option<(String, String)>,
    asked: usize,
    lose_the_next_answer: bool,
    refuse_new: bool,
    /// Who looked at the session last.
    seen: Option<Fingerprint>,
}

type Shared = Arc<(Authority, Mutex<Double>)>;

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
    let (authority, double) = &*shared;
    let mut double = double.lock().unwrap();
    double.asked += 1;
    if !is_signed_in(peer, &headers) {
        return refused(401, "sign-in-required");
    }
    let certificate = match &double.issued {
        Some((csr, certificate)) if *csr == renew.csr => certificate.clone(),
        Some(_) => return refused(409, "renewed-already"),
        None => authority.certify(&renew.csr, VALIDITY),
    };
    double.issued = Some((renew.csr, certificate.clone()));
    if std::mem::take(&mut double.lose_the_next_answer) {
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
    let mut double = shared.1.lock().unwrap();
    let new = double.issued.as_ref().map(|(_, pem)| Fingerprint::of(&Identity::leaf_of(pem)));
    if double.refuse_new && peer.0 == new {
        return refused(403, "client-certificate:untrusted");
    }
    double.seen = peer.0;
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

struct World {
    shared: Shared,
    enrolled: Arc<Enrolled>,
    system: Arc<MemoryStore>,
    native: Arc<NativeClient>,
    renewal: Renewal,
    old: Fingerprint,
    _folder: tempfile::TempDir,
}

impl World {
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
        let enrolled = Arc::new(Enrolled::new(folder.path(), keys));
        let key = new_key(system_random).unwrap();
        let certificates = shared.0.certify(key.request(), VALIDITY);
        let chain = key.chain(Answer { certificates: &certificates, roots: &shared.0.pem() }).unwrap();
        let record = Record {
            version: 0,
            server: format!("https://localhost:{}", address.port()),
            pages: String::new(),
            trusted: Trusted::Authority,
            authorities: shared.0.pem(),
            kept_in: Place::System,
            current: String::new(),
            next: None,
            leaving: None,
        };
        let machine = enrolled.enrol(record, key.key(), &chain).unwrap();
        let old = Fingerprint::of(&machine.identity.certificates()[0]);
        let (native, renewal) = started(&enrolled, machine, Some(old));
        Self { shared, enrolled, system, native, renewal, old, _folder: folder }
    }

    /// The program is started anew; nobody is signed in.
    fn restart(&mut self) {
        let machine = self.enrolled.load().unwrap().unwrap();
        (self.native, self.renewal) = started(&self.enrolled, machine, None);
    }

    fn double(&self) -> std::sync::MutexGuard<'_, Double> {
        self.shared.1.lock().unwrap()
    }

    fn new_one(&self) -> Fingerprint {
        Fingerprint::of(&Identity::leaf_of(&self.double().issued.as_ref().unwrap().1))
    }

    /// The certificate that requests go out with.
    async fn used(&self) -> Fingerprint {
        let _ = self.native.certificate().await;
        self.double().seen.unwrap()
    }
}

fn started(
    enrolled: &Arc<Enrolled>,
    machine: Machine,
    signed_in: Option<Fingerprint>,
) -> (Arc<NativeClient>, Renewal) {
    let validity = machine.identity.validity().unwrap();
    let (record, configuration) = machine.configuration().unwrap();
    let transport = Arc::new(Transport::new(configuration).unwrap());
    let native = Arc::new(match signed_in {
        Some(fingerprint) => NativeClient::signed_in(transport, Secret::new(fingerprint.to_string())),
        None => NativeClient::new(transport),
    });
    let renewal = Renewal::new(Arc::clone(enrolled), Arc::clone(&native), record, validity, system_random);
    (native, renewal)
}

#[tokio::test]
async fn at_two_thirds_of_the_life_a_new_certificate_takes_the_place() {
    let mut world = World::new().await;
    assert_eq!(world.renewal.look_after(DUE - 1).await, Outcome::NotDue);
    assert_eq!(world.double().asked, 0);
    let old_name = world.system.names();
    assert_eq!(world.renewal.look_after(DUE).await, Outcome::Renewed);

    let new = world.new_one();
    assert_ne!(new, world.old);
    assert_eq!(world.used().await, new);
    assert!(world.native.session().await.unwrap().is_some(), "the sign-in goes on");
    assert_eq!(world.system.names().len(), 1);
    assert_ne!(world.system.names(), old_name, "the old key is gone");
    world.restart();
    assert_eq!(world.used().await, new);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let mut world = World::new().await;
    world.double().lose_the_next_answer = true;
    assert_eq!(world.renewal.look_after(DUE).await, Outcome::Failed);
    assert_eq!(world.used().await, world.old);
    assert!(world.native.session().await.unwrap().is_some(), "nobody is signed out");
    assert_eq!(world.renewal.look_after(DUE + 59).await, Outcome::Waiting);
    assert_eq!(world.double().asked, 1);
    // Even if the program ended meanwhile, the key is the same.
    let asked_with = world.double().issued.clone().unwrap().0;
    world.restart();
    assert_eq!(world.renewal.look_after(DUE + 60).await, Outcome::SignedOut);
    let machine = world.enrolled.load().unwrap().unwrap();
    (world.native, world.renewal) = started(&world.enrolled, machine, Some(world.old));
    assert_eq!(world.renewal.look_after(DUE + 60).await, Outcome::Renewed);
    assert_eq!(world.double().issued.clone().unwrap().0, asked_with);
    assert_eq!(world.used().await, world.new_one());
}

#[tokio::test]
async fn the_old_one_stays_until_the_new_one_was_used() {
    let mut world = World::new().await;
    world.double().refuse_new = true;
    assert_eq!(world.renewal.look_after(DUE).await, Outcome::Failed);
    assert_eq!(world.used().await, world.old);
    assert_eq!(world.system.names().len(), 2, "both are kept");
    world.restart();
    assert_eq!(world.used().await, world.old, "also after a new start");
    // Kept, and not used yet: a new start tries it, signed in or not.
    assert_eq!(world.renewal.look_after(VALIDITY.0).await, Outcome::Failed);
    world.double().refuse_new = false;
    assert_eq!(world.renewal.look_after(VALIDITY.0 + 60).await, Outcome::Renewed);
    assert_eq!(world.used().await, world.new_one());
    assert_eq!(world.system.names().len(), 1);
}

#[tokio::test]
async fn nobody_signed_in_renews_nothing() {
    let mut world = World::new().await;
    world.restart();
    assert_eq!(world.renewal.look_after(DUE).await, Outcome::SignedOut);
    assert_eq!((world.double().asked, world.system.names().len()), (0, 1));
}

#[tokio::test]
async fn a_renewal_that_cannot_succeed_locks_nobody_out() {
    let mut world = World::new().await;
    // Another key got the successor.
    let other = new_key(system_random).unwrap();
    let certificate = world.shared.0.certify(other.request(), VALIDITY);
    world.double().issued = Some((other.request().to_owned(), certificate));
    let mut now = DUE;
    for _ in 0..3 {
        assert_eq!(world.renewal.look_after(now).await, Outcome::Failed);
        now += 6 * 3600;
    }
    assert_eq!(world.used().await, world.old);
    assert!(world.native.session().await.unwrap().is_some());
}

#[tokio::test]
async fn somebody_who_is_signing_in_is_not_disturbed() {
    let mut world = World::new().await;
    let other = Transport::anonymous("https://localhost:1".parse().unwrap(), &world.trust()).unwrap();
    let wrong = Secret::new("of another sign-in".into());
    assert!(!world.native.go_on_with(&other, Some(&wrong), None));
    assert!(!world.native.go_on_with(&other, None, Some(wrong)));
    assert_eq!(world.used().await, world.old);
    // Between password and code nobody is signed in, as when the program has just started.
    world.restart();
    world.native.login("ada@example.org".into(), "a password".into()).await.unwrap();
    assert!(!world.native.go_on_with(&other, None, None));
    assert_eq!(world.used().await, world.old);
}

#[tokio::test]
async fn what_had_to_wait_is_used_at_the_next_look() {
    let mut world = World::new().await;
    world.double().refuse_new = true;
    assert_eq!(world.renewal.look_after(DUE).await, Outcome::Failed);
    world.double().refuse_new = false;
    world.restart();
    world.native.login("ada@example.org".into(), "a password".into()).await.unwrap();
    assert_eq!(world.renewal.look_after(DUE).await, Outcome::Renewed);
    assert_eq!(world.used().await, world.old, "not now");
    assert_eq!(world.renewal.look_after(DUE - 1).await, Outcome::NotDue);
    assert_eq!(world.used().await, world.old, "not yet");
    world.native.logout().await.unwrap();
    assert_eq!(world.renewal.look_after(DUE - 1).await, Outcome::NotDue);
    assert_eq!(world.used().await, world.new_one());
}

#[tokio::test]
async fn a_renewal_ends_with_its_enrolment() {
    let mut world = World::new().await;
    assert!(world.enrolled.forget().unwrap());
    assert_eq!(world.renewal.look_after(DUE).await, Outcome::Over);
    assert!(world.enrolled.record().unwrap().is_none() && world.system.names().is_empty());
    assert_eq!(world.double().asked, 0);
}

impl World {
    fn trust(&self) -> crate::transport::Trust {
        crate::transport::Trust::in_authorities(self.shared.0.pem().as_bytes()).unwrap()
    }
}
