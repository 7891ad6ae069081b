//! The conversation with the mail server, step by step, so that an error says what to put right.

use std::net::IpAddr;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::Ehlo;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, response::Response};
use protocol::text::visible;

use crate::config::Encryption;
use crate::mail::{SendError, SendErrorKind};

/// Where and how to connect.
pub(super) struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    pub tls: TlsParameters,
    /// `None`: the address of this machine, seen from the mail server.
    pub hello: Option<ClientId>,
    pub credentials: Option<Credentials>,
    /// For connecting, and for each step.
    pub timeout: Duration,
}

impl SmtpServer {
    pub async fn send(&self, message: &Message) -> Result<(), SendError> {
        let hello = match &self.hello {
            Some(name) => name.clone(),
            None => self.local_address().await,
        };
        let mut connection = self.connect(&hello).await?;
        if self.encryption == Encryption::Starttls {
            self.start_tls(&mut connection, &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            self.sign_in(&mut connection, &hello, credentials).await?;
        }
        let content = message.formatted();
        let sent = connection.send(message.envelope(), &content);
        self.in_time(sent).await.map_err(|failed| match failed {
            Failed::Silent => {
                connection_error("the mail server took too long to take the mail".to_owned(), None)
            }
            Failed::Smtp(error) => of_mail(error),
        })?;
        // The mail is sent, whatever comes of this.
        let _ = tokio::time::timeout(self.timeout, connection.quit()).await;
        Ok(())
    }

    /// Up to the reply to EHLO.
    async fn connect(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, SendError> {
        let tls = (self.encryption == Encryption::Tls).then(|| self.tls.clone());
        let server = (self.host.as_str(), self.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), hello, tls, None);
        self.in_time(connecting).await.map_err(|failed| match failed {
            Failed::Silent if self.encryption == Encryption::Tls => connection_error(
                "the mail server does not greet: does its port expect smtp.encryption = \"starttls\"?"
                    .to_owned(),
                None,
            ),
            Failed::Silent => connection_error(
                "the mail server does not greet: does its port expect smtp.encryption = \"tls\"?".to_owned(),
                None,
            ),
            Failed::Smtp(error) => self.of_connection(error, hello),
        })
    }

    fn of_connection(&self, error: smtp::Error, hello: &ClientId) -> SendError {
        let reason = match error.status().map(u16::from) {
            Some(code) => format!(
                "the mail server refuses this server ({code}: {}); it introduced itself as {hello} (smtp.hello_name)",
                reply_text(&error)
            ),
            None if error.is_tls() || (self.encryption == Encryption::Tls && is_handshake(&error)) => {
                "TLS with the mail server failed: is smtp.encryption the one of its port, and its certificate valid for smtp.host?"
                    .to_owned()
            }
            None => "the mail server cannot be reached or broke off".to_owned(),
        };
        connection_error(reason, Some(error))
    }

    async fn start_tls(
        &self,
        connection: &mut AsyncSmtpConnection,
        hello: &ClientId,
    ) -> Result<(), SendError> {
        if !connection.can_starttls() {
            connection.abort().await;
            let reason = "the mail server does not offer STARTTLS: set smtp.encryption to \"tls\" with that port, or to \"none\" if the mail server is this machine";
            return Err(connection_error(reason.to_owned(), None));
        }
        let started = connection.starttls(self.tls.clone(), hello);
        self.in_time(started).await.map_err(|failed| {
            let cause = match failed {
                Failed::Silent => None,
                Failed::Smtp(error) => Some(error),
            };
            connection_error(
                "TLS with the mail server failed: is its certificate valid for smtp.host?".to_owned(),
                cause,
            )
        })
    }

    async fn sign_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        hello: &ClientId,
        credentials: &Credentials,
    ) -> Result<(), SendError> {
        const OURS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];
        if connection.server_info().get_auth_mechanism(&OURS).is_none() {
            let reply = self.in_time(connection.command(Ehlo::new(hello.clone()))).await;
            let offered = reply.map(|reply| offered_mechanisms(&reply)).unwrap_or_default();
            connection.abort().await;
            let reason = if offered.is_empty() {
                "the mail server offers no sign-in here: does it need another smtp.encryption, or no smtp.username?"
                    .to_owned()
            } else {
                format!(
                    "the mail server offers only sign-in by {offered}; this server signs in by PLAIN or LOGIN"
                )
            };
            return Err(connection_error(reason, None));
        }
        match self.in_time(connection.auth(&OURS, credentials)).await {
            Ok(_) => Ok(()),
            Err(failed) => {
                connection.abort().await;
                let code = match &failed {
                    Failed::Smtp(error) => error.status().map(|code| format!(" ({code})")),
                    Failed::Silent => None,
                };
                let code = code.unwrap_or_default();
                let reason = format!("the mail server does not accept this server’s sign-in{code}");
                // Its text may repeat the credentials.
                Err(connection_error(reason, None))
            }
        }
    }

    async fn in_time<T>(&self, step: impl Future<Output = Result<T, smtp::Error>>) -> Result<T, Failed> {
        match tokio::time::timeout(self.timeout, step).await {
            Ok(result) => result.map_err(Failed::Smtp),
            Err(_) => Err(Failed::Silent),
        }
    }

    /// The address that this machine has towards the mail server. Nothing is sent for it.
    async fn local_address(&self) -> ClientId {
        let find = async {
            let peer = tokio::net::lookup_host((self.host.as_str(), self.port)).await.ok()?.next()?;
            let any: &str = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = tokio::net::UdpSocket::bind(any).await.ok()?;
            socket.connect(peer).await.ok()?;
            Some(socket.local_addr().ok()?.ip())
        };
        match find.await {
            Some(IpAddr::V6(address)) => ClientId::Ipv6(address),
            Some(IpAddr::V4(address)) => ClientId::Ipv4(address),
            None => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
        }
    }
}

