//! The part of HTTP/1.1 that a load generator needs: a request is bytes that are built once, a response is delimited and
//! discarded. Time that the generator spends on one request is missing for the next.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use httparse::Status;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The name in every server's certificate here.
const HOST: &str = "localhost";
const MAX_HEADERS: usize = 64;

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub struct Request(Vec<u8>);

impl Request {
    pub fn get(path: &str, headers: &[(&str, &str)]) -> Self {
        Self(head("GET", path, headers).into_bytes())
    }

    pub fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let length = body.len().to_string();
        let mut all = headers.to_vec();
        all.push(("Content-Length", &length));
        let mut bytes = head("POST", path, &all).into_bytes();
        bytes.extend_from_slice(body);
        Self(bytes)
    }
}

fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n");
    for (name, value) in headers {
        text.extend([*name, ": ", *value, "\r\n"]);
    }
    text + "\r\n"
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A keep-alive connection.
pub struct Connection {
    stream: Box<dyn Duplex>,
    answer: Vec<u8>,
}

impl Connection {
    /// With `tls`, mutual TLS to the same address.
    pub async fn open(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Duplex> = match tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from(HOST).context("a server's name")?;
                Box::new(TlsConnector::from(tls).connect(name, stream).await.context("TLS handshake")?)
            }
        };
        Ok(Self { stream, answer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads the whole response. Any status but 200 is an error.
    pub async fn send_ok(&mut self, request: &Request) -> Result<()> {
        let status = self.send_for_status(request).await?;
        ensure!(status == 200, "expected 200: {}", self.text());
        Ok(())
    }

    /// Sends a request, reads the whole response and returns its status.
    pub async fn send_for_status(&mut self, request: &Request) -> Result<u16> {
        self.send(request).await?;
        loop {
            self.read().await?;
            if let Some((status, length)) = parse_response(&self.answer)? {
                ensure!(length == self.answer.len(), "an answer goes on after its end");
                return Ok(status);
            }
        }
    }

    /// Sends a request and reads until the response contains `words`.
    pub async fn send_until(&mut self, request: &Request, words: &str) -> Result<()> {
        self.send(request).await?;
        while !self.text().contains(words) {
            self.read().await.with_context(|| format!("waiting for `{words}` after {}", self.text()))?;
        }
        Ok(())
    }

    /// Reads until the connection is closed.
    pub async fn wait_for_end(&mut self) {
        while self.read().await.is_ok() {}
    }

    /// What has been received of the last response.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.answer)
    }

    async fn send(&mut self, Request(request): &Request) -> Result<()> {
        self.answer.clear();
        self.stream.write_all(request).await?;
        Ok(self.stream.flush().await?)
    }

    async fn read(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the connection ended within an answer");
        Ok(())
    }
}

/// Status and length of the response at the start of `bytes`, once it is complete.
fn parse_response(bytes: &[u8]) -> Result<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let Status::Complete(head) = answer.parse(bytes).context("reading an answer's head")? else {
        return Ok(None);
    };
    let header = |name: &str| {
        let found = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let body = bytes.get(head..).unwrap_or_default();
    let length = match (header("content-length"), header("transfer-encoding")) {
        (Some(length), _) => Some(length.trim().parse::<usize>().context("reading Content-Length")?),
        (None, Some(_)) => chunked_length(body)?,
        (None, None) => bail!("the answer does not say where it ends"),
    };
    let length = length.filter(|length| *length <= body.len());
    Ok(length.map(|length| (answer.code.unwrap_or_default(), head + length)))
}

/// The length of a body in chunks (RFC 9112 §7.1, without trailers), once its last chunk is there.
fn chunked_length(body: &[u8]) -> Result<Option<usize>> {
    let mut end = 0;
    loop {
        let Some(rest) = body.get(end..) else { return Ok(None) };
        let size =
            httparse::parse_chunk_size(rest).map_err(|_| anyhow::anyhow!("a chunk's size cannot be read"))?;
        let Status::Complete((start, size)) = size else { return Ok(None) };
        end += start + usize::try_from(size)? + 2;
        if size == 0 {
            return Ok(Some(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(answer: &str) -> Option<usize> {
        parse_response(answer.as_bytes()).unwrap().map(|(_, length)| length)
    }

    /// Wherever the bytes are cut, a response is complete with its last byte and not before.
    #[test]
    fn a_response_is_complete_with_its_last_byte() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
        ] {
            for cut in 0..answer.len() {
                assert_eq!(length(answer.get(..cut).unwrap()), None, "{cut} bytes of {answer:?}");
            }
            assert_eq!(length(answer), Some(answer.len()));
            assert_eq!(
                length(&format!("{answer}HTTP/1.1 200")),
                Some(answer.len()),
                "the next one is not counted"
            );
        }
    }

    #[test]
    fn the_status_is_returned_and_what_is_not_http_is_an_error() {
        let refused = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nwait";
        assert_eq!(parse_response(refused.as_bytes()).unwrap(), Some((429, refused.len())));
        parse_response(b"HTTP/1.1 200 OK\r\n\r\nuntil the end").unwrap_err();
        parse_response(b"not HTTP\r\n\r\n").unwrap_err();
    }

    #[test]
    fn a_request_names_its_host_and_ends() {
        let Request(bytes) = Request::get("/a", &[("Accept", "text/html")]);
        assert_eq!(bytes, b"GET /a HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n");
        let Request(bytes) = Request::post("/a", &[], b"body");
        assert_eq!(bytes, b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
    }
}
