//! The administrators' page of people: invitations, disabling, resetting, roles, and the last administrator.

use app::request_context::{Administrator, RequestContext};
use app::services::{AccountService, ReviewService, SetupService, SignInService};
use domain::account::Role;
use domain::id::AccountId;
use protocol::Problem;
use protocol::people::{AccountChange, AccountRow, AccountStatus};
use protocol::review::AddressNote;
use server::people::{AccountManager, TotpSecret};

use crate::on_both;
use crate::support::{AdminSession, PASSWORD, TestServer, code_at, context, cookie, token_in};

on_both!(
    a_disabled_account_has_nothing_open_and_comes_back,
    a_request_of_a_disabled_account_says_so,
    a_lost_factor_is_replaced_through_a_new_link,
    an_invited_administrator_can_administer,
    only_administrators_manage_people,
    people_are_listed_and_searched,
    the_last_administrator_cannot_be_lost,
    the_last_administrator_survives_races,
);

/// The path of a set-up link in a mail.
const SETUP: &str = "/setup/";

fn manager(server: &TestServer) -> AccountManager {
    AccountManager::new(server.state.certificates.clone(), server.state.people.clone())
}

async fn change(server: &TestServer, admin: &Administrator, id: &AccountId, change: AccountChange) -> u16 {
    match manager(server).change(admin, id.as_str(), change).await {
        Ok(()) => 200,
        Err(error) => error.into_problem().status,
    }
}

async fn status(server: &TestServer, admin: &AdminSession, id: &AccountId) -> AccountStatus {
    manager(server).find(&admin.proof(), id.as_str()).await.unwrap().row.status
}

async fn account(server: &TestServer, email: &str) -> AccountId {
    let mut tx = server.state.env.store.read().await.unwrap();
    tx.accounts().find_by_email(&email.parse().unwrap()).await.unwrap().unwrap().id
}

/// Invites somebody who sets the account up.
async fn another_administrator(server: &TestServer, admin: &AdminSession, email: &str) -> Administrator {
    let id = manager(server).invite(&admin.proof(), email, "administrator").await.unwrap();
    let mail = server.mail_to(email, SETUP).await;
    server.set_up(&token_in(&mail.text, SETUP), "").await;
    Administrator { account_id: id, email: email.to_owned() }
}

async fn actions(server: &TestServer, subject: &AccountId) -> Vec<String> {
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries_of(subject.as_str(), 100).await.unwrap();
    entries.into_iter().filter_map(|entry| Some(entry.action?.as_str().to_owned())).collect()
}

async fn people_are_listed_and_searched(server: TestServer) {
    let admin = server.administrator().await;
    server.machine(&admin, "anna@example.org").await;
    server.approved(&admin, "b_n@example.org").await;
    let list = async |search: &str| {
        let page = manager(&server).list(&admin.proof(), search, 0).await.unwrap();
        assert_eq!(page.total, page.rows.len() as u64);
        page.rows
    };
    let all = list("").await;
    let seen: Vec<_> =
        all.iter().map(|row| (row.email.as_str(), row.role, row.status, row.machines)).collect();
    assert_eq!(
        seen,
        [
            ("admin@example.org", Role::Administrator, AccountStatus::Active, 0),
            ("anna@example.org", Role::User, AccountStatus::Active, 1),
            ("b_n@example.org", Role::User, AccountStatus::Invited, 0),
        ]
    );
    assert!(all[0].last_sign_in_at.is_some() && all[1].last_sign_in_at.is_none());
    let emails = |rows: Vec<AccountRow>| rows.into_iter().map(|row| row.email).collect::<Vec<_>>();
    assert_eq!(emails(list(" ANNA@ ").await), ["anna@example.org"]);
    assert_eq!(emails(list("b_n").await), ["b_n@example.org"], "a wildcard is a letter like others");
    assert!(list("nobody").await.is_empty());
}

