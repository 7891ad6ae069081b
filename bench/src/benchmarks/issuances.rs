//! Certificates per second, from the administrator's approval to the certificate for the requester's own key, on SQLite
//! that writes everything through to the disk.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::Environment;
use crate::fixture::{Visitor, approve, download_links, request_access, request_id};
use crate::load::{Cost, CpuClock, Round};
use crate::programs::{RAISED_LIMITS, Server};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const RUNS: usize = 3;
/// Requests under way, and certificates of a run.
const LOADS: [(usize, usize); 2] = [(1, 64), (16, 192)];
/// How long the disk alone is measured, each run.
const DISK: Duration = Duration::from_millis(300);

struct Requester {
    email: String,
    browser: Visitor,
    /// PKCS#10, PEM.
    csr: String,
    request: String,
    link: String,
}

/// One run: so many certificates, step by step for all of them.
struct Run {
    count: u64,
    requested: Cost,
    approved: Cost,
    redeemed: Cost,
}

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let (programs, fixture) = (env.programs, env.fixture);
    let data = fixture.data_in(env.folder, "data")?;
    let core = Some(env.cores.server);
    let server = Server::start_with(programs, &data, fixture.ports, core, &RAISED_LIMITS).await?;
    let mut administrator = fixture.administrator()?;
    let mut rows = Vec::new();
    for (at_once, count) in LOADS {
        let mut runs = Vec::new();
        // The first is not counted: the connections are open afterwards.
        for run in 0..=RUNS {
            let requesters = requesters(&administrator, &format!("{at_once}-{run}"), count)?;
            let process = server.program.id();
            runs.push(issue(&mut administrator, requesters, at_once, process).await?);
        }
        let name = if at_once == 1 { "one after another".to_owned() } else { format!("{at_once} at once") };
        rows.push(row(name, runs.get(1..).unwrap_or_default()));
    }
    server.program.stop().await?;
    rows.push(disk(env.folder)?);
    Ok(vec![Section {
        title: "Certificates per second, server on one core, SQLite".to_owned(),
        rows,
        notes: vec![
            "Issued: approved and redeemed, for a key that the client has made before. The server's share is of these two. \
             Where the server makes the key and packs it, see the times of redeeming."
                .to_owned(),
            "Each step is done for all of a run before the next begins. Every step is written through to the disk before \
             it is answered; the last row is what the disk itself does, 4 kB at a time."
                .to_owned(),
            "Limits were raised for so many requests from one address.".to_owned(),
        ],
    }])
}

fn requesters(administrator: &Visitor, name: &str, count: usize) -> Result<Vec<Requester>> {
    let one = |number| {
        let key = KeyPair::generate().context("making a key")?;
        let csr = CertificateParams::default().serialize_request(&key).context("making a request")?;
        anyhow::Ok(Requester {
            email: format!("requester-{name}-{number}@example.org"),
            browser: administrator.without_cookies(),
            csr: csr.pem().context("writing a request")?,
            request: String::new(),
            link: String::new(),
        })
    };
    (0..count).map(one).collect()
}

async fn issue(
    administrator: &mut Visitor,
    mut requesters: Vec<Requester>,
    at_once: usize,
    process: u32,
) -> Result<Run> {
    let before = CpuClock::start(process)?;
    let steps = requesters
        .iter_mut()
        .map(|one| async move { request_access(&mut one.browser, &one.email).await.map(drop) });
    stream::iter(steps).buffer_unordered(at_once).try_collect::<()>().await.context("asking")?;
    let requested = before.elapsed()?;
    for one in &mut requesters {
        one.request = request_id(administrator, &one.email).await?;
    }

    let before = CpuClock::start(process)?;
    let steps = requesters.iter().map(|one| {
        let mut administrator = administrator.clone();
        async move { approve(&mut administrator, &one.request).await }
    });
    stream::iter(steps).buffer_unordered(at_once).try_collect::<()>().await.context("approving")?;
    let approved = before.elapsed()?;
    let links = download_links(administrator, requesters.len()).await?;
    for one in &mut requesters {
        one.link = links.get(&one.email).with_context(|| format!("no link for {}", one.email))?.clone();
    }

    let before = CpuClock::start(process)?;
    let steps = requesters.iter_mut().map(Requester::redeem);
    stream::iter(steps).buffer_unordered(at_once).try_collect::<()>().await.context("redeeming")?;
    let redeemed = before.elapsed()?;
    Ok(Run { count: u64::try_from(requesters.len())?, requested, approved, redeemed })
}

impl Requester {
    async fn redeem(&mut self) -> Result<()> {
        let path = format!("{}/csr", self.link);
        let answer = self.browser.post_for_bytes(&path, &json!({ "csr": self.csr })).await?;
        ensure!(answer.starts_with(b"-----BEGIN CERTIFICATE-----"), "{path} gives no certificate");
        Ok(())
    }
}

fn row(name: String, runs: &[Run]) -> Row {
    let issued = |run: &Run| run.approved.and(run.redeemed).round(run.count);
    let bounded = runs.iter().filter(|run| issued(run).limited_by_generator()).count() * 2 > runs.len();
    let spread = |of: &dyn Fn(&Run) -> f64| Spread::of(&runs.iter().map(of).collect::<Vec<_>>());
    let rate = |name, of: &dyn Fn(&Run) -> Round| {
        let figure = Figure::new(name, "1/s", spread(&|run| of(run).per_second)?);
        Some(Figure { lower_bound: bounded, ..figure })
    };
    let share = |name, of: &dyn Fn(&Run) -> f64| {
        spread(of).map(|share| Figure::new(name, "%", Spread::exact(share.median * 100.0)))
    };
    let figures = [
        rate("issued", &issued),
        rate("asked for", &|run| run.requested.round(run.count)),
        rate("approved", &|run| run.approved.round(run.count)),
        rate("redeemed", &|run| run.redeemed.round(run.count)),
        share("server's core", &|run| issued(run).server_share),
        share("generator's core", &|run| issued(run).generator_share),
    ];
    Row { name, figures: figures.into_iter().flatten().collect() }
}

/// The disk without a database: a page is written and synced, again and again.
fn disk(folder: &Path) -> Result<Row> {
    let path = folder.join("disk");
    let mut file = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < DISK {
            file.rewind()?;
            file.write_all(&[0x5a; 4096])?;
            file.sync_data().with_context(|| format!("synchronising {}", path.display()))?;
            count += 1;
        }
        runs.push(f64::from(count) / start.elapsed().as_secs_f64());
    }
    let figure = Spread::of(&runs).map(|spread| Figure::new("written through", "1/s", spread));
    Ok(Row { name: "the disk alone".to_owned(), figures: figure.into_iter().collect() })
}
