//! The desktop window, driven by WebDriver on a screen without a monitor.

use super::Bench;
use super::counts::{Counts, counted};
use super::end2end::playwright;
use crate::failure::Outcome;

pub fn desktop(bench: &Bench) -> Outcome<Counts> {
    let mut tests = playwright(bench)?;
    tests
        .args(["--project", "desktop"])
        .env("END2END_TAURI_DRIVER", bench.places.tools().join("bin/tauri-driver"));
    counted(&mut tests)
}
