use domain::clock::ManualClock;
use domain::secret::Secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::mail::Subject;

/// A mail server for one connection: replies to each command as scripted and returns the lines that it received.
async fn server(extensions: &'static str, answers: &'static [(&str, &str)]) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let transcript = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut received = String::new();
        let mut in_data = false;
        write.write_all(b"220 mail.example.org\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            received.push_str(&line);
            received.push('\n');
            if in_data && line != "." {
                continue;
            }
            let scripted =
                answers.iter().find(|(command, _)| line.starts_with(command)).map(|(_, answer)| *answer);
            let answer = match line.split_whitespace().next().unwrap_or_default() {
                "EHLO" => format!("250-mail.example.org\r\n{extensions}250 8BITMIME"),
                "DATA" => scripted.unwrap_or("354 go on").to_owned(),
                "QUIT" => "221 bye".to_owned(),
                _ => scripted.unwrap_or("250 ok").to_owned(),
            };
            in_data = answer.starts_with("354");
            if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                break;
            }
        }
        received
    });
    (port, transcript)
}

fn settings(port: u16) -> Smtp {
    Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        encryption: Encryption::None,
        credentials: None,
        from: "assistant@example.org".parse().unwrap(),
        reply_to: Some("help@example.org".parse().unwrap()),
        ca_certificate: None,
    }
}

fn mailer(smtp: &Smtp) -> SmtpMailer {
    SmtpMailer::new(smtp, "Smith & Sons, Übersee", "a.example.org", Arc::new(ManualClock::at(1_700_000_000)))
        .unwrap()
}

fn mail(subject: &str) -> Mail {
    Mail {
        to: "anna@example.org".parse().unwrap(),
        subject: Subject::new(subject),
        text: "Grüße\n.\nfrom us".to_owned(),
        html: "<p>Hello</p>".to_owned(),
    }
}

#[tokio::test]
async fn a_mail_is_sent_with_its_headers() {
    let (port, transcript) = server("250-AUTH PLAIN\r\n", &[("AUTH", "235 welcome")]).await;
    let credentials = Some(("user".to_owned(), Secret::new("word")));
    let mailer = mailer(&Smtp { credentials, ..settings(port) });
    mailer.send("0190-ab", &mail("Hello\r\nBcc: everybody@example.org\r\n\r\nbody")).await.unwrap();
    drop(mailer);
    let received = transcript.await.unwrap();
    for line in [
        "EHLO a.example.org",
        "AUTH PLAIN AHVzZXIAd29yZA==",
        "MAIL FROM:<assistant@example.org>",
        "RCPT TO:<anna@example.org>",
        "Message-ID: <0190-ab@a.example.org>",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Reply-To: help@example.org",
        "Auto-Submitted: auto-generated",
        "Subject: Hello  Bcc: everybody@example.org    body",
    ] {
        assert!(received.lines().any(|l| l.starts_with(line)), "{line} is not in\n{received}");
    }
    assert!(
        !received.lines().any(|l| l.starts_with("Bcc") || l.contains("RCPT TO:<everybody")),
        "{received}"
    );
    assert!(received.contains("multipart/alternative") && received.contains("text/html"), "{received}");
    assert_eq!(received.matches("RCPT TO").count(), 1);
}

#[tokio::test]
async fn reply_codes_are_classified() {
    for (script, kind, code) in [
        (&[("RCPT", "450 busy")] as &'static [(&str, &str)], SendErrorKind::Transient, "450"),
        (&[("RCPT", "550 nobody here")], SendErrorKind::Permanent, "550"),
        (&[("MAIL", "421 going down")], SendErrorKind::Connection, "421"),
        (&[("MAIL", "530 who are you")], SendErrorKind::Connection, "530"),
        (&[("DATA", "554 no")], SendErrorKind::Permanent, "554"),
    ] {
        let (port, _transcript) = server("", script).await;
        let error = mailer(&settings(port)).send("1", &mail("Hello")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.to_string().contains(code), "{error}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_a_connection_error() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = mailer(&settings(port)).send("1", &mail("Hello")).await.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Connection);
}

/// A server without STARTTLS never sees the password or the mail.
#[tokio::test]
async fn starttls_is_required() {
    let (port, transcript) = server("250-AUTH PLAIN\r\n", &[]).await;
    let credentials = Some(("user".to_owned(), Secret::new("word")));
    let mailer = mailer(&Smtp { encryption: Encryption::Starttls, credentials, ..settings(port) });
    mailer.send("1", &mail("Hello")).await.unwrap_err();
    drop(mailer);
    let received = transcript.await.unwrap();
    assert!(!received.contains("AUTH") && !received.contains("MAIL"), "{received}");
}

/// Changing the mail server's password must not lose the mails of the meantime.
#[tokio::test]
async fn a_wrong_password_is_a_connection_error() {
    let (port, _transcript) = server("250-AUTH PLAIN\r\n", &[("AUTH", "535 no")]).await;
    let credentials = Some(("user".to_owned(), Secret::new("word")));
    let error = mailer(&Smtp { credentials, ..settings(port) }).send("1", &mail("Hello")).await.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Connection, "{error:?}");
    assert!(error.to_string().contains("sign-in"), "{error}");
}