async fn an_invited_administrator_can_administer(server: TestServer) {
    let admin = server.administrator().await;
    let people = manager(&server);
    for (email, role, field) in [
        ("no address", "user", "email"),
        ("ben@example.org", "owner", "role"),
        (admin.email.as_str(), "user", "email"),
    ] {
        let problem = people.invite(&admin.proof(), email, role).await.unwrap_err().into_problem();
        assert!(problem.status == 422 && problem.error_of(field).is_some(), "{problem}");
    }
    let ben = another_administrator(&server, &admin, "ben@example.org").await;
    assert_eq!(actions(&server, &ben.account_id).await, ["account.invited", "account.set-up"]);
    // He can do what the first one can.
    let cleo = people.invite(&ben, "cleo@example.org", "user").await.unwrap();
    assert_eq!(change(&server, &ben, &cleo, AccountChange::MakeAdministrator).await, 200);
    assert_eq!(change(&server, &ben, &cleo, AccountChange::MakeAdministrator).await, 409);
    assert_eq!(change(&server, &ben, &admin.id, AccountChange::MakeUser).await, 200);
    // And the first one no more, though his session is open.
    assert_eq!(change(&server, &admin.proof(), &cleo, AccountChange::MakeUser).await, 403);
    let panel = server.post("/app/people/list").cookie("aiwe_session", &admin.session);
    assert_eq!(panel.form(&[("search", ""), ("page", "0")]).send().await.status, 403);
}

async fn a_request_of_a_disabled_account_says_so(server: TestServer) {
    let admin = server.administrator().await;
    server.machine(&admin, "anna@example.org").await;
    let id = account(&server, "anna@example.org").await;
    server.ask("anna@example.org").await;
    let request = server.pending_request(&admin, "anna@example.org").await;
    let notes = async || {
        let found = server.state.access.find(&admin.proof(), &request).await.unwrap().request;
        assert!(found.known_account);
        found.notes
    };
    assert_eq!(notes().await, []);
    assert_eq!(change(&server, &admin.proof(), &id, AccountChange::Disable).await, 200);
    assert_eq!(notes().await, [AddressNote::AccountDisabled]);
    let page = server.get("/admin/requests").header("accept", "text/html");
    let page = page.cookie("aiwe_session", &admin.session).send().await.text();
    assert!(page.contains("This account is disabled."), "{page}");
    assert_eq!(change(&server, &admin.proof(), &id, AccountChange::Enable).await, 200);
    assert_eq!(notes().await, []);
}

async fn a_disabled_account_has_nothing_open_and_comes_back(server: TestServer) {
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&anna).await;
    let id = account(&server, &anna.email).await;
    let people = &server.state.people;
    let sign_in = async || people.sign_in(&context(), &anna.email, PASSWORD).await;
    let first = sign_in().await.unwrap();
    let waiting =
        RequestContext { challenge: Some(cookie(&first.cookies, "aiwe_challenge").into()), ..context() };
    let session = || server.get("/native/session").certificate(&anna.der).bearer(&token).send();
    assert_eq!(session().await.status, 200);

    assert_eq!(change(&server, &admin.proof(), &id, AccountChange::Disable).await, 200);
    assert_eq!(session().await.status, 401);
    assert_eq!(sign_in().await.unwrap_err().into_problem().status, 401);
    let code = code_at(&anna.totp, server.state.env.now());
    assert!(people.second_factor(&waiting, &code).await.is_err(), "a sign-in that waits has ended");
    assert_eq!(status(&server, &admin, &id).await, AccountStatus::Disabled);
    for refused in [AccountChange::Disable, AccountChange::Reset] {
        assert_eq!(change(&server, &admin.proof(), &id, refused).await, 409, "{refused:?}");
    }

    assert_eq!(change(&server, &admin.proof(), &id, AccountChange::Enable).await, 200);
    assert_eq!(change(&server, &admin.proof(), &id, AccountChange::Enable).await, 409);
    assert_eq!(session().await.status, 401, "what had ended stays ended");
    let token = server.token(&anna).await;
    let again = server.get("/native/session").certificate(&anna.der).bearer(&token).send().await;
    assert_eq!(again.status, 200, "with the same factors");
    assert_eq!(actions(&server, &id).await, ["account.set-up", "account.disabled", "account.enabled"]);

    // An account that was never set up is invited again, not active.
    let ben = manager(&server).invite(&admin.proof(), "ben@example.org", "user").await.unwrap();
    let link = token_in(&server.mail_to("ben@example.org", SETUP).await.text, SETUP);
    change(&server, &admin.proof(), &ben, AccountChange::Disable).await;
    assert_eq!(people.setup_offer(&context(), &link).await.unwrap_err().into_problem().status, 410);
    change(&server, &admin.proof(), &ben, AccountChange::Enable).await;
    assert_eq!(status(&server, &admin, &ben).await, AccountStatus::Invited);
}

