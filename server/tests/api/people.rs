//! Account set-up, and signing in to the panel.

use app::request_context::RequestContext;
use app::services::{CertificateService, LinkService, ReviewService, SetupService, SignInService};
use domain::account::{Challenge, Role, Session, SessionKind};
use domain::id::{AccountId, SessionId};
use domain::random::SystemRandom;
use domain::secret::{Token, TokenHash};
use protocol::access::Platform;
use protocol::native::Login;
use protocol::people::{SetupAnswer, SignInStep};
use protocol::{Problem, ServiceError};
use server::people::TotpSecret;

use crate::on_both;
use crate::support::{AdminSession, PASSWORD, TestServer, code_at, context, cookie, token_in};

on_both!(
    a_second_setup_link_ends_with_the_setup,
    a_setup_link_works_once,
    a_new_sign_in_ends_the_session_that_it_replaces,
    one_of_two_setup_links_used_at_once_works,
    setting_factors_ends_what_was_signed_in,
    the_first_administrators_link_ends_with_an_administrator,
    the_first_administrator_takes_over_no_account,
    the_panel_needs_the_accounts_own_certificate,
    a_totp_step_is_accepted_once,
    a_wrong_password_reveals_nothing,
    polling_is_not_a_use_of_the_session,
    each_recovery_code_works_once,
    only_administrators_reach_the_panel,
    concurrent_password_hashes_are_limited,
    an_idle_session_expires,
    too_many_codes_end_the_challenge,
    invalid_fields_of_the_setup_are_reported,
);

async fn challenge(server: &TestServer, email: &str) -> RequestContext {
    let first = server.state.people.sign_in(&context(), email, PASSWORD).await.unwrap();
    assert_eq!(first.value, SignInStep::Code);
    RequestContext { challenge: Some(cookie(&first.cookies, "aiwe_challenge").into()), ..context() }
}

async fn a_setup_link_works_once(server: TestServer) {
    let people = &server.state.people;
    let earlier = people.first_setup_link().await.unwrap().unwrap();
    let link = people.first_setup_link().await.unwrap().unwrap();
    assert_eq!(
        people.setup_offer(&context(), earlier.expose()).await.unwrap_err().into_problem().status,
        410,
        "a newer link ends it"
    );
    let offer = people.setup_offer(&context(), link.expose()).await.unwrap();
    assert_eq!(
        people.setup_offer(&context(), link.expose()).await.unwrap(),
        offer,
        "opening it changes nothing"
    );
    server.set_up(link.expose(), "admin@example.org").await;
    assert_eq!(people.setup_offer(&context(), link.expose()).await.unwrap_err().into_problem().status, 410);
    assert!(people.first_setup_link().await.unwrap().is_none(), "there is an administrator now");
    assert_eq!(people.setup_offer(&context(), "nonsense").await.unwrap_err().into_problem().status, 404);
}

const DOWNLOAD: &str = "/public/download-certs/";

/// The set-up link of another approved request of this address, and the request's id.
async fn setup_link(server: &TestServer, admin: &AdminSession, email: &str) -> (String, String) {
    server.clock.advance(1);
    let (_, browser) = server.ask(email).await;
    let id = server.pending_request(admin, email).await;
    server.state.access.approve(&admin.proof(), &id).await.unwrap();
    server.state.outbox.drain().await.unwrap();
    let mut mails = server.mails.sent().into_iter().filter(|mail| mail.to.as_str() == email);
    let mail = mails.rfind(|mail| mail.text.contains(DOWNLOAD)).expect("a link");
    let same_browser = RequestContext { requester: Some(browser.into()), ..context() };
    let path = server.state.access.setup_path(&same_browser, &token_in(&mail.text, DOWNLOAD)).await.unwrap();
    (path.trim_start_matches("/setup/").to_owned(), id)
}

/// What the form of a link's page sends.
async fn answer_for(server: &TestServer, link: &str, email: &str) -> SetupAnswer {
    let offer = server.state.people.setup_offer(&context(), link).await.unwrap();
    let secret = TotpSecret::from_base32(&offer.totp_secret).unwrap();
    let code = code_at(&secret, server.state.env.now()).into();
    SetupAnswer { email: email.to_owned(), password: "another correct horse battery".into(), code }
}

