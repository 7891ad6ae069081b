//! Chromium without a window, driven by its own WebDriver: both are Debian's.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::process::geteuid;
use serde_json::{Value, json};

use super::webdriver::{Driver, Session};
use super::{Program, child_command, free_port};

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "chromedriver";

/// A driver that opens browsers, and ends them when it is dropped.
#[derive(Debug)]
pub struct Chromium(Driver);

impl Chromium {
    pub async fn start(folder: &Path) -> Result<Self> {
        let home = folder.join("chromium");
        fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
        let port = free_port()?;
        let mut command = child_command(Path::new(CHROMEDRIVER));
        // What a browser writes besides its profile, and the profile of one that was killed, goes with the folder.
        command.arg(format!("--port={port}")).env("HOME", &home).env("TMPDIR", &home);
        Ok(Self(Driver::connect(Program::start("chromedriver", &mut command, folder)?, port).await?))
    }

    /// A browser with an empty profile that saves downloads to `downloads`.
    pub async fn browser(&self, downloads: &Path) -> Result<Session> {
        let mut arguments = vec![
            "--headless=new",
            "--disable-background-networking",
            "--disable-component-update",
            // So that it ends when its driver has been killed.
            "--remote-debugging-pipe",
        ];
        if geteuid().is_root() {
            // Chromium's sandbox refuses to run as root.
            arguments.push("--no-sandbox");
        }
        let options: Value = json!({
            "binary": CHROMIUM,
            "args": arguments,
            "prefs": { "download.default_directory": downloads, "download.prompt_for_download": false },
        });
        self.0.open(json!({ "browserName": "chrome", "goog:chromeOptions": options })).await
    }
}
