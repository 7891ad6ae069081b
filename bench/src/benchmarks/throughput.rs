//! Requests per second of one core, each kind beside the same kind of the peer.
//!
//! Each server has a core for itself, the generator another. Only one server works at a time, and they take turns, so
//! that whatever slows the machine down for a while slows all of them down.

use std::time::Duration;

use anyhow::{Context, Result};

use super::Environment;
use crate::load::{CONNECTIONS, Request, Round, Target};
use crate::programs::{Peer, Server};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const ROUNDS: usize = 5;
const ROUND_DURATION: Duration = Duration::from_millis(1500);

/// As a browser asks for a page.
pub const BROWSER: [(&str, &str); 4] = [
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br"),
];

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let (programs, fixture, core) = (env.programs, env.fixture, env.cores.server);
    let data = fixture.data_in(env.folder, "data")?;
    let server = Server::start(programs, &data, fixture.ports, Some(core)).await?;
    let data = fixture.data_in(env.folder, "data-behind-proxy")?;
    let proxied = Server::start_behind_proxy(programs, &data, fixture.ports, core).await?;
    let peer = Peer::start(programs, &fixture.machine, env.folder, core).await?;

    let on_server = |address, request| Target { address, tls: None, request, server: server.program.id() };
    let on_proxied =
        |request| Target { address: proxied.machines, tls: None, request, server: proxied.program.id() };
    let on_peer = |request| Target { address: peer.address, tls: None, request, server: peer.program.id() };
    let (certificate, authorization) =
        (fixture.machine.certificate_base64(), format!("Bearer {}", fixture.machine.token));
    let mut as_machine = vec![("Accept", "application/json"), ("Authorization", &authorization)];
    let modes_over_tls = Target {
        tls: Some(fixture.machine.tls.clone()),
        ..on_server(server.machines, Request::get("/native/modes", &as_machine))
    };
    as_machine.extend(Server::proxied(&certificate));
    let modes_behind_proxy = on_proxied(Request::get("/native/modes", &as_machine));
    let authorization = format!("Bearer {}", peer.token);
    as_machine.retain(|(name, _)| *name != "Authorization");
    as_machine.push(("Authorization", &authorization));

    let kinds = [
        ("/healthz", "server", on_server(server.pages, Request::get("/healthz", &[]))),
        ("/healthz", "peer", on_peer(Request::get("/healthz", &[]))),
        ("/native/modes", "server, mutual TLS", modes_over_tls),
        ("/native/modes", "server behind a proxy", modes_behind_proxy),
        ("/native/modes", "peer behind a proxy", on_peer(Request::get("/native/modes", &as_machine))),
        (
            "/native/modes",
            "peer, token alone",
            on_peer(Request::get("/native/modes/token-alone", &as_machine)),
        ),
        ("/request-access", "server", on_server(server.pages, Request::get("/request-access", &BROWSER))),
        ("/request-access", "peer", on_peer(Request::get("/request-access", &BROWSER))),
    ];
    let mut rounds: Vec<Vec<Round>> = kinds.iter().map(|_| Vec::new()).collect();
    for number in 0..ROUNDS {
        // There and back: none is always the one that comes after a certain other.
        let mut order: Vec<_> = kinds.iter().zip(&mut rounds).collect();
        if number % 2 == 1 {
            order.reverse();
        }
        for ((path, who, target), rounds) in order {
            let round = target.round(env.cores.generator, ROUND_DURATION).await;
            rounds.push(round.with_context(|| format!("{path}, {who}"))?);
        }
    }
    let rows =
        kinds.iter().zip(&rounds).map(|((path, who, _), rounds)| row(format!("{path}  {who}"), rounds));
    let mut notes = vec![
        "≥: the generator was at its limit before the server; the server can do more.".to_owned(),
        "Of a whole core: answers per second of processor time that the server took.".to_owned(),
        "Mutual TLS ends in the server itself; behind a proxy, the proxy's own work is not counted."
            .to_owned(),
        "peer, token alone: without looking up certificate, session and account, as the server always does."
            .to_owned(),
    ];
    let all: Vec<&Round> = rounds.iter().flatten().collect();
    let disturbed = all.iter().filter(|round| round.disturbed()).count();
    if disturbed > 0 {
        notes.push(format!(
            "DISTURBED: in {disturbed} of {} rounds something else took the cores. Compare whole cores only, or measure \
             again.",
            all.len()
        ));
    }
    Ok(vec![Section {
        title: format!("Requests per second of one core, {CONNECTIONS} connections"),
        rows: rows.collect(),
        notes,
    }])
}

fn row(name: String, rounds: &[Round]) -> Row {
    let spread = |value: fn(&Round) -> f64| Spread::of(&rounds.iter().map(value).collect::<Vec<_>>());
    let median = |value| spread(value).map(|spread| Spread::exact(spread.median));
    let bounded = rounds.iter().filter(|round| round.limited_by_generator()).count() * 2 > rounds.len();
    let figures = [
        spread(|round| round.per_second)
            .map(|spread| Figure { lower_bound: bounded, ..Figure::new("requests", "1/s", spread) }),
        spread(Round::per_core).map(|spread| Figure::new("of a whole core", "1/s", spread)),
        median(|round| round.server_share * 100.0).map(|share| Figure::new("server's core", "%", share)),
        median(|round| round.generator_share * 100.0)
            .map(|share| Figure::new("generator's core", "%", share)),
    ];
    Row { name, figures: figures.into_iter().flatten().collect() }
}