async fn a_lost_factor_is_replaced_through_a_new_link(server: TestServer) {
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&anna).await;
    let id = account(&server, &anna.email).await;
    assert_eq!(change(&server, &admin.proof(), &id, AccountChange::Reset).await, 200);
    let session = server.get("/native/session").certificate(&anna.der).bearer(&token).send().await;
    assert_eq!(session.status, 401);
    let people = &server.state.people;
    assert!(
        people.sign_in(&context(), &anna.email, PASSWORD).await.is_err(),
        "the former password has ended"
    );
    let mail = server.mail_to(&anna.email, "has reset the password").await;
    let first = token_in(&mail.text, SETUP);
    // A second link ends the first one.
    assert_eq!(change(&server, &admin.proof(), &id, AccountChange::Reset).await, 200);
    assert_eq!(people.setup_offer(&context(), &first).await.unwrap_err().into_problem().status, 410);
    let mail = server.mail_to(&anna.email, "An account was created for you").await;
    let (totp, codes) = server.set_up(&token_in(&mail.text, SETUP), "").await;
    assert_ne!(totp.expose(), anna.totp.expose());
    assert_eq!(codes.0.len(), 10);
    let anna = crate::support::Machine { totp, ..anna };
    server.token(&anna).await;
    assert_eq!(
        actions(&server, &id).await,
        ["account.set-up", "account.reset", "account.reset", "account.set-up"]
    );
    server.mail_to(&anna.email, "were set for your").await;
}

async fn the_last_administrator_cannot_be_lost(server: TestServer) {
    let admin = server.administrator().await;
    let taking = AccountChange::ALL.into_iter().filter(|change| change.takes_an_administrator_away());
    let taking: Vec<_> = taking.collect();
    assert_eq!(taking.len(), 3);
    let detail = manager(&server).find(&admin.proof(), admin.id.as_str()).await.unwrap();
    assert!(detail.is_own && detail.is_last_administrator);
    for change in &taking {
        let refused = manager(&server).change(&admin.proof(), admin.id.as_str(), *change).await;
        assert!(refused.unwrap_err().into_problem().is("last-administrator"), "{change:?}");
    }
    // Somebody who has not set up the account, or is disabled, cannot administer.
    let ben = manager(&server).invite(&admin.proof(), "ben@example.org", "administrator").await.unwrap();
    assert_eq!(change(&server, &admin.proof(), &admin.id, AccountChange::Disable).await, 409);
    let mail = server.mail_to("ben@example.org", SETUP).await;
    server.set_up(&token_in(&mail.text, SETUP), "").await;
    change(&server, &admin.proof(), &ben, AccountChange::Disable).await;
    assert_eq!(change(&server, &admin.proof(), &admin.id, AccountChange::MakeUser).await, 409);
    change(&server, &admin.proof(), &ben, AccountChange::Enable).await;
    assert!(!manager(&server).find(&admin.proof(), ben.as_str()).await.unwrap().is_last_administrator);
    assert_eq!(change(&server, &admin.proof(), &admin.id, AccountChange::Reset).await, 200);
    assert_eq!(status(&server, &admin, &admin.id).await, AccountStatus::Invited);
    for unknown in ["nobody", "../x"] {
        let found = manager(&server).find(&admin.proof(), unknown).await;
        assert_eq!(found.unwrap_err().into_problem().status, 404);
    }
}

