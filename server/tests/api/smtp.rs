//! Mails end to end, to a real mail server (aiosmtpd): with STARTTLS and a password, and while it is down.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use app::services::ReviewService;
use protocol::outbox::MailState;
use serde::Deserialize;
use server::mail::SmtpMailer;
use server::outbox::Outbox;
use tokio::io::AsyncWriteExt;

use crate::support::TestServer;

/// A mail as the mail server received it.
#[derive(Debug, Deserialize)]
struct Arrived {
    from: String,
    to: Vec<String>,
    subject: String,
    headers: std::collections::BTreeMap<String, String>,
    text: String,
    html: String,
    kind: String,
    tls: bool,
    authenticated: bool,
}

/// A mail server that requires STARTTLS and a password. Stopped on drop.
struct MailServer {
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl MailServer {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let names = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(folder.path().join("certificate.pem"), names.self_signed(&key).unwrap().pem())
            .unwrap();
        let mut this = Self { folder, port: 0, process: None };
        this.up();
        this
    }

    /// Starts it, on the same port as before.
    fn up(&mut self) {
        let python = std::env::var("AIWE_TEST_MAIL_PYTHON")
            .expect("AIWE_TEST_MAIL_PYTHON names a Python with aiosmtpd; `cargo xtask test` sets it");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../end2end/mail_server.py");
        let mut process = Command::new(python)
            .args([script, &self.port.to_string()])
            .arg(self.folder.path())
            .arg("--certificate")
            .arg(self.certificate())
            .arg("--key")
            .arg(self.folder.path().join("key.pem"))
            .args(["--user", "engine", "--password", "a real password"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        self.port = port.trim().parse().unwrap_or_else(|_| panic!("no port: {port:?}"));
        self.process = Some(process);
    }

    fn down(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// All received mails, in order.
    fn mails(&self) -> Vec<Arrived> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
        files.sort();
        files.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    /// The outbox of `server`, configured with this mail server.
    async fn outbox(&self, server: &TestServer, password: &str) -> Outbox {
        let (port, authority) = (self.port.to_string(), self.certificate().to_string_lossy().into_owned());
        let configured = server
            .restarted_with(&[
                ("AIWE_SMTP__HOST", "localhost"),
                ("AIWE_SMTP__PORT", &port),
                ("AIWE_SMTP__FROM", "engine@example.org"),
                ("AIWE_SMTP__USERNAME", "engine"),
                ("AIWE_SMTP__PASSWORD", password),
                ("AIWE_SMTP__CA_CERTIFICATE", &authority),
            ])
            .await;
        let env = &configured.state.env;
        let smtp = env.config.smtp.as_ref().expect("a mail server");
        let mailer =
            SmtpMailer::new(smtp, &env.config.organisation, "a.example.org", Arc::clone(&env.clock)).unwrap();
        Outbox::new(Arc::clone(env), Some(Arc::new(mailer)))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.down();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_arrives_by_starttls_and_password_in_both_forms() {
    let (server, smtp) = (TestServer::sqlite().await, MailServer::start());
    let outbox = smtp.outbox(&server, "a real password").await;
    let admin = server.administrator().await;
    server.ask("anna@example.org").await;
    let id = server.pending_request(&admin, "anna@example.org").await;
    // Lines that would inject a header or end the mail, if they could.
    let reason = "<b>No</b>\nBcc: everybody@example.org\n\n.\nSubject: Grüße";
    server.state.access.reject(&admin.proof(), &id, reason).await.unwrap();
    assert_eq!(outbox.drain().await.unwrap(), 3, "the receipt, the administrator's notice, the rejection");

    let mails = smtp.mails();
    let mail = mails.iter().find(|mail| mail.subject.contains("rejected")).unwrap();
    assert_eq!(
        (mail.from.as_str(), &mail.to[..]),
        ("engine@example.org", &["anna@example.org".to_owned()][..])
    );
    assert!(mail.tls && mail.authenticated);
    assert_eq!(mail.kind, "multipart/alternative");
    let headers: Vec<_> = mail.headers.keys().map(String::as_str).collect();
    let known =
        ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"];
    assert_eq!(headers, known, "no header is injected");
    assert_eq!(mail.headers["To"], "anna@example.org");
    assert_eq!(mail.subject, "Your request for access was rejected (Example Ltd)");
    for line in ["> <b>No</b>", "> Bcc: everybody@example.org", "> .", "> Subject: Grüße"] {
        assert!(mail.text.lines().any(|l| l.trim_end() == line), "{line:?} is not in {}", mail.text);
    }
    assert!(mail.html.contains("&lt;b&gt;No&lt;/b&gt;<br>") && mail.html.contains("Grüße"), "{}", mail.html);
    assert!(mails.iter().all(|mail| mail.to.len() == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mail_is_lost_while_the_mail_server_is_down() {
    let (server, mut smtp) = (TestServer::sqlite().await, MailServer::start());
    let outbox = smtp.outbox(&server, "a real password").await;
    let people: Vec<_> = (0..10).map(|n| format!("p{n}@example.org")).collect();
    smtp.down();
    for person in &people {
        server.ask(person).await;
        assert_eq!(outbox.drain().await.unwrap(), 0);
    }
    smtp.up();
    // Each was tried at least once and waits for a minute.
    server.clock.advance(60);
    // Two servers that share a database.
    let other = smtp.outbox(&server, "a real password").await;
    let (one, two) = futures::future::join(outbox.drain(), other.drain()).await;
    assert_eq!(one.unwrap() + two.unwrap(), people.len());
    let mut to: Vec<_> = smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, people, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_wait_for_the_right_password() {
    let (server, smtp) = (TestServer::sqlite().await, MailServer::start());
    server.ask("anna@example.org").await;
    assert_eq!(smtp.outbox(&server, "a wrong one").await.drain().await.unwrap(), 0);
    assert!(smtp.mails().is_empty());
    server.clock.advance(60);
    assert_eq!(smtp.outbox(&server, "a real password").await.drain().await.unwrap(), 1);
    assert_eq!(smtp.mails()[0].to, ["anna@example.org"]);
}

/// A greeting of 5xx is about the connection, such as a list of blocked addresses: no mail is given up for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_wait_while_the_mail_server_refuses_the_connection() {
    let (server, mut smtp) = (TestServer::sqlite().await, MailServer::start());
    let admin = server.administrator().await;
    smtp.down();
    let refusing = tokio::net::TcpListener::bind(("127.0.0.1", smtp.port)).await.unwrap();
    let greeting = tokio::spawn(async move {
        loop {
            let (mut stream, _) = refusing.accept().await.unwrap();
            let _ = stream.write_all(b"554 5.7.1 No SMTP service for you\r\n").await;
        }
    });
    let people = ["anna@example.org", "ben@example.org"];
    let outbox = smtp.outbox(&server, "a real password").await;
    for person in people {
        server.ask(person).await;
        assert_eq!(outbox.drain().await.unwrap(), 0);
    }
    let listed = server.state.services.outbox.list(&admin.proof(), None, 0).await.unwrap();
    for person in people {
        let mail = listed.rows.iter().find(|row| row.to == person).unwrap();
        assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
    }
    assert!(listed.rows.iter().any(|row| row.last_error.as_deref().is_some_and(|text| text.contains("554"))));

    greeting.abort();
    let _ = greeting.await;
    smtp.up();
    server.clock.advance(60);
    outbox.drain().await.unwrap();
    let mut to: Vec<_> = smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
    to.retain(|address| people.contains(&address.as_str()));
    to.sort();
    assert_eq!(to, people, "each once");
}
