//! Somebody with a browser: keeps cookies, and asks as the pages' own scripts do.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response, redirect};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A client that follows no redirect, takes no proxy and leaves compressed answers as they are.
pub fn http_client(tls: Option<ClientConfig>) -> Result<Client> {
    let mut builder = Client::builder().no_proxy().redirect(redirect::Policy::none());
    if let Some(tls) = tls {
        builder = builder.tls_backend_preconfigured(tls);
    }
    builder.build().context("making an HTTP client")
}

#[derive(Debug, Clone)]
pub struct Visitor {
    client: Client,
    /// Scheme, host and port.
    server: String,
    cookies: BTreeMap<String, String>,
    token: Option<String>,
}

impl Visitor {
    pub fn new(client: Client, server: String) -> Self {
        Self { client, server, cookies: BTreeMap::new(), token: None }
    }

    /// The same person with connections of its own: those to a server that has ended are no use.
    pub fn reconnected(&self) -> Result<Self> {
        Ok(Self { client: http_client(None)?, ..self.clone() })
    }

    /// Somebody else, over the same connections.
    pub fn stranger(&self) -> Self {
        Self { cookies: BTreeMap::new(), token: None, ..self.clone() }
    }

    /// Sends an access token from now on.
    pub fn carry(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// As the `Cookie` header.
    pub fn cookies(&self) -> String {
        let pairs = self.jar().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// The cookies with their names.
    pub fn jar(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cookies.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T> {
        let request = self.client.get(format!("{}{path}", self.server));
        Ok(serde_json::from_slice(&self.send(path, request).await?.bytes().await?)?)
    }

    /// Where a page leads on to.
    pub async fn redirected(&mut self, path: &str) -> Result<String> {
        let answer = self.send(path, self.client.get(format!("{}{path}", self.server))).await?;
        let location = answer.headers().get(LOCATION).with_context(|| format!("{path} leads nowhere"))?;
        Ok(location.to_str()?.to_owned())
    }

    /// Calls a server function.
    pub async fn call<T: DeserializeOwned>(
        &mut self,
        function: &str,
        arguments: &[(&str, &str)],
    ) -> Result<T> {
        let path = format!("/app/{function}");
        let request = self.client.post(format!("{}{path}", self.server)).form(arguments);
        let body = self.send(&path, request).await?.bytes().await?;
        serde_json::from_slice(&body).with_context(|| format!("{path}: {}", String::from_utf8_lossy(&body)))
    }

    pub async fn post<T: DeserializeOwned>(&mut self, path: &str, body: &impl Serialize) -> Result<T> {
        let body = self.post_for_bytes(path, body).await?;
        serde_json::from_slice(&body).with_context(|| format!("{path}: {}", String::from_utf8_lossy(&body)))
    }

    pub async fn post_for_bytes(&mut self, path: &str, body: &impl Serialize) -> Result<Vec<u8>> {
        let request = self.client.post(format!("{}{path}", self.server)).json(body);
        Ok(self.send(path, request).await?.bytes().await?.to_vec())
    }

    /// Sends a form as a browser without scripts does, and gets a file.
    pub async fn download(&mut self, path: &str, form: &[(&str, &str)]) -> Result<Vec<u8>> {
        let answer = self.send(path, self.client.post(format!("{}{path}", self.server)).form(form)).await?;
        ensure!(
            answer.status().is_success(),
            "{path} gives no file but leads to {:?}",
            answer.headers().get(LOCATION)
        );
        Ok(answer.bytes().await?.to_vec())
    }

    async fn send(&mut self, path: &str, request: RequestBuilder) -> Result<Response> {
        let mut request = request.header(ACCEPT, "application/json").header(ORIGIN, &self.server);
        if !self.cookies.is_empty() {
            request = request.header(COOKIE, self.cookies());
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let (pair, _) = cookie.to_str()?.split_once(';').context("a cookie without attributes")?;
            let (name, value) = pair.split_once('=').context("a cookie without a value")?;
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let status = answer.status();
        if status.is_success() || status.is_redirection() {
            return Ok(answer);
        }
        bail!("{path} answers {status}: {}", answer.text().await?);
    }
}
