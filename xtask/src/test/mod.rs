//! `cargo xtask test`: every lint and every test, in stages. A stage that breaks never keeps a later one from
//! running, and the last line says how many passed and failed in all.

mod desktop;
mod disk_space;
mod end2end;
mod lint;
mod postgres;
mod programs;
mod runner;
mod rust;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use runner::Counts;

use crate::error::{Context, Error, Result};
use crate::paths::Paths;
use crate::process;
use crate::setup::{Purpose, Tools, set_up};

/// What every stage gets.
struct Toolbox<'a> {
    paths: &'a Paths,
    tools: &'a Tools,
}

struct Stage {
    name: &'static str,
    what: &'static str,
    run: fn(&Toolbox) -> Result<Counts>,
}

/// In the order in which they run: quick answers first, and what later stages need early.
const STAGES: &[Stage] = &[
    Stage { name: "format", what: "rustfmt and TypeScript's types", run: lint::format },
    Stage {
        name: "structure",
        what: "imports and dependencies run one way; the names in ARCHITECTURE.md exist",
        run: lint::structure,
    },
    Stage { name: "lint", what: "clippy, all together and then each package by itself", run: lint::clippy },
    Stage { name: "licences", what: "cargo-deny: licences, bans, sources, advisories", run: lint::licences },
    Stage { name: "unit", what: "tests beside the code", run: rust::unit },
    Stage {
        name: "integration",
        what: "pages, certificates, and the server on SQLite and PostgreSQL",
        run: rust::integration,
    },
    Stage {
        name: "storms",
        what: "what strangers and one person can take of the server, and what others notice",
        run: rust::storms,
    },
    Stage { name: "browser", what: "the server in real Chromium", run: end2end::browser },
    Stage { name: "desktop", what: "the desktop window under Xvfb", run: desktop::desktop },
    Stage { name: "model", what: "a real llama.cpp server", run: rust::model },
];

/// The names of all stages, for people to choose from.
pub fn stages() -> String {
    STAGES.iter().map(|stage| stage.name).collect::<Vec<_>>().join(" ")
}

pub fn test(paths: &Paths, names: &[String]) -> Result<ExitCode> {
    let chosen = choose(names)?;
    let start = Instant::now();
    println!("== set-up");
    disk_space::warn_if_low(paths);
    let set_up = set_up(paths, Purpose::Test);
    println!("== set-up: {}", shown(start.elapsed()));
    let mut results = Vec::new();
    match set_up {
        Ok(tools) => {
            let toolbox = Toolbox { paths, tools: &tools };
            for stage in chosen {
                results.push(run_stage(stage, &toolbox));
            }
        }
        Err(failure) => {
            println!("error: {failure}");
            results.push(("set-up", start.elapsed(), Counts::one_failed()));
        }
    }
    println!("\n== summary, {} in all", shown(start.elapsed()));
    for (name, time, counts) in &results {
        println!("   {name:<10} {:>8}   {} passed, {} failed", shown(*time), counts.passed, counts.failed);
    }
    let all: Counts = results.iter().map(|(_, _, counts)| *counts).sum();
    println!("{} passed, {} failed", all.passed, all.failed);
    Ok(if all.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The stages that repeat things, with `AIWE_SOAK` set, which the tests read; this process' own environment cannot be
/// changed safely, so it starts itself again.
pub fn soak() -> Result<ExitCode> {
    let itself = std::env::current_exe().context("finding this program")?;
    let mut stages = process::command(itself);
    stages.args(["test", "unit", "integration", "storms"]).env("AIWE_SOAK", "1");
    let status = process::status(&mut stages)?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choose(names: &[String]) -> Result<Vec<&'static Stage>> {
    if let Some(unknown) = names.iter().find(|name| STAGES.iter().all(|stage| stage.name != **name)) {
        return Err(Error::new(format!("there is no stage `{unknown}`; there are: {}", stages())));
    }
    Ok(STAGES
        .iter()
        .filter(|stage| names.is_empty() || names.iter().any(|name| name == stage.name))
        .collect())
}

fn run_stage(stage: &Stage, toolbox: &Toolbox) -> (&'static str, Duration, Counts) {
    println!("\n== {}: {}", stage.name, stage.what);
    let start = Instant::now();
    let counts = (stage.run)(toolbox).unwrap_or_else(|failure| {
        println!("error: {failure}");
        Counts::one_failed()
    });
    println!(
        "== {}: {} passed, {} failed, {}",
        stage.name,
        counts.passed,
        counts.failed,
        shown(start.elapsed())
    );
    (stage.name, start.elapsed(), counts)
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{}.{} s", seconds, time.subsec_millis() / 100)
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_run_in_their_own_order_and_unknown_ones_are_refused() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let chosen: Vec<&str> =
            choose(&names(&["unit", "lint"])).unwrap().iter().map(|stage| stage.name).collect();
        assert_eq!(chosen, ["lint", "unit"]);
        assert_eq!(choose(&[]).unwrap().len(), STAGES.len());
        assert!(choose(&names(&["untit"])).is_err());
    }
}
