//! Playwright's tests: they start the real server themselves.

use std::process::Command;

use super::Bench;
use super::counts::{Counts, counted};
use super::programs::Programs;
use crate::failure::Outcome;
use crate::{pages, run};

pub fn browser(bench: &Bench) -> Outcome<Counts> {
    counted(playwright(bench)?.args(["--project", "browser"]))
}

/// `playwright test` with the server built and everything told that the tests need of this machine.
pub fn playwright(bench: &Bench) -> Outcome<Command> {
    pages::build(bench.places, bench.tools)?;
    let programs = Programs::build(bench)?;
    let mut playwright = bench
        .tools
        .program(&bench.places.root.join("end2end/node_modules/.bin/playwright").to_string_lossy());
    playwright
        .current_dir(bench.places.root.join("end2end"))
        .env("END2END_CADDY", bench.places.venv("caddy").join("bin/caddy"))
        .env("END2END_SERVER", programs.server)
        .env("END2END_SHIM", programs.shim)
        .env("END2END_MAIL_PYTHON", bench.tools.python("mail"))
        // Playwright must not look for a browser of its own.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .arg("test");
    run::tell_where_pages_are(bench.places, &mut playwright);
    Ok(playwright)
}
