//! HTTP to a server process.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Client, Response};
use serde_json::json;

use crate::process::Process;
use crate::seed::Link;

/// The server's `public_url`, the origin of its pages' requests.
const PUBLIC_URL: &str = "http://localhost:8080";

/// An HTTP client of the pages' listener.
#[derive(Clone)]
pub struct Visitor {
    client: Client,
    server: String,
}

impl Visitor {
    pub fn of(process: &Process) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self { client, server: format!("http://127.0.0.1:{}", process.pages) }
    }

    pub async fn get(&self, path: &str) -> reqwest::Result<Response> {
        self.client.get(format!("{}{path}", self.server)).send().await
    }

    /// Asks for access.
    pub async fn post_request(&self, email: &str) -> reqwest::Result<Response> {
        let request = self.client.post(format!("{}/public/request-access", self.server));
        request.json(&json!({ "email": email })).send().await
    }

    /// Asks for access; returns the path of the status page.
    pub async fn ask(&self, email: &str) -> reqwest::Result<String> {
        let answer = self.post_request(email).await?.error_for_status()?;
        let receipt: protocol::access::RequestReceipt = answer.json().await?;
        Ok(receipt.status_url.strip_prefix(PUBLIC_URL).unwrap().to_owned())
    }

    /// Redeems a link; returns the certificate as PEM.
    pub async fn redeem(&self, link: &Link, csr: &str) -> reqwest::Result<String> {
        let path = format!("{}/public/download-certs/{}/csr", self.server, link.token);
        let request = self.client.post(path).json(&json!({ "csr": csr, "match_code": link.match_code }));
        request.send().await?.error_for_status()?.text().await
    }

    /// Revokes as the panel does.
    pub async fn revoke(&self, session: &str, certificate_id: &str) -> reqwest::Result<()> {
        let form = format!("id={certificate_id}&reason=key-compromise&words=lost");
        let answer = self.post_form("certificate/revoke", &format!("aiwe_session={session}"), form).await?;
        answer.bytes().await.map(drop)
    }

    /// Signs in to the panel; returns the session cookie's value.
    pub async fn sign_in(&self, email: &str, password: &str, code: &str) -> reqwest::Result<String> {
        let form = format!("email={email}&password={password}").replace(' ', "+");
        let answer = self.post_form("people/sign-in", "", form).await?;
        let challenge = format!("aiwe_challenge={}", cookie_of(&answer, "aiwe_challenge"));
        let answer = self.post_form("people/second-factor", &challenge, format!("code={code}")).await?;
        Ok(cookie_of(&answer, "aiwe_session"))
    }

    /// Calls a server function as a page does.
    async fn post_form(&self, function: &str, cookie: &str, form: String) -> reqwest::Result<Response> {
        let request = self.client.post(format!("{}/app/{function}", self.server));
        let request = request.header(COOKIE, cookie).header(ORIGIN, PUBLIC_URL);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(form).send().await?.error_for_status()
    }
}

fn cookie_of(answer: &Response, name: &str) -> String {
    let cookies = answer.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let mut named = cookies.filter_map(|cookie| cookie.split(';').next()?.split_once('='));
    named.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).expect("the cookie")
}

/// A client with a machine's certificate that trusts the server's own authority.
pub fn machine(certificate: &str, key: &str, authority: &str) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let identity = reqwest::Identity::from_pem(format!("{certificate}\n{key}").as_bytes()).unwrap();
    let authority = reqwest::Certificate::from_pem(authority.as_bytes()).unwrap();
    Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .identity(identity)
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}
