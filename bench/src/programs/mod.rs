//! Other programs: started to be measured, and ended whatever happens.

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
pub use server::{HARDLY_LIMITED, Ports, Server};
pub use webdriver::Session;

const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether something has happened: what is measured is known to about this much.
const GLANCE: Duration = Duration::from_millis(1);

/// A program that runs until it is dropped, with everything that it started.
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

    /// Waits for a line that begins with `words` and gives the rest of it.
    pub async fn says(&mut self, words: &str) -> Result<String> {
        self.wait(async |program| {
            let text = fs::read_to_string(&program.output).unwrap_or_default();
            let (whole, _) = text.rsplit_once('\n')?;
            whole.lines().find_map(|line| line.strip_prefix(words)).map(|rest| rest.trim().to_owned())
        })
        .await
    }

    /// Waits for the first 200 to `request`; gives the time from the start to it.
    pub async fn answers(&mut self, address: SocketAddr, request: &Request) -> Result<Duration> {
        self.wait(async |program| {
            let mut connection = Connection::open(address, None).await.ok()?;
            connection.ask(request).await.ok()?;
            Some(program.started.elapsed())
        })
        .await
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("ending a program")?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
        bail!("a program does not end within {} s: {}", PATIENCE.as_secs(), self.told())
    }

    async fn wait<T>(&mut self, look: impl AsyncFn(&Self) -> Option<T>) -> Result<T> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(found) = look(self).await {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("a program ended with {status}: {}", self.told());
            }
            sleep(GLANCE).await;
        }
        bail!("waited {} s for a program that said: {}", PATIENCE.as_secs(), self.told())
    }

    /// The end of what it printed.
    fn told(&self) -> String {
        let texts = ["out", "err"].map(|kind| fs::read(self.output.with_extension(kind)).unwrap_or_default());
        let text = String::from_utf8_lossy(&texts.concat()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It leads a group of its own. Both fail only where all of it has ended.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A command that runs on one core, and ends with this program even if that is killed.
fn on_core(core: usize, program: &Path) -> Command {
    let mut command = bound(Path::new("taskset"));
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// A command that ends with this program even if that is killed.
fn bound(program: &Path) -> Command {
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
    use crate::machine::Tree;

    #[tokio::test]
    async fn a_program_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo \"child $!\"; wait"]);
        let mut program = Program::start("shell", &mut shell, folder.path()).unwrap();
        let child: u32 = program.says("child ").await.unwrap().parse().unwrap();
        assert!(Tree::of(child).is_ok());
        drop(program);
        // It is nobody's child any more: whoever adopted it takes a moment to bury it.
        for _ in 0..1_000 {
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            sleep(GLANCE).await;
        }
        panic!("it still runs");
    }

    #[tokio::test]
    async fn waiting_for_a_program_that_ended_tells_what_it_printed() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo no port left >&2; exit 3"]);
        let mut program = Program::start("shell", &mut shell, folder.path()).unwrap();
        let error = program.says("ready").await.unwrap_err().to_string();
        assert!(error.contains("no port left") && error.contains('3'), "{error}");
    }
}
