//! How long until a revoked certificate is refused: on a new connection, on open ones, and in the middle of an answer.
//!
//! All of these are open at once when the administrator's browser sends the revocation.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use serde::Deserialize;
use tokio::time::{sleep, timeout};
use tokio::try_join;

use super::Environment;
use crate::client_machine::ClientMachine;
use crate::fixture::{Visitor, copy, provision_machine};
use crate::load::{Connection, Request};
use crate::programs::{Caddy, EndlessModel, RAISED_LIMITS, Server};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const RUNS: usize = 7;
/// Between two requests on the connections that poll.
const RETRY_INTERVAL: Duration = Duration::from_millis(2);
/// The goal: after this the machine is refused (milliseconds).
const GOAL: f64 = 1_000.0;
const TIMEOUT: Duration = Duration::from_secs(10);
/// A grey square of 64 pixels (PNG in Base64).
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAG0lEQVR42u3BgQAAAADDoPlT3+AEVQEAAAB8AxBAAAG9PLePAAAAAElFTkSuQmCC";

/// A listener for machines.
struct Edge {
    name: &'static str,
    address: SocketAddr,
    /// Of a certificate that is not the server's own authority's (PEM).
    authority: Option<Vec<u8>>,
}

/// Times after the revocation was sent.
struct Times {
    acknowledged: Duration,
    new: Duration,
    in_use: Duration,
    idle: Duration,
    answer: Duration,
}

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let (programs, ports) = (env.programs, env.fixture.ports);
    let prepared = env.fixture.data_in(env.folder, "prepared")?;
    let server = Server::start_with(programs, &prepared, ports, None, &RAISED_LIMITS).await?;
    let mut administrator = env.fixture.administrator()?;
    let mut machines = Vec::new();
    for run in 0..=RUNS {
        let (email, folder) = (format!("owner-{run}@example.org"), env.folder.join(format!("machine-{run}")));
        machines.push(provision_machine(&mut administrator, &email, ports, &folder).await?);
    }
    server.program.stop().await?;

    let model = EndlessModel::start().await?;
    let mut rows = Vec::new();
    let data = env.folder.join("direct");
    copy(&prepared, &data)?;
    let server = Server::start_with(programs, &data, ports, None, &model.settings()).await?;
    let edge = Edge { name: "built-in TLS", address: server.machines, authority: None };
    rows.extend(edge.measure(&machines, env.fixture.administrator()?).await?);
    server.program.stop().await?;

    let data = env.folder.join("behind-caddy");
    copy(&prepared, &data)?;
    let server = Server::start_behind_caddy(programs, &data, ports, &model.settings()).await?;
    let caddy = Caddy::start(programs, &server, ports, env.folder).await?;
    let edge = Edge { name: "Caddy", address: caddy.machines, authority: Some(caddy.authority) };
    rows.extend(edge.measure(&machines, env.fixture.administrator()?).await?);
    caddy.program.stop().await?;
    server.program.stop().await?;
    Ok(vec![Section {
        title: "From an administrator's revocation until the machine is refused".to_owned(),
        rows,
        notes: vec![
            "After it was sent: from the moment at which the request to revoke goes out. After it was acknowledged: from the \
             moment at which its answer is there; below zero, the refusal came first."
                .to_owned(),
            format!(
                "New connections and the one in use ask again {} ms after each answer; the idle one asks once, when the \
                 revocation is acknowledged. All of it goes on at once, on all cores together with the server.",
                RETRY_INTERVAL.as_millis()
            ),
            "Limits are the default ones while it is measured; they were raised while the machines got their certificates."
                .to_owned(),
        ],
    }])
}

impl Edge {
    async fn measure(&self, machines: &[ClientMachine], mut administrator: Visitor) -> Result<Vec<Row>> {
        let mut all = Vec::new();
        for machine in machines {
            let times = timeout(TIMEOUT, self.revoke(machine, &mut administrator)).await;
            let times = times.with_context(|| format!("not finished after {} s", TIMEOUT.as_secs()));
            all.push(times.flatten().with_context(|| format!("revoking, {}", self.name))?);
        }
        // The first is not counted: it warms the programs up.
        let counted = all.get(1..).unwrap_or_default();
        let row = |what: &str, of: fn(&Times) -> Duration| Row {
            name: format!("{}: {what}", self.name),
            figures: figures(counted, of),
        };
        let mut acknowledged = row("acknowledged to the administrator", |times| times.acknowledged);
        acknowledged.figures.truncate(1);
        Ok(vec![
            row("new connection refused", |times| times.new),
            row("open connection in use refused", |times| times.in_use),
            row("open idle connection's next request refused", |times| times.idle),
            row("streaming answer ended", |times| times.answer),
            acknowledged,
        ])
    }

