//! `cargo test`, and the servers that the tests need.

use std::process::{Command, Stdio};

use super::Toolbox;
use super::postgres::Postgres;
use super::programs::{Programs, SELECTION};
use super::runner::{Counts, run_tests, run_two_at_a_time};
use crate::error::{Context, Error, Result};
use crate::{pages, process};

/// What takes longest begins first, so that the rest is done beside it.
const SLOWEST_FIRST: &[&str] = &["api", "pages"];
/// What measures seconds (how soon a revocation takes effect) shares the machine with no other test program.
const ALONE: &str = "edges";
/// What needs a model server, and is a stage of its own.
const WITH_MODEL: &str = "llama";

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
    let test = |name: &String| {
        let mut cargo = cargo_test(toolbox, &["--test", name]);
        cargo
            .env("AIWE_TEST_CADDY", toolbox.paths.venv("caddy").join("bin/caddy"))
            .env("AIWE_TEST_LINT", toolbox.paths.venv("lint").join("bin"))
            .env("AIWE_TEST_MAIL_PYTHON", toolbox.tools.python("mail"))
            .env("AIWE_TEST_POSTGRES_URL", postgres.url())
            .env("AIWE_TEST_SHIM", &programs.shim);
        cargo
    };
    let names = test_programs(toolbox)?;
    let (alone, together): (Vec<&String>, Vec<&String>) =
        names.iter().filter(|name| *name != WITH_MODEL).partition(|name| *name == ALONE);
    let together = run_two_at_a_time(together.into_iter().map(test).collect());
    let alone = alone.into_iter().map(|name| run_tests(&mut test(name)));
    alone.chain([together]).sum()
}

/// The names of all programs of integration tests.
fn test_programs(toolbox: &Toolbox) -> Result<Vec<String>> {
    let mut cargo = cargo_test(toolbox, &["--no-run", "--test", "*"]);
    let output = cargo.stdin(Stdio::null()).output().context("asking cargo for the test programs")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let names = program_names(&text);
    if !output.status.success() || names.is_empty() {
        return Err(Error::new(format!("cargo names no test programs:\n{text}")));
    }
    Ok(names)
}

/// From cargo's lines such as `  Executable tests/api/main.rs (target/debug/deps/api-404245cfadea1ae7)`.
fn program_names(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let (_, path) = line.trim_start().strip_prefix("Executable tests/")?.split_once(" (")?;
        let (name, _hash) = path.strip_suffix(')')?.rsplit('/').next()?.rsplit_once('-')?;
        Some(name.to_owned())
    };
    let mut names: Vec<String> = text.lines().filter_map(name).collect();
    let slow =
        |name: &String| SLOWEST_FIRST.iter().position(|slow| slow == name).unwrap_or(SLOWEST_FIRST.len());
    names.sort_by_key(|name| (slow(name), name.clone()));
    names.dedup();
    names
}

/// Against llama.cpp with a tiny model of random weights: what it answers is noise, how it answers is real.
pub fn model(toolbox: &Toolbox) -> Result<Counts> {
    Programs::build(toolbox)?;
    let python = toolbox.tools.python("llama");
    let file = toolbox.paths.target().join("tiny.gguf");
    process::run(
        toolbox.tools.program(&python.to_string_lossy()).arg("end2end/tools/tiny_gguf.py").arg(&file),
    )?;
    let mut cargo = cargo_test(toolbox, &["--test", WITH_MODEL, "--", "--ignored"]);
    cargo.env("AIWE_LLAMA_PYTHON", &python).env("AIWE_TINY_GGUF", &file);
    run_tests(&mut cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_found_in_what_cargo_prints_and_the_slowest_come_first() {
        let text = "    Finished `test` profile\n  Executable tests/bombs.rs (target/debug/deps/bombs-0d1e)\n  \
                    Executable tests/pages/main.rs (/c/target/debug/deps/pages-77)\n  \
                    Executable unittests src/lib.rs (/c/target/debug/deps/app-12)\n  \
                    Executable tests/api/main.rs (/c/target/debug/deps/api-404245cfadea1ae7)\n  \
                    Executable tests/two-words.rs (/c/target/debug/deps/two_words-404245cfadea1ae7)\n";
        assert_eq!(program_names(text), ["api", "pages", "bombs", "two_words"]);
    }
}
