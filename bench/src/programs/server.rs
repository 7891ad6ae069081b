//! The server, as it is shipped: a release build on a data folder of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::{Program, child_command, free_port, local, on_core};
use crate::Programs;
use crate::load::Request;

/// What the proxy sends in `X-Proxy-Auth`, so that the server trusts the certificate that it forwards.
pub const PROXY_SECRET: &str = "a secret between proxy and server, for benchmarks";
const BEHIND_PROXY: [(&str, &str); 2] =
    [("AIWE_MACHINES__PLAIN", "true"), ("AIWE_PROXY__SECRET", PROXY_SECRET)];

/// For setting up more machines than the default limits allow within an hour.
pub const RAISED_LIMITS: [(&str, &str); 4] = [
    ("AIWE_LIMITS__ACCESS_REQUESTS_PER_HOUR", "1000000"),
    ("AIWE_LIMITS__LINKS_PER_MINUTE", "1000000"),
    ("AIWE_LIMITS__SIGN_IN_PER_ACCOUNT_AND_HOUR", "1000000"),
    ("AIWE_LIMITS__SIGN_IN_PER_MINUTE", "1000000"),
];

/// Where a server listens on the loopback.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub pages: u16,
    pub machines: u16,
}

/// A server that has answered.
#[derive(Debug)]
pub struct Server {
    pub program: Program,
    pub pages: SocketAddr,
    pub machines: SocketAddr,
    /// From its start to its first answer.
    pub start_up: Duration,
}

impl Ports {
    pub fn free() -> Result<Self> {
        Ok(Self { pages: free_port()?, machines: free_port()? })
    }

    /// As people and machines address it. Links, cookies and tokens name these.
    pub fn pages_url(self) -> String {
        format!("http://localhost:{}", self.pages)
    }

    pub fn machines_url(self) -> String {
        format!("https://localhost:{}", self.machines)
    }
}

impl Server {
    /// Starts it on `core`, or on any.
    pub async fn start(programs: &Programs, data: &Path, ports: Ports, core: Option<usize>) -> Result<Self> {
        Self::start_with(programs, data, ports, core, &[]).await
    }

    /// The same with further configuration, as environment variables.
    pub async fn start_with(
        programs: &Programs,
        data: &Path,
        ports: Ports,
        core: Option<usize>,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let mut command = command(programs, data, ports, ports, core);
        command.envs(settings.iter().copied());
        Self::start_as("server", command, ports, data).await
    }

    /// Starts it as it stands behind a proxy that ends TLS: the same addresses, but it listens elsewhere, without TLS.
    pub async fn start_behind_proxy(
        programs: &Programs,
        data: &Path,
        ports: Ports,
        core: usize,
    ) -> Result<Self> {
        let own = Ports::free()?;
        let mut command = command(programs, data, ports, own, Some(core));
        command.envs(BEHIND_PROXY);
        Self::start_as("server-behind-proxy", command, own, data).await
    }

    /// Starts it behind a proxy that is to listen where its machines come in. Its pages are reached without.
    pub async fn start_behind_caddy(
        programs: &Programs,
        data: &Path,
        ports: Ports,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let own = Ports { machines: free_port()?, ..ports };
        let mut command = command(programs, data, ports, own, None);
        command.envs(BEHIND_PROXY).envs(settings.iter().copied());
        Self::start_as("server-behind-caddy", command, own, data).await
    }

    async fn start_as(name: &str, mut command: Command, ports: Ports, data: &Path) -> Result<Self> {
        let folder = data.parent().unwrap_or(data);
        let mut program = Program::start(name, &mut command, folder)?;
        let start_up = program.wait_until_ready(local(ports.pages), &Request::get("/healthz", &[])).await?;
        Ok(Self { program, pages: local(ports.pages), machines: local(ports.machines), start_up })
    }

    /// What a proxy adds to a request that came with a certificate (DER in Base64).
    pub fn proxied(certificate: &str) -> [(&'static str, &str); 4] {
        [
            ("X-Proxy-Auth", PROXY_SECRET),
            ("X-Client-Cert", certificate),
            ("X-Forwarded-For", "192.0.2.7"),
            ("X-Forwarded-Proto", "https"),
        ]
    }
}

fn command(programs: &Programs, data: &Path, public: Ports, own: Ports, core: Option<usize>) -> Command {
    let mut command = match core {
        Some(core) => on_core(core, &programs.server),
        None => child_command(&programs.server),
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AIWE_")) {
        command.env_remove(name);
    }
    command
        .args(["serve", "--data-dir"])
        .arg(data)
        .env("AIWE_PUBLIC_URL", public.pages_url())
        .env("AIWE_MACHINES_URL", public.machines_url())
        .env("AIWE_PAGES__LISTEN", local(own.pages).to_string())
        .env("AIWE_MACHINES__LISTEN", local(own.machines).to_string())
        // No line per request: the peer writes none either.
        .env("AIWE_LOG__LEVEL", "warn");
    command
}
