//! The desktop window: how long until one can type, and the memory of it with all that WebKit starts for it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::Environment;
use crate::programs::{Screen, Server, Window};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const RUNS: usize = 5;
/// By then the work that the start left behind is done.
const SETTLE_TIME: Duration = Duration::from_secs(2);

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let (programs, fixture) = (env.programs, env.fixture);
    let data = fixture.data_in(env.folder, "data")?;
    let _server = Server::start(programs, &data, fixture.ports, None).await?;
    let screen = Screen::start(env.folder, 1600, 900).await?;
    let mut times = Vec::new();
    // Of the whole, under an empty name, and of each program.
    let mut memory: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    // The first is not counted: afterwards the files are in memory and the person's folders exist.
    for run in 0..=RUNS {
        let window = Window::open(programs, fixture.ports, &fixture.machine, &screen, env.folder).await?;
        sleep(SETTLE_TIME).await;
        let processes = window.processes()?.memory()?;
        if run > 0 {
            times.push(window.start_up.as_secs_f64() * 1e3);
            let mut sums: BTreeMap<String, f64> = BTreeMap::new();
            for (name, bytes) in processes {
                for name in [String::new(), name] {
                    *sums.entry(name).or_default() += bytes / 1e6;
                }
            }
            for (name, megabytes) in sums {
                memory.entry(name).or_default().push(megabytes);
            }
        }
        window.close().await;
    }
    let mut rows: Vec<Row> = memory
        .iter()
        .map(|(name, runs)| {
            let name = if name.is_empty() { "whole".to_owned() } else { format!("  {name}") };
            let figure = Spread::of(runs).map(|spread| Figure::new("memory (PSS)", "MB", spread));
            Row { name, figures: figure.into_iter().collect() }
        })
        .collect();
    let start = Spread::of(&times).map(|spread| Figure::new("one can type after", "ms", spread));
    if let (Some(whole), Some(start)) = (rows.first_mut(), start) {
        whole.figures.insert(0, start);
    }
    Ok(vec![Section {
        title: "Desktop window, on all cores together with the server".to_owned(),
        rows,
        notes: vec![
            "Until the sign-in form, which the page's own scripts draw, is found by WebDriver: an upper bound, since its \
             own work is in it."
                .to_owned(),
            "On a screen without a monitor or graphics card. No peer is measured beside it yet.".to_owned(),
        ],
    }])
}
