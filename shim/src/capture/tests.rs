//! Capture on a real X server with a real program on it. Needs Xvfb and xterm, and fails without them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

/// Tells this test, run again as a child, that its `DISPLAY` is the X server of the test.
const INSIDE: &str = "SHIM_TEST_INSIDE_DISPLAY";
/// xterm's background: a colour that nothing else has.
const COLOUR: [u8; 3] = [0x12, 0xa4, 0x6b];

/// Ends its process with the test, also when the test fails.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_x_server() -> (Program, String) {
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
    (Program(server), display)
}

#[cfg(target_os = "linux")]
#[test]
fn a_real_programs_window_is_in_the_picture() {
    if std::env::var_os(INSIDE).is_some() {
        return look_for_the_terminal();
    }
    let (_server, display) = start_x_server();
    let colour = format!("#{:02x}{:02x}{:02x}", COLOUR[0], COLOUR[1], COLOUR[2]);
    let terminal = Command::new("xterm")
        .args([
            "-display",
            &display,
            "-bg",
            &colour,
            "-fg",
            "white",
            "-geometry",
            "80x24+100+50",
            "-e",
            "sleep 60",
        ])
        .stderr(Stdio::null())
        .spawn()
        .expect("xterm is needed for this test");
    let _terminal = Program(terminal);
    // The libraries read DISPLAY from the environment, which a test must not change for the others beside it.
    let name = "capture::tests::a_real_programs_window_is_in_the_picture";
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

#[cfg(target_os = "linux")]
fn look_for_the_terminal() {
    let session = DisplaySession::detect(|name| std::env::var(name).ok());
    let screen = for_session(session);
    let seen = |frame: &Frame| frame.pixels.pixels().filter(|p| p.0[..3] == COLOUR).count();
    let mut last = 0;
    for _ in 0..100 {
        let frame = screen.capture(Some(Point { x: 640, y: 400 })).unwrap();
        assert_eq!(frame.pixels.dimensions(), (1280, 800));
        assert!(!frame.monitor.is_empty());
        last = seen(&frame);
        if last > 50_000 {
            assert!(frame.pixels.get_pixel(110, 60).0[..3] == COLOUR, "the terminal is where it was put");
            let elsewhere = screen.capture(Some(Point { x: -5000, y: 0 })).unwrap();
            assert_eq!(elsewhere.monitor, frame.monitor, "off all monitors, the primary one is taken");
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the terminal did not appear: {last} of its pixels");
}

#[test]
fn what_is_missing_is_said() {
    let problem = for_session(DisplaySession::Wayland).capture(None).unwrap_err().problem();
    assert!(problem.detail.contains("ScreenCast") && problem.detail.contains("Xorg"));
    let problem = for_session(DisplaySession::None).capture(None).unwrap_err().problem();
    assert!(problem.detail.contains("DISPLAY"));
}
