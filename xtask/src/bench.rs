//! `cargo xtask bench`: builds what is measured, and the package `bench`, which measures it.

use crate::failure::Outcome;
use crate::places::Places;
use crate::setup::{Purpose, Tools, set_up};
use crate::{pages, process, run};

pub fn bench(places: &Places, names: &[String]) -> Outcome {
    let tools = set_up(places, Purpose::Bench)?;
    pages::build(places, &tools)?;
    let server = run::build_server(places, &tools, true)?;
    // One by one: built together, each would get the features that only another needs.
    for package in ["shim", "bench"] {
        process::must(tools.cargo().args(["build", "--release", "--package", package]))?;
    }
    let release = places.target().join("release");
    let mut bench = process::command(release.join("bench"));
    bench
        .current_dir(&places.root)
        .arg("--server")
        .arg(server)
        .arg("--shim")
        .arg(release.join("shim"))
        .arg("--tauri-driver")
        .arg(places.tools().join("bin/tauri-driver"))
        .arg("--peer-python")
        .arg(tools.python("bench"))
        .arg("--caddy")
        .arg(places.venv("caddy").join("bin/caddy"))
        .args(["--peer", "bench/peer", "--caddyfile", "Caddyfile", "--commit", &commit(&tools)])
        .arg("--results")
        .arg(places.target().join("bench"))
        .args(names);
    run::tell_where_pages_are(places, &mut bench);
    process::must(&mut bench)
}

/// What is measured, as the results name it.
fn commit(tools: &Tools) -> String {
    let git = |arguments: &[&str]| process::answer(tools.program("git").args(arguments));
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let clean = git(&["status", "--porcelain"]).is_some_and(|changes| changes.is_empty());
    if clean { commit } else { format!("{commit}-changed") }
}
