//! `cargo test`, and what its programs need around them.

use std::process::Command;

use super::Bench;
use super::counts::{Counts, counted};
use super::postgres::Postgres;
use super::programs::Programs;
use crate::failure::Outcome;
use crate::{pages, process};

/// All with tests, always chosen together: so each dependency is built with one set of features, and once. That each
/// package also compiles by itself is what the lints see to.
const PACKAGES: &[&str] =
    &["analysis", "app", "bench", "certificate", "package", "protocol", "server", "shim", "xtask"];
const FEATURES: &str = "app/ssr";

/// `targets`: which of their tests. Builds them, which may take long; how long they may run is limited.
fn tests(bench: &Bench, targets: &[&str]) -> Outcome<Command> {
    let cargo = |only: &[&str]| {
        let mut cargo = bench.tools.cargo();
        cargo.arg("test").args(only).args(["--no-fail-fast", "--features", FEATURES]);
        cargo.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
        cargo.args(targets);
        cargo
    };
    process::must(&mut cargo(&["--no-run"]))?;
    Ok(cargo(&[]))
}

/// Tests beside the code that they are about.
pub fn unit(bench: &Bench) -> Outcome<Counts> {
    counted(&mut tests(bench, &["--lib", "--bins"])?)
}

/// Each store and API test runs on both databases, and each test of the edges behind the built-in TLS and behind Caddy, in
/// one run; mails go to a real mail server where that matters. The desktop program is one of the edges' clients.
pub fn integration(bench: &Bench) -> Outcome<Counts> {
    pages::build(bench.places, bench.tools)?;
    let programs = Programs::build(bench)?;
    let postgres = Postgres::start()?;
    let mut cargo = tests(bench, &["--test", "*"])?;
    cargo
        .env("AIWE_TEST_CADDY", bench.places.venv("caddy").join("bin/caddy"))
        .env("AIWE_TEST_LINT", bench.places.venv("lint").join("bin"))
        .env("AIWE_TEST_MAIL_PYTHON", bench.tools.python("mail"))
        .env("AIWE_TEST_POSTGRES_URL", postgres.url())
        .env("AIWE_TEST_SHIM", programs.shim);
    counted(&mut cargo)
}

/// Against llama.cpp with a tiny model of random weights: what it says is noise, how it says it is real.
pub fn model(bench: &Bench) -> Outcome<Counts> {
    let python = bench.tools.python("llama");
    let file = bench.places.target().join("tiny.gguf");
    process::must(
        bench.tools.program(&python.to_string_lossy()).arg("end2end/tools/tiny_gguf.py").arg(&file),
    )?;
    let mut cargo = tests(bench, &["--test", "llama", "--", "--ignored"])?;
    cargo.env("AIWE_LLAMA_PYTHON", &python).env("AIWE_TINY_GGUF", &file);
    counted(&mut cargo)
}