    async fn revoke(&self, machine: &ClientMachine, administrator: &mut Visitor) -> Result<Times> {
        let tls = match &self.authority {
            Some(authority) => machine.tls_towards(authority)?,
            None => Arc::clone(&machine.tls),
        };
        let authorization = format!("Bearer {}", machine.token);
        let session = Request::get("/native/session", &[("Authorization", &authorization)]);
        let (mut in_use, mut idle) = (self.open(&tls).await?, self.open(&tls).await?);
        in_use.send_ok(&session).await?;
        idle.send_ok(&session).await?;
        let mut streaming = self.open(&tls).await?;
        streaming.send_until(&question(&authorization)?, "event: delta").await?;
        let certificate = certificate_of(administrator, &machine.email).await?;

        let sent = Instant::now();
        let acknowledged_and_idle = async {
            let arguments = [("id", certificate.as_str()), ("words", "lost")];
            administrator.call::<()>("certificate/revoke", &arguments).await?;
            let acknowledged = sent.elapsed();
            ensure!(
                !is_served(&mut idle, &session).await?,
                "an open connection is served after the revocation"
            );
            anyhow::Ok((acknowledged, sent.elapsed()))
        };
        let in_use = async {
            while is_served(&mut in_use, &session).await? {
                sleep(RETRY_INTERVAL).await;
            }
            anyhow::Ok(sent.elapsed())
        };
        let new = async {
            while self.serves_new_connection(&tls, &session).await {
                sleep(RETRY_INTERVAL).await;
            }
            anyhow::Ok(sent.elapsed())
        };
        let answer = async {
            streaming.wait_for_end().await;
            let ended = sent.elapsed();
            ensure!(!streaming.text().contains("event: done"), "the answer came to its own end");
            anyhow::Ok(ended)
        };
        let ((acknowledged, idle), in_use, new, answer) =
            try_join!(acknowledged_and_idle, in_use, new, answer)?;
        ensure!(!self.serves_new_connection(&tls, &session).await, "it is served again");
        Ok(Times { acknowledged, new, in_use, idle, answer })
    }

    async fn open(&self, tls: &Arc<ClientConfig>) -> Result<Connection> {
        Connection::open(self.address, Some(Arc::clone(tls))).await
    }

    /// Whether a new connection is still served. Only an answer that names the revocation counts as a refusal: a
    /// connection that was opened during the revocation may just be closed.
    async fn serves_new_connection(&self, tls: &Arc<ClientConfig>, session: &Request) -> bool {
        let Ok(mut connection) = self.open(tls).await else { return true };
        let status = connection.send_for_status(session).await;
        !(matches!(status, Ok(403)) && connection.text().contains("client-certificate:revoked"))
    }
}

/// Whether an open connection is still served. A closed connection is a refusal, and so is 401: a request whose
/// certificate was checked just before the revocation finds its session ended.
async fn is_served(connection: &mut Connection, session: &Request) -> Result<bool> {
    match connection.send_for_status(session).await {
        Ok(200) => Ok(true),
        Ok(401 | 403) | Err(_) => Ok(false),
        Ok(status) => bail!("expected 200 or a refusal, not {status}: {}", connection.text()),
    }
}

fn figures(all: &[Times], of: fn(&Times) -> Duration) -> Vec<Figure> {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let sent: Vec<f64> = all.iter().map(|times| milliseconds(of(times))).collect();
    let acknowledged: Vec<f64> =
        all.iter().map(|times| milliseconds(of(times)) - milliseconds(times.acknowledged)).collect();
    let figure = |name, runs: &[f64]| Spread::of(runs).map(|spread| Figure::new(name, "ms", spread));
    let sent = figure("after it was sent", &sent).map(|figure| figure.at_most(GOAL));
    [sent, figure("after it was acknowledged", &acknowledged)].into_iter().flatten().collect()
}

/// `POST /native/analyze` for an answer in events.
fn question(authorization: &str) -> Result<Request> {
    let mut head = String::new();
    for part in ["\"context\"\r\n\r\nWhat is this?\r\n", "\"image\"; filename=\"a.png\"\r\n\r\n"] {
        write!(head, "--part\r\nContent-Disposition: form-data; name={part}")?;
    }
    let mut body = head.into_bytes();
    body.extend(STANDARD.decode(PICTURE).context("reading the picture")?);
    body.extend(b"\r\n--part--\r\n");
    let headers = [
        ("Authorization", authorization),
        ("Accept", "text/event-stream"),
        ("Content-Type", "multipart/form-data; boundary=part"),
    ];
    Ok(Request::post("/native/analyze", &headers, &body))
}

#[derive(Deserialize)]
struct Certificates {
    rows: Vec<Certificate>,
}

#[derive(Deserialize)]
struct Certificate {
    id: String,
}

async fn certificate_of(administrator: &mut Visitor, email: &str) -> Result<String> {
    let found: Certificates =
        administrator.call("certificate/list", &[("search", email), ("page", "0")]).await?;
    Ok(found.rows.into_iter().next().with_context(|| format!("{email} has no certificate"))?.id)
}