async fn open_setup(server: &TestServer, link: &str) -> Result<(), Problem> {
    let offer = server.state.people.setup_offer(&context(), link).await;
    offer.map(drop).map_err(ServiceError::into_problem)
}

/// A link that an account has beside the one of a request.
async fn other_setup_link(server: &TestServer, email: &str, role: Role) -> String {
    let (env, token) = (&server.state.env, Token::generate(&SystemRandom));
    let (id, mut tx): (AccountId, _) = (env.new_id(), env.store.begin().await.unwrap());
    let account = tx.accounts().ensure(&id, &email.parse().unwrap(), role, env.now()).await.unwrap();
    server.state.people.store_setup_link(&mut tx, &token.hash(), Some(&account.id)).await.unwrap();
    tx.commit().await.unwrap();
    token.expose().to_owned()
}

async fn a_second_setup_link_ends_with_the_setup(server: TestServer) {
    let admin = server.administrator().await;
    let (people, email) = (&server.state.people, "anna@example.org");
    let (used, _) = setup_link(&server, &admin, email).await;
    let (replaced, request) = setup_link(&server, &admin, email).await;
    let (open, _) = setup_link(&server, &admin, email).await;
    server.state.access.send_link(&admin.proof(), &request, None).await.unwrap();
    let gone = open_setup(&server, &replaced).await.unwrap_err();
    assert_eq!(gone.status, 410, "it ends with the download link that led to it");
    let answer = answer_for(&server, &open, "").await;
    let (totp, recovery) = server.set_up(&used, "").await;

    for link in [&used, &replaced, &open] {
        assert_eq!(open_setup(&server, link).await, Err(gone.clone()), "no link says more than another");
        let problem = people.set_up(&context(), link, answer.clone()).await.unwrap_err().into_problem();
        assert_eq!(problem, gone);
        let page = server.get(&format!("/setup/{link}")).header("accept", "text/html").send().await;
        assert_eq!(page.status, 410);
        let fields = [("token", link.as_str()), ("password", PASSWORD), ("code", "123456")];
        assert_eq!(server.post("/app/people/set-up").form(&fields).send().await.status, 410);
    }
    // Password, second factor and recovery codes are those of the first.
    let code = code_at(&totp, server.state.env.now());
    for code in [code.as_str(), recovery.0[0].as_str()] {
        people.second_factor(&challenge(&server, email).await, code).await.unwrap();
    }
}

async fn one_of_two_setup_links_used_at_once_works(server: TestServer) {
    let admin = server.administrator().await;
    let (people, email) = (&server.state.people, "anna@example.org");
    let (one, _) = setup_link(&server, &admin, email).await;
    let (two, _) = setup_link(&server, &admin, email).await;
    let answers = (answer_for(&server, &one, "").await, answer_for(&server, &two, "").await);
    let none = context();
    let results = tokio::join!(people.set_up(&none, &one, answers.0), people.set_up(&none, &two, answers.1));
    let results = [results.0, results.1];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let refused = results.into_iter().find_map(Result::err).unwrap();
    assert_eq!(refused.into_problem().status, 410);
}

