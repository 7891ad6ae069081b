//! Programs from crates.io, in set-up's own folder and never among the user's.

use std::fs;

use super::{Component, Toolchain};
use crate::failure::{Doing, Failure, Outcome};
use crate::places::Places;
use crate::process;

pub fn wasm_bindgen(places: &Places, toolchain: &Toolchain) -> Outcome<Component> {
    // The two sides of the glue must be of one version, to the letter.
    let lock = fs::read_to_string(places.root.join("Cargo.lock")).doing("reading Cargo.lock")?;
    let version = locked_version(&lock, "wasm-bindgen")
        .ok_or_else(|| Failure::new("Cargo.lock names no wasm-bindgen"))?;
    let why = "makes the JavaScript beside the pages' WASM (about 2 minutes)";
    Ok(component(places, toolchain, "wasm-bindgen-cli", version, why))
}

pub fn tauri_driver(places: &Places, toolchain: &Toolchain) -> Component {
    component(
        places,
        toolchain,
        "tauri-driver",
        "2.1.0",
        "drives the desktop window in tests (half a minute)",
    )
}

pub fn cargo_deny(places: &Places, toolchain: &Toolchain) -> Component {
    component(places, toolchain, "cargo-deny", "0.20.2", "checks licences and sources of dependencies")
}

/// Installed without optimisation: each runs for seconds, and an optimised build would take many minutes. Not
/// with the program's own lock file, since a registry can lag behind it.
fn component(
    places: &Places,
    toolchain: &Toolchain,
    name: &'static str,
    version: &str,
    why: &'static str,
) -> Component {
    let (folder, scratch, log) = (places.tools(), places.scratch(name), places.log(name));
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
            process::quietly("compiling", &mut cargo, &log)?;
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
