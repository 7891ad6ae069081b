//! Groups and the fleet policy: edited in the panel, in force on the native interface.

use http::StatusCode;
use protocol::Problem;
use protocol::group::{Group, GroupDetail};
use protocol::mode::{Mode, ModeSummary};
use protocol::policy::{AppliedPolicy, FleetPolicy, Pattern, PolicyRules};
use serde_json::Value;

use crate::analysis::blank_png;
use crate::on_both;
use crate::support::{AdminSession, Machine, NOW, Reply, TestServer};

on_both!(
    a_group_has_members_and_limits_a_mode,
    a_group_is_bounded_and_its_name_is_visible,
    a_policy_is_combined_served_and_audited,
    a_stale_or_wrong_policy_is_not_saved,
    only_administrators_edit_groups_and_policies,
    the_policy_is_enforced_on_the_server,
    the_budget_counts_pictures_of_a_day_under_load,
);

async fn call(server: &TestServer, admin: &AdminSession, path: &str, fields: &[(&str, &str)]) -> Reply {
    server.post(path).cookie("aiwe_session", &admin.session).form(fields).send().await
}

async fn groups(server: &TestServer, admin: &AdminSession) -> Vec<Group> {
    call(server, admin, "/app/group/list", &[]).await.json()
}

async fn create(server: &TestServer, admin: &AdminSession, name: &str) -> String {
    let reply = call(server, admin, "/app/group/create", &[("name", name)]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let groups = groups(server, admin).await;
    groups.into_iter().find(|group| group.name.as_str() == name.trim()).unwrap().id.into_string()
}

async fn modes(server: &TestServer, machine: &Machine, token: &str) -> Vec<ModeSummary> {
    server.get("/native/modes").certificate(&machine.der).bearer(token).send().await.json()
}

async fn policy(server: &TestServer, machine: &Machine, token: &str) -> FleetPolicy {
    server.get("/native/policy").certificate(&machine.der).bearer(token).send().await.json()
}

async fn ask(server: &TestServer, machine: &Machine, token: &str, parts: &[(&str, &str)]) -> Reply {
    let image = blank_png(64, 64);
    let mut all = vec![("image", Some("x.png"), image.as_slice())];
    all.extend(parts.iter().map(|(name, value)| (*name, None, value.as_bytes())));
    server.post("/native/analyze").certificate(&machine.der).bearer(token).multipart(&all).send().await
}

/// The form of a policy with everything allowed, but for `changes`.
async fn save_policy(server: &TestServer, admin: &AdminSession, changes: &[(&str, &str)]) -> Reply {
    let mut fields = vec![
        ("policy[group]", ""),
        ("policy[version]", "0"),
        ("policy[cooldown_seconds]", "0"),
        ("policy[ambient_allowed]", "true"),
        ("policy[edits_allowed]", "true"),
    ];
    for (name, value) in changes.iter().copied() {
        fields.retain(|(known, _)| *known != name || name.ends_with("[]"));
        fields.push((name, value));
    }
    call(server, admin, "/app/policy/save", &fields).await
}

async fn audited(server: &TestServer, prefix: &str) -> Vec<(String, String)> {
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    let entries = entries.into_iter().rev().filter(|entry| entry.action.starts_with(prefix));
    entries.map(|entry| (entry.action, entry.detail)).collect()
}

async fn a_group_has_members_and_limits_a_mode(server: TestServer) {
    let admin = server.administrator().await;
    let (anna, ben) =
        (server.machine(&admin, "anna@example.org").await, server.machine(&admin, "ben@example.org").await);
    let (anna_token, ben_token) = (server.token(&anna).await, server.token(&ben).await);
    let id = create(&server, &admin, " Ward 3 ").await;
    let fields = [("id", id.as_str()), ("emails", "anna@example.org\nnobody@example.org")];
    let unknown = call(&server, &admin, "/app/group/add-members", &fields).await;
    assert!(unknown.json::<Problem>().error_of("emails").unwrap().contains("nobody@"), "{}", unknown.text());
    let fields = [("id", id.as_str()), ("emails", "Anna@example.org\r\nanna@example.org\n")];
    let added = call(&server, &admin, "/app/group/add-members", &fields).await;
    assert_eq!(added.json::<u64>(), 1, "all or none, and nobody twice");
    assert_eq!(groups(&server, &admin).await[0].members, 1);

    let all: Vec<Mode> = call(&server, &admin, "/app/mode/list", &[]).await.json();
    let (mode, others) = (all[0].clone(), all.len() - 1);
    let (temperature, position, version) =
        (mode.temperature.to_string(), mode.position.to_string(), mode.version.to_string());
    let save = async |group: &str| {
        let fields = [
            ("mode[id]", mode.id.as_str()),
            ("mode[version]", &version),
            ("mode[name]", &mode.name),
            ("mode[prompt]", &mode.prompt),
            ("mode[temperature]", &temperature),
            ("mode[position]", &position),
            ("mode[enabled]", "true"),
            ("mode[groups][]", group),
        ];
        call(&server, &admin, "/app/mode/save", &fields).await
    };
    for wrong in ["no such group!", "01990c5e-7b1a-7cde-8f00-0123456789ab"] {
        assert!(save(wrong).await.json::<Problem>().error_of("groups").is_some(), "never for everybody");
    }
    let saved = save(&id).await;
    assert_eq!(saved.json::<Mode>().groups.len(), 1, "{}", saved.text());

    assert_eq!(modes(&server, &anna, &anna_token).await.len(), others + 1);
    let listed = modes(&server, &ben, &ben_token).await;
    assert!(listed.len() == others && listed.iter().all(|summary| summary.id != mode.id));
    assert_eq!(ask(&server, &anna, &anna_token, &[("mode", &mode.id)]).await.status, 200);
    let refused = ask(&server, &ben, &ben_token, &[("mode", &mode.id)]).await.problem();
    let unknown = ask(&server, &ben, &ben_token, &[("mode", "unknown")]).await.problem();
    assert_eq!(refused, unknown, "the answer does not tell that there is such a mode");
    let default = ask(&server, &ben, &ben_token, &[]).await;
    let document: Value = default.json();
    assert!(default.status == 200 && document["mode"] != mode.id.as_str(), "{document}");

    // While somebody is signed in.
    let member = groups(&server, &admin).await;
    let detail: Value = call(&server, &admin, "/app/group/find", &[("id", &id)]).await.json();
    let detail: GroupDetail = serde_json::from_value(detail["detail"].clone()).unwrap();
    assert_eq!((detail.modes, member.len()), (vec![mode.name.clone()], 1));
    let account = detail.members[0].account_id.to_string();
    let remove = [("id", id.as_str()), ("member", account.as_str())];
    let kept = call(&server, &admin, "/app/group/delete", &[("id", &id)]).await;
    assert!(kept.status == 409 && kept.text().contains(&mode.name), "{}", kept.text());
    assert_eq!(call(&server, &admin, "/app/group/remove-member", &remove).await.status, 200);
    assert_eq!(call(&server, &admin, "/app/group/remove-member", &remove).await.status, 409);
    assert_eq!(modes(&server, &anna, &anna_token).await.len(), others);
    assert_eq!(ask(&server, &anna, &anna_token, &[("mode", &mode.id)]).await.problem(), refused);

    let actions: Vec<_> = audited(&server, "group.").await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["group.created", "group.member-added", "group.member-removed"]);
}

