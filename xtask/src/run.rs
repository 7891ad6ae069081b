//! `cargo xtask run`: from a fresh clone to a serving server.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::paths::Paths;
use crate::setup::{Purpose, Tools, set_up};
use crate::{pages, process};

/// Returns only when the server does not start: this process becomes the server, so that signals reach it directly.
pub fn run(paths: &Paths, arguments: &[String]) -> Result {
    let arguments = process::forwarded(arguments);
    let release = arguments.iter().any(|argument| argument == "--release");
    let mut rest: Vec<String> =
        arguments.iter().filter(|argument| *argument != "--release").cloned().collect();
    if !rest.iter().any(|argument| argument == "--data-dir" || argument.starts_with("--data-dir=")) {
        rest.extend(["--data-dir".to_owned(), paths.root.join("data").display().to_string()]);
    }
    let tools = set_up(paths, Purpose::Run)?;
    pages::build(paths, &tools)?;
    let program = build_server(paths, &tools, release)?;
    let mut server = process::command(program);
    server.arg("serve").args(rest);
    set_pages_env(paths, &mut server);
    Err(Error::new(format!("the server does not start: {}", server.exec())))
}

pub fn build_server(paths: &Paths, tools: &Tools, release: bool) -> Result<PathBuf> {
    let mut cargo = tools.cargo();
    cargo.args(["build", "--package", "server", "--bin", "server"]);
    if release {
        cargo.arg("--release");
    }
    process::run(&mut cargo)?;
    Ok(paths.target().join(if release { "release" } else { "debug" }).join("server"))
}

/// Leptos' own variables: the names of what [`pages::build`] makes.
pub fn set_pages_env(paths: &Paths, server: &mut Command) {
    server
        .env("LEPTOS_OUTPUT_NAME", "aiwe")
        .env("LEPTOS_SITE_ROOT", paths.site())
        .env("LEPTOS_SITE_PKG_DIR", "pkg");
}
