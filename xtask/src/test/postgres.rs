//! A PostgreSQL cluster for the tests alone: in a temporary folder, on a free port of the loopback, with a random password.
//! It ends with the tests, even when they are killed: the kernel interrupts it when this process dies.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Context, Error, Result};
use crate::process;

const PREFIX: &str = "aiwe-postgres-";
const START_STOP_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Postgres {
    folder: PathBuf,
    port: u16,
    password: String,
    server: Child,
    programs: PathBuf,
}

impl Postgres {
    pub fn start() -> Result<Self> {
        remove_stale_clusters();
        let programs = programs()?;
        let folder = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&folder).context(format_args!("making {}", folder.display()))?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).context("closing it to others")?;
        let password = random_hex()?;
        fs::write(folder.join("password"), &password).context("writing PostgreSQL's password")?;
        if process::is_root() {
            process::run(process::command("chown").args(["-R", "postgres:"]).arg(&folder))?;
        }
        let mut create = as_postgres(&programs.join("initdb"));
        create
            .args([
                "--auth=scram-sha-256",
                "--username=aiwe",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ])
            .arg(format!("--pwfile={}", folder.join("password").display()))
            .arg("--pgdata")
            .arg(folder.join("data"))
            .current_dir("/");
        if process::stdout(&mut create).is_none() {
            return Err(Error::new(format!("initdb failed; by hand: {create:?}")));
        }
        let port = free_port()?;
        let server = serve(&programs, &folder, port)?;
        let mut postgres = Self { folder, port, password, server, programs };
        postgres.wait_until_ready()?;
        Ok(postgres)
    }

    pub fn url(&self) -> String {
        format!("postgres://aiwe:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    fn wait_until_ready(&mut self) -> Result {
        let start = Instant::now();
        while start.elapsed() < START_STOP_TIMEOUT {
            if let Some(status) = self.server.try_wait().context("watching PostgreSQL")? {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(Error::new(format!("PostgreSQL ended with {status}:\n{log}")));
            }
            let mut ready = process::command(self.programs.join("pg_isready"));
            ready.args(["--quiet", "--host=127.0.0.1", "--username=aiwe", "--port", &self.port.to_string()]);
            if process::stdout(&mut ready).is_some() {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        Err(Error::new("PostgreSQL did not become ready within 30 s"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; nothing in the cluster needs to be kept.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let start = Instant::now();
        while start.elapsed() < START_STOP_TIMEOUT {
            if !matches!(self.server.try_wait(), Ok(None)) {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn serve(programs: &Path, folder: &Path, port: u16) -> Result<Child> {
    let log = fs::File::create(folder.join("log")).context("writing PostgreSQL's log")?;
    let errors = log.try_clone().context("sharing PostgreSQL's log")?;
    let mut server = as_postgres(&programs.join("postgres"));
    server.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).args([
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]);
    // Nothing in the cluster needs to survive a crash, so nothing waits for the disk.
    for setting in ["max_connections=400", "fsync=off", "full_page_writes=off", "synchronous_commit=off"] {
        server.args(["-c", setting]);
    }
    server
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .context("starting PostgreSQL")
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    let mut command = process::command("setpriv");
    if process::is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(program);
    command
}

/// The newest installed version's programs, which Debian keeps off the PATH.
fn programs() -> Result<PathBuf> {
    let versions =
        fs::read_dir("/usr/lib/postgresql").context("looking for PostgreSQL in /usr/lib/postgresql")?;
    versions
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max_by_key(|(version, _)| *version)
        .map(|(_, bin)| bin)
        .ok_or_else(|| Error::new("PostgreSQL's programs are not in /usr/lib/postgresql"))
}

/// Removes the clusters of runs that were killed.
fn remove_stale_clusters() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|id| id.parse::<u32>().ok());
        if owner.is_some_and(|id| !Path::new("/proc").join(id.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

fn random_hex() -> Result<String> {
    let mut bytes = [0_u8; 16];
    let mut source = fs::File::open("/dev/urandom").context("opening /dev/urandom")?;
    source.read_exact(&mut bytes).context("reading /dev/urandom")?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_by_its_address_and_leaves_nothing_behind() {
        let postgres = Postgres::start().unwrap();
        let psql = |url: &str| {
            let mut psql = process::command(postgres.programs.join("psql"));
            process::stdout(psql.args([
                "--no-password",
                "--tuples-only",
                "--no-align",
                "--command",
                "select 6 * 7",
                url,
            ]))
        };
        assert_eq!(psql(&postgres.url()).as_deref(), Some("42"));
        assert_eq!(
            psql(&postgres.url().replace(&postgres.password, "guess")),
            None,
            "the password is required"
        );
        let (folder, server) = (postgres.folder.clone(), postgres.server.id());
        drop(postgres);
        assert!(!folder.exists());
        assert!(!Path::new("/proc").join(server.to_string()).exists());
    }
}