async fn a_group_is_bounded_and_its_name_is_visible(server: TestServer) {
    let admin = server.administrator().await;
    let id = create(&server, &admin, "Finance").await;
    let long = "x".repeat(61);
    for bad in ["", "  ", "a\u{202E}b", "fiNANCE", &long] {
        for path in ["/app/group/create", "/app/group/rename"] {
            if path.ends_with("rename") && bad == "fiNANCE" {
                continue;
            }
            let reply = call(&server, &admin, path, &[("id", &id), ("name", bad)]).await;
            assert!(reply.json::<Problem>().error_of("name").is_some(), "{path} {bad:?}: {}", reply.text());
        }
    }
    let many = "anna@example.org\n".repeat(201);
    for bad in ["", "no address", "a@b\u{0}", &many] {
        let fields = [("id", id.as_str()), ("emails", bad)];
        let reply = call(&server, &admin, "/app/group/add-members", &fields).await;
        assert!(reply.status.is_client_error(), "{bad:?}: {}", reply.text());
    }
    let renamed = call(&server, &admin, "/app/group/rename", &[("id", &id), ("name", "Accounts")]).await;
    assert_eq!(renamed.status, 200);
    assert_eq!(groups(&server, &admin).await[0].name.as_str(), "Accounts");
    for missing in ["unknown", "../x", ""] {
        assert_eq!(call(&server, &admin, "/app/group/find", &[("id", missing)]).await.status, 404);
    }
    assert_eq!(call(&server, &admin, "/app/group/delete", &[("id", &id)]).await.status, 200);
    assert!(groups(&server, &admin).await.is_empty());
    let details = audited(&server, "group.").await;
    assert_eq!(details[1], ("group.renamed".into(), "Finance → Accounts".into()));
    assert_eq!(details[2], ("group.deleted".into(), "Accounts, 0 members".into()));
}

