//! Measures the server and the desktop window as they are shipped, each beside its peer in the same run.
//!
//! `cargo xtask bench` builds and starts this. It prints tables and writes the same figures as JSON. `docs/bench.md` says
//! what is compared with what, and why that is fair.

mod benchmarks;
mod client_machine;
mod fixture;
mod http_client;
mod load;
mod machine;
mod programs;
mod report;
mod spread;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use benchmarks::{ALL, Benchmark, Environment};
use clap::Parser;
use fixture::Fixture;
use machine::Cores;
use report::{Machine, Report, Section};

/// Measures the server and the desktop window beside a peer.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    programs: Programs,
    /// What is measured, as the results name it
    #[arg(long)]
    commit: String,
    /// Where the results go, in a file named by the commit
    #[arg(long)]
    results: PathBuf,
    /// Which benchmarks to run; all without
    names: Vec<String>,
}

/// The programs that are started.
#[derive(Debug, clap::Args)]
pub struct Programs {
    /// The server, a release build
    #[arg(long)]
    server: PathBuf,
    /// The desktop window, a release build
    #[arg(long)]
    shim: PathBuf,
    #[arg(long)]
    tauri_driver: PathBuf,
    /// An interpreter with the packages that the peer needs
    #[arg(long)]
    peer_python: PathBuf,
    /// The folder of the peer
    #[arg(long)]
    peer: PathBuf,
    #[arg(long)]
    caddy: PathBuf,
    /// The project's own
    #[arg(long)]
    caddyfile: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // One thread: a program is ended with the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.context("starting the runtime").and_then(|runtime| {
        runtime.block_on(async {
            tokio::select! {
                ended = run(&arguments) => ended,
                // What runs is dropped here, and every program ends with it.
                _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
            }
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    let (chosen, cores) = (choose(&arguments.names)?, Cores::find()?);
    // The reqwest clients for WebDriver and the peer take the process-wide provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let programs = &arguments.programs;
    let fixture = Fixture::create(programs).await.context("setting up the fixture")?;
    let mut report = Report {
        commit: arguments.commit.clone(),
        machine: Machine {
            processor: machine::processor(),
            cores: cores.count,
            server_core: cores.server,
            generator_core: cores.generator,
        },
        sections: Vec::new(),
    };
    println!("{}, {} cores, commit {}", report.machine.processor, cores.count, report.commit);
    for Benchmark { name, run } in chosen {
        let folder = tempfile::Builder::new().prefix("aiwe-bench-").tempdir()?;
        let env = Environment { programs, fixture: &fixture, cores, folder: folder.path() };
        for section in run(&env).await.with_context(|| format!("measuring {name}"))? {
            print!("{section}");
            report.sections.push(section);
        }
    }
    let file = write(&arguments.results, &report)?;
    println!("\nThe same figures: {}", file.display());
    let missed: Vec<String> = report.sections.iter().flat_map(Section::missed).collect();
    ensure!(missed.is_empty(), "goals are missed:\n  {}", missed.join("\n  "));
    Ok(())
}

fn choose(names: &[String]) -> Result<Vec<&'static Benchmark>> {
    let known: Vec<&str> = ALL.iter().map(|benchmark| benchmark.name).collect();
    for name in names {
        ensure!(
            known.contains(&name.as_str()),
            "there is no benchmark `{name}`; there are: {}",
            known.join(" ")
        );
    }
    Ok(ALL.iter().filter(|one| names.is_empty() || names.iter().any(|name| name == one.name)).collect())
}

fn write(folder: &Path, report: &Report) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let file = folder.join(format!("{}.json", report.commit));
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_run_in_their_own_order_and_unknown_names_are_refused() {
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(&names).map(|chosen| chosen.iter().map(|one| one.name).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&["memory", "pages"]).unwrap(), ["pages", "memory"]);
        assert_eq!(chosen(&[]).unwrap().len(), ALL.len());
        let error = chosen(&["memroy"]).unwrap_err().to_string();
        assert!(error.contains("memroy") && error.contains("start-up"), "{error}");
    }
}