async fn setting_factors_ends_what_was_signed_in(server: TestServer) {
    let admin = server.administrator().await;
    let (link, _, browser) = server.approved(&admin, "anna@example.org").await;
    let same_browser = RequestContext { requester: Some(browser.into()), ..context() };
    let (access, password) = (&server.state.access, PASSWORD.parse().unwrap());
    access.redeem_package(&same_browser, &link, Platform::Linux, password, None).await.unwrap();
    let setup = access.setup_path(&same_browser, &link).await.unwrap();

    // As if an account could be set up again.
    let (env, panel, waiting) =
        (&server.state.env, Token::generate(&SystemRandom), Token::generate(&SystemRandom));
    let now = env.now();
    let mut tx = env.store.begin().await.unwrap();
    let account =
        tx.accounts().find_by_email(&"anna@example.org".parse().unwrap()).await.unwrap().unwrap().id;
    let certificate = tx.certificates().list("anna", 0, 10).await.unwrap().rows.remove(0).id;
    let session = |kind| {
        let id: SessionId = env.new_id();
        Session { sign_in_id: id.clone(), id, account_id: account.clone(), kind, expires_at: now + 3600 }
    };
    let of_panel = session(SessionKind::Panel { last_used_at: now, certificate_id: None });
    let native = session(SessionKind::Native { certificate_id: certificate.parse().unwrap() });
    tx.sessions().insert(&of_panel, Some(&panel.hash()), now).await.unwrap();
    tx.sessions().insert(&native, None, now).await.unwrap();
    let sign_in = Challenge { account_id: account.clone(), fingerprint: None, expires_at: now + 300 };
    tx.sessions().insert_challenge(&waiting.hash(), &sign_in).await.unwrap();
    tx.commit().await.unwrap();

    server.set_up(setup.trim_start_matches("/setup/"), "").await;
    let now = env.now();
    let mut tx = env.store.begin().await.unwrap();
    assert_eq!(tx.sessions().find_panel(&panel.hash(), now).await.unwrap(), None);
    assert_eq!(tx.sessions().find_native(&native.id, now).await.unwrap(), None);
    assert_eq!(tx.sessions().try_challenge(&waiting.hash(), 5, now).await.unwrap(), None);
    drop(tx);
    server.mail_to("anna@example.org", "A password and second factor").await;
}

async fn the_first_administrators_link_ends_with_an_administrator(server: TestServer) {
    let people = &server.state.people;
    let first = people.first_setup_link().await.unwrap().unwrap();
    let answer = answer_for(&server, first.expose(), "second@example.org").await;
    let other = other_setup_link(&server, "admin@example.org", Role::Administrator).await;
    server.set_up(&other, "").await;
    assert_eq!(open_setup(&server, first.expose()).await.unwrap_err().status, 410);
    let problem = people.set_up(&context(), first.expose(), answer).await.unwrap_err().into_problem();
    assert_eq!(problem.status, 410);
    let mut tx = server.state.env.store.read().await.unwrap();
    assert_eq!(tx.accounts().count_active().await.unwrap(), 1);
}

async fn the_first_administrator_takes_over_no_account(server: TestServer) {
    let people = &server.state.people;
    let link = other_setup_link(&server, "anna@example.org", Role::User).await;
    let (totp, _) = server.set_up(&link, "").await;
    let first = people.first_setup_link().await.unwrap().unwrap();
    let answer = answer_for(&server, first.expose(), "anna@example.org").await;
    let problem = people.set_up(&context(), first.expose(), answer).await.unwrap_err().into_problem();
    assert!(problem.status == 422 && problem.error_of("email").is_some(), "{problem:?}");
    let code = code_at(&totp, server.state.env.now());
    people.second_factor(&challenge(&server, "anna@example.org").await, &code).await.unwrap();
    // Nothing is lost: the link still works.
    server.set_up(first.expose(), "admin@example.org").await;
}

async fn a_new_sign_in_ends_the_session_that_it_replaces(server: TestServer) {
    let admin = server.administrator().await;
    let former = Some(admin.session.clone().into());
    let context = RequestContext { session: former, ..challenge(&server, &admin.email).await };
    let code = code_at(&admin.totp, server.state.env.now());
    let done = server.state.people.second_factor(&context, &code).await.unwrap();
    let panel = |cookie: &str| server.get("/admin/api/access-requests").cookie("aiwe_session", cookie);
    assert_eq!(panel(&admin.session).send().await.problem().status, 401);
    assert_eq!(panel(&cookie(&done.cookies, "aiwe_session")).send().await.status, 200);
}