/// Why a step failed.
enum Failed {
    /// There was no reply in time.
    Silent,
    Smtp(smtp::Error),
}

fn connection_error(reason: String, source: Option<smtp::Error>) -> SendError {
    let source = source.map(|error| -> Box<dyn std::error::Error + Send + Sync> { error.into() });
    SendError { kind: SendErrorKind::Connection, reason, source }
}

/// The error of a connection that is set up: from here on, a refusal may be about the mail.
fn of_mail(error: smtp::Error) -> SendError {
    let code = error.status().map(u16::from);
    let kind = match code {
        // 421: the server is shutting down (RFC 5321 §3.8).
        None | Some(421) => SendErrorKind::Connection,
        Some(code) if is_auth_failure(code) => SendErrorKind::Connection,
        Some(code) if code >= 500 => SendErrorKind::Permanent,
        Some(_) => SendErrorKind::Transient,
    };
    let reason = match code {
        Some(code) if is_auth_failure(code) => {
            format!("the mail server wants a sign-in ({code}): smtp.username and smtp.password")
        }
        Some(code) => format!("the mail server answered {code}"),
        None => "the mail server cannot be reached or broke off".to_owned(),
    };
    SendError { kind, reason, source: Some(error.into()) }
}

/// Reply codes about wrong or missing credentials (RFC 4954 §4.7 and §6).
fn is_auth_failure(code: u16) -> bool {
    matches!(code, 432 | 454 | 530 | 534 | 535 | 538)
}

/// Whether the connection ended or spoke something else before TLS was there.
fn is_handshake(error: &smtp::Error) -> bool {
    !error.is_timeout()
        && std::error::Error::source(error)
            .is_some_and(|cause| cause.to_string().contains("InvalidContentType"))
}

/// What a mail server says beside its code, cut, on one line, without what cannot be seen.
fn reply_text(error: &smtp::Error) -> String {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    one_line(&text)
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
    visible(&line).trim().to_owned()
}

/// The sign-in methods of a reply to EHLO, as the server names them.
fn offered_mechanisms(reply: &Response) -> String {
    let methods = reply.message().filter_map(|line| line.strip_prefix("AUTH "));
    one_line(&methods.flat_map(str::split_whitespace).take(10).collect::<Vec<_>>().join(", "))
}
