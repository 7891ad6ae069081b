//! Signing in as people type, and what guessing costs: budgets, audit entries, and mails to the owner.

use std::net::IpAddr;

use app::request_context::RequestContext;
use app::services::{OwnAccountService, RequesterService, SetupService, SignInService};
use domain::audit::Action;
use domain::id::AccountId;
use domain::secret::TokenHash;
use protocol::access::RequestAccess;
use protocol::native::{Challenge, Login, SecondFactor};
use protocol::people::{OwnAccount, RecoveryCodes, Role, SetupAnswer, SignedIn};
use protocol::{Problem, ServiceError};
use server::people::TotpSecret;

use crate::on_both;
use crate::support::{AdminSession, Machine, PASSWORD, Reply, TestServer, code_at, context, cookie};

on_both!(
    a_code_used_a_moment_ago_has_its_own_answer,
    a_password_in_another_spelling_is_the_same,
    an_attack_does_not_keep_the_owner_out,
    codes_are_read_as_people_write_them,
    failed_sign_ins_are_in_the_audit_log,
    new_recovery_codes_replace_the_former_ones,
    one_office_does_not_stop_itself,
    one_site_cannot_fill_the_list_of_requests,
    recovery_codes_survive_a_reload,
    servers_on_one_database_share_the_long_budgets,
    ten_wrong_codes_are_told_to_the_owner,
    two_servers_on_one_host_keep_their_cookies,
    wrong_codes_have_a_budget_of_their_own,
);

const WRONG: &str = "wrong password here";

fn from(address: &str) -> RequestContext {
    RequestContext { address: address.parse::<IpAddr>().unwrap(), ..context() }
}

/// The defaults, which the other tests raise.
async fn strict(server: &TestServer) -> TestServer {
    let limits =
        [("AIWE_LIMITS__SIGN_IN_PER_MINUTE", "10"), ("AIWE_LIMITS__SIGN_IN_PER_ACCOUNT_AND_HOUR", "100")];
    server.restarted_with(&limits).await
}

async fn password(
    server: &TestServer,
    at: &RequestContext,
    email: &str,
    typed: &str,
) -> Result<RequestContext, Problem> {
    let step = server.state.people.sign_in(at, email, typed).await.map_err(ServiceError::into_problem)?;
    Ok(RequestContext { challenge: Some(cookie(&step.cookies, "aiwe_challenge").into()), ..at.clone() })
}

async fn code(server: &TestServer, waiting: &RequestContext, typed: &str) -> Result<String, Problem> {
    let done = server.state.people.second_factor(waiting, typed).await.map_err(ServiceError::into_problem)?;
    Ok(cookie(&done.cookies, "aiwe_session"))
}

fn totp(server: &TestServer, secret: &TotpSecret) -> String {
    code_at(secret, server.state.env.now())
}

async fn native_code(server: &TestServer, machine: &Machine, typed: &str) -> Reply {
    let login = Login { username: machine.email.clone(), password: PASSWORD.into() };
    let first = server.post("/native/login").certificate(&machine.der).json(&login).send().await;
    let challenge = first.json::<Challenge>().challenge;
    let factor = SecondFactor { challenge, code: typed.into() };
    server.post("/native/verify-2fa").certificate(&machine.der).json(&factor).send().await
}

