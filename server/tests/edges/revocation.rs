//! A revocation takes effect within a second: on open connections, on new ones, and in the middle of an answer. On both
//! edges, and also when another server that shares the database revoked the certificate.

use std::time::{Duration, Instant};

use app::request_context::Administrator;
use app::services::{AccountService, CertificateService};
use domain::account::Role;
use domain::id::{AccountId, CertificateId};
use http::{Request, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use protocol::native::{AccessToken, Challenge, Login, SecondFactor};
use protocol::people::AccountChange;
use rcgen::{CertificateParams, KeyPair};
use server::people::AccountManager;

use crate::certificates::new_certificate;
use crate::connection::{Connection, Identity, Version};
use crate::fixture::{Edge, Fixture, OWNER, OWNER_PASSWORD, Running, store_certificate};
use crate::model::Model;

/// Measured from the end of the revoking call.
const GOAL: Duration = Duration::from_secs(1);
/// Extra time for a host that is busy with other tests.
const SLACK: Duration = Duration::from_secs(2);

/// A machine whose owner is signed in.
struct Machine {
    certificate_id: CertificateId,
    identity: Identity,
    token: String,
}

impl Machine {
    async fn new(fixture: &Fixture, edge: &Edge<'_>) -> Self {
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let state = &edge.server.state;
        let issued =
            state.certificates.issue_for_csr(new_certificate(&fixture.account_id), &request).await.unwrap();
        store_certificate(state, &issued).await;
        let identity = Identity::new(&issued.certificate, &key.serialize_pem());
        let token = sign_in(fixture, edge, &identity).await;
        Self { certificate_id: issued.id, identity, token }
    }

    async fn connect(&self, edge: &Edge<'_>, version: Version) -> Connection {
        Connection::open(edge, &self.identity, version, &self.token).await
    }
}

async fn sign_in(fixture: &Fixture, edge: &Edge<'_>, identity: &Identity) -> String {
    let mut connection = Connection::open(edge, identity, Version::Http2, "").await;
    let login = Login { username: OWNER.to_owned(), password: OWNER_PASSWORD.into() };
    let challenge: Challenge = post(&mut connection, "/native/login", &login).await;
    let factor = SecondFactor { challenge: challenge.challenge, code: fixture.code().into() };
    let token: AccessToken = post(&mut connection, "/native/verify-2fa", &factor).await;
    token.access_token.expose().to_owned()
}

async fn post<T: serde::de::DeserializeOwned>(
    connection: &mut Connection,
    path: &str,
    body: &impl serde::Serialize,
) -> T {
    let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
    let answer = connection.send(request, path, serde_json::to_vec(body).unwrap()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body)
        .unwrap_or_else(|e| panic!("{path}: {e}: {}", String::from_utf8_lossy(&body)))
}

/// A streaming answer whose first words have arrived.
struct Answer {
    body: Incoming,
    text: String,
}

impl Answer {
    async fn start(connection: &mut Connection) -> Self {
        let mut picture = std::io::Cursor::new(Vec::new());
        image::GrayImage::new(64, 64).write_to(&mut picture, image::ImageFormat::Png).unwrap();
        let mut form =
            b"--line\r\ncontent-disposition: form-data; name=\"context\"\r\n\r\nWhat is this?\r\n--line\r\n\
            content-disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"
                .to_vec();
        form.extend(picture.into_inner());
        form.extend(b"\r\n--line--\r\n");
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=line")
            .header(header::ACCEPT, "text/event-stream");
        let response = connection.send(request, "/native/analyze", form).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut answer = Self { body: response.into_body(), text: String::new() };
        while !answer.text.contains("event: delta") {
            let more = answer.next().await.expect("the answer goes on").expect("the answer goes on");
            answer.text.push_str(&more);
        }
        answer
    }

    async fn next(&mut self) -> Option<hyper::Result<String>> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.body.frame());
        let frame = next.await.expect("words, or the answer's end")?;
        Some(frame.map(|frame| String::from_utf8_lossy(&frame.into_data().unwrap_or_default()).into_owned()))
    }

    /// Reads until the answer is cut off, which must not look like a regular end.
    async fn until_cut_off(mut self, since: Instant) -> Duration {
        loop {
            match self.next().await {
                Some(Ok(more)) => self.text.push_str(&more),
                Some(Err(_)) => break,
                None => panic!("the answer ended as if it were whole"),
            }
            assert!(since.elapsed() < GOAL + SLACK, "the answer still goes on");
        }
        assert!(!self.text.contains("event: done"), "the answer came to its end");
        since.elapsed()
    }
}

