//! The desktop window, driven by WebDriver on a screen without a monitor.

use super::Toolbox;
use super::end2end::playwright;
use super::runner::{Counts, run_tests};
use crate::error::Result;

pub fn desktop(toolbox: &Toolbox) -> Result<Counts> {
    let mut tests = playwright(toolbox)?;
    tests
        .args(["--project", "desktop"])
        .env("END2END_TAURI_DRIVER", toolbox.paths.tools().join("bin/tauri-driver"));
    run_tests(&mut tests)
}
