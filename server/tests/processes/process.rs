//! A server process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const STARTUP_TIMEOUT: Duration = Duration::from_mins(1);

/// The program with a data folder and environment variables.
#[derive(Clone)]
pub struct Program {
    pub data: PathBuf,
    pub variables: Vec<(String, String)>,
    /// A command that runs the program, whose path and arguments follow it. Empty: none.
    pub run_by: Vec<String>,
}

/// A running server; killed on drop.
pub struct Process {
    child: Child,
    pub pages: u16,
    pub machines: u16,
}

impl Program {
    /// With limits too high for any test to reach.
    pub fn new(data: &Path) -> Self {
        let variables = [
            ("AIWE_LIMITS__SIGN_IN_PER_MINUTE", "100000"),
            ("AIWE_LIMITS__SIGN_IN_PER_ACCOUNT_AND_HOUR", "100000"),
            ("AIWE_LIMITS__ACCESS_REQUESTS_PER_HOUR", "1000000"),
            ("AIWE_LIMITS__LINKS_PER_MINUTE", "1000000"),
            ("AIWE_ACCESS__MAX_PENDING", "1000000"),
            ("AIWE_ACCESS__MAX_PENDING_PER_ADDRESS", "1000"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { data: data.to_owned(), variables, run_by: Vec::new() }
    }

    /// Where the server writes its log.
    pub fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_server");
        let mut command = match self.run_by.split_first() {
            Some((first, more)) => {
                let mut command = Command::new(first);
                command.args(more).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.env_clear().envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command.arg("--data-dir").arg(&self.data).args(arguments);
        command
    }

    /// Runs a command and waits for it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed; returns its output.
    pub fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail; returns its error output.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Starts the server and waits until it serves.
    pub async fn serve(&self) -> Process {
        // Another process may take a free port before the server binds it.
        for _ in 0..5 {
            let (pages, machines) = (free_port(), free_port());
            let (said, log) = (self.data.with_extension("said"), self.log());
            let mut command = self.command(&["serve"]);
            command
                .env("AIWE_PAGES__LISTEN", format!("127.0.0.1:{pages}"))
                .env("AIWE_MACHINES__LISTEN", format!("127.0.0.1:{machines}"))
                .stdout(File::create(&said).unwrap())
                .stderr(File::create(&log).unwrap());
            let mut process = Process { child: command.spawn().unwrap(), pages, machines };
            let since = Instant::now();
            loop {
                if fs::read_to_string(&said).unwrap().contains("Machines:") {
                    return process;
                }
                if let Some(status) = process.child.try_wait().unwrap() {
                    let log = fs::read_to_string(&log).unwrap();
                    assert!(log.contains("cannot be listened on"), "{status}: {log}");
                    break;
                }
                assert!(
                    since.elapsed() < STARTUP_TIMEOUT,
                    "it does not serve: {}",
                    fs::read_to_string(&log).unwrap()
                );
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        panic!("no port stays free");
    }
}

impl Process {
    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Like `kill -9`: no clean-up code runs.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
