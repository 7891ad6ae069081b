//! Python environments of set-up's own: the user's packages are neither used nor changed.

use std::fs;
use std::path::PathBuf;

use super::Component;
use crate::error::{Context, Result};
use crate::paths::Paths;
use crate::process;

pub fn venv(
    paths: &Paths,
    name: &'static str,
    wanted: &'static [&'static str],
    why: &'static str,
) -> Component {
    let (check, install) = (paths.clone(), paths.clone());
    Component {
        name: format!("Python packages {}", wanted.join(", ")),
        why,
        check: Box::new(move || is_current(&check, name, wanted)),
        install: Box::new(move || make(&install, name, wanted)),
    }
}

/// Whether the environment is there with exactly `wanted` in it.
pub fn is_current(paths: &Paths, name: &str, wanted: &[&str]) -> bool {
    paths.venv(name).join("bin/python").exists()
        && fs::read_to_string(stamp(paths, name)).is_ok_and(|text| text == wanted.join("\n"))
}

/// Makes the environment anew, with `wanted` in it.
pub fn make(paths: &Paths, name: &str, wanted: &[&str]) -> Result {
    let folder = paths.venv(name);
    let _ = fs::remove_dir_all(&folder);
    let mut create = process::command(interpreter());
    create.args(["-m", "venv"]).arg(&folder);
    process::run_logged("making a Python environment", &mut create, &paths.log(&format!("venv-{name}")))?;
    let mut pip = process::command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check"]).args(wanted);
    process::run_logged("installing Python packages", &mut pip, &paths.log(&format!("pip-{name}")))?;
    fs::write(stamp(paths, name), wanted.join("\n")).context("noting what was installed")
}

fn stamp(paths: &Paths, name: &str) -> PathBuf {
    paths.venv(name).join("installed")
}

/// Debian's own where there is one: its `venv` module is among the packages, that of another Python may be
/// missing.
fn interpreter() -> PathBuf {
    let system = PathBuf::from("/usr/bin/python3");
    if system.exists() { system } else { PathBuf::from("python3") }
}
