//! A real Caddy with the project's own Caddyfile, configured through environment variables.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

const CADDYFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Caddyfile");
/// The secret that Caddy and its upstream share.
pub const SECRET: &str = "a secret between proxy and server, for tests";
/// Two names for this machine.
pub const MACHINES_HOST: &str = "localhost";
pub const PAGES_HOST: &str = "pages.localhost";

const STARTUP_TIMEOUT: Duration = Duration::from_secs(20);

pub struct Caddy {
    pub http: u16,
    pub https: u16,
    /// The authority of both hosts' certificates (PEM).
    pub authority: PathBuf,
    process: Child,
    log: PathBuf,
}

/// The path of the program. The tests fail without it, since they would test nothing.
fn program() -> OsString {
    std::env::var_os("AIWE_TEST_CADDY").expect(
        "AIWE_TEST_CADDY names the Caddy program for tests; `cargo xtask test integration` installs one",
    )
}

impl Caddy {
    /// In front of a server's two plain listeners; `more` are further variables of the Caddyfile.
    pub async fn start(
        folder: &Path,
        pages: SocketAddr,
        machines: SocketAddr,
        more: &[(&str, &str)],
    ) -> Self {
        let home = folder.join(format!("caddy-{}", free_port()));
        std::fs::create_dir(&home).unwrap();
        let sites = Sites::write(&home);
        // Another process may take a free port before Caddy binds it.
        for _ in 0..5 {
            let (http, https) = (free_port(), free_port());
            let log = home.join(format!("{https}.log"));
            let mut command = Command::new(program());
            command
                .args(["run", "--adapter", "caddyfile", "--config", CADDYFILE])
                .env_clear()
                .env("HOME", &home)
                .env("XDG_CONFIG_HOME", home.join("config"))
                .env("XDG_DATA_HOME", home.join("data"))
                .env("CADDY_ADMIN", format!("unix/{}", home.join("admin.sock").display()))
                .env("EDGE_BIND", "127.0.0.1")
                .env("EDGE_HTTP_PORT", http.to_string())
                .env("EDGE_HTTPS_PORT", https.to_string())
                .env("EDGE_PAGES_HOST", PAGES_HOST)
                .env("EDGE_PAGES_TLS", &sites.pages)
                .env("EDGE_PAGES_UPSTREAM", pages.to_string())
                .env("EDGE_MACHINES_HOST", MACHINES_HOST)
                .env("EDGE_MACHINES_TLS", &sites.machines)
                .env("EDGE_MACHINES_UPSTREAM", machines.to_string())
                .env("AIWE_PROXY__SECRET", SECRET)
                .envs(more.iter().copied())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::create(&log).unwrap());
            let process = command.spawn().expect("AIWE_TEST_CADDY names a program that starts");
            let mut caddy = Self { http, https, authority: sites.authority.clone(), process, log };
            if caddy.serves().await {
                return caddy;
            }
        }
        panic!("Caddy did not start; its logs are in {}", home.display());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// `false`: a port was taken.
    async fn serves(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < STARTUP_TIMEOUT {
            if self.log().contains("serving initial configuration") {
                return true;
            }
            if let Some(status) = self.process.try_wait().unwrap() {
                assert!(self.log().contains("address already in use"), "{status}: {}", self.log());
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Caddy does not serve after {} s: {}", STARTUP_TIMEOUT.as_secs(), self.log());
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A certificate for each host, as an operator gets them from a public CA.
struct Sites {
    authority: PathBuf,
    /// Certificate and key as the Caddyfile takes them.
    machines: String,
    pages: String,
}

impl Sites {
    fn write(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "An authority that browsers know");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = folder.join("authority.pem");
        std::fs::write(&authority, issuer.pem()).unwrap();
        let site = |host: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            let files = [folder.join(format!("{host}.crt")), folder.join(format!("{host}.key"))];
            std::fs::write(&files[0], certificate.pem()).unwrap();
            std::fs::write(&files[1], key.serialize_pem()).unwrap();
            format!("{} {}", files[0].display(), files[1].display())
        };
        Self { machines: site(MACHINES_HOST), pages: site(PAGES_HOST), authority }
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
