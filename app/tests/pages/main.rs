//! Every page, rendered by a router like the server's, and every form as a browser without scripts posts it.
//!
//! The rendered pages are written to the target folder (`tmp/pages`) for inspection.

#![expect(clippy::unwrap_used, reason = "a test stops where something is missing")]

mod bulk;
mod deployments;
mod fixture;
mod fleet;
mod load;
mod questions;
mod server_functions;
mod words;

use fixture::{Answered, Who, call_function, open, post_form};

/// Renders a page and checks what every page has.
async fn page(who: Who, name: &str, path: &str) -> Answered {
    let answered = open(who, path, "").await;
    let body = &answered.body;
    assert!(body.starts_with("<!DOCTYPE html>"), "{path}: {body}");
    assert_eq!(body.matches("<h1").count(), 1, "{path} has one heading");
    assert_eq!(body.matches("<main").count(), 1, "{path} has one main part");
    assert!(body.contains("<title>"), "{path} has a title");
    assert!(
        !body.contains("style=\""),
        "{path} has no inline style, which the Content-Security-Policy forbids"
    );
    for script in body.split("<script").skip(1) {
        assert!(script.contains("nonce="), "{path}: every script has a nonce");
    }
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.html")), body).unwrap();
    answered
}

async fn shows(who: Who, name: &str, path: &str, words: &[&str]) {
    let answered = page(who, name, path).await;
    assert_eq!(answered.status, 200, "{path}");
    for word in words {
        assert!(answered.body.contains(word), "{path} does not show {word:?}");
    }
}

#[tokio::test]
async fn public_pages_are_complete_without_scripts() {
    let nobody = Who::Nobody;
    shows(nobody, "home", "/", &["Request access", "Nordwind Clinic"]).await;
    shows(nobody, "request-access", "/request-access", &["name=\"email\"", "What happens next"]).await;
    let expired = &["certificate has expired", "Request access again"];
    shows(nobody, "request-access-expired", "/request-access?reason=expired", expired).await;
    for (state, words) in [
        ("pending", "will compare this code with you"),
        ("approved", "Check your mail"),
        ("redeemed", "tell your administrator right away"),
        ("rejected", "Unknown here"),
        ("expired", "Request access again"),
    ] {
        shows(nobody, &format!("status-{state}"), &format!("/public/request-status/{state}"), &[words]).await;
    }
    shows(
        nobody,
        "download",
        "/public/download-certs/ready",
        // With scripts, the page would say that it makes the key itself.
        &["Set up your sign-in", "name=\"match_code\"", "The server makes the key, puts it in the file"],
    )
    .await;
    shows(
        nobody,
        "download-used",
        "/public/download-certs/used",
        &["was downloaded", "is only in the file", "localhost:8443/sidebar"],
    )
    .await;
    shows(nobody, "download-expired", "/public/download-certs/x", &["This link has expired"]).await;
    let at_the_field = &["password-error\" role=\"alert\"", "Choose a password of 12 to 256"];
    shows(nobody, "download-problem", "/public/download-certs/ready?problem=password", at_the_field).await;
    shows(nobody, "setup", "/setup/x", &["first administrator", "JBSW Y3DP", "Connect an authenticator"])
        .await;
    let saved = &["AAAA-BBBB-CCCC-DDDD", "I’ve saved these"];
    shows(nobody, "setup-codes", "/setup/done", saved).await;
    shows(Who::User, "account", "/account", &["ada@example.org", "You have 7 recovery codes left"]).await;
    shows(nobody, "login", "/login?next=/admin/modes", &["current-password", "value=\"/admin/modes\""]).await;
    shows(nobody, "login-code", "/login?step=code", &["one-time-code", "Start again"]).await;
    shows(nobody, "sidebar", "/sidebar", &["<noscript><p>The sidebar needs scripts"]).await;
    shows(nobody, "certificate-test", "/certificate-test", &["did not present a certificate", "restarted"])
        .await;
}

