//! `cargo xtask run`: from a fresh clone to a serving server.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::places::Places;
use crate::setup::{Purpose, Tools, set_up};
use crate::{pages, process};

/// Does not come back when the server starts: this process becomes the server, so that signals reach it
/// directly.
pub fn run(places: &Places, arguments: &[String]) -> Outcome {
    let arguments = process::passed_on(arguments);
    let release = arguments.iter().any(|argument| argument == "--release");
    let mut rest: Vec<String> =
        arguments.iter().filter(|argument| *argument != "--release").cloned().collect();
    if !rest.iter().any(|argument| argument == "--data-dir" || argument.starts_with("--data-dir=")) {
        rest.extend(["--data-dir".to_owned(), places.root.join("data").display().to_string()]);
    }
    let tools = set_up(places, Purpose::Run)?;
    pages::build(places, &tools)?;
    let program = build_server(places, &tools, release)?;
    let mut server = process::command(program);
    server.arg("serve").args(rest);
    tell_where_pages_are(places, &mut server);
    Err(Failure::new(format!("the server does not start: {}", server.exec())))
}

pub fn build_server(places: &Places, tools: &Tools, release: bool) -> Outcome<PathBuf> {
    let mut cargo = tools.cargo();
    cargo.args(["build", "--package", "server", "--bin", "server"]);
    if release {
        cargo.arg("--release");
    }
    process::must(&mut cargo)?;
    Ok(places.target().join(if release { "release" } else { "debug" }).join("server"))
}

/// Leptos' own variables: the names of what [`pages::build`] makes.
pub fn tell_where_pages_are(places: &Places, server: &mut Command) {
    server
        .env("LEPTOS_OUTPUT_NAME", "aiwe")
        .env("LEPTOS_SITE_ROOT", places.site())
        .env("LEPTOS_SITE_PKG_DIR", "pkg");
}