async fn the_panel_needs_the_accounts_own_certificate(server: TestServer) {
    const SESSION: &str = "__Host-aiwe_session";
    const CHALLENGE: &str = "__Host-aiwe_challenge";
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let (link, _, browser) = server.approved(&admin, &admin.email).await;
    let same_browser = RequestContext { requester: Some(browser.into()), ..context() };
    let password = PASSWORD.parse().unwrap();
    let access = &server.state.access;
    access.redeem_package(&same_browser, &link, Platform::Linux, password, None).await.unwrap();
    let mut tx = server.state.env.store.read().await.unwrap();
    let row = tx.certificates().list(&admin.email, 0, 10).await.unwrap().rows.remove(0);
    let own = tx.certificates().find(&row.id.parse().unwrap()).await.unwrap().unwrap();
    drop(tx);

    let strict = server.restarted_with(&[("AIWE_ADMIN__REQUIRE_CERTIFICATE", "true")]).await;
    let sign_in = || {
        strict.post("/app/people/sign-in").form(&[("email", admin.email.as_str()), ("password", PASSWORD)])
    };
    for without in [sign_in(), sign_in().machines()] {
        let reply = without.send().await;
        assert_eq!(reply.status, 403);
        assert!(reply.json::<Problem>().is("client-certificate:missing"), "{}", reply.text());
    }
    let stranger = sign_in().certificate(&anna.der).send().await;
    assert!(stranger.json::<Problem>().is("wrong-credentials"), "{}", stranger.text());
    let first = sign_in().certificate(&own.certificate).send().await;
    let challenge = first.cookie(CHALLENGE).unwrap();
    let code = code_at(&admin.totp, strict.state.env.now());
    let second = || {
        let post = strict.post("/app/people/second-factor").form(&[("code", code.as_str())]);
        post.cookie(CHALLENGE, &challenge)
    };
    assert_eq!(second().machines().send().await.status, 403);
    assert!(second().certificate(&anna.der).send().await.json::<Problem>().is("challenge-expired"));
    let done = second().certificate(&own.certificate).send().await;
    let session = done.cookie(SESSION).unwrap();

    let panel = |cookie: &str| strict.get("/admin/api/access-requests").cookie(SESSION, cookie);
    for (exchange, status) in [
        (panel(&session).certificate(&own.certificate), 200),
        (panel(&session).certificate(&anna.der), 401),
        (panel(&session).machines(), 401),
        // Opened before the panel needed a certificate.
        (panel(&admin.session).certificate(&own.certificate), 401),
    ] {
        assert_eq!(exchange.send().await.status, status);
    }
    // It stays bound to the certificate, also where the panel needs none, and ends with it.
    let elsewhere = server.get("/admin/api/access-requests").machines().cookie(SESSION, &session);
    assert_eq!(elsewhere.send().await.status, 401);
    let certificates = &server.state.certificates;
    certificates.revoke(&admin.proof(), own.id.as_str(), "", "lost").await.unwrap();
    let mut tx = server.state.env.store.read().await.unwrap();
    let found = tx.sessions().find_panel(&TokenHash::of(&session), server.state.env.now()).await.unwrap();
    assert_eq!(found, None);
}

async fn invalid_fields_of_the_setup_are_reported(server: TestServer) {
    let people = &server.state.people;
    let link = people.first_setup_link().await.unwrap().unwrap();
    let answer =
        |password: &str| SetupAnswer { email: "x".into(), password: password.into(), code: "1".into() };
    let problem = people.set_up(&context(), link.expose(), answer("short")).await.unwrap_err().into_problem();
    let fields: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
    assert_eq!((problem.status, fields), (422, vec!["email", "password", "code"]));
    let problem = people
        .set_up(&context(), link.expose(), answer("passwordpassword"))
        .await
        .unwrap_err()
        .into_problem();
    assert!(problem.error_of("password").unwrap().contains("guess"));
    // Nothing is lost: the link still works.
    server.set_up(link.expose(), "admin@example.org").await;
}

async fn a_wrong_password_reveals_nothing(server: TestServer) {
    let admin = server.administrator().await;
    let sign_in = |email: &'static str, password: &'static str| {
        let people = server.state.people.clone();
        async move { people.sign_in(&context(), email, password).await.unwrap_err().into_problem() }
    };
    let known = sign_in("admin@example.org", "wrong password here").await;
    assert_eq!(known, sign_in("nobody@example.org", "wrong password here").await);
    assert_eq!(known, sign_in("not an address", "wrong password here").await);
    assert_eq!((known.status, admin.email.as_str()), (401, "admin@example.org"));
}

