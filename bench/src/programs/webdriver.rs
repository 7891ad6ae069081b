//! WebDriver (W3C), as far as the benchmarks need it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{POLL_INTERVAL, Program, TIMEOUT};
use crate::http_client::http_client;

/// A running WebDriver.
#[derive(Debug)]
pub struct Driver {
    client: Client,
    address: String,
    pub program: Program,
}

impl Driver {
    /// Waits until the driver answers on `port`.
    pub async fn connect(program: Program, port: u16) -> Result<Self> {
        let (client, address) = (http_client(None)?, format!("http://127.0.0.1:{port}"));
        let start = Instant::now();
        while client.get(format!("{address}/status")).send().await.is_err() {
            ensure!(start.elapsed() < TIMEOUT, "a WebDriver does not answer: {}", program.recent_output());
            sleep(POLL_INTERVAL).await;
        }
        Ok(Self { client, address, program })
    }

    /// Starts a session: a browser or a window.
    pub async fn open(&self, capabilities: Value) -> Result<Session> {
        let request = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let answer = call(&self.client, &format!("{}/session", self.address), &request).await;
        let answer = answer.with_context(|| self.program.recent_output())?;
        let id = answer.get("sessionId").and_then(Value::as_str).context("WebDriver gave no session")?;
        Ok(Session { address: format!("{}/session/{id}", self.address), client: self.client.clone() })
    }
}

/// A window under a driver's control.
#[derive(Debug)]
pub struct Session {
    client: Client,
    address: String,
}

impl Session {
    /// `POST`s a command and returns the answer's value.
    pub async fn call(&self, command: &str, body: &Value) -> Result<Value> {
        call(&self.client, &format!("{}/{command}", self.address), body).await
    }

    pub async fn navigate_to(&self, url: &str) -> Result<()> {
        self.call("url", &json!({ "url": url })).await.with_context(|| format!("opening {url}")).map(drop)
    }

    /// For the host of the page that is open.
    pub async fn add_cookie(&self, name: &str, value: &str) -> Result<()> {
        let cookie = json!({ "cookie": { "name": name, "value": value, "path": "/", "httpOnly": true } });
        self.call("cookie", &cookie).await.map(drop)
    }

    /// Runs an asynchronous script in the page. Its last argument is the callback that takes the result.
    pub async fn execute(&self, script: &str, arguments: &[&str]) -> Result<Value> {
        self.call("execute/async", &json!({ "script": script, "args": arguments })).await
    }

    /// The driver answers once the window is closed. A window that does not close is killed with the driver.
    pub async fn close(self) {
        let _ = self.client.delete(&self.address).timeout(Duration::from_secs(5)).send().await;
    }
}

async fn call(client: &Client, address: &str, body: &Value) -> Result<Value> {
    let answer = client.post(address).json(body).send().await?;
    let status = answer.status();
    let mut document: Value = answer.json().await?;
    let value = document.get_mut("value").map(Value::take).unwrap_or_default();
    ensure!(status.is_success(), "WebDriver answers {status}: {value}");
    Ok(value)
}
