//! HTTP/1.1 as far as a load generator needs it, and no further: a request is bytes that are made once, an answer is
//! measured and not kept. What the generator spends on a request, it cannot spend on the next.

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
const MOST_HEADERS: usize = 64;

/// A GET request, ready to be sent.
#[derive(Debug, Clone)]
pub struct Request(Vec<u8>);

impl Request {
    pub fn get(path: &str, headers: &[(&str, &str)]) -> Self {
        let mut text = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        Self(text.into_bytes())
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection that is kept.
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
                Box::new(TlsConnector::from(tls).connect(name, stream).await.context("shaking hands")?)
            }
        };
        Ok(Self { stream, answer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads the whole answer. Everything but 200 is an error.
    pub async fn ask(&mut self, Request(request): &Request) -> Result<()> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.answer.clear();
        loop {
            ensure!(
                self.stream.read_buf(&mut self.answer).await? > 0,
                "the connection ended within an answer"
            );
            if let Some(length) = whole(&self.answer)? {
                ensure!(length == self.answer.len(), "an answer goes on after its end");
                return Ok(());
            }
        }
    }
}

/// The length of the answer at the start of `bytes`, once all of it is there.
fn whole(bytes: &[u8]) -> Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let Status::Complete(head) = answer.parse(bytes).context("reading an answer's head")? else {
        return Ok(None);
    };
    if answer.code != Some(200) {
        bail!("expected 200: {}", String::from_utf8_lossy(bytes));
    }
    let header = |name: &str| {
        let found = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let body = bytes.get(head..).unwrap_or_default();
    let length = match (header("content-length"), header("transfer-encoding")) {
        (Some(length), _) => Some(length.trim().parse::<usize>().context("reading Content-Length")?),
        (None, Some(_)) => chunks(body)?,
        (None, None) => bail!("the answer does not say where it ends"),
    };
    Ok(length.filter(|length| *length <= body.len()).map(|length| head + length))
}

/// The length of a body in chunks (RFC 9112 §7.1, without trailers), once its last chunk is there.
fn chunks(body: &[u8]) -> Result<Option<usize>> {
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
        whole(answer.as_bytes()).unwrap()
    }

    /// Whatever comes in between, an answer is whole with its last byte and not before.
    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
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
                "the next one is not counted in"
            );
        }
    }

    #[test]
    fn what_is_no_success_is_told_with_its_body() {
        let refused = whole(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nwait").unwrap_err();
        assert!(refused.to_string().contains("429") && refused.to_string().contains("wait"), "{refused}");
        whole(b"HTTP/1.1 200 OK\r\n\r\nuntil the end").unwrap_err();
        whole(b"not HTTP\r\n\r\n").unwrap_err();
    }

    #[test]
    fn a_request_names_its_host_and_ends() {
        let Request(bytes) = Request::get("/a", &[("Accept", "text/html")]);
        assert_eq!(bytes, b"GET /a HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n");
    }
}