async fn a_policy_is_combined_served_and_audited(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let first = policy(&server, &machine, &token).await;
    assert_eq!(first.rules, PolicyRules::default(), "a new server has one");
    let now = server.state.env.now();
    assert!(now > NOW && first.issued_at == now && first.valid_until == now + 24 * 3_600);
    let get = |etag: &str| {
        let get = server.get("/native/policy").certificate(&machine.der).bearer(&token);
        get.header("if-none-match", etag).send()
    };
    let etag = format!("\"{}\"", first.version);
    let unchanged = get(&etag).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(unchanged.headers["policy-valid-until"], first.valid_until.to_string().as_str());

    let everyone =
        [("policy[excluded_programs]", "Payroll*\n\n payroll* "), ("policy[cooldown_seconds]", "20")];
    let saved = save_policy(&server, &admin, &everyone).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert_eq!(get(&etag).await.status, 200, "another version");
    let id = create(&server, &admin, "Finance").await;
    let group = [
        ("policy[group]", id.as_str()),
        ("policy[cooldown_seconds]", "5"),
        ("policy[edits_allowed]", ""),
        ("policy[excluded_titles]", "*salary*"),
        ("policy[pictures_per_day]", "40"),
        ("policy[limit_hours]", "true"),
        ("policy[days][]", "monday"),
        ("policy[days][]", "friday"),
        ("policy[hours_from]", "9:00"),
        ("policy[hours_to]", "17:30"),
    ];
    assert_eq!(save_policy(&server, &admin, &group).await.status, 200);
    let before = policy(&server, &machine, &token).await;
    assert!(before.rules.edits_allowed && before.rules.excluded_titles.is_empty(), "not in the group yet");
    let add = [("id", id.as_str()), ("emails", "anna@example.org")];
    call(&server, &admin, "/app/group/add-members", &add).await;
    let rules = policy(&server, &machine, &token).await.rules;
    assert_eq!((rules.cooldown_seconds, rules.pictures_per_day, rules.edits_allowed), (20, Some(40), false));
    assert_eq!(rules.excluded_programs.iter().map(Pattern::as_str).collect::<Vec<_>>(), ["payroll*"]);
    assert_eq!(rules.excluded_titles.len(), 1);
    let hours = rules.work_hours.clone().unwrap();
    assert_eq!((hours.days.len(), hours.from_minute, hours.to_minute), (2, 540, 1_050));
    let applied = call(&server, &admin, "/app/policy/applied", &[("email", "anna@example.org")]).await;
    let applied: Option<AppliedPolicy> =
        serde_json::from_value(applied.json::<Value>()["applied"].clone()).unwrap();
    assert_eq!(applied.map(|applied| (applied.groups, applied.rules)), Some((vec!["Finance".into()], rules)));

    assert_eq!(call(&server, &admin, "/app/group/delete", &[("id", &id)]).await.status, 200);
    assert_eq!(policy(&server, &machine, &token).await.rules, before.rules, "its policy went with it");
    let details = audited(&server, "policy.").await;
    assert_eq!(details[0].1, "version 1: cooldown_seconds, excluded_kinds, excluded_programs");
    // A group begins without rules.
    let of_group = &details[1].1;
    assert!(of_group.contains("cooldown_seconds") && !of_group.contains("excluded_kinds"), "{of_group}");

    let short = server.restarted_with(&[("AIWE_POLICY__VALID_HOURS", "1")]).await;
    let short = policy(&short, &machine, &token).await;
    assert_eq!(short.valid_until - short.issued_at, 3_600);
    let mut replies = Vec::new();
    for _ in 0..31 {
        replies
            .push(server.get("/native/policy").certificate(&machine.der).bearer(&token).send().await.status);
    }
    assert_eq!(replies.pop(), Some(StatusCode::TOO_MANY_REQUESTS));
}

