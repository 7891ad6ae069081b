use domain::clock::ManualClock;
use domain::secret::Secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::config::Encryption;
use crate::mail::Subject;

/// A mail server for one connection: replies to each command as scripted and returns the lines that it received.
async fn server(extensions: &'static str, answers: &'static [(&str, &str)]) -> (u16, JoinHandle<String>) {
    server_with("220 mail.example.org", extensions, answers).await
}

/// As [`server`], with another greeting; an empty one is none at all.
async fn server_with(
    greeting: &'static str,
    extensions: &'static str,
    answers: &'static [(&str, &str)],
) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let transcript = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut received = String::new();
        let mut in_data = false;
        if !greeting.is_empty() {
            write.write_all(format!("{greeting}\r\n").as_bytes()).await.unwrap();
        }
        while let Ok(Some(line)) = lines.next_line().await {
            received.push_str(&line);
            received.push('\n');
            if in_data && line != "." {
                continue;
            }
            let scripted =
                answers.iter().find(|(command, _)| line.starts_with(command)).map(|(_, answer)| *answer);
            let answer = match line.split_whitespace().next().unwrap_or_default() {
                "EHLO" => scripted.map_or_else(
                    || format!("250-mail.example.org\r\n{extensions}250 8BITMIME"),
                    str::to_owned,
                ),
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
        hello_name: None,
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

/// RFC 5321 §4.1.3: addresses stand in brackets, and mail servers refuse names without a dot.
#[tokio::test]
async fn the_name_in_the_greeting_is_one_that_mail_servers_accept() {
    for (host, setting, expected) in [
        ("engine.example.org", None, "EHLO engine.example.org"),
        ("192.168.1.10", None, "EHLO [192.168.1.10]"),
        ("[::1]", None, "EHLO [IPv6:::1]"),
        ("2001:db8::5", None, "EHLO [IPv6:2001:db8::5]"),
        // This machine, as the mail server sees it.
        ("localhost", None, "EHLO [127.0.0.1]"),
        ("intranet", None, "EHLO [127.0.0.1]"),
        ("localhost", Some("mail.example.org"), "EHLO mail.example.org"),
        ("engine.example.org", Some("[IPv6:2001:db8::1]"), "EHLO [IPv6:2001:db8::1]"),
    ] {
        let (port, transcript) = server("", &[]).await;
        let smtp = Smtp { hello_name: setting.and_then(hello_name), ..settings(port) };
        let clock = Arc::new(ManualClock::at(1_700_000_000));
        SmtpMailer::new(&smtp, "Example", host, clock).unwrap().send("1", &mail("Hello")).await.unwrap();
        let received = transcript.await.unwrap();
        assert!(received.lines().any(|line| line == expected), "{expected} is not in\n{received}");
    }
    for wrong in ["", "localhost", "a b.example", "[192.168.1", "x@example.org", "a..b", "a.example\r\nMAIL"]
    {
        assert_eq!(hello_name(wrong), None, "{wrong}");
    }
}

/// Refused before the mail server has heard of any mail: they wait.
#[tokio::test]
async fn a_refused_connection_is_not_the_mails_fault() {
    for (greeting, answers, words) in [
        ("554 5.7.1 No SMTP service for you", &[] as &'static [(&str, &str)], "554"),
        ("421 too busy", &[], "421"),
        ("220 mail.example.org", &[("EHLO", "501 5.5.2 invalid argument")], "501"),
        ("220 mail.example.org", &[("EHLO", "550 you are on a list")], "550"),
    ] {
        let (port, _transcript) = server_with(greeting, "", answers).await;
        let error = mailer(&settings(port)).send("1", &mail("Hello")).await.unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Connection, "{error:?}");
        let text = error.to_string();
        assert!(text.contains(words) && text.contains("smtp.hello_name"), "{text}");
        assert!(text.contains("a.example.org"), "{text}");
    }
}

#[tokio::test]
async fn a_missing_sign_in_method_is_named() {
    for (extensions, words) in [
        ("250-AUTH XOAUTH2\r\n", "only sign-in by XOAUTH2"),
        ("250-AUTH CRAM-MD5 DIGEST-MD5\r\n", "only sign-in by CRAM-MD5, DIGEST-MD5"),
        ("", "offers no sign-in here"),
    ] {
        let (port, transcript) = server(extensions, &[]).await;
        let credentials = Some(("user".to_owned(), Secret::new("word")));
        let mailer = mailer(&Smtp { credentials, ..settings(port) });
        let error = mailer.send("1", &mail("Hello")).await.unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Connection, "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        let received = transcript.await.unwrap();
        assert!(!received.contains("MAIL") && !received.contains("AUTH"), "{received}");
    }
}

#[tokio::test]
async fn sign_in_by_login_alone_succeeds() {
    const ANSWERS: &[(&str, &str)] =
        &[("AUTH LOGIN", "334 VXNlcm5hbWU6"), ("dXNlcg==", "334 UGFzc3dvcmQ6"), ("d29yZA==", "235 welcome")];
    let (port, transcript) = server("250-AUTH LOGIN\r\n", ANSWERS).await;
    let credentials = Some(("user".to_owned(), Secret::new("word")));
    mailer(&Smtp { credentials, ..settings(port) }).send("1", &mail("Hello")).await.unwrap();
    assert!(transcript.await.unwrap().contains("RCPT TO"));
}

/// A port for TLS from the first byte waits for the client; one for STARTTLS greets in plain text.
#[tokio::test]
async fn the_likely_encryption_is_named() {
    for (greeting, encryption, words) in [
        ("", Encryption::Starttls, "smtp.encryption = \"tls\""),
        ("", Encryption::None, "smtp.encryption = \"tls\""),
        ("220 mail.example.org", Encryption::Tls, "smtp.encryption"),
        ("220 mail.example.org", Encryption::Starttls, "does not offer STARTTLS"),
    ] {
        let (port, _transcript) = server_with(greeting, "", &[]).await;
        let mut mailer = mailer(&Smtp { encryption, ..settings(port) });
        mailer.server.timeout = Duration::from_millis(200);
        let error = mailer.send("1", &mail("Hello")).await.unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Connection, "{error:?}");
        assert!(error.to_string().contains(words), "{encryption:?}: {error}");
    }
}
