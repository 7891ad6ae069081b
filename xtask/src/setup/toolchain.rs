//! The Rust toolchain that builds everything, which must also compile for browsers.
//!
//! In this order: the active toolchain when it has the WASM target; the private one that an earlier set-up
//! made; rustup's download of the target; and where that cannot be had, Debian's packages
//! (`docs/decisions/`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Purpose, packages, sysroot};
use crate::error::{Context, Error, Result};
use crate::paths::Paths;
use crate::process;

pub const WASM: &str = "wasm32-unknown-unknown";

/// Packages with a rustc that has its library's source, so that the WASM target can be built.
const DEBIAN: &[&str] =
    &["cargo-web", "rust-web-clippy", "rust-web-llvm", "rust-web-src", "rustc-web", "rustfmt-web"];

#[derive(Debug, Clone)]
pub struct Toolchain {
    sysroot: PathBuf,
    bin: PathBuf,
    /// Whether it is the one that set-up made: rustup must then be kept from choosing another.
    private: bool,
}

impl Toolchain {
    pub fn choose(paths: &Paths, purpose: Purpose) -> Result<Self> {
        let requested = std::env::var("XTASK_TOOLCHAIN").unwrap_or_default();
        let chosen = match requested.as_str() {
            "debian" => Self::debian(paths)?,
            "rustup" => Self::active()?.with_wasm()?,
            "" => Self::automatic(paths)?,
            other => {
                return Err(Error::new(format!("XTASK_TOOLCHAIN is `rustup` or `debian`, not `{other}`")));
            }
        };
        if purpose == Purpose::Test {
            chosen.with_lints()?;
        }
        Ok(chosen)
    }

    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// What `rustc --version` says.
    pub fn version(&self) -> String {
        process::stdout(process::command(self.bin.join("rustc")).arg("--version")).unwrap_or_default()
    }

    pub fn cargo(&self) -> Command {
        let mut command = process::command(self.bin.join("cargo"));
        // clippy-driver looks for the library beside its own file, which for a linked toolchain lies
        // elsewhere.
        command.env("SYSROOT", &self.sysroot);
        if self.private {
            command.env_remove("RUSTUP_TOOLCHAIN");
        }
        let old = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.bin.clone()).chain(std::env::split_paths(&old));
        if let Ok(path) = std::env::join_paths(paths) {
            command.env("PATH", path);
        }
        command
    }

    fn automatic(paths: &Paths) -> Result<Self> {
        let active = Self::active()?;
        if active.has_wasm() {
            return Ok(active);
        }
        if sysroot::is_current(paths) {
            return Ok(Self::private(paths));
        }
        match active.with_wasm() {
            Ok(toolchain) => Ok(toolchain),
            Err(failure) => {
                println!("    {failure}");
                Self::debian(paths)
            }
        }
    }

    /// The toolchain that `cargo` and `rustc` on the PATH lead to.
    fn active() -> Result<Self> {
        let sysroot = process::stdout(process::command("rustc").args(["--print", "sysroot"]))
            .map(PathBuf::from)
            .ok_or_else(|| Error::new("rustc does not run; install rustup with Rust 1.95 or newer"))?;
        let bin = sysroot.join("bin");
        Ok(Self { sysroot, bin, private: false })
    }

    fn private(paths: &Paths) -> Self {
        let sysroot = sysroot::folder(paths);
        Self { bin: sysroot.join("bin"), sysroot, private: true }
    }

    fn debian(paths: &Paths) -> Result<Self> {
        if !sysroot::is_current(paths) {
            println!("  using Debian's Rust with a WASM target built from source (about a minute)");
            packages::install(paths, DEBIAN)?;
            // The linker is a link to another package's program, which nothing depends on.
            let linker = sysroot::missing_linker();
            packages::install(paths, &linker.as_deref().into_iter().collect::<Vec<_>>())?;
            sysroot::build(paths)?;
            sysroot::link(paths);
        }
        Ok(Self::private(paths))
    }

    fn has_wasm(&self) -> bool {
        let library = self.sysroot.join("lib/rustlib").join(WASM).join("lib");
        fs::read_dir(library).is_ok_and(|files| {
            files.flatten().any(|file| {
                let name = file.file_name();
                let name = name.to_string_lossy();
                name.starts_with("libstd-") && name.ends_with(".rlib")
            })
        })
    }

    fn with_wasm(self) -> Result<Self> {
        if self.has_wasm() {
            return Ok(self);
        }
        println!("  installing Rust's {WASM} target: the pages run in browsers");
        let unreachable = || Error::new(format!("rustup could not fetch the {WASM} target"));
        let mut rustup = process::command("timeout");
        rustup.args(["180", "rustup", "target", "add", WASM]);
        process::stdout(&mut rustup).ok_or_else(unreachable)?;
        if self.has_wasm() { Ok(self) } else { Err(unreachable()) }
    }

    fn with_lints(&self) -> Result {
        if ["cargo-clippy", "cargo-fmt"].iter().all(|program| self.bin.join(program).exists()) {
            return Ok(());
        }
        println!("  installing clippy and rustfmt: the lints");
        let mut rustup = process::command("rustup");
        rustup.args(["component", "add", "clippy", "rustfmt"]);
        process::run(&mut rustup).context("clippy and rustfmt are missing from the active toolchain")
    }
}