async fn a_stale_or_wrong_policy_is_not_saved(server: TestServer) {
    let admin = server.administrator().await;
    assert_eq!(save_policy(&server, &admin, &[]).await.status, 200);
    for version in ["0", "2", "-1", "x"] {
        let stale = save_policy(&server, &admin, &[("policy[version]", version)]).await;
        assert!(stale.status == 409 && stale.json::<Problem>().is("conflict"), "{version}: {}", stale.text());
    }
    let tries: Vec<_> = (1..=10).map(|seconds: u32| seconds.to_string()).collect();
    let saves = tries.iter().map(|seconds| {
        let (server, admin) = (&server, &admin);
        async move {
            let changes = [("policy[version]", "1"), ("policy[cooldown_seconds]", seconds.as_str())];
            save_policy(server, admin, &changes).await.status
        }
    });
    let statuses = futures::future::join_all(saves).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");

    let (long, many) = ("x".repeat(201), "a\n".repeat(201));
    for (field, value, named) in [
        ("policy[excluded_programs]", long.as_str(), "excluded_programs"),
        ("policy[excluded_titles]", many.as_str(), "excluded_titles"),
        ("policy[excluded_titles]", "a\u{202E}b", "excluded_titles"),
        ("policy[kinds][]", "banking", "excluded_kinds"),
        ("policy[cooldown_seconds]", "86401", "cooldown_seconds"),
        ("policy[cooldown_seconds]", "", "cooldown_seconds"),
        ("policy[pictures_per_day]", "100001", "pictures_per_day"),
        ("policy[retention_days]", "0", "retention_days"),
        ("policy[limit_hours]", "true", "work_hours"),
    ] {
        let wrong = save_policy(&server, &admin, &[("policy[version]", "2"), (field, value)]).await;
        let problem: Problem = wrong.json();
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!((problem.status, fields), (422, vec![named]));
    }
    let missing = [("policy[group]", "01990c5e-7b1a-7cde-8f00-0123456789ab")];
    assert_eq!(save_policy(&server, &admin, &missing).await.status, 404);
    assert_eq!(audited(&server, "policy.").await.len(), 2, "what was refused is not audited");
    let everyone = call(&server, &admin, "/app/policy/remove", &[("group", ""), ("version", "2")]).await;
    assert_eq!(everyone.status, 409);
}

async fn only_administrators_edit_groups_and_policies(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let user = server.session_of(&machine).await;
    let id = create(&server, &admin, "Finance").await;
    let fields = [
        ("id", id.as_str()),
        ("name", "x"),
        ("emails", "anna@example.org"),
        ("member", "x"),
        ("group", ""),
        ("version", "1"),
        ("email", "anna@example.org"),
        ("days", "7"),
        ("policy[cooldown_seconds]", "0"),
    ];
    for path in [
        "/app/group/list",
        "/app/group/find",
        "/app/group/create",
        "/app/group/rename",
        "/app/group/delete",
        "/app/group/add-members",
        "/app/group/remove-member",
        "/app/policy/list",
        "/app/policy/find",
        "/app/policy/save",
        "/app/policy/remove",
        "/app/policy/applied",
        "/app/ledger/usage",
    ] {
        assert_eq!(server.post(path).form(&fields).send().await.status, 401, "{path}");
        let as_user = server.post(path).cookie("aiwe_session", &user).form(&fields).send().await;
        assert_eq!(as_user.status, 403, "{path}");
    }
    assert_eq!(groups(&server, &admin).await[0].members, 0);
    // Somebody who was an administrator when the request came in.
    let token = server.get("/native/policy").certificate(&machine.der);
    assert_eq!(token.send().await.status, 401);
}

