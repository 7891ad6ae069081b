//! Playwright's tests: they start the real server themselves.

use std::process::Command;

use super::Toolbox;
use super::programs::Programs;
use super::runner::{Counts, run_tests};
use crate::error::Result;
use crate::{pages, run};

pub fn browser(toolbox: &Toolbox) -> Result<Counts> {
    run_tests(playwright(toolbox)?.args(["--project", "browser"]))
}

/// `playwright test` with the server built and the environment that the tests need.
pub fn playwright(toolbox: &Toolbox) -> Result<Command> {
    pages::build(toolbox.paths, toolbox.tools)?;
    let programs = Programs::build(toolbox)?;
    let mut playwright = toolbox
        .tools
        .program(&toolbox.paths.root.join("end2end/node_modules/.bin/playwright").to_string_lossy());
    playwright
        .current_dir(toolbox.paths.root.join("end2end"))
        .env("END2END_CADDY", toolbox.paths.venv("caddy").join("bin/caddy"))
        .env("END2END_SERVER", programs.server)
        .env("END2END_SHIM", programs.shim)
        .env("END2END_MAIL_PYTHON", toolbox.tools.python("mail"))
        // Playwright must not look for a browser of its own.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .arg("test");
    run::set_pages_env(toolbox.paths, &mut playwright);
    Ok(playwright)
}
