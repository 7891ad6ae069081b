//! WebDriver (W3C), as far as the benchmarks need it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{GLANCE, PATIENCE, Program};
use crate::house::http_client;

/// A driver that answers.
#[derive(Debug)]
pub struct Driver {
    client: Client,
    address: String,
    pub program: Program,
}

impl Driver {
    /// Waits until a driver that was started to listen on `port` does.
    pub async fn of(program: Program, port: u16) -> Result<Self> {
        let (client, address) = (http_client(None)?, format!("http://127.0.0.1:{port}"));
        let start = Instant::now();
        while client.get(format!("{address}/status")).send().await.is_err() {
            ensure!(start.elapsed() < PATIENCE, "a WebDriver does not answer: {}", program.told());
            sleep(GLANCE).await;
        }
        Ok(Self { client, address, program })
    }

    /// Starts what it drives.
    pub async fn open(&self, capabilities: Value) -> Result<Session> {
        let wish = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let answer = call(&self.client, &format!("{}/session", self.address), &wish).await;
        let answer = answer.with_context(|| self.program.told())?;
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
    /// `POST`s one of its commands and gives the answer's value.
    pub async fn call(&self, command: &str, body: &Value) -> Result<Value> {
        call(&self.client, &format!("{}/{command}", self.address), body).await
    }

    pub async fn go_to(&self, url: &str) -> Result<()> {
        self.call("url", &json!({ "url": url })).await.with_context(|| format!("opening {url}")).map(drop)
    }

    /// For the host of the page that is open.
    pub async fn give_cookie(&self, name: &str, value: &str) -> Result<()> {
        let cookie = json!({ "cookie": { "name": name, "value": value, "path": "/", "httpOnly": true } });
        self.call("cookie", &cookie).await.map(drop)
    }

    /// Runs a script in the page. The script's last argument is a function that takes what is given here.
    pub async fn run(&self, script: &str, arguments: &[&str]) -> Result<Value> {
        self.call("execute/async", &json!({ "script": script, "args": arguments })).await
    }

    /// The driver answers only once the window has gone; if it does not go, it is ended with the driver.
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
