//! `cargo test`, and the servers that the tests need.

use std::process::Command;

use super::Toolbox;
use super::postgres::Postgres;
use super::programs::{Programs, SELECTION};
use super::runner::{Counts, run_tests};
use crate::error::Result;
use crate::{pages, process};

/// `cargo test` for some of what [`Programs::build`] built.
fn cargo_test(toolbox: &Toolbox, targets: &[&str]) -> Command {
    let mut cargo = toolbox.tools.cargo();
    cargo.args(["test", "--no-fail-fast"]).args(SELECTION).args(targets);
    cargo
}

/// Tests beside the code that they are about.
pub fn unit(toolbox: &Toolbox) -> Result<Counts> {
    Programs::build(toolbox)?;
    run_tests(&mut cargo_test(toolbox, &["--lib", "--bins"]))
}

/// Each store and API test runs on both databases, and each test of the edges behind the built-in TLS and behind Caddy, in
/// one run; mails go to a real mail server where that matters. The desktop program is one of the edges' clients.
pub fn integration(toolbox: &Toolbox) -> Result<Counts> {
    pages::build(toolbox.paths, toolbox.tools)?;
    let programs = Programs::build(toolbox)?;
    let postgres = Postgres::start()?;
    // The storms have a stage of their own.
    let mut cargo = cargo_test(toolbox, &["--test", "*", "--", "--skip", "storm::"]);
    cargo
        .env("AIWE_TEST_CADDY", toolbox.paths.venv("caddy").join("bin/caddy"))
        .env("AIWE_TEST_LINT", toolbox.paths.venv("lint").join("bin"))
        .env("AIWE_TEST_MAIL_PYTHON", toolbox.tools.python("mail"))
        .env("AIWE_TEST_POSTGRES_URL", postgres.url())
        .env("AIWE_TEST_SHIM", programs.shim);
    run_tests(&mut cargo)
}

/// One after the other and alone, since they measure memory and latency; the figures are what they print.
pub fn storms(toolbox: &Toolbox) -> Result<Counts> {
    Programs::build(toolbox)?;
    let storms = ["--test", "processes", "--", "storm::", "--test-threads=1", "--show-output"];
    run_tests(&mut cargo_test(toolbox, &storms))
}

/// Against llama.cpp with a tiny model of random weights: what it answers is noise, how it answers is real.
pub fn model(toolbox: &Toolbox) -> Result<Counts> {
    Programs::build(toolbox)?;
    let python = toolbox.tools.python("llama");
    let file = toolbox.paths.target().join("tiny.gguf");
    process::run(
        toolbox.tools.program(&python.to_string_lossy()).arg("end2end/tools/tiny_gguf.py").arg(&file),
    )?;
    let mut cargo = cargo_test(toolbox, &["--test", "llama", "--", "--ignored"]);
    cargo.env("AIWE_LLAMA_PYTHON", &python).env("AIWE_TINY_GGUF", &file);
    run_tests(&mut cargo)
}