/// Sends requests until one is rejected, then once more. Returns the time until the first rejection; a closed connection
/// counts as one.
async fn until_rejected(mut connection: Connection, since: Instant) -> Duration {
    while matches!(connection.is_accepted().await, Ok(true)) {
        assert!(since.elapsed() < GOAL + SLACK, "the connection is still served");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let elapsed = since.elapsed();
    assert!(!matches!(connection.is_accepted().await, Ok(true)), "it was served again");
    elapsed
}

/// The same on connections that are opened after the revocation.
async fn until_rejected_on_new(machine: &Machine, edge: &Edge<'_>, since: Instant) -> Duration {
    // The handshake succeeds, so that the answer can state the reason.
    while machine.connect(edge, Version::Http2).await.is_accepted().await.unwrap() {
        assert!(since.elapsed() < GOAL + SLACK, "new connections are still served");
    }
    since.elapsed()
}

/// Opens every kind of connection on one edge, and revokes the certificate on the server `by`.
async fn revoke(fixture: &Fixture, model: &Model, edge: &Edge<'_>, by: (&str, &Running)) {
    let machine = Machine::new(fixture, edge).await;
    let mut kept_alive = machine.connect(edge, Version::Http1).await;
    assert!(kept_alive.is_accepted().await.unwrap());
    assert!(kept_alive.is_accepted().await.unwrap(), "the connection is kept alive");
    let mut http2 = machine.connect(edge, Version::Http2).await;
    assert!(http2.is_accepted().await.unwrap());
    let mut streaming = machine.connect(edge, Version::Http1).await;
    let over_http1 = Answer::start(&mut streaming).await;
    let over_http2 = Answer::start(&mut http2).await;
    assert_eq!(model.running(), 2);

    let (name, server) = by;
    // Servers' clocks differ: the revoking one is behind.
    fixture.move_clock(-10);
    server
        .state
        .certificates
        .revoke(&fixture.administrator(), machine.certificate_id.as_str(), "", "lost")
        .await
        .unwrap();
    fixture.move_clock(10);
    let revoked = Instant::now();
    let times = tokio::join!(
        until_rejected(kept_alive, revoked),
        until_rejected(http2, revoked),
        over_http1.until_cut_off(revoked),
        over_http2.until_cut_off(revoked),
        until_rejected_on_new(&machine, edge, revoked),
        model.until_idle(revoked),
    );
    let times = [
        ("kept alive, HTTP/1.1", times.0),
        ("open, HTTP/2", times.1),
        ("answer under way, HTTP/1.1", times.2),
        ("answer under way, HTTP/2", times.3),
        ("new connection", times.4),
        ("the model's work", times.5),
    ];
    for (what, time) in times {
        println!("revoked on {} by {name}: {what}: {} ms", edge.name, time.as_millis());
        assert!(time < GOAL + SLACK, "{what} on {}: {time:?}", edge.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_takes_effect_within_a_second() {
    let model = Model::start().await;
    let fixture = Fixture::start(&[], &model.settings()).await;
    for edge in fixture.edges() {
        revoke(&fixture, &model, &edge, ("the same server", edge.server)).await;
        let other = if edge.name == "rustls" { &fixture.proxied } else { &fixture.direct };
        revoke(&fixture, &model, &edge, ("another server", other)).await;
    }
    // Caddy logs a warning with the request for each answer that was cut off.
    let log = fixture.caddy.log();
    assert!(log.contains("incomplete response"), "{log}");
    assert!(!log.contains(crate::caddy::SECRET), "the secret is in Caddy's log: {log}");
}

/// Disables the owner's account on the server `by` and measures how long what is open on one edge goes on.
async fn disable(
    fixture: &Fixture,
    model: &Model,
    edge: &Edge<'_>,
    by: (&str, &Running),
    other: &Administrator,
) {
    let machine = Machine::new(fixture, edge).await;
    let mut kept_alive = machine.connect(edge, Version::Http2).await;
    assert!(kept_alive.is_accepted().await.unwrap());
    let mut streaming = machine.connect(edge, Version::Http1).await;
    let answer = Answer::start(&mut streaming).await;
    assert_eq!(model.running(), 1);
    let (name, server) = by;
    let people = AccountManager::new(server.state.certificates.clone(), server.state.people.clone());
    let id = fixture.account_id.as_str();
    people.change(other, id, AccountChange::Disable).await.unwrap();
    let disabled = Instant::now();
    let times = tokio::join!(answer.until_cut_off(disabled), model.until_idle(disabled));
    for time in [times.0, times.1] {
        println!("disabled on {} by {name}: {} ms", edge.name, time.as_millis());
        assert!(time < GOAL + SLACK, "{time:?}");
    }
    // The certificate is still good, and worth nothing.
    let mut later = machine.connect(edge, Version::Http2).await;
    let answer = later.send(Request::builder(), "/native/session", Vec::new()).await.unwrap();
    assert_eq!(answer.status(), 401);
    people.change(other, id, AccountChange::Enable).await.unwrap();
    // Connections that were opened afterwards stay open.
    fixture.move_clock(1);
    sign_in(fixture, edge, &machine.identity).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_an_account_takes_effect_within_a_second() {
    let model = Model::start().await;
    let fixture = Fixture::start(&[], &model.settings()).await;
    let env = &fixture.direct.state.env;
    let (id, email): (AccountId, _) = (env.new_id(), "other@example.org".parse().unwrap());
    let mut tx = env.store.begin().await.unwrap();
    tx.accounts().ensure(&id, &email, Role::Administrator, env.now()).await.unwrap();
    assert!(tx.accounts().set_factors(&id, "none", &[0], 0, env.now()).await.unwrap());
    tx.commit().await.unwrap();
    let other = Administrator { account_id: id, email: email.into_string() };
    for edge in fixture.edges() {
        disable(&fixture, &model, &edge, ("the same server", edge.server), &other).await;
        let another = if edge.name == "rustls" { &fixture.proxied } else { &fixture.direct };
        disable(&fixture, &model, &edge, ("another server", another), &other).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_connection_cancels_the_models_work_on_both_edges() {
    let model = Model::start().await;
    let fixture = Fixture::start(&[], &model.settings()).await;
    for edge in fixture.edges() {
        let machine = Machine::new(&fixture, &edge).await;
        for version in [Version::Http1, Version::Http2] {
            let mut connection = machine.connect(&edge, version).await;
            let answer = Answer::start(&mut connection).await;
            assert_eq!(model.running(), 1);
            drop((answer, connection));
            let time = model.until_idle(Instant::now()).await;
            println!("closed on {} over {version:?}: {} ms", edge.name, time.as_millis());
            assert!(time < GOAL + SLACK, "{time:?}");
        }
    }
}
