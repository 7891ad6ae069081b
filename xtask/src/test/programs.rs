//! The server, the desktop program and the test programs: built once, together.

use std::path::PathBuf;

use super::Toolbox;
use crate::error::Result;
use crate::process;

/// All of the workspace that runs on this machine, always chosen together: each dependency is then built with one set of
/// features, and once. `browser` is left out, since `app` is either for browsers or for the server.
pub const SELECTION: &[&str] = &["--workspace", "--exclude", "browser", "--features", "app/ssr"];

pub struct Programs {
    pub server: PathBuf,
    pub shim: PathBuf,
}

impl Programs {
    /// In one command with the test programs: programs alone would leave out the features that tests add, and have most
    /// dependencies built again. `cargo xtask run`, `desktop` and `bench` build each program by itself.
    pub fn build(toolbox: &Toolbox) -> Result<Self> {
        process::run(
            toolbox.tools.cargo().arg("build").args(SELECTION).args(["--lib", "--bins", "--tests"]),
        )?;
        let built = toolbox.paths.target().join("debug");
        Ok(Self { server: built.join("server"), shim: built.join("shim") })
    }
}
