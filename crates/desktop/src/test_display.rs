//! An X server for a test, and a desktop on it. Needs Xvfb; the desktop also dbus-daemon, at-spi2-core and openbox.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::windows::{WindowInfo, Windows, X11Windows};

/// Set for a test that runs again as a child: its `DISPLAY` is the X server of the test.
const INSIDE: &str = "DESKTOP_TEST_INSIDE_DISPLAY";
/// For a program to do what a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

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
    run_again(name, &display, |_| {});
}

/// Like [`on_x_server`], with a window manager, a session bus and accessibility. What is started inside reads and writes its
/// settings in a folder that goes with the test.
pub fn on_desktop(name: &str, inside: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        wait_for("the window manager", || X11Windows::connect().ok()?.stacking().ok());
        return inside();
    }
    let home = tempfile::tempdir().unwrap();
    let (_server, display) = start_x_server();
    let (_bus, address) = start_bus(&display, home.path());
    let mut window_manager = Command::new("openbox");
    window_manager.env("DISPLAY", &display);
    let _window_manager = start(settings(&mut window_manager, home.path()));
    run_again(name, &display, |command| {
        settings(command, home.path()).env("DBUS_SESSION_BUS_ADDRESS", &address);
    });
}

fn settings<'c>(command: &'c mut Command, home: &Path) -> &'c mut Command {
    for name in ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
        command.env(name, home);
    }
    for name in ["AT_SPI_BUS_ADDRESS", "GTK_MODULES", "NO_AT_BRIDGE", "WAYLAND_DISPLAY"] {
        command.env_remove(name);
    }
    command.env("GSETTINGS_BACKEND", "memory").env("LC_ALL", "C.UTF-8")
}

/// The session bus starts accessibility's when it is asked for it, and with the environment that it has itself.
fn start_bus(display: &str, home: &Path) -> (Process, String) {
    let mut command = Command::new("dbus-daemon");
    command.args(["--session", "--nofork", "--print-address=1"]).env("DISPLAY", display);
    let mut bus = settings(&mut command, home)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("dbus-daemon");
    let mut address = String::new();
    BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
    (Process(bus), address.trim().to_owned())
}

/// Starts a program that ends with the test.
pub fn start(command: &mut Command) -> Process {
    let name = command.get_program().to_owned();
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Process(command.spawn().unwrap_or_else(|error| panic!("{} is needed: {error}", name.display())))
}

/// Asks again until there is an answer.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited for {what} in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a window with this in its title is in front.
pub fn front(title: &str) -> WindowInfo {
    let windows = X11Windows::connect().unwrap();
    let started = Instant::now();
    loop {
        let front = windows.front();
        if let Ok(window) = &front
            && window.title.contains(title)
            && windows.bring_to_front(window.id).is_ok()
        {
            return window.clone();
        }
        let seen = front.map(|window| window.title);
        assert!(started.elapsed() < PATIENCE, "waited for {title:?} in vain; in front: {seen:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Presses keys as a user would, by the names that xdotool knows.
pub fn press(keys: &[&str]) {
    assert!(Command::new("xdotool").arg("key").args(keys).status().expect("xdotool").success());
}

/// An xterm with this title, of this colour.
pub fn terminal(title: &str, colour: &str, position: &str, command: &[&str]) -> Process {
    let mut terminal = Command::new("xterm");
    terminal.args(["-T", title, "-bg", colour, "-fg", "white", "-geometry", position]);
    start(terminal.args(["+sb", "-e"]).args(command))
}

/// The editor with a text.
pub fn editor(folder: &Path, name: &str, text: &str) -> (Process, WindowInfo) {
    let file = folder.join(name);
    std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
    let editor = start(Command::new("mousepad").arg("--disable-server").arg(&file));
    (editor, front(name))
}

fn run_again(name: &str, display: &str, more: impl FnOnce(&mut Command)) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture"])
        .env("DISPLAY", display)
        .env(INSIDE, "1")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("XDG_SESSION_TYPE");
    more(&mut command);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn start_x_server() -> (Process, String) {
    let mut server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"])
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
