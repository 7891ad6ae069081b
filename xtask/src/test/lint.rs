//! What needs no running program: form, lints, licences.

use super::Bench;
use super::counts::{Counts, checked};
use super::wasm;
use crate::failure::Outcome;
use crate::process;
use crate::setup::WASM;

/// One entry per package and target: checked together, features of one would leak into another, and code that
/// only compiles with them would pass.
const CLIPPY: &[&[&str]] = &[
    &["--package", "protocol", "--all-targets"],
    &["--package", "certificate", "--all-targets"],
    &["--package", "package", "--all-targets"],
    &["--package", "keys", "--all-targets"],
    &["--package", "keys", "--lib", "--target", WASM],
    &["--package", "analysis", "--all-targets"],
    &["--package", "app", "--all-targets", "--features", "ssr"],
    &["--package", "app", "--lib", "--features", "hydrate", "--target", WASM],
    &["--package", "browser", "--target", WASM],
    &["--package", "server", "--all-targets"],
    &["--package", "shim", "--all-targets"],
    &["--package", "xtask", "--all-targets"],
    &["--package", "bench", "--all-targets"],
];

pub fn format(bench: &Bench) -> Outcome<Counts> {
    let rust = checked(bench.tools.cargo().args(["fmt", "--all", "--check"]))?;
    let types =
        checked(bench.tools.program("npm").args(["--prefix", "end2end", "run", "--silent", "check"]))?;
    Ok([rust, types].into_iter().sum())
}

pub fn lint(bench: &Bench) -> Outcome<Counts> {
    Ok([clippy(bench)?, wasm::check(bench)?].into_iter().sum())
}

fn clippy(bench: &Bench) -> Outcome<Counts> {
    CLIPPY
        .iter()
        .map(|package| {
            checked(
                bench.tools.cargo().args(["clippy", "--quiet"]).args(*package).args(["--", "-D", "warnings"]),
            )
        })
        .sum()
}

/// Advisories come from a repository that is not reachable everywhere, so it is said whether they were
/// checked.
pub fn licences(bench: &Bench) -> Outcome<Counts> {
    let deny = || {
        let mut deny = bench.tools.program("cargo-deny");
        deny.args(["--all-features", "--log-level", "error"]);
        deny
    };
    let rest = checked(deny().args(["check", "bans", "licenses", "sources"]))?;
    let reachable =
        process::answer(bench.tools.program("timeout").args(["60", "cargo-deny", "fetch", "db"])).is_some();
    if !reachable {
        println!("-- advisories: NOT checked, their database cannot be reached from here");
        return Ok(rest);
    }
    let advisories = checked(deny().args(["check", "--disable-fetch", "advisories"]))?;
    Ok([rest, advisories].into_iter().sum())
}