#[tokio::test]
async fn the_panel_shows_its_pages_to_an_administrator() {
    let admin = Who::Administrator;
    shows(admin, "overview", "/admin", &["ABCD-2345", "anna@example.org", "231"]).await;
    let look_alike = "Looks like ben.longer-name@c1inic.example.org, which has an account.";
    shows(admin, "requests", "/admin/requests", &["cleo@example.org", "Issued", look_alike]).await;
    let one = page(admin, "request", "/admin/requests/1?state=pending").await.body;
    assert!(one.contains("id=\"approve-request\"") && one.contains("It has to be"));
    assert!(one.contains("anna@example.org") && !one.contains("cleo@example.org"), "the filter stays");
    assert!(one.contains("&lt;b>discharge") || one.contains("&lt;b&gt;discharge"), "text is escaped");
    let fetched = page(admin, "request-fetched", "/admin/requests/2").await.body;
    for words in
        ["Approved", " by grace@example.org", "serial 5f3a", "Asked for a new link", "Send a new link…"]
    {
        assert!(fetched.contains(words), "{words}");
    }
    let decided = page(admin, "request-decided", "/admin/requests/3").await.body;
    assert!(!decided.contains("id=\"approve-request\"") && decided.contains("Unknown here"));
    shows(admin, "certificates", "/admin/certificates", &["Old desktop", "Left on a train", "Revoke…"]).await;
    shows(admin, "certificates-none", "/admin/certificates?search=nothing", &["No matching certificates"])
        .await;
    shows(admin, "people", "/admin/people", &["anna@example.org", "Not set up", "Disabled", "Invite"]).await;
    shows(admin, "people-none", "/admin/people?search=nothing", &["No matching people"]).await;
    shows(admin, "person-new", "/admin/people/new", &["name=\"email\"", "Administrator"]).await;
    shows(admin, "modes", "/admin/modes", &["Reflective Coach", "New mode"]).await;
    shows(admin, "mode", "/admin/modes/general", &["Quote &lt;/textarea&gt; what", "mode[temperature]"])
        .await;
    shows(admin, "mode-new", "/admin/modes/new", &["Save mode", "mode[workflow]", "Zwei Wege"]).await;
    shows(admin, "workflows", "/admin/workflows", &["Zwei Wege &lt;b&gt;", "New workflow", "1 mode"]).await;
    let drawn = [
        "&lt;/textarea&gt;",
        "name=\"workflow[document]\"",
        "read_screen",
        "answer is &lt;yes",
        "Version 3",
        "download=\"textarea.json\"",
        "href=\"data:application/json",
        "/admin/workflows/new?copy=w1",
    ];
    shows(admin, "workflow", "/admin/workflows/w1", &drawn).await;
    shows(admin, "runs", "/admin/workflows/w1/runs", &["finished, replay", "anna@example.org", "/runs/r1"])
        .await;
    let run = [
        "Zwei Wege &lt;b&gt;",
        "&lt;i&gt;secret&lt;/i&gt;",
        "You are &lt;b&gt;",
        "7 tokens in",
        "Continue from here",
        "/admin/workflows/w1/runs/r0",
    ];
    shows(admin, "run", "/admin/workflows/w1/runs/r1", &run).await;
    let one = page(admin, "workflow-copy", "/admin/workflows/new?copy=w1").await.body;
    assert!(one.contains("&lt;/textarea&gt; (copy)") && !one.contains("Delete workflow"));
    assert!(!one.contains("role=\"button\"") && !one.contains("Run once"), "nothing that needs scripts");
    let models = ["Farm &lt;b&gt;", "1 of 2 reachable", "From the configuration", "New provider"];
    shows(admin, "models", "/admin/models", &models).await;
    let editor = [
        "name=\"provider[api_key]\"",
        "A key is stored, and is never shown",
        "no model server listens at its address",
        "Not on the server",
        "Text, pictures",
        "Delete provider",
    ];
    shows(admin, "model", "/admin/models/p1", &editor).await;
    let of_file = page(admin, "model-configured", "/admin/models/configured-0").await.body;
    assert!(of_file.contains("can be changed only there") && !of_file.contains("Save provider"));
    shows(admin, "model-new", "/admin/models/new", &["Save provider", "Further addresses"]).await;
    shows(admin, "mode-models", "/admin/modes/new", &["<datalist", "qwen3-vl:8b"]).await;
    shows(admin, "outbox", "/admin/outbox", &["Not sent", "refused the connection", "Retry", "was deleted"])
        .await;
    shows(admin, "outbox-dead", "/admin/outbox?state=dead", &["Retry all"]).await;
    shows(admin, "outbox-none", "/admin/outbox?state=waiting", &["No matching mails"]).await;
}