async fn a_code_used_a_moment_ago_has_its_own_answer(server: TestServer) {
    let people = &server.state.people;
    let link = people.first_setup_link().await.unwrap().unwrap();
    let offer = people.setup_offer(&context(), link.expose()).await.unwrap();
    let secret = TotpSecret::from_base32(&offer.totp_secret).unwrap();
    let email = "admin@example.org";
    let answer =
        SetupAnswer { email: email.into(), password: PASSWORD.into(), code: totp(&server, &secret).into() };
    people.set_up(&context(), link.expose(), answer).await.unwrap();

    // The authenticator still shows the code of the set-up.
    let waiting = password(&server, &context(), email, PASSWORD).await.unwrap();
    for _ in 0..20 {
        let problem = code(&server, &waiting, &totp(&server, &secret)).await.unwrap_err();
        assert!(problem.is("code-used") && problem.status == 401, "{problem}");
        assert_eq!(problem.to_string(), "This code was already used: Wait for the next one.");
    }
    // None of these was a try. A wrong code is one, also directly before.
    for _ in 0..4 {
        assert!(code(&server, &waiting, "000000").await.unwrap_err().is("wrong-credentials"));
    }
    server.clock.advance(30);
    code(&server, &waiting, &totp(&server, &secret)).await.unwrap();
    server.clock.advance(30);
    let id = account(&server, email).await;
    let recovery = RecoveryCodes(Vec::new());
    let admin = AdminSession { email: email.into(), session: String::new(), totp: secret, recovery, id };

    // The same on machines.
    let anna = server.machine(&admin, "anna@example.org").await;
    let shown = totp(&server, &anna.totp);
    assert_eq!(native_code(&server, &anna, &shown).await.status, 200);
    let again = native_code(&server, &anna, &shown).await;
    assert!(again.status == 401 && again.problem().is("code-used"), "{}", again.text());
}

async fn account(server: &TestServer, email: &str) -> AccountId {
    let mut tx = server.state.env.store.read().await.unwrap();
    tx.accounts().find_by_email(&email.parse().unwrap()).await.unwrap().unwrap().id
}

/// A code as somebody writes it.
type Spelling = fn(&str) -> String;

