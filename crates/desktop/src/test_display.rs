//! An X server for a test. Needs Xvfb.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Set for a test that runs again as a child: its `DISPLAY` is the X server of the test.
const INSIDE: &str = "DESKTOP_TEST_INSIDE_DISPLAY";

/// Ends its process with the test, also when the test fails.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `inside`, the body of the test of this name, on an X server of its own. `beside` starts programs on it, which end
/// with the test.
///
/// The libraries read DISPLAY from the environment, which a test must not change for the others beside it; so the test is
/// run again as a child.
pub fn on_x_server(name: &str, beside: impl FnOnce(&str) -> Vec<Process>, inside: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let (_server, display) = start_x_server();
    let _programs = beside(&display);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("DISPLAY", &display)
        .env(INSIDE, "1")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("XDG_SESSION_TYPE")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn start_x_server() -> (Process, String) {
    let mut server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb is needed for this test");
    let mut number = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
    let display = format!(":{}", number.trim());
    assert!(display.len() > 1, "Xvfb did not start");
    (Process(server), display)
}