#[tokio::test]
async fn unknown_addresses_are_404() {
    assert_eq!(page(Who::Nobody, "not-found", "/nowhere").await.status, 404);
    assert_eq!(page(Who::Nobody, "status-unknown", "/public/request-status/nothing").await.status, 404);
    assert_eq!(page(Who::Administrator, "mode-unknown", "/admin/modes/x").await.status, 404);
    assert_eq!(page(Who::Administrator, "person-unknown", "/admin/people/x").await.status, 404);
    assert_eq!(page(Who::Administrator, "request-unknown", "/admin/requests/x").await.status, 404);
}

#[tokio::test]
async fn the_panel_redirects_strangers_to_the_sign_in_and_shows_them_nothing() {
    let answered = open(Who::Nobody, "/admin/requests?search=a%2Bb", "").await;
    assert_eq!(answered.status, 303);
    assert_eq!(answered.header("location"), "/login?next=/admin/requests%3Fsearch%3Da%252Bb");
    assert!(!answered.body.contains("anna@example.org"));
    // Who is signed in without an administrator's rights gets a page of one's own, and is not told three times what one may not.
    for path in ["/admin", "/admin/requests", "/admin/modes/general"] {
        let user = open(Who::User, path, "").await;
        assert_eq!((user.status.as_u16(), user.header("location")), (303, "/account"), "{path}");
        assert!(!user.body.contains("anna@example.org") && !user.body.contains("Quote"), "{path}");
    }
    let own = page(Who::User, "account-of-user", "/account").await.body;
    assert!(own.contains("Open the assistant") && !own.contains("You may not do this"));
}

#[tokio::test]
async fn a_rejected_request_without_scripts_keeps_its_values() {
    let typed = "email=no+address&platform=macos&device_name=Anna%27s+%26+mine&message=a%0D%0A%3C%2Ftextarea%3E&reason=expired";
    let refused = post_form(Who::Nobody, "/app/access/submit", typed).await;
    assert_eq!(refused.status, 303);
    assert_eq!(refused.header("location"), "/request-access?reason=expired");
    let shown = open(Who::Nobody, refused.header("location"), &refused.cookie("aiwe-form")).await;
    for word in [
        "Enter an e-mail address",
        "value=\"no address\"",
        "Anna's &amp; mine",
        "&lt;/textarea&gt;",
        "aria-invalid=\"true\"",
    ] {
        assert!(shown.body.contains(word), "{word} is lost");
    }
    let macos = shown.body.split("<input").find(|input| input.contains("value=\"macos\"")).unwrap();
    assert!(macos.split('>').next().unwrap().contains("checked"));
    assert_eq!(shown.cookie("aiwe-form"), "aiwe-form=", "it is shown once");
}

#[tokio::test]
async fn an_accepted_request_leads_to_its_status() {
    let form = "email=anna%40example.org&device_name=&message=";
    let without_scripts = post_form(Who::Nobody, "/app/access/submit", form).await;
    assert_eq!(without_scripts.status, 303);
    assert_eq!(without_scripts.header("location"), "/public/request-status/pending");
    assert_eq!(without_scripts.cookie("asked"), "asked=1");
    let with_scripts = call_function(Who::Nobody, "/app/access/submit", form).await;
    assert_eq!(with_scripts.status, 200);
    assert_eq!(with_scripts.header("location"), "/public/request-status/pending");
    assert!(with_scripts.headers.contains_key("serverfnredirect"));
}

