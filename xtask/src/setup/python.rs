//! Python environments of set-up's own: the user's packages are neither used nor changed.

use std::fs;
use std::path::PathBuf;

use super::Component;
use crate::failure::{Doing, Outcome};
use crate::places::Places;
use crate::process;

pub fn venv(
    places: &Places,
    name: &'static str,
    wanted: &'static [&'static str],
    why: &'static str,
) -> Component {
    let (check, install) = (places.clone(), places.clone());
    Component {
        name: format!("Python packages {}", wanted.join(", ")),
        why,
        check: Box::new(move || {
            check.venv(name).join("bin/python").exists()
                && fs::read_to_string(stamp(&check, name)).is_ok_and(|text| text == wanted.join("\n"))
        }),
        install: Box::new(move || make(&install, name, wanted)),
    }
}

/// Makes the environment anew, with `wanted` in it.
pub fn make(places: &Places, name: &str, wanted: &[&str]) -> Outcome {
    let folder = places.venv(name);
    let _ = fs::remove_dir_all(&folder);
    let mut create = process::command(interpreter());
    create.args(["-m", "venv"]).arg(&folder);
    process::quietly("making a Python environment", &mut create, &places.log(&format!("venv-{name}")))?;
    let mut pip = process::command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check"]).args(wanted);
    process::quietly("installing Python packages", &mut pip, &places.log(&format!("pip-{name}")))?;
    fs::write(stamp(places, name), wanted.join("\n")).doing("noting what was installed")
}

fn stamp(places: &Places, name: &str) -> PathBuf {
    places.venv(name).join("installed")
}

/// Debian's own where there is one: its `venv` module is among the packages, that of another Python may be
/// missing.
fn interpreter() -> PathBuf {
    let system = PathBuf::from("/usr/bin/python3");
    if system.exists() { system } else { PathBuf::from("python3") }
}
