//! A PostgreSQL of the tests' own: a new cluster in a temporary folder, on a free port of the loopback, with
//! a random password. It ends with the tests, however they end: the kernel is asked to interrupt it when this
//! process dies.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Outcome};
use crate::process;

const PREFIX: &str = "aiwe-postgres-";
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Postgres {
    folder: PathBuf,
    port: u16,
    password: String,
    server: Child,
    programs: PathBuf,
}

impl Postgres {
    pub fn start() -> Outcome<Self> {
        sweep();
        let programs = programs()?;
        let folder = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&folder).doing(format_args!("making {}", folder.display()))?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).doing("closing it to others")?;
        let password = random_hex()?;
        fs::write(folder.join("password"), &password).doing("writing PostgreSQL's password")?;
        if process::is_root() {
            process::must(process::command("chown").args(["-R", "postgres:"]).arg(&folder))?;
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
        if process::answer(&mut create).is_none() {
            return Err(Failure::new(format!("initdb failed; by hand: {create:?}")));
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

    fn wait_until_ready(&mut self) -> Outcome {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.server.try_wait().doing("watching PostgreSQL")? {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(Failure::new(format!("PostgreSQL ended with {status}:\n{log}")));
            }
            let mut ready = process::command(self.programs.join("pg_isready"));
            ready.args(["--quiet", "--host=127.0.0.1", "--username=aiwe", "--port", &self.port.to_string()]);
            if process::answer(&mut ready).is_some() {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        Err(Failure::new("PostgreSQL did not become ready within 30 s"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; nothing in the cluster is worth more care.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if !matches!(self.server.try_wait(), Ok(None)) {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn serve(programs: &Path, folder: &Path, port: u16) -> Outcome<Child> {
    let log = fs::File::create(folder.join("log")).doing("writing PostgreSQL's log")?;
    let errors = log.try_clone().doing("sharing PostgreSQL's log")?;
    let mut server = as_postgres(&programs.join("postgres"));
    server.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).args([
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]);
    // Each test makes a database of its own; a lost cluster loses nothing, so nothing waits for the disk.
    for setting in ["max_connections=400", "fsync=off", "full_page_writes=off", "synchronous_commit=off"] {
        server.args(["-c", setting]);
    }
    server
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .doing("starting PostgreSQL")
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
fn programs() -> Outcome<PathBuf> {
    let versions =
        fs::read_dir("/usr/lib/postgresql").doing("looking for PostgreSQL in /usr/lib/postgresql")?;
    versions
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max_by_key(|(version, _)| *version)
        .map(|(_, bin)| bin)
        .ok_or_else(|| Failure::new("PostgreSQL's programs are not in /usr/lib/postgresql"))
}

/// Removes what runs left behind that were killed.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|id| id.parse::<u32>().ok());
        if owner.is_some_and(|id| !Path::new("/proc").join(id.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("looking for a free port")?;
    Ok(listener.local_addr().doing("looking for a free port")?.port())
}

fn random_hex() -> Outcome<String> {
    let mut bytes = [0_u8; 16];
    let mut source = fs::File::open("/dev/urandom").doing("opening /dev/urandom")?;
    source.read_exact(&mut bytes).doing("reading /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_by_its_address_and_leaves_nothing_behind() {
        let postgres = Postgres::start().unwrap();
        let psql = |url: &str| {
            let mut psql = process::command(postgres.programs.join("psql"));
            process::answer(psql.args([
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
            "the password is asked for"
        );
        let (folder, server) = (postgres.folder.clone(), postgres.server.id());
        drop(postgres);
        assert!(!folder.exists());
        assert!(!Path::new("/proc").join(server.to_string()).exists());
    }
}