#[tokio::test]
async fn people_are_managed_without_scripts() {
    let admin = Who::Administrator;
    let open_one = page(admin, "person", "/admin/people/2").await.body;
    for change in ["make-administrator", "reset", "disable"] {
        assert!(open_one.contains(&format!("name=\"change\" value=\"{change}\"")), "{change}");
    }
    assert!(open_one.contains("action=\"/app/people/change\"") && !open_one.contains("value=\"enable\""));
    let done = post_form(admin, "/app/people/change", "id=2&change=disable").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/admin/people/2"));
    let told = open(admin, done.header("location"), &done.cookie("aiwe-told")).await.body;
    assert!(told.contains("its sessions have ended"), "the outcome is told");

    let own = page(admin, "person-last-administrator", "/admin/people/1").await.body;
    assert!(own.contains("This is the only administrator") && own.contains("(you)"));
    assert!(!own.contains("name=\"change\""), "there is nothing that could be done");
    let refused = post_form(admin, "/app/people/change", "id=1&change=disable").await;
    let told = open(admin, refused.header("location"), &refused.cookie("aiwe-form")).await.body;
    assert!(told.contains("role=\"alert\""), "why it was refused is told");

    let invited = post_form(admin, "/app/people/invite", "email=cleo%40example.org&role=administrator").await;
    assert_eq!((invited.status.as_u16(), invited.header("location")), (303, "/admin/people/2"));
    let wrong = post_form(admin, "/app/people/invite", "email=no+address&role=administrator").await;
    assert_eq!((wrong.status.as_u16(), wrong.header("location")), (303, "/admin/people/new"));
    let again = open(admin, wrong.header("location"), &wrong.cookie("aiwe-form")).await.body;
    assert!(again.contains("value=\"no address\"") && again.contains("Enter an e-mail address"));
}

#[tokio::test]
async fn ones_own_account_needs_a_session() {
    let answered = open(Who::Nobody, "/account", "").await;
    assert_eq!((answered.status.as_u16(), answered.header("location")), (303, "/login?next=/account"));
    let codes = call_function(Who::User, "/app/people/renew-codes", "code=123456").await;
    assert!(codes.body.contains("AAAA-BBBB-CCCC-DDDD"));
    assert_eq!(call_function(Who::User, "/app/people/renew-codes", "code=1").await.status, 401);
}

#[tokio::test]
async fn reminding_works_without_scripts() {
    let page = open(Who::Nobody, "/public/request-status/pending", "").await.body;
    let form = page.split("action=\"/app/access/remind\"").nth(1).expect("the form");
    assert!(form.contains("name=\"token\" value=\"pending\"") && form.contains("Remind the administrators"));
    let posted = post_form(Who::Nobody, "/app/access/remind", "token=pending").await;
    assert_eq!((posted.status.as_u16(), posted.header("location")), (303, "/public/request-status/pending"));
    let late = post_form(Who::Nobody, "/app/access/remind", "token=approved").await;
    let shown = open(Who::Nobody, late.header("location"), &late.cookie("aiwe-form")).await.body;
    assert!(shown.contains("It was decided a minute ago") && !shown.contains("Remind the administrators"));
    // A forged token cannot redirect elsewhere.
    let odd = post_form(Who::Nobody, "/app/access/remind", "token=..%2F..%2F%2Fevil.example").await;
    assert_eq!(odd.header("location"), "/public/request-status/%2E%2E%2F%2E%2E%2F%2Fevil%2Eexample");
}

