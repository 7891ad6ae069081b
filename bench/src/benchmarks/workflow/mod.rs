//! The workflow engine beside LangGraph: microseconds per step, and what its checkpoints take.

mod shapes;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use domain::clock::SystemClock;
use serde::Deserialize;
use store::{DatabaseCheckpoints, Store};
use workflow::{Durability, Run, ThreadId, WorkflowState};

use super::Environment;
use crate::programs::on_core;
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;
use shapes::Shape;

const RUNS: usize = 7;
/// Goals of the product, in microseconds per step.
const IN_MEMORY_GOAL: f64 = 20.0;
const DURABLE_GOAL: f64 = 1_000.0;

/// What the peer prints, by shape and by `memory` or `durable`.
type PeerFigures = BTreeMap<String, BTreeMap<String, PeerFigure>>;

#[derive(Debug, Deserialize)]
struct PeerFigure {
    us: Vec<f64>,
    bytes: u64,
}

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let peer = peer(env).await?;
    let mut tables = Tables { peer, folder: env.folder, memory: Vec::new(), durable: Vec::new() };
    tables.measure("sequential", shapes::sequential()?).await?;
    tables.measure("fan-out to sub-graph", shapes::fan_out()?).await?;
    tables.measure("ReAct agent", shapes::agent()?).await?;
    tables.measure("wide state", shapes::wide()?).await?;
    tables.measure("200 turns", shapes::long()?).await?;
    let section = |title: &str, rows, note: &str| Section {
        title: title.to_owned(),
        rows,
        notes: vec![note.to_owned()],
    };
    Ok(vec![
        section(
            "Workflow engine in memory, beside LangGraph",
            tables.memory,
            "The nodes do next to nothing, so the engine is what is measured.",
        ),
        section(
            "Workflow engine with a checkpoint in SQLite after each superstep, beside LangGraph",
            tables.durable,
            "The server's database is safe against a loss of power (`synchronous = FULL`), LangGraph's SQLite saver as it \
             comes is not (`NORMAL` with a write-ahead log).",
        ),
    ])
}

async fn peer(env: &Environment<'_>) -> Result<PeerFigures> {
    let mut command = on_core(env.cores.server, &env.programs.peer_python);
    command.arg(env.programs.peer.join("langgraph_shapes.py")).arg(RUNS.to_string());
    let mut command = tokio::process::Command::from(command);
    let output = command.stderr(Stdio::inherit()).output().await.context("starting LangGraph")?;
    ensure!(output.status.success(), "LangGraph ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("LangGraph's figures")
}

struct Tables<'a> {
    peer: PeerFigures,
    folder: &'a Path,
    memory: Vec<Row>,
    durable: Vec<Row>,
}

impl Tables<'_> {
    async fn measure<S: WorkflowState + Default>(&mut self, name: &str, shape: Shape<S>) -> Result<()> {
        let Shape { graph, steps } = shape;
        let per_step = |since: Instant| since.elapsed().as_secs_f64() / steps as f64 * 1e6;
        let (mut memory, mut durable, mut bytes) = (Vec::new(), Vec::new(), 0);
        for run in 0..=RUNS {
            let since = Instant::now();
            let done = graph.run(&mut S::default(), &(), &()).await?;
            memory.push(per_step(since));
            // A sub-graph's steps are its own.
            ensure!(!done.is_empty() && done.len() <= steps, "{name}: {} of {steps} steps", done.len());

            let file = self.folder.join(format!("{}-{run}.db", name.replace(' ', "-")));
            let store = Store::open_sqlite(&file).await?;
            let empty = fs::metadata(&file)?.len();
            let checkpoints = DatabaseCheckpoints::new(store.clone(), Arc::new(SystemClock));
            let runner = Run::new(&graph, &()).checkpoints(&checkpoints, Durability::Always);
            let since = Instant::now();
            runner.start(&ThreadId::new("1"), S::default()).await?;
            durable.push(per_step(since));
            store.close().await;
            bytes = fs::metadata(&file)?.len().saturating_sub(empty);
        }
        self.memory.extend(row(name, memory.get(1..), IN_MEMORY_GOAL, None));
        self.durable.extend(row(name, durable.get(1..), DURABLE_GOAL, Some(bytes)));
        let peers = self.peer.get(name);
        let of = |kind| peers.and_then(|kinds| kinds.get(kind));
        let peer = format!("{name}, LangGraph");
        if let Some(figure) = of("memory") {
            self.memory.extend(row(&peer, Some(&figure.us), f64::INFINITY, None));
        }
        if let Some(figure) = of("durable") {
            self.durable.extend(row(&peer, Some(&figure.us), f64::INFINITY, Some(figure.bytes)));
        }
        Ok(())
    }
}

fn row(name: &str, runs: Option<&[f64]>, goal: f64, bytes: Option<u64>) -> Option<Row> {
    let figure = Figure::new("a step", "µs", Spread::of(runs?)?);
    let figure = if goal.is_finite() { figure.at_most(goal) } else { figure };
    let size = bytes.map(|bytes| Figure::new("database", "kB", Spread::exact(bytes as f64 / 1e3)));
    Some(Row { name: name.to_owned(), figures: std::iter::once(figure).chain(size).collect() })
}
