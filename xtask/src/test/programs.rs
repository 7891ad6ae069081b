//! The server and the desktop program, as tests start them.

use std::path::PathBuf;

use super::Bench;
use crate::failure::Outcome;
use crate::process;

pub struct Programs {
    pub server: PathBuf,
    pub shim: PathBuf,
}

impl Programs {
    /// Together, so that what both depend on is built once; `cargo xtask bench` builds each by itself, as a release.
    pub fn build(bench: &Bench) -> Outcome<Self> {
        process::must(bench.tools.cargo().args([
            "build",
            "--package",
            "server",
            "--package",
            "shim",
            "--bins",
        ]))?;
        let built = bench.places.target().join("debug");
        Ok(Self { server: built.join("server"), shim: built.join("shim") })
    }
}