/// Three administrators who all take away each other, and themselves, at once: one of them stays.
async fn the_last_administrator_survives_races(server: TestServer) {
    let admin = server.administrator().await;
    let mut all = vec![admin.proof()];
    for email in ["ben@example.org", "cleo@example.org"] {
        all.push(another_administrator(&server, &admin, email).await);
    }
    for round in 0..4 {
        let mut races = Vec::new();
        for (n, actor) in all.iter().enumerate() {
            for (m, subject) in all.iter().enumerate() {
                let taking = [AccountChange::Disable, AccountChange::MakeUser][(n + m + round) % 2];
                races.push(change(&server, actor, &subject.account_id, taking));
            }
        }
        let outcomes = futures::future::join_all(races).await;
        assert!(outcomes.iter().all(|status| matches!(status, 200 | 403 | 409)), "{outcomes:?}");
        let mut tx = server.state.env.store.begin().await.unwrap();
        assert_eq!(tx.accounts().lock_administrators().await.unwrap().len(), 1, "round {round}");
        for one in &all {
            tx.accounts().enable(&one.account_id).await.unwrap();
            tx.accounts().change_role(&one.account_id, Role::Administrator).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

async fn only_administrators_manage_people(server: TestServer) {
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&anna).await;
    let id = account(&server, &anna.email).await;
    let first = server.state.people.sign_in(&context(), &anna.email, PASSWORD).await.unwrap();
    let challenge = cookie(&first.cookies, "aiwe_challenge");
    let waiting = RequestContext { challenge: Some(challenge.clone().into()), ..context() };
    let code = code_at(&anna.totp, server.state.env.now());
    let done = server.state.people.second_factor(&waiting, &code).await.unwrap();
    let user = cookie(&done.cookies, "aiwe_session");
    let ended = server.signed_in_again(server_copy(&admin)).await.session;
    let leaving = RequestContext { session: Some(ended.clone().into()), ..context() };
    server.state.people.sign_out(&leaving).await.unwrap();

    let functions: [(&str, &[(&str, &str)]); 6] = [
        ("list", &[("search", ""), ("page", "0")]),
        ("find", &[("id", id.as_str())]),
        ("invite-start", &[]),
        ("invite", &[("email", "evil@example.org"), ("role", "administrator")]),
        ("change", &[("id", id.as_str()), ("change", "make-administrator")]),
        ("change", &[("id", id.as_str()), ("change", "disable")]),
    ];
    for (function, fields) in functions {
        let post = || server.post(&format!("/app/people/{function}")).form(fields);
        for (caller, exchange, status) in [
            ("nobody", post(), 401),
            ("a forged session", post().cookie("aiwe_session", "forged"), 401),
            ("an ended session", post().cookie("aiwe_session", &ended), 401),
            ("a challenge as session", post().cookie("aiwe_session", &challenge), 401),
            ("a challenge", post().cookie("aiwe_challenge", &challenge), 401),
            ("a user", post().cookie("aiwe_session", &user), 403),
            ("a machine", post().certificate(&anna.der), 401),
            ("a person on a machine", post().certificate(&anna.der).bearer(&token), 401),
            ("a token alone", post().bearer(&token), 401),
            (
                "another site",
                post()
                    .header("origin", "https://evil.example")
                    .header("cookie", &format!("aiwe_session={}", admin.session)),
                403,
            ),
        ] {
            assert_eq!(exchange.send().await.status, status, "{function} by {caller}");
        }
    }
    assert_eq!(status(&server, &admin, &id).await, AccountStatus::Active);
    let page = manager(&server).list(&admin.proof(), "evil", 0).await.unwrap();
    assert_eq!(page.total, 0);
    let own = server.post("/app/people/find").cookie("aiwe_session", &admin.session);
    assert_eq!(own.form(&[("id", id.as_str())]).send().await.status, 200);
    let unknown = server.post("/app/people/change").cookie("aiwe_session", &admin.session);
    let reply = unknown.form(&[("id", id.as_str()), ("change", "promote")]).send().await;
    assert_eq!(reply.json::<Problem>().status, 422);
}

fn server_copy(admin: &AdminSession) -> AdminSession {
    AdminSession {
        email: admin.email.clone(),
        session: admin.session.clone(),
        totp: TotpSecret::from_bytes(admin.totp.expose()),
        recovery: admin.recovery.clone(),
        id: admin.id.clone(),
    }
}
