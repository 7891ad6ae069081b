//! The desktop window on a screen without a monitor, driven by WebDriver (W3C): tauri-driver in front of WebKitGTK's own
//! driver.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::time::sleep;

use super::webdriver::{Driver, Session};
use super::{POLL_INTERVAL, Ports, Program, TIMEOUT, child_command, free_port};
use crate::Programs;
use crate::client_machine::ClientMachine;
use crate::machine::ProcessTree;

/// A screen without a monitor.
#[derive(Debug)]
pub struct Screen {
    display: String,
    _server: Program,
}

impl Screen {
    pub async fn start(folder: &Path, width: u32, height: u32) -> Result<Self> {
        let size = format!("{width}x{height}x24");
        let mut command = child_command(Path::new("Xvfb"));
        // It picks a free display number and writes it to descriptor 1.
        command.args(["-displayfd", "1", "-screen", "0", &size, "-nolisten", "tcp", "-noreset"]);
        let mut server = Program::start("screen", &mut command, folder)?;
        let display = format!(":{}", server.wait_for_line("").await?);
        Ok(Self { display, _server: server })
    }

    /// Its name, such as `:1`.
    pub fn display(&self) -> &str {
        &self.display
    }
}

/// A desktop window that shows its first form.
#[derive(Debug)]
pub struct Window {
    session: Session,
    driver: Driver,
    /// From starting it until the form is there.
    pub start_up: Duration,
}

impl Window {
    pub async fn open(
        programs: &Programs,
        ports: Ports,
        machine: &ClientMachine,
        screen: &Screen,
        folder: &Path,
    ) -> Result<Self> {
        let (port, native) = (free_port()?, free_port()?);
        let mut command = child_command(Path::new("dbus-run-session"));
        command
            .arg("--")
            .arg(&programs.tauri_driver)
            .args(["--port", &port.to_string(), "--native-port", &native.to_string()])
            .env("DISPLAY", &screen.display)
            .envs(environment(ports, machine, folder));
        let driver = Driver::connect(Program::start("window", &mut command, folder)?, port).await?;
        let started = Instant::now();
        let session = driver.open(json!({ "tauri:options": { "application": programs.shim } })).await?;
        let mut window = Self { session, driver, start_up: Duration::ZERO };
        window.wait_for_field("username").await?;
        window.start_up = started.elapsed();
        Ok(window)
    }

    /// The window's own processes: the program and what WebKit starts for it, without what drives it.
    pub fn processes(&self) -> Result<ProcessTree> {
        let all = ProcessTree::of(self.driver.program.id())?;
        ProcessTree::of(all.find("shim").context("the window's program does not run")?)
    }

    pub async fn close(self) {
        self.session.close().await;
    }

    /// Waits for a field. The page's scripts draw the sign-in form once they know that nobody is signed in, so a field
    /// that is visible takes input.
    async fn wait_for_field(&self, id: &str) -> Result<()> {
        let start = Instant::now();
        let search = json!({ "using": "css selector", "value": format!("#{id}") });
        while start.elapsed() < TIMEOUT {
            let found = self.session.call("elements", &search).await;
            // During a navigation the driver may have no page.
            if found.is_ok_and(|found| found.as_array().is_some_and(|elements| !elements.is_empty())) {
                return Ok(());
            }
            sleep(POLL_INTERVAL).await;
        }
        bail!(
            "the window does not show the field {id} within {} s: {}",
            TIMEOUT.as_secs(),
            self.driver.program.recent_output()
        )
    }
}

fn environment(ports: Ports, machine: &ClientMachine, folder: &Path) -> Vec<(&'static str, String)> {
    let home = folder.join("home");
    let below = |name: &str| home.join(name).display().to_string();
    vec![
        ("HOME", home.display().to_string()),
        ("XDG_CACHE_HOME", below("cache")),
        ("XDG_CONFIG_HOME", below("config")),
        ("XDG_DATA_HOME", below("data")),
        // Without these WebKitGTK draws through a graphics card that is not there.
        ("NO_AT_BRIDGE", "1".to_owned()),
        ("WEBKIT_DISABLE_COMPOSITING_MODE", "1".to_owned()),
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1".to_owned()),
        ("AIWE_SERVER", ports.machines_url()),
        ("AIWE_CA", machine.authority_file.display().to_string()),
        ("AIWE_IDENTITY", machine.package_file.display().to_string()),
        ("AIWE_IDENTITY_PASSWORD", machine.package_password.clone()),
    ]
}
