//! A request to the router and its response.

use std::net::IpAddr;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use protocol::event_stream::EventStreamParser;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt;
use web::{Listener, Peer, PeerCertificate};

use super::{Description, TestServer};

/// Builds a request.
pub struct Exchange<'a> {
    server: &'a TestServer,
    request: http::request::Builder,
    body: Body,
    peer: Peer,
}

/// An event stream that is being received.
pub struct EventReader {
    pub status: StatusCode,
    body: Body,
    parser: EventStreamParser,
}

impl EventReader {
    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<AnalysisEvent> {
        loop {
            if let Some(event) = self.parser.next_event() {
                let event = event.unwrap();
                return AnalysisEvent::from_sse(&event.name, &event.data).unwrap();
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.parser.push(&data);
            }
        }
    }

    /// All events up to the first that fits, with it.
    pub async fn until(&mut self, fits: impl Fn(&AnalysisEvent) -> bool) -> Vec<AnalysisEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            let found = fits(&event);
            events.push(event);
            if found {
                return events;
            }
        }
        panic!("the stream has ended: {events:?}");
    }

    /// All events to the end of the stream.
    pub async fn rest(&mut self) -> Vec<AnalysisEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }
}

/// A complete response.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl TestServer {
    pub fn get(&self, path: &str) -> Exchange<'_> {
        self.exchange(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Exchange<'_> {
        self.exchange(Method::POST, path)
    }

    pub fn exchange(&self, method: Method, path: &str) -> Exchange<'_> {
        let address: IpAddr = [192, 0, 2, 7].into();
        Exchange {
            server: self,
            request: Request::builder().method(method).uri(path).header(header::HOST, "localhost"),
            body: Body::empty(),
            peer: Peer { address, listener: Listener::Pages, tls: false, certificate: None },
        }
    }
}

impl Exchange<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn cookie(self, name: &str, value: &str) -> Self {
        self.header("cookie", &format!("{name}={value}")).header("sec-fetch-site", "same-origin")
    }

    /// Through the machines' listener, with this certificate (DER).
    pub fn certificate(mut self, der: &[u8]) -> Self {
        self.peer.listener = Listener::Machines;
        self.peer.tls = true;
        self.peer.certificate = Some(PeerCertificate { leaf: der.to_vec(), intermediates: Vec::new() });
        self
    }

    pub fn machines(mut self) -> Self {
        self.peer.listener = Listener::Machines;
        self.peer.tls = true;
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Body::from(serde_json::to_vec(body).unwrap());
        self.header("content-type", "application/json")
    }

    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let encoded: Vec<_> = fields.iter().map(|(k, v)| format!("{k}={}", percent(v))).collect();
        self.body = Body::from(encoded.join("&"));
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// `multipart/form-data`; a part with a file name is sent as a file.
    pub fn multipart(mut self, parts: &[(&str, Option<&str>, &[u8])]) -> Self {
        let mut body = Vec::new();
        for (name, file, content) in parts {
            let file = file.map_or_else(String::new, |f| format!("; filename=\"{f}\""));
            body.extend(
                format!("--line\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
            );
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(b"--line--\r\n");
        self.body = Body::from(body);
        self.header("content-type", "multipart/form-data; boundary=line")
    }

    pub fn raw(mut self, kind: &str, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self.header("content-type", kind)
    }

    /// Method and path, without the query.
    pub fn address(&self) -> (Method, String) {
        let (method, uri) = (self.request.method_ref(), self.request.uri_ref());
        (method.unwrap().clone(), uri.unwrap().path().to_owned())
    }

    /// Sends the request; the response must conform to `/api/openapi.json`.
    pub async fn send(self) -> Reply {
        let (server, (method, path)) = (self.server, self.address());
        let reply = self.send_unchecked().await;
        let description = Description::of(server).await;
        let fault = description.operation(&method, &path).and_then(|o| description.fault(&o, &reply));
        assert_eq!(fault, None, "{method} {path} does not answer as described");
        reply
    }

    /// Sends the request and reads its event stream as it comes. Dropping the reader closes the connection.
    pub async fn stream(self) -> EventReader {
        let mut request = self.request.header("accept", "text/event-stream").body(self.body).unwrap();
        request.extensions_mut().insert(self.peer);
        let response = self.server.router.clone().oneshot(request).await.unwrap();
        EventReader {
            status: response.status(),
            body: response.into_body(),
            parser: EventStreamParser::default(),
        }
    }

    pub async fn send_unchecked(self) -> Reply {
        let mut request = self.request.body(self.body).unwrap();
        request.extensions_mut().insert(self.peer);
        let response = self.server.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

impl Reply {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The problem document of an error response; checks its form.
    pub fn problem(&self) -> Problem {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"), "{} {}", self.status, self.text());
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }

    /// The value of a cookie that the response sets.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok());
        let mut cookies = cookies.map(|cookie| cookie::Cookie::parse(cookie).unwrap());
        cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
    }

    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