async fn codes_are_read_as_people_write_them(server: TestServer) {
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let full_width = |code: &str| -> String {
        code.chars().map(|c| char::from_u32(0xFF10 + c.to_digit(10).unwrap()).unwrap()).collect()
    };
    let others: [Spelling; 4] = [
        |code| format!("{}\u{A0}{}", &code[..3], &code[3..]),
        |code| format!("{}\u{202F}{}\r\n", &code[..3], &code[3..]),
        |code| format!("{}\u{2011}{}", &code[..3], &code[3..]),
        |code| format!("\u{200B}{code}"),
    ];
    assert_eq!(native_code(&server, &anna, &full_width(&totp(&server, &anna.totp))).await.status, 200);
    for spelling in others {
        server.clock.advance(30);
        let typed = spelling(&totp(&server, &anna.totp));
        assert_eq!(native_code(&server, &anna, &typed).await.status, 200, "{typed:?}");
    }
    let typed = admin.recovery.0[0].replace('-', "\u{2013}").to_lowercase().replace('0', "o");
    let waiting = password(&server, &context(), &admin.email, PASSWORD).await.unwrap();
    code(&server, &waiting, &typed).await.unwrap();
    // A match code, out of a document.
    let (link, match_code, _) = server.approved(&admin, "ben@example.org").await;
    let typed = match_code.replace('-', "\u{2011}");
    let body = serde_json::json!({ "platform": "linux", "password": PASSWORD, "match_code": typed });
    let reply = server.post(&format!("/public/download-certs/{link}")).json(&body).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

async fn a_password_in_another_spelling_is_the_same(server: TestServer) {
    let (composed, decomposed) =
        ("Gr\u{FC}\u{DF}e aus K\u{F6}ln und Bonn 12", "Gru\u{308}\u{DF}e aus Ko\u{308}ln und Bonn 12");
    let people = &server.state.people;
    let link = people.first_setup_link().await.unwrap().unwrap();
    let offer = people.setup_offer(&context(), link.expose()).await.unwrap();
    let secret = TotpSecret::from_base32(&offer.totp_secret).unwrap();
    let answer = SetupAnswer {
        email: "admin@example.org".into(),
        password: composed.into(),
        code: totp(&server, &secret).into(),
    };
    people.set_up(&context(), link.expose(), answer).await.unwrap();
    for typed in [composed, decomposed, "Gru\u{308}\u{DF}e\u{A0}aus Köln und Bonn 12"] {
        password(&server, &context(), "admin@example.org", typed).await.expect(typed);
    }
    let other = "Grusse aus Koln und Bonn 12";
    assert!(password(&server, &context(), "admin@example.org", other).await.is_err());
}

/// From a whole /48, and from single addresses: few tries in all, and the owner's network is spared.
async fn an_attack_does_not_keep_the_owner_out(server: TestServer) {
    let admin = server.administrator().await;
    let server = strict(&server).await;
    let mut tried = 0;
    for n in 0..300 {
        let at = from(&if n % 2 == 0 {
            format!("2001:db8:0:{n:x}::1")
        } else {
            format!("198.51.{}.{}", n % 100, n % 256)
        });
        let problem = password(&server, &at, &admin.email, WRONG).await.unwrap_err();
        tried += usize::from(problem.status == 401);
    }
    assert_eq!(tried, 20, "the burst of all unknown networks");
    // The delay grows: a try each three minutes, and after a while one each quarter of an hour.
    let mut tries_per_hour = Vec::new();
    for hour in 0..8_u16 {
        let mut tried = 0;
        for n in 0..60_u16 {
            server.clock.advance(60);
            let at = from(&format!("2001:db8:{:x}:{n:x}::1", hour + 1));
            tried +=
                usize::from(password(&server, &at, &admin.email, WRONG).await.unwrap_err().status == 401);
        }
        tries_per_hour.push(tried);
    }
    assert!(tries_per_hour[0] == 20 && tries_per_hour[7] <= 5, "{tries_per_hour:?}");
    // The answers for an address without an account are the same.
    let stranger = password(&server, &from("203.0.113.1"), "nobody@example.org", WRONG).await.unwrap_err();
    assert!(stranger.is("wrong-credentials"));
    // The owner signs in from where she always does.
    let waiting = password(&server, &context(), &admin.email, PASSWORD).await.unwrap();
    code(&server, &waiting, &totp(&server, &admin.totp)).await.unwrap();
    // Known networks have an end.
    server.clock.advance(91 * 24 * 3600);
    server::cleanup::clean_up(&server.state.env).await.unwrap();
    let known = async |address: &str| {
        let mut allowed = 0;
        for _ in 0..60 {
            server.clock.advance(6);
            let problem = password(&server, &from(address), &admin.email, WRONG).await.unwrap_err();
            allowed += usize::from(problem.status == 401);
        }
        allowed
    };
    assert!(known("192.0.2.7").await <= 22, "six minutes of an unknown network");
}

/// A second server on the same database, or the same one after a restart.
async fn servers_on_one_database_share_the_long_budgets(server: TestServer) {
    let is_shared = server.state.env.store.kind() == "postgres";
    let admin = server.administrator().await;
    let (first, second) = (strict(&server).await, strict(&server).await);
    let elsewhere = |n: usize| from(&format!("198.51.{}.{}", n % 100, n % 250));
    let tries = async |server: &TestServer, from: usize| {
        let mut tried = 0;
        for n in from..from + 30 {
            let answer = password(server, &elsewhere(n), &admin.email, WRONG).await.unwrap_err();
            assert!(matches!(answer.status, 401 | 429), "{answer:?}");
            assert!(answer.status == 401 || answer.retry_after.is_some_and(|wait| (1..=180).contains(&wait)));
            tried += usize::from(answer.status == 401);
        }
        tried
    };
    assert_eq!(tries(&first, 0).await, 20);
    assert_eq!(tries(&second, 30).await, if is_shared { 0 } else { 20 });
    // At the same time, after the budget has come back in part: no try counts twice, and none is lost.
    first.clock.advance(30 * 60);
    let (here, there) = tokio::join!(tries(&first, 60), tries(&second, 90));
    assert_eq!(here + there, if is_shared { 10 } else { 20 });
    // Another person's budget is untouched.
    let other = password(&first, &elsewhere(7), "ben@example.org", WRONG).await.unwrap_err();
    assert_eq!(other.status, 401);
    // What is full again is deleted.
    first.clock.advance(25 * 3600);
    server::cleanup::clean_up(&first.state.env).await.unwrap();
    assert_eq!(tries(&first, 120).await, 20);
}

async fn one_office_does_not_stop_itself(server: TestServer) {
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let server = strict(&server).await;
    let office = from("203.0.113.5");
    // Forty people of one address mistype their passwords within a minute.
    for n in 0..40 {
        let problem = password(&server, &office, &format!("person{n}@example.org"), WRONG).await.unwrap_err();
        assert_eq!(problem.status, 401, "person {n}");
    }
    // One person there has ten tries.
    let mut tried = 0;
    for _ in 0..15 {
        let problem = password(&server, &office, "someone@example.org", WRONG).await.unwrap_err();
        tried += usize::from(problem.status == 401);
    }
    assert_eq!(tried, 10);
    let mut tried = 0;
    for n in 0..40 {
        let problem = password(&server, &office, &format!("more{n}@example.org"), WRONG).await.unwrap_err();
        tried += usize::from(problem.status == 401);
    }
    assert!(tried <= 10, "sixty of one address in a minute: {tried}");
    // Codes and machines are counted apart from passwords at the panel.
    let waiting = password(&server, &context(), &admin.email, PASSWORD).await.unwrap();
    let waiting = RequestContext { address: office.address, ..waiting };
    code(&server, &waiting, &totp(&server, &admin.totp)).await.unwrap();
    assert_eq!(native_code(&server, &anna, &totp(&server, &anna.totp)).await.status, 200);
}

async fn one_site_cannot_fill_the_list_of_requests(server: TestServer) {
    let server = server.restarted_with(&[("AIWE_LIMITS__ACCESS_REQUESTS_PER_HOUR", "10")]).await;
    let mut accepted = 0;
    for n in 0..300 {
        let request = RequestAccess { email: format!("person{n}@example.org"), ..RequestAccess::default() };
        let at = from(&format!("2001:db8:7:{:x}::1", n * 200));
        accepted += usize::from(server.state.access.submit(&at, request).await.is_ok());
    }
    assert_eq!(accepted, 80, "of the 65,536 networks of one /48");
    let request = RequestAccess { email: "another@example.org".into(), ..RequestAccess::default() };
    assert!(server.state.access.submit(&from("2001:db8:8::1"), request).await.is_ok());
}

async fn wrong_codes_have_a_budget_of_their_own(server: TestServer) {
    let admin = server.administrator().await;
    // A thief of the password, elsewhere.
    let thief = from("198.51.100.9");
    let mut refused = 0;
    for n in 0..40 {
        let at = from(&format!("198.51.{}.{}", n / 4, n + 1));
        let waiting = password(&server, &at, &admin.email, PASSWORD).await.unwrap();
        let problem = code(&server, &waiting, "000000").await.unwrap_err();
        refused += usize::from(problem.status == 429);
    }
    assert_eq!(refused, 25, "fifteen in a quarter of an hour, wherever from");
    // The owner's own network is spared, and a recovery code works from anywhere.
    let waiting = password(&server, &context(), &admin.email, PASSWORD).await.unwrap();
    code(&server, &waiting, &totp(&server, &admin.totp)).await.unwrap();
    let waiting = password(&server, &thief, &admin.email, PASSWORD).await.unwrap();
    code(&server, &waiting, &admin.recovery.0[1]).await.unwrap();
}

async fn ten_wrong_codes_are_told_to_the_owner(server: TestServer) {
    let admin = server.administrator().await;
    let wrong = async |times: usize| {
        for _ in 0..times {
            server.clock.advance(60);
            let waiting = password(&server, &context(), &admin.email, PASSWORD).await.unwrap();
            assert_eq!(code(&server, &waiting, "000000").await.unwrap_err().status, 401);
        }
        server.state.outbox.drain().await.unwrap();
        let mails = server.mails.sent();
        mails.iter().filter(|mail| mail.text.contains("wrong codes")).count()
    };
    assert_eq!(wrong(9).await, 0);
    // A sign-in ends the count.
    let waiting = password(&server, &context(), &admin.email, PASSWORD).await.unwrap();
    code(&server, &waiting, &totp(&server, &admin.totp)).await.unwrap();
    assert_eq!(wrong(9).await, 0);
    assert_eq!(wrong(1).await, 1);
    assert_eq!(wrong(15).await, 1, "not of each");
    let mail = server.mail_to(&admin.email, "then 10 wrong codes").await;
    assert!(mail.subject.as_str().starts_with("Wrong codes after your password"));
}

async fn failed_sign_ins_are_in_the_audit_log(server: TestServer) {
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let people = &server.state.people;
    let entries = async |subject: &str| {
        people.write_failures().await.unwrap();
        let mut tx = server.state.env.store.read().await.unwrap();
        let entries = tx.audit_log().entries_of(subject, 1_000).await.unwrap();
        let failed = entries.into_iter().filter(|entry| entry.action == Some(Action::SignInFailed));
        let mut details: Vec<_> = failed.map(|entry| entry.detail).collect();
        details.sort();
        details
    };
    for n in 0..25 {
        password(&server, &from("198.51.100.9"), &admin.email, WRONG).await.unwrap_err();
        password(&server, &from("2001:db8::1"), &format!("{n}@example.org"), WRONG).await.unwrap_err();
        people.write_failures().await.unwrap();
    }
    let of_admin = entries(admin.id.as_str()).await;
    let panel = |count: &str| format!("panel: {count} from 198.51.100.9/32 within an hour");
    assert_eq!(of_admin, [panel("1 wrong password"), panel("10 wrong passwords")]);
    assert_eq!(entries("unknown").await.len(), 2, "one per network, not per address");
    server.clock.advance(3600);
    assert_eq!(entries(admin.id.as_str()).await.len(), 3, "what came after is told at the end");
    let waiting = password(&server, &context(), &admin.email, PASSWORD).await.unwrap();
    code(&server, &waiting, "000000").await.unwrap_err();
    assert!(
        entries(admin.id.as_str())
            .await
            .contains(&"panel: 1 wrong code from 192.0.2.7/32 within an hour".to_owned())
    );
    let login = Login { username: anna.email.clone(), password: WRONG.into() };
    server.post("/native/login").certificate(&anna.der).json(&login).send().await;
    let id = account(&server, &anna.email).await;
    let of_anna = entries(id.as_str()).await;
    assert!(of_anna.len() == 1 && of_anna[0].starts_with("desktop: 1 wrong password"), "{of_anna:?}");
}

async fn recovery_codes_survive_a_reload(server: TestServer) {
    let people = &server.state.people;
    let link = people.first_setup_link().await.unwrap().unwrap();
    let offer = people.setup_offer(&context(), link.expose()).await.unwrap();
    let secret = TotpSecret::from_base32(&offer.totp_secret).unwrap();
    let answer = SetupAnswer {
        email: "admin@example.org".into(),
        password: PASSWORD.into(),
        code: totp(&server, &secret).into(),
    };
    let done = people.set_up(&context(), link.expose(), answer).await.unwrap();
    let browser = cookie(&done.cookies, "aiwe_setup");
    let reload = async |browser: &str, link: &str| {
        let context = RequestContext { setup: Some(browser.into()), ..context() };
        people.setup_offer(&context, link).await.map_err(ServiceError::into_problem)
    };
    let again = reload(&browser, link.expose()).await.unwrap();
    assert_eq!(again.codes.as_ref(), Some(&done.value));
    assert!(again.totp_secret.is_empty() && again.totp_qr_svg.is_empty(), "the secret is not shown again");
    // Neither the link nor the cookie alone shows them, and nothing at rest is readable.
    assert_eq!(people.setup_offer(&context(), link.expose()).await.unwrap_err().into_problem().status, 410);
    assert_eq!(reload("another browser", link.expose()).await.unwrap_err().status, 410);
    assert_eq!(reload(&browser, "another link").await.unwrap_err().status, 404);
    let mut tx = server.state.env.store.read().await.unwrap();
    let hashes = (TokenHash::of(&browser), TokenHash::of(link.expose()));
    let (_, sealed) =
        tx.accounts().find_shown_codes(&hashes.0, &hashes.1, server.state.env.now()).await.unwrap().unwrap();
    let first = done.value.0[0].as_bytes();
    assert!(sealed.windows(first.len()).all(|window| window != first));
    drop(tx);
    // Through the whole server, until they are saved.
    let page = || {
        server
            .get(&format!("/setup/{}", link.expose()))
            .header("accept", "text/html")
            .cookie("aiwe_setup", &browser)
    };
    assert!(page().send().await.text().contains(&done.value.0[9]));
    let saved = server.post("/app/people/codes-saved").cookie("aiwe_setup", &browser).form(&[]).send().await;
    assert_eq!((saved.status.as_u16(), saved.cookie("aiwe_setup").as_deref()), (200, Some("")));
    assert_eq!(page().send().await.status, 410);
    assert_eq!(reload(&browser, link.expose()).await.unwrap_err().status, 410);
}

async fn new_recovery_codes_replace_the_former_ones(server: TestServer) {
    let admin = server.administrator().await;
    let people = &server.state.people;
    let signed_in = RequestContext {
        signed_in: Some(SignedIn {
            account_id: admin.id.clone(),
            email: admin.email.clone(),
            role: Role::Administrator,
        }),
        ..context()
    };
    assert_eq!(people.own_account(&context()).await.unwrap_err().into_problem().status, 401);
    assert_eq!(people.renew_codes(&context(), "000000").await.unwrap_err().into_problem().status, 401);
    let problem = people.renew_codes(&signed_in, "000000").await.unwrap_err().into_problem();
    assert_eq!(problem.error_of("code"), Some("This code does not match."));
    let used = totp(&server, &admin.totp);
    let codes = people.renew_codes(&signed_in, &used).await.unwrap();
    assert_eq!(codes.0.len(), 10);
    let problem = people.renew_codes(&signed_in, &used).await.unwrap_err().into_problem();
    assert_eq!(problem.error_of("code"), Some("This code was already used. Wait for the next one."));
    // The former ones have ended, and the new ones work, also to make others.
    let waiting = password(&server, &context(), &admin.email, PASSWORD).await.unwrap();
    code(&server, &waiting, &admin.recovery.0[0]).await.unwrap_err();
    code(&server, &waiting, &codes.0[0]).await.unwrap();
    let OwnAccount { recovery_codes_left, .. } = people.own_account(&signed_in).await.unwrap();
    assert_eq!(recovery_codes_left, 9);
    people.renew_codes(&signed_in, &codes.0[1]).await.unwrap();
    assert_eq!(people.own_account(&signed_in).await.unwrap().recovery_codes_left, 10);
    let mut tx = server.state.env.store.read().await.unwrap();
    assert!(tx.audit_log().contains(Action::RecoveryCodesRenewed).await.unwrap());
    drop(tx);
    server.mail_to(&admin.email, "New recovery codes were created").await;
    // The page's function, with the session's cookie.
    let post = server.post("/app/people/own").cookie("aiwe_session", &admin.session).form(&[]);
    assert_eq!(post.send().await.json::<OwnAccount>().email, admin.email);
}

async fn two_servers_on_one_host_keep_their_cookies(server: TestServer) {
    let admin = server.administrator().await;
    let other = server.restarted_with(&[("AIWE_PUBLIC_URL", "http://localhost:9080")]).await;
    let step = other.state.people.sign_in(&context(), &admin.email, PASSWORD).await.unwrap();
    let challenge = cookie(&step.cookies, "aiwe_challenge_9080");
    let code = totp(&server, &admin.totp);
    let second = other.post("/app/people/second-factor").form(&[("code", code.as_str())]);
    let own =
        second.cookie("aiwe_challenge_9080", &challenge).send().await.cookie("aiwe_session_9080").unwrap();
    let panel = |cookies: &str| other.get("/admin/api/access-requests").header("cookie", cookies).send();
    // Beside the session of the server on the usual port, and of one that knows neither.
    for cookies in [
        format!("aiwe_session={}; aiwe_session_9080={own}", admin.session),
        format!("aiwe_session_9080={own}; aiwe_session=foreign; aiwe_session_9081=foreign"),
        // Of an earlier version.
        format!("aiwe_session={own}"),
    ] {
        assert_eq!(panel(&cookies).await.status, 200, "{cookies}");
    }
    assert_eq!(panel("aiwe_session=foreign").await.status, 401);
    let usual =
        server.get("/admin/api/access-requests").header("cookie", &format!("aiwe_session_9080={own}"));
    assert_eq!(usual.send().await.status, 401, "the usual port reads the usual name alone");
}