async fn a_totp_step_is_accepted_once(server: TestServer) {
    let admin = server.administrator().await;
    let code = code_at(&admin.totp, server.state.env.now());
    let contexts = futures::future::join_all((0..20).map(|_| challenge(&server, &admin.email))).await;
    let tries = contexts.iter().map(|context| server.state.people.second_factor(context, &code));
    let results = futures::future::join_all(tries).await;
    // Fifteen attempts per quarter of an hour are allowed, and one of them succeeds. Those that come after it cost none.
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    let problems: Vec<_> =
        results.into_iter().filter_map(Result::err).map(ServiceError::into_problem).collect();
    assert!(problems.iter().all(|p| p.is("code-used") || p.status == 429), "{problems:?}");
}

async fn each_recovery_code_works_once(server: TestServer) {
    let admin = server.administrator().await;
    let code = &admin.recovery.0[3];
    let done =
        server.state.people.second_factor(&challenge(&server, &admin.email).await, code).await.unwrap();
    assert_eq!(done.value, SignInStep::Done);
    let again = server.state.people.second_factor(&challenge(&server, &admin.email).await, code).await;
    assert_eq!(again.unwrap_err().into_problem().status, 401);
}

async fn too_many_codes_end_the_challenge(server: TestServer) {
    let admin = server.administrator().await;
    let context = challenge(&server, &admin.email).await;
    for _ in 0..5 {
        assert_eq!(
            server.state.people.second_factor(&context, "000000").await.unwrap_err().into_problem().status,
            401
        );
    }
    let right = code_at(&admin.totp, server.state.env.now());
    let problem = server.state.people.second_factor(&context, &right).await.unwrap_err().into_problem();
    assert!(problem.is("challenge-expired"), "{problem}");
    let fresh = challenge(&server, &admin.email).await;
    server.clock.advance(301);
    let right = code_at(&admin.totp, server.state.env.now());
    assert!(
        server
            .state
            .people
            .second_factor(&fresh, &right)
            .await
            .unwrap_err()
            .into_problem()
            .is("challenge-expired")
    );
}

async fn only_administrators_reach_the_panel(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let path = "/admin/api/access-requests";
    assert_eq!(server.get(path).send().await.problem().status, 401);
    assert_eq!(server.get(path).cookie("aiwe_session", "forged").send().await.problem().status, 401);
    let context = challenge(&server, &machine.email).await;
    let code = code_at(&machine.totp, server.state.env.now());
    let done = server.state.people.second_factor(&context, &code).await.unwrap();
    let session = cookie(&done.cookies, "aiwe_session");
    assert_eq!(server.get(path).cookie("aiwe_session", &session).send().await.problem().status, 403);
    assert_eq!(server.get(path).cookie("aiwe_session", &admin.session).send().await.status, 200);

    // Signing out ends the session, not only the cookie; sessions also expire.
    let leaving = RequestContext { session: Some(admin.session.clone().into()), ..crate::support::context() };
    server.state.people.sign_out(&leaving).await.unwrap();
    assert_eq!(server.get(path).cookie("aiwe_session", &admin.session).send().await.problem().status, 401);
    server.clock.advance(13 * 3600);
    assert_eq!(server.get(path).cookie("aiwe_session", &session).send().await.problem().status, 401);
}

