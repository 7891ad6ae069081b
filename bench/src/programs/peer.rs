//! The peer: `bench/peer/fastapi_app.py` describes it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::{Program, free_port, local, on_core};
use crate::Programs;
use crate::client_machine::ClientMachine;
use crate::http_client::http_client;
use crate::load::Request;

/// A peer that has answered.
#[derive(Debug)]
pub struct Peer {
    pub program: Program,
    pub address: SocketAddr,
    pub start_up: Duration,
    /// An access token of its own, bound to the machine's certificate.
    pub token: String,
}

impl Peer {
    /// Starts it on `core`, with a database in `folder` that holds what the server's holds.
    pub async fn start(
        programs: &Programs,
        machine: &ClientMachine,
        folder: &Path,
        core: usize,
    ) -> Result<Self> {
        let seed = folder.join("peer-seed.json");
        let content = json!({
            "modes": machine.modes, "email": machine.email, "certificate": machine.certificate_base64(),
        });
        fs::write(&seed, content.to_string()).with_context(|| format!("writing {}", seed.display()))?;
        let port = free_port()?;
        let mut command = on_core(core, &programs.peer_python);
        command
            .args(["-m", "uvicorn", "fastapi_app:app", "--app-dir"])
            .arg(&programs.peer)
            // The fastest that uvicorn offers.
            .args(["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"])
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .env("PEER_DATABASE", folder.join("peer.db"))
            .env("PEER_SEED", &seed)
            // Its modules are compiled once, as an installed program's are.
            .env("PYTHONPYCACHEPREFIX", folder.join("pycache"));
        let mut program = Program::start("peer", &mut command, folder)?;
        let start_up = program.wait_until_ready(local(port), &Request::get("/healthz", &[])).await?;
        let answer = http_client(None)?
            .get(format!("http://{}/token", local(port)))
            .send()
            .await?
            .error_for_status()?;
        Ok(Self { program, address: local(port), start_up, token: answer.text().await? })
    }
}
