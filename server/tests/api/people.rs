//! Account set-up, and signing in to the panel.

use app::request_context::RequestContext;
use app::services::{SetupService, SignInService};
use domain::account::SessionKind;
use domain::secret::TokenHash;
use protocol::native::Login;
use protocol::people::{SetupAnswer, SignInStep};

use crate::on_both;
use crate::support::{PASSWORD, TestServer, code_at, context, cookie};

on_both!(
    a_setup_link_works_once,
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
    // Fifteen attempts per quarter of an hour are allowed, and one of them succeeds.
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    let statuses: Vec<_> =
        results.into_iter().filter_map(Result::err).map(|error| error.into_problem().status).collect();
    assert!(statuses.iter().all(|s| matches!(s, 401 | 429)) && statuses.contains(&429), "{statuses:?}");
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
            SessionKind::Panel { last_used_at } => last_used_at,
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