async fn concurrent_password_hashes_are_limited(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let wrong = Login { username: machine.email.clone(), password: "wrong password here".into() };
    let sign_ins = async |hashes: &str| {
        let server = server.restarted_with(&[("AIWE_LIMITS__PASSWORD_HASHES", hashes)]).await;
        let post = || server.post("/native/login").certificate(&machine.der).json(&wrong).send();
        let replies = futures::future::join_all((0..40).map(|_| post())).await;
        let (busy, answered): (Vec<_>, Vec<_>) = replies.into_iter().partition(|r| r.status == 503);
        assert!(answered.iter().all(|r| r.status == 401));
        busy
    };
    let busy = sign_ins("1").await;
    assert!(!busy.is_empty(), "forty do not fit behind one");
    for reply in busy {
        assert!(reply.problem().is("unavailable"));
        assert!(reply.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    }
    assert!(sign_ins("4").await.is_empty(), "forty fit behind four");
}

async fn polling_is_not_a_use_of_the_session(server: TestServer) {
    let admin = server.administrator().await;
    server.ask("anna@example.org").await;
    let server = server.restarted_with(&[("AIWE_ADMIN__IDLE_MINUTES", "10")]).await;
    let watch = |function: &str, fields: &[(&str, &str)]| {
        let path = format!("/app/watch/{function}");
        server.post(&path).cookie("aiwe_session", &admin.session).form(fields).send()
    };
    let person = || {
        let page = server.get("/admin/modes").header("accept", "text/html");
        page.cookie("aiwe_session", &admin.session).send()
    };
    for minute in 1..10 {
        server.clock.advance(60);
        for (function, fields) in
            [("news", &[][..]), ("numbers", &[]), ("requests", &[("search", ""), ("page", "0")])]
        {
            let reply = watch(function, fields).await;
            assert_eq!(reply.status, 200, "{function} in minute {minute}: {}", reply.text());
        }
    }
    assert_eq!(person().await.status, 200, "not yet ten minutes");
    for _ in 0..9 {
        server.clock.advance(60);
        watch("news", &[]).await;
    }
    server.clock.advance(60);
    assert_eq!(watch("news", &[]).await.status, 401);
    assert_eq!(person().await.status, 303);
}

async fn an_idle_session_expires(server: TestServer) {
    let admin = server.administrator().await;
    let server = server.restarted_with(&[("AIWE_ADMIN__IDLE_MINUTES", "10")]).await;
    let idle = 10 * 60;
    let open = |path: &str| {
        server.get(path).header("accept", "text/html").cookie("aiwe_session", &admin.session).send()
    };
    let stored = async || {
        let mut tx = server.state.env.store.read().await.unwrap();
        let session = tx.sessions().find_panel(&TokenHash::of(&admin.session), server.state.env.now()).await;
        match session.unwrap().unwrap().kind {
            SessionKind::Panel { last_used_at, .. } => last_used_at,
            SessionKind::Native { .. } => panic!("a session of the panel"),
        }
    };
    // Each use extends it, even one that is too soon after the last one to be stored.
    for seconds in [idle - 60, 59, idle - 1, 1, idle - 1] {
        server.clock.advance(seconds);
        assert_eq!(open("/admin/modes").await.status, 200, "after {seconds} seconds");
    }
    let before = stored().await;
    for _ in 0..5 {
        server.clock.advance(10);
        assert_eq!(open("/admin").await.status, 200);
        assert_eq!(stored().await, before, "not with every request");
    }
    server.clock.advance(10);
    open("/admin").await;
    assert_eq!(stored().await, before + 60);

    server.clock.advance(idle);
    let problem = server
        .get("/admin/api/access-requests")
        .cookie("aiwe_session", &admin.session)
        .send()
        .await
        .problem();
    assert!(problem.status == 401 && problem.detail.contains("10 minutes"), "{problem}");
    // A rejected request is not a use: the session stays expired.
    let reply = open("/admin/requests?search=anna").await;
    assert_eq!(
        (reply.status.as_u16(), reply.location()),
        (303, "/login?next=/admin/requests%3Fsearch%3Danna")
    );
    let page = open(reply.location()).await.text();
    assert!(page.contains("not used for 10 minutes"), "{page}");
    assert!(page.contains("value=\"/admin/requests?search=anna\""), "the form leads back: {page}");
    assert!(!server.get("/login").header("accept", "text/html").send().await.text().contains("not used for"));

    // The stored time decides after a restart.
    let again = server.restarted_with(&[("AIWE_ADMIN__IDLE_MINUTES", "10")]).await;
    let path = "/admin/api/access-requests";
    assert_eq!(again.get(path).cookie("aiwe_session", &admin.session).send().await.status, 401);
    let context = challenge(&server, &admin.email).await;
    let code = code_at(&admin.totp, server.state.env.now());
    let done = server.state.people.second_factor(&context, &code).await.unwrap();
    let session = cookie(&done.cookies, "aiwe_session");
    assert_eq!(again.get(path).cookie("aiwe_session", &session).send().await.status, 200);
}
