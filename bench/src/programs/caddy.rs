//! Caddy with the project's own Caddyfile, in front of a server.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::generate_simple_self_signed;
use tokio::net::TcpStream;

use super::server::PROXY_SECRET;
use super::{Ports, Program, Server, child_command, free_port, local};
use crate::Programs;

const MACHINES_HOST: &str = "localhost";
const PAGES_HOST: &str = "pages.localhost";

/// A running proxy.
#[derive(Debug)]
pub struct Caddy {
    pub program: Program,
    /// The listener for machines.
    pub machines: SocketAddr,
    /// What the certificate of the machines' host is verified by (PEM).
    pub authority: Vec<u8>,
}

impl Caddy {
    /// In front of a server that was started for it ([`Server::start_behind_caddy`]), at the machines' public address.
    pub async fn start(programs: &Programs, server: &Server, ports: Ports, folder: &Path) -> Result<Self> {
        let home = folder.join("caddy");
        fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
        let (authority, machines) = site(&home, MACHINES_HOST)?;
        let (_, pages) = site(&home, PAGES_HOST)?;
        let mut command = child_command(&programs.caddy);
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&programs.caddyfile)
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("CADDY_ADMIN", format!("unix/{}", home.join("admin.sock").display()))
            .env("EDGE_BIND", "127.0.0.1")
            .env("EDGE_HTTP_PORT", free_port()?.to_string())
            .env("EDGE_HTTPS_PORT", ports.machines.to_string())
            .env("EDGE_MACHINES_HOST", MACHINES_HOST)
            .env("EDGE_MACHINES_TLS", machines)
            .env("EDGE_MACHINES_UPSTREAM", server.machines.to_string())
            .env("EDGE_PAGES_HOST", PAGES_HOST)
            .env("EDGE_PAGES_TLS", pages)
            .env("EDGE_PAGES_UPSTREAM", server.pages.to_string())
            .env("AIWE_PROXY__SECRET", PROXY_SECRET);
        let mut program = Program::start("caddy", &mut command, folder)?;
        let machines = local(ports.machines);
        program.wait(async |_| TcpStream::connect(machines).await.ok()).await?;
        Ok(Self { program, machines, authority })
    }
}

/// Makes a self-signed certificate for a host. Returns the certificate (PEM), and the two files as the Caddyfile takes
/// them.
fn site(folder: &Path, host: &str) -> Result<(Vec<u8>, String)> {
    let made = generate_simple_self_signed(vec![host.to_owned()])
        .with_context(|| format!("making a certificate for {host}"))?;
    let (certificate, key) = (folder.join(format!("{host}.crt")), folder.join(format!("{host}.key")));
    let pem = made.cert.pem();
    fs::write(&certificate, &pem).with_context(|| format!("writing {}", certificate.display()))?;
    fs::write(&key, made.signing_key.serialize_pem())
        .with_context(|| format!("writing {}", key.display()))?;
    Ok((pem.into_bytes(), format!("{} {}", certificate.display(), key.display())))
}
