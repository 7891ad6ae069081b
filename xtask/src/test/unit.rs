//! `cargo test`, package by package.

use super::Bench;
use super::counts::{Counts, counted};
use super::postgres::Postgres;
use crate::failure::Outcome;
use crate::{pages, process};

const LIBRARIES: &[&[&str]] = &[
    &["--package", "protocol"],
    &["--package", "package"],
    &["--package", "certificate"],
    &["--package", "analysis"],
    &["--package", "app", "--features", "ssr"],
    &["--package", "shim"],
    &["--package", "xtask"],
    &["--package", "bench"],
];

pub fn libraries(bench: &Bench) -> Outcome<Counts> {
    LIBRARIES
        .iter()
        .map(|package| {
            let mut cargo = bench.tools.cargo();
            cargo.args(["test", "--no-fail-fast"]).args(*package);
            counted(cargo.env("AIWE_TEST_LINT", bench.places.venv("lint").join("bin")))
        })
        .sum()
}

/// Each store and API test runs on both databases, and each test of the edges behind the built-in TLS and behind Caddy, in
/// one run; mails go to a real mail server where that matters. The desktop program is one of the edges' clients.
pub fn server(bench: &Bench) -> Outcome<Counts> {
    pages::build(bench.places, bench.tools)?;
    process::must(bench.tools.cargo().args(["build", "--package", "shim"]))?;
    let postgres = Postgres::start()?;
    let mut cargo = bench.tools.cargo();
    cargo
        .args(["test", "--no-fail-fast", "--package", "server"])
        .env("AIWE_TEST_CADDY", bench.places.venv("caddy").join("bin/caddy"))
        .env("AIWE_TEST_LINT", bench.places.venv("lint").join("bin"))
        .env("AIWE_TEST_MAIL_PYTHON", bench.tools.python("mail"))
        .env("AIWE_TEST_POSTGRES_URL", postgres.url())
        .env("AIWE_TEST_SHIM", bench.places.target().join("debug/shim"));
    counted(&mut cargo)
}

/// Against llama.cpp with a tiny model of random weights: what it says is noise, how it says it is real.
pub fn model(bench: &Bench) -> Outcome<Counts> {
    let python = bench.tools.python("llama");
    let file = bench.places.target().join("tiny.gguf");
    process::must(
        bench.tools.program(&python.to_string_lossy()).arg("end2end/tools/tiny_gguf.py").arg(&file),
    )?;
    let mut cargo = bench.tools.cargo();
    cargo
        .args([
            "test",
            "--no-fail-fast",
            "--package",
            "analysis",
            "--features",
            "real-llama",
            "--test",
            "llama",
        ])
        .env("AIWE_LLAMA_PYTHON", &python)
        .env("AIWE_TINY_GGUF", &file);
    counted(&mut cargo)
}