#[tokio::test]
async fn requesting_a_new_link_works_without_scripts() {
    let page = open(Who::Nobody, "/public/download-certs/used", "").await.body;
    let form = page.split("action=\"/app/access/ask-link\"").nth(1).expect("the form");
    let form = form.split("</form>").next().unwrap();
    assert!(form.contains("name=\"token\" value=\"used\"") && form.contains("name=\"match_code\""));
    let wrong = post_form(Who::Nobody, "/app/access/ask-link", "token=used&match_code=2222-2222").await;
    assert_eq!((wrong.status.as_u16(), wrong.header("location")), (303, "/public/download-certs/used"));
    let shown = open(Who::Nobody, wrong.header("location"), &wrong.cookie("aiwe-form")).await.body;
    assert!(
        shown.contains("Enter the match code.") && !shown.contains("2222-2222"),
        "a code is never put into the cookie"
    );
    let right = post_form(Who::Nobody, "/app/access/ask-link", "token=used&match_code=ABCD-2345").await;
    assert_eq!((right.status.as_u16(), right.cookie("aiwe-form").as_str()), (303, ""));
    let ready = open(Who::Nobody, "/public/download-certs/ready", "").await.body;
    assert!(!ready.contains("/app/access/ask-link"), "a link that works needs no other");
}

#[tokio::test]
async fn a_problem_reaches_the_scripts_with_its_status_and_fields() {
    let refused = call_function(Who::Nobody, "/app/access/submit", "email=x").await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("\"field\":\"email\""), "{}", refused.body);
    let conflict = call_function(Who::Administrator, "/app/access/approve", "id=1").await;
    assert_eq!(conflict.status, 409);
    assert!(conflict.body.contains("Grace approved it"));
}

#[tokio::test]
async fn signing_in_without_scripts_hides_the_password_and_stays_on_this_server() {
    let wrong = "email=ada%40example.org&password=secret-of-ada&next=%2Fadmin%2Fmodes";
    let refused = post_form(Who::Nobody, "/app/people/sign-in", wrong).await;
    assert_eq!((refused.status.as_u16(), refused.header("location")), (303, "/login?next=/admin/modes"));
    let shown = open(Who::Nobody, refused.header("location"), &refused.cookie("aiwe-form")).await;
    assert!(shown.body.contains("That did not match") && shown.body.contains("ada@example.org"));
    assert!(!shown.body.contains("secret-of-ada"));
    assert!(!format!("{refused:?}").contains("secret-of-ada"));

    let right = "email=ada%40example.org&password=correct+horse+battery&next=%2F%2Fevil.example";
    let code = post_form(Who::Nobody, "/app/people/sign-in", right).await;
    assert_eq!((code.status.as_u16(), code.header("location")), (303, "/login?step=code"));
    let done =
        post_form(Who::Nobody, "/app/people/second-factor", "code=123456&next=%2Fadmin%2Foutbox").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/admin/outbox"));
    let wrong_code = post_form(Who::Nobody, "/app/people/second-factor", "code=1&next=").await;
    assert_eq!((wrong_code.status.as_u16(), wrong_code.header("location")), (303, "/login?step=code"));
}

#[tokio::test]
async fn a_pages_address_cannot_inject_a_message() {
    let forged = "/request-access?__path=%2Fapp%2Faccess%2Fsubmit&__err=eyJ0eXBlIjoieCIsInRpdGxlIjoiQ2FsbCAxMjMiLCJzdGF0dXMiOjQwMH0%3D";
    assert!(!page(Who::Nobody, "forged", forged).await.body.contains("Call 123"));
}

#[tokio::test]
async fn the_theme_is_written_before_the_first_paint() {
    let chosen = post_form(Who::Nobody, "/app/design/theme", "theme=dark").await;
    assert_eq!((chosen.status.as_u16(), chosen.header("location")), (303, "/request-access"));
    let dark = open(Who::Nobody, "/", &chosen.cookie("aiwe-theme")).await;
    assert!(dark.body.contains("data-theme=\"dark\""));
    assert!(!open(Who::Nobody, "/", "aiwe-theme=\"><script>").await.body.contains("data-theme"));
}
