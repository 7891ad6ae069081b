//! The memory that a server takes, before and after it has worked.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::Environment;
use super::throughput::BROWSER;
use crate::load::{Request, Target};
use crate::machine::ProcessTree;
use crate::programs::{Peer, Program, Server};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const RUNS: usize = 3;
/// Of each kind of request.
const LOAD: Duration = Duration::from_millis(1500);
/// By then the work that a start or a load left behind is done.
const SETTLE_TIME: Duration = Duration::from_secs(1);
const MEGABYTE: f64 = 1e6;

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let (programs, fixture, core) = (env.programs, env.fixture, env.cores.server);
    let (mut servers, mut peers) = (Runs::default(), Runs::default());
    for run in 0..RUNS {
        let data = fixture.data_in(env.folder, &format!("data-{run}"))?;
        let server = Server::start(programs, &data, fixture.ports, Some(core)).await?;
        let on = |address, request| Target { address, tls: None, request, server: server.program.id() };
        let authorization = format!("Bearer {}", fixture.machine.token);
        let modes = on(server.machines, Request::get("/native/modes", &[("Authorization", &authorization)]));
        let load = [
            on(server.pages, Request::get("/request-access", &BROWSER)),
            Target { tls: Some(fixture.machine.tls.clone()), ..modes },
        ];
        servers.measure(env, &server.program, &load).await?;
        server.program.stop().await?;

        let peer = Peer::start(programs, &fixture.machine, env.folder, core).await?;
        let on = |request| Target { address: peer.address, tls: None, request, server: peer.program.id() };
        let authorization = format!("Bearer {}", peer.token);
        let mut headers = vec![("Authorization", authorization.as_str())];
        let certificate = fixture.machine.certificate_base64();
        headers.extend(Server::proxied(&certificate));
        let load =
            [on(Request::get("/request-access", &BROWSER)), on(Request::get("/native/modes", &headers))];
        peers.measure(env, &peer.program, &load).await?;
        peer.program.stop().await?;
    }
    Ok(vec![Section {
        title: "Memory of a server (PSS)".to_owned(),
        rows: vec![servers.row("server"), peers.row("peer")],
        notes: vec![format!(
            "After load: {:.1} s each of rendered pages and of /native/modes (the server's over mutual TLS), then {} s of rest.",
            LOAD.as_secs_f64(),
            SETTLE_TIME.as_secs(),
        )],
    }])
}

#[derive(Default)]
struct Runs {
    before: Vec<f64>,
    after: Vec<f64>,
}

impl Runs {
    async fn measure(&mut self, env: &Environment<'_>, program: &Program, load: &[Target]) -> Result<()> {
        sleep(SETTLE_TIME).await;
        self.before.push(megabytes(program)?);
        for target in load {
            target.round(env.cores.generator, LOAD).await?;
        }
        sleep(SETTLE_TIME).await;
        self.after.push(megabytes(program)?);
        Ok(())
    }

    fn row(&self, name: &str) -> Row {
        let figure = |name, runs: &[f64]| Spread::of(runs).map(|spread| Figure::new(name, "MB", spread));
        let figures = [figure("after start", &self.before), figure("after load", &self.after)];
        Row { name: name.to_owned(), figures: figures.into_iter().flatten().collect() }
    }
}

fn megabytes(program: &Program) -> Result<f64> {
    Ok(ProcessTree::of(program.id())?.memory()?.iter().map(|(_, bytes)| bytes / MEGABYTE).sum())
}
