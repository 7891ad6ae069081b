//! From starting a server until its first answer.

use anyhow::Result;

use super::Environment;
use crate::programs::{Peer, Server};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const RUNS: usize = 7;

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let (programs, fixture, core) = (env.programs, env.fixture, env.cores.server);
    let data = fixture.data_in(env.folder, "data")?;
    // Once without counting: the files are in memory afterwards, and the peer's modules are compiled.
    Server::start(programs, &data, fixture.ports, Some(core)).await?.program.stop().await?;
    Peer::start(programs, &fixture.machine, env.folder, core).await?.program.stop().await?;

    let (mut again, mut first, mut peers) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let server = Server::start(programs, &data, fixture.ports, Some(core)).await?;
        again.push(server.start_up);
        server.program.stop().await?;
        let empty = env.folder.join(format!("first-{run}"));
        let server = Server::start(programs, &empty, fixture.ports, Some(core)).await?;
        first.push(server.start_up);
        server.program.stop().await?;
        let peer = Peer::start(programs, &fixture.machine, env.folder, core).await?;
        peers.push(peer.start_up);
        peer.program.stop().await?;
    }
    let row = |name: &str, runs: &[std::time::Duration]| {
        let runs: Vec<f64> = runs.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        let figure = Spread::of(&runs).map(|spread| Figure::new("first answer after", "ms", spread));
        Row { name: name.to_owned(), figures: figure.into_iter().collect() }
    };
    Ok(vec![Section {
        title: "Start-up, on one core".to_owned(),
        rows: vec![
            row("server", &again),
            row("server, the very first time (database, keys, authority)", &first),
            row("peer", &peers),
        ],
        notes: vec![
            "Every file that is read was read before: this is not a start after switching on.".to_owned(),
        ],
    }])
}
