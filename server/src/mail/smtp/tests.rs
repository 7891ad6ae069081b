use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::SetClock;
use crate::mail::Subject;
use crate::secret::Secret;

/// A mail server for one connection: answers each command by its script and gives back what it was told.
async fn server(extensions: &'static str, answers: &'static [(&str, &str)]) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut told = String::new();
        let mut in_data = false;
        write.write_all(b"220 mail.example.org\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            told.push_str(&line);
            told.push('\n');
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
        told
    });
    (port, told)
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
    SmtpMailer::new(smtp, "Smith & Sons, Übersee", "a.example.org", Arc::new(SetClock::at(1_700_000_000)))
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
async fn a_mail_arrives_with_its_headers() {
    let (port, told) = server("250-AUTH PLAIN\r\n", &[("AUTH", "235 welcome")]).await;
    let credentials = Some(("user".to_owned(), Secret::new("word")));
    let mailer = mailer(&Smtp { credentials, ..settings(port) });
    mailer.send("0190-ab", &mail("Hello\r\nBcc: everybody@example.org\r\n\r\nbody")).await.unwrap();
    drop(mailer);
    let told = told.await.unwrap();
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
        assert!(told.lines().any(|l| l.starts_with(line)), "{line} is not in\n{told}");
    }
    assert!(!told.lines().any(|l| l.starts_with("Bcc") || l.contains("RCPT TO:<everybody")), "{told}");
    assert!(told.contains("multipart/alternative") && told.contains("text/html"), "{told}");
    assert_eq!(told.matches("RCPT TO").count(), 1);
}

#[tokio::test]
async fn temporary_and_final_refusals_are_told_apart() {
    for (script, obstacle, code) in [
        (&[("RCPT", "450 busy")] as &'static [(&str, &str)], Obstacle::Moment, "450"),
        (&[("RCPT", "550 nobody here")], Obstacle::Mail, "550"),
        (&[("MAIL", "421 going down")], Obstacle::Connection, "421"),
        (&[("MAIL", "530 who are you")], Obstacle::Connection, "530"),
        (&[("DATA", "554 no")], Obstacle::Mail, "554"),
    ] {
        let (port, _told) = server("", script).await;
        let error = mailer(&settings(port)).send("1", &mail("Hello")).await.unwrap_err();
        assert_eq!(error.obstacle, obstacle, "{error:?}");
        assert!(error.to_string().contains(code), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_can_be_tried_again() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = mailer(&settings(port)).send("1", &mail("Hello")).await.unwrap_err();
    assert_eq!(error.obstacle, Obstacle::Connection);
}

/// A server without STARTTLS never sees the password or the mail.
#[tokio::test]
async fn starttls_is_never_left_out() {
    let (port, told) = server("250-AUTH PLAIN\r\n", &[]).await;
    let credentials = Some(("user".to_owned(), Secret::new("word")));
    let mailer = mailer(&Smtp { encryption: Encryption::Starttls, credentials, ..settings(port) });
    mailer.send("1", &mail("Hello")).await.unwrap_err();
    drop(mailer);
    let told = told.await.unwrap();
    assert!(!told.contains("AUTH") && !told.contains("MAIL"), "{told}");
}

/// Who changes the mail server's password must not lose what was mailed meanwhile.
#[tokio::test]
async fn a_wrong_password_is_not_the_mails_fault() {
    let (port, _told) = server("250-AUTH PLAIN\r\n", &[("AUTH", "535 no")]).await;
    let credentials = Some(("user".to_owned(), Secret::new("word")));
    let error = mailer(&Smtp { credentials, ..settings(port) }).send("1", &mail("Hello")).await.unwrap_err();
    assert_eq!(error.obstacle, Obstacle::Connection, "{error:?}");
    assert!(error.to_string().contains("sign-in"), "{error}");
}
