use protocol::enrolment::DesktopLink;

use super::*;

const TOKEN: &str = "Zm9vYmFyYmF6cXV4LWFuZC1zby1vbi1hbmQtc28tb24";
const CA: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn parse(text: &str) -> Result<Link, LinkError> {
    text.parse()
}

fn program(server: &str, ca: &str, token: &str) -> String {
    format!("aiwe://enrol?server={server}&ca={ca}&token={token}")
}

#[test]
fn what_the_server_writes_is_read() {
    let server = "https://machines.example.org:8443";
    let written = DesktopLink { server, authority: CA, token: TOKEN, system_trust: false };
    let link = parse(&written.to_string()).unwrap();
    assert_eq!(link.server.origin(), "https://machines.example.org:8443");
    assert_eq!(link.authority.unwrap().to_string(), CA);
    assert_eq!(link.token.expose(), TOKEN);
    assert!(!format!("{link:?} {written:?}").contains(TOKEN));
    assert!(!link.system_trust);
    let public = parse(&DesktopLink { system_trust: true, ..written }.to_string()).unwrap();
    assert_eq!(public, Link { system_trust: true, ..link.clone() });
    let escaped = program("https%3A%2F%2Fmachines.example.org%3A8443", CA, TOKEN);
    assert_eq!(parse(&format!(" {escaped}&later=1\n")), Ok(link), "escaped, with space around it");
    let address = program("https://[2001:db8::1]:8443", &CA.to_uppercase(), TOKEN);
    assert_eq!(parse(&address).unwrap().server.origin(), "https://[2001:db8::1]:8443");
}

#[test]
fn the_link_of_the_mail_names_host_and_token() {
    let link = parse(&format!("https://assistant.example.org/public/download-certs/{TOKEN}")).unwrap();
    assert_eq!(link.server.origin(), "https://assistant.example.org");
    assert_eq!((link.authority, link.token.expose()), (None, TOKEN));
}

#[test]
fn a_host_in_other_letters_shows_as_what_it_is() {
    // A Cyrillic “а”.
    let link = parse(&format!("https://\u{430}ssistant.example/public/download-certs/{TOKEN}")).unwrap();
    assert_eq!(link.server.to_string(), "https://xn--ssistant-06g.example");
    let link = parse(&program("https://\u{430}ssistant.example", CA, TOKEN)).unwrap();
    assert_eq!(link.server.to_string(), "https://xn--ssistant-06g.example");
}

#[test]
fn foreign_schemes_and_addresses_are_no_links() {
    for text in [
        "javascript:alert(1)".to_owned(),
        "javascript://enrol/%0aalert(1)".to_owned(),
        "file:///etc/passwd".to_owned(),
        format!("data:text/html,https://h.example/public/download-certs/{TOKEN}"),
        format!("assistant://enrol?server=https://h.example&ca={CA}&token={TOKEN}"),
        format!("ftp://h.example/public/download-certs/{TOKEN}"),
        format!("https:///public/download-certs/{TOKEN}"),
        format!("aiwe:enrol?server=https://h.example&ca={CA}&token={TOKEN}"),
        format!("aiwe://elsewhere?server=https://h.example&ca={CA}&token={TOKEN}"),
        format!("aiwe://enrol:1?server=https://h.example&ca={CA}&token={TOKEN}"),
        format!("aiwe://enrol/more?server=https://h.example&ca={CA}&token={TOKEN}"),
        format!("https://h.example/public/download-certs/{TOKEN}?ca={CA}"),
        format!("https://h.example/public/download-certs/{TOKEN}#x"),
        format!("https://h.example/public/download-certs/{TOKEN}/csr"),
        format!("https://h.example/other/download-certs/{TOKEN}"),
        format!("https://h.example/x/public/download-certs/{TOKEN}"),
        format!("https://h.example\\@evil.example/public/download-certs/{TOKEN}"),
        format!("https://h.example/public/\tdownload-certs/{TOKEN}"),
        format!("see https://h.example/public/download-certs/{TOKEN}"),
        "just words".to_owned(),
    ] {
        assert_eq!(parse(&text), Err(LinkError::NotALink), "{text}");
    }
    assert_eq!(parse(" \n"), Err(LinkError::Empty));
}

