//! What needs no running program: form, lints, dependencies, licences.

mod architecture;
mod layers;
mod lexer;
mod modules;
mod wasm;

use super::Toolbox;
use super::programs::SELECTION;
use super::runner::{Counts, run_check};
use crate::error::Result;
use crate::process;
use crate::setup::WASM;

/// The modules that browsers load, with the features that they have there.
const IN_BROWSER: &[&str] =
    &["--package", "app", "--package", "browser", "--package", "keys", "--lib", "--features", "app/hydrate"];

/// Linted a second time by themselves: what all others stand on, and the server as it is built to serve. Why not the rest:
/// docs/decisions/tests-in-one-selection.md.
const ALONE: &[&[&str]] = &[
    &["--package", "domain"],
    &["--package", "protocol"],
    &["--package", "workflow"],
    &["--package", "app", "--features", "ssr"],
    &["--package", "server"],
];

pub fn format(toolbox: &Toolbox) -> Result<Counts> {
    let rust = run_check(toolbox.tools.cargo().args(["fmt", "--all", "--check"]))?;
    let types =
        run_check(toolbox.tools.program("npm").args(["--prefix", "end2end", "run", "--silent", "check"]))?;
    Ok([rust, types].into_iter().sum())
}

/// What takes seconds, since nothing is compiled for it.
pub fn structure(toolbox: &Toolbox) -> Result<Counts> {
    let checks = [architecture::check, modules::check, layers::check, wasm::check];
    checks.iter().map(|check| check(toolbox)).sum()
}

/// All that the tests are made of, and what browsers load; then some packages by themselves, so that they do not compile
/// only because another one asks for a feature of what both depend on.
pub fn clippy(toolbox: &Toolbox) -> Result<Counts> {
    let host = [SELECTION, &["--all-targets"]].concat();
    let wasm = [IN_BROWSER, &["--target", WASM]].concat();
    let all = [&host[..], &wasm[..]].into_iter().chain(ALONE.iter().copied());
    all.map(|arguments| run_clippy(toolbox, arguments)).sum()
}

fn run_clippy(toolbox: &Toolbox, arguments: &[&str]) -> Result<Counts> {
    let mut cargo = toolbox.tools.cargo();
    run_check(cargo.args(["clippy", "--quiet"]).args(arguments).args(["--", "-D", "warnings"]))
}

/// Whether a package is `family` or one of those named after it: `sqlx-core` is of `sqlx`, `server_fn` not of `server`.
fn is_of_family(package: &str, family: &str) -> bool {
    package.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Advisories come from a repository that is not reachable everywhere, so the output says whether they were checked.
pub fn licences(toolbox: &Toolbox) -> Result<Counts> {
    let deny = || {
        let mut deny = toolbox.tools.program("cargo-deny");
        deny.args(["--all-features", "--log-level", "error"]);
        deny
    };
    let rest = run_check(deny().args(["check", "bans", "licenses", "sources"]))?;
    let reachable =
        process::stdout(toolbox.tools.program("timeout").args(["60", "cargo-deny", "fetch", "db"])).is_some();
    if !reachable {
        println!("-- advisories: NOT checked, their database cannot be reached from here");
        return Ok(rest);
    }
    let advisories = run_check(deny().args(["check", "--disable-fetch", "advisories"]))?;
    Ok([rest, advisories].into_iter().sum())
}
