//! Requests by curl.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use http::HeaderMap;
use protocol::Problem;

use crate::certificates::PASSWORD;

/// Builds a request.
pub struct Curl(Vec<OsString>);

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// 1.1 or 2.
    pub version: String,
}

impl Curl {
    pub fn to(url: &str) -> Self {
        // -q: ignore the user's curlrc.
        let always = ["-q", "--silent", "--show-error", "--include", "--ipv4", "--noproxy", "*"];
        Self(Vec::new()).with(&always).with(&["--max-time", "20", "--write-out", "\n%{http_version}", url])
    }

    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.0.extend(arguments.iter().map(OsString::from));
        self
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        // A header without a value is written with a semicolon.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        self.with(&["--header", &header])
    }

    pub fn authority(mut self, file: &Path) -> Self {
        self.0.extend(["--cacert".into(), file.into()]);
        self
    }

    /// Presents the client certificate of a package.
    pub fn identity(self, package: &Path) -> Self {
        self.with(&["--cert-type", "P12", "--cert", &format!("{}:{PASSWORD}", package.display())])
    }

    pub fn json(self, body: &impl serde::Serialize) -> Self {
        self.with(&["--json", &serde_json::to_string(body).unwrap()])
    }

    pub fn navigation(self) -> Self {
        self.header("Sec-Fetch-Mode", "navigate").header("Accept", "text/html,*/*;q=0.8")
    }

    /// The response, or curl's error message.
    pub async fn send(self) -> Result<Answer, String> {
        let mut curl = tokio::process::Command::new("curl");
        let output = curl.args(self.0).stdin(Stdio::null()).output().await.expect("curl starts");
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(error.lines().next().unwrap_or("curl failed silently").to_owned());
        }
        Ok(Answer::read(&String::from_utf8_lossy(&output.stdout)))
    }
}

impl Answer {
    fn read(text: &str) -> Self {
        let (mut text, version) = text.rsplit_once('\n').expect("curl writes the version");
        loop {
            let (head, rest) = text.split_once("\r\n\r\n").expect("a head");
            let mut lines = head.lines();
            let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
            if (100..200).contains(&status) {
                text = rest;
                continue;
            }
            let mut headers = HeaderMap::new();
            for (name, value) in lines.filter_map(|line| line.split_once(':')) {
                let name: http::HeaderName = name.parse().unwrap();
                headers.append(name, value.trim().parse().unwrap());
            }
            return Self { status, headers, body: rest.to_owned(), version: version.to_owned() };
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// In one line: the status, and the redirect's target, the problem's type or the content type.
    pub fn summary(&self) -> String {
        let kind = self.header("content-type").split(';').next().unwrap_or_default();
        let what = match kind {
            _ if (300..400).contains(&self.status) => self.header("location").to_owned(),
            "application/problem+json" => match serde_json::from_str::<Problem>(&self.body) {
                Ok(problem) if problem.status == self.status => problem.kind,
                other => format!("a broken problem document: {other:?}"),
            },
            other => other.to_owned(),
        };
        format!("{} {what}", self.status)
    }
}