#[test]
fn a_user_name_that_hides_the_host_is_refused() {
    for text in [
        format!("https://assistant.example.org@evil.example/public/download-certs/{TOKEN}"),
        format!("https://assistant.example.org:443@evil.example/public/download-certs/{TOKEN}"),
        format!("https://:x@evil.example/public/download-certs/{TOKEN}"),
        program("https://assistant.example.org@evil.example", CA, TOKEN),
        format!("aiwe://u@enrol?server=https://h.example&ca={CA}&token={TOKEN}"),
    ] {
        assert_eq!(parse(&text), Err(LinkError::UserInfo), "{text}");
    }
}

#[test]
fn the_server_is_one_origin_over_tls() {
    for server in [
        "",
        "machines.example.org",
        "http://machines.example.org",
        "https://machines.example.org/path",
        "https://machines.example.org?x",
        "https://machines.example.org/%23x",
        "javascript:alert(1)",
        "https://a.example%5C@b.example",
        "https://a%20b.example",
        "https:",
    ] {
        let parsed = parse(&program(server, CA, TOKEN));
        assert!(matches!(parsed, Err(LinkError::Server | LinkError::UserInfo)), "{server}: {parsed:?}");
    }
    let mail = format!("http://assistant.example.org/public/download-certs/{TOKEN}");
    assert_eq!(parse(&mail), Err(LinkError::Unencrypted));
}

#[test]
fn the_fingerprint_is_there_and_whole() {
    let without = format!("aiwe://enrol?server=https://h.example&token={TOKEN}");
    assert_eq!(parse(&without), Err(LinkError::Fingerprint));
    for ca in ["", &CA[1..], &format!("{CA}0"), &CA.replace('0', "g"), &CA.replacen("00", "0:", 1)] {
        assert_eq!(parse(&program("https://h.example", ca, TOKEN)), Err(LinkError::Fingerprint), "{ca}");
    }
}

#[test]
fn the_tls_parameter_has_one_valid_value() {
    let good = program("https://h.example", CA, TOKEN);
    for judged in ["", "System", "none", "system%20", "authority"] {
        assert_eq!(parse(&format!("{good}&tls={judged}")), Err(LinkError::Judgement), "{judged}");
    }
    assert_eq!(parse(&format!("{good}&tls=system&tls=system")), Err(LinkError::Ambiguous));
}

#[test]
fn the_token_is_there_and_whole() {
    let long = "x".repeat(129);
    for token in
        ["", "short", long.as_str(), "with%20space-with%20space-with", "with/slash/with/slash/with/slash"]
    {
        assert_eq!(parse(&program("https://h.example", CA, token)), Err(LinkError::Token), "{token}");
    }
    assert_eq!(parse("https://h.example/public/download-certs/"), Err(LinkError::Token));
    let without = format!("aiwe://enrol?server=https://h.example&ca={CA}");
    assert_eq!(parse(&without), Err(LinkError::Token));
}

#[test]
fn a_part_that_is_there_twice_or_an_endless_text_is_refused() {
    let good = program("https://h.example", CA, TOKEN);
    for more in ["&server=https://evil.example", &format!("&ca={CA}"), &format!("&token={TOKEN}")] {
        assert_eq!(parse(&format!("{good}{more}")), Err(LinkError::Ambiguous), "{more}");
    }
    assert_eq!(parse(&format!("{good}&x={}", "y".repeat(1024))), Err(LinkError::TooLong));
}

#[test]
fn a_fingerprint_is_read_out_in_groups() {
    let fingerprint: Fingerprint = CA.parse().unwrap();
    assert_eq!(fingerprint.groups().concat(), CA);
    assert_eq!((fingerprint.groups().len(), fingerprint.groups()[0].as_str()), (16, "0011"));
    assert_eq!(
        Fingerprint::of(b"").to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}