async fn the_policy_is_enforced_on_the_server(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let mut tx = server.state.env.store.begin().await.unwrap();
    for mode in tx.modes().list().await.unwrap() {
        tx.modes().update(&Mode { edits_allowed: true, ..mode }).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert!(modes(&server, &machine, &token).await.iter().all(|mode| mode.edits_allowed));
    let stars = "*a".repeat(100);
    let changes = [
        ("policy[excluded_programs]", "Payroll*"),
        ("policy[excluded_titles]", stars.as_str()),
        ("policy[ambient_allowed]", ""),
        ("policy[edits_allowed]", ""),
    ];
    assert_eq!(save_policy(&server, &admin, &changes).await.status, 200);
    assert!(modes(&server, &machine, &token).await.iter().all(|mode| !mode.edits_allowed));

    let hostile = format!(r#"{{"program":"firefox","title":"{}"}}"#, "a".repeat(500));
    for capture in
        [r#"{"program":"PAY\u200bROLL-client"}"#, r#"{"program":"firefox","trigger":"ambient"}"#, &hostile]
    {
        let problem = ask(&server, &machine, &token, &[("capture", capture)]).await.problem();
        assert!(problem.status == 403 && problem.is("refused-by-policy"), "{capture}: {problem}");
    }
    for wrong in
        ["", "[]", r#"{"program":7}"#, r#"{"pid":7}"#, r#"{"trigger":"by-magic"}"#, r#"{"masks":-1}"#]
    {
        let problem = ask(&server, &machine, &token, &[("capture", wrong)]).await.problem();
        assert!(problem.status == 422 && problem.error_of("capture").is_some(), "{wrong}: {problem}");
    }
    let (program, title) = ("x".repeat(201), "x".repeat(501));
    for wrong in [serde_json::json!({ "program": program }), serde_json::json!({ "title": title })] {
        let problem = ask(&server, &machine, &token, &[("capture", &wrong.to_string())]).await.problem();
        assert!(problem.error_of("capture").is_some(), "{problem}");
    }
    let fine = r#"{"program":"firefox","title":"News","trigger":"hotkey","masks":2}"#;
    assert_eq!(ask(&server, &machine, &token, &[("capture", fine)]).await.status, 200);
    // The refused ones have left the machine, so the ledger has them.
    server.state.analyses.finish().await;
    let mut tx = server.state.env.store.read().await.unwrap();
    let account = tx.accounts().find_by_email(&machine.email.parse().unwrap()).await.unwrap().unwrap();
    let entries = tx.ledger().list(&account.id, 0, 50).await.unwrap().rows;
    let decisions: Vec<_> = entries.iter().map(|entry| entry.decision.as_str()).collect();
    assert_eq!(decisions.iter().filter(|decision| **decision == "refused").count(), 3);
    let answered = entries.iter().find(|entry| entry.decision == "answered").unwrap();
    assert_eq!((answered.program.as_str(), answered.title.as_str(), answered.masks), ("firefox", "News", 2));
    assert!(entries.iter().all(|entry| entry.image_sha256 == answered.image_sha256));
    drop(tx);
    let refusals = audited(&server, "picture.refused").await;
    assert!(
        refusals.len() == 3 && refusals.iter().all(|(_, detail)| !detail.to_lowercase().contains("payroll-"))
    );
}

async fn the_budget_counts_pictures_of_a_day_under_load(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let server = server.restarted_with(&[("AIWE_LIMITS__ANALYSES_PER_PERSON", "8")]).await;
    assert_eq!(save_policy(&server, &admin, &[("policy[pictures_per_day]", "2")]).await.status, 200);
    let asks = (0..4).map(|_| ask(&server, &machine, &token, &[]));
    let replies = futures::future::join_all(asks).await;
    let answered = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(answered, 2, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    let refused = replies.into_iter().find(|reply| reply.status == 429).unwrap().problem();
    let left = 86_400 - server.state.env.now().rem_euclid(86_400);
    assert_eq!(refused.retry_after, Some(left.unsigned_abs()), "{refused}");

    // Erasing what was sent gives nothing back.
    let session = server.session_of(&machine).await;
    let erase = server.post("/app/ledger/erase").cookie("aiwe_session", &session);
    assert_eq!(erase.form(&[("all", "true")]).send().await.json::<u64>(), 2);
    assert_eq!(ask(&server, &machine, &token, &[]).await.status, 429);
    server.clock.advance(left);
    let token = server.token(&machine).await;
    assert_eq!(ask(&server, &machine, &token, &[]).await.status, 200);
}
