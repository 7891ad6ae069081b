//! Child processes: started to be measured, and killed when their handle is dropped.

mod caddy;
mod chromium;
mod desktop;
mod model;
mod peer;
mod server;
mod webdriver;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::sleep;

use crate::load::{Connection, Request};

pub use caddy::Caddy;
pub use chromium::Chromium;
pub use desktop::{Screen, Window};
pub use model::EndlessModel;
pub use peer::Peer;
pub use server::{Ports, RAISED_LIMITS, Server};
pub use webdriver::Session;

const TIMEOUT: Duration = Duration::from_secs(30);
/// The resolution of everything that is measured by polling.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A child process that is killed, with its own children, when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    started: Instant,
    /// What it prints.
    output: PathBuf,
}

impl Program {
    /// Starts it. What it prints goes to a file in `folder`, named by `name`.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let path = |kind: &str| folder.join(format!("{name}.{kind}"));
        let file =
            |kind| fs::File::create(path(kind)).with_context(|| format!("writing {}", path(kind).display()));
        command.stdin(Stdio::null()).stdout(file("out")?).stderr(file("err")?).process_group(0);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        Ok(Self { child, started, output: path("out") })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of output that begins with `words` and returns the rest of it.
    pub async fn wait_for_line(&mut self, words: &str) -> Result<String> {
        self.wait(async |program| {
            let text = fs::read_to_string(&program.output).unwrap_or_default();
            let (whole, _) = text.rsplit_once('\n')?;
            whole.lines().find_map(|line| line.strip_prefix(words)).map(|rest| rest.trim().to_owned())
        })
        .await
    }

    /// Polls until `request` gets its first 200; returns the time since the program was started.
    pub async fn wait_until_ready(&mut self, address: SocketAddr, request: &Request) -> Result<Duration> {
        self.wait(async |program| {
            let mut connection = Connection::open(address, None).await.ok()?;
            connection.send_ok(request).await.ok()?;
            Some(program.started.elapsed())
        })
        .await
    }

    /// Sends SIGTERM and waits for the exit.
    pub async fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("ending a program")?;
        let start = Instant::now();
        while start.elapsed() < TIMEOUT {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            sleep(POLL_INTERVAL).await;
        }
        bail!("a program does not end within {} s: {}", TIMEOUT.as_secs(), self.recent_output())
    }

    async fn wait<T>(&mut self, poll: impl AsyncFn(&Self) -> Option<T>) -> Result<T> {
        let start = Instant::now();
        while start.elapsed() < TIMEOUT {
            if let Some(found) = poll(self).await {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("a program ended with {status}: {}", self.recent_output());
            }
            sleep(POLL_INTERVAL).await;
        }
        bail!("waited {} s for a program that said: {}", TIMEOUT.as_secs(), self.recent_output())
    }

    /// The end of what it printed.
    fn recent_output(&self) -> String {
        let texts = ["out", "err"].map(|kind| fs::read(self.output.with_extension(kind)).unwrap_or_default());
        let text = String::from_utf8_lossy(&texts.concat()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program leads a process group of its own. Both calls fail only if the whole group has exited.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// As [`child_command`], pinned to one core.
pub fn on_core(core: usize, program: &Path) -> Command {
    let mut command = child_command(Path::new("taskset"));
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// A command that is killed when this process ends, even if this process is killed itself.
pub fn child_command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::ProcessTree;

    #[tokio::test]
    async fn dropping_a_program_ends_its_children_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo \"child $!\"; wait"]);
        let mut program = Program::start("shell", &mut shell, folder.path()).unwrap();
        let child: u32 = program.wait_for_line("child ").await.unwrap().parse().unwrap();
        assert!(ProcessTree::of(child).is_ok());
        drop(program);
        // It has been reparented, and its new parent takes a moment to reap it.
        for _ in 0..1_000 {
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            sleep(POLL_INTERVAL).await;
        }
        panic!("it still runs");
    }

    #[tokio::test]
    async fn the_error_about_a_program_that_ended_holds_what_it_printed() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo no port left >&2; exit 3"]);
        let mut program = Program::start("shell", &mut shell, folder.path()).unwrap();
        let error = program.wait_for_line("ready").await.unwrap_err().to_string();
        assert!(error.contains("no port left") && error.contains('3'), "{error}");
    }
}
