//! Groups, policies, use, and one's own ledger: pages and forms without scripts.

use super::fixture::{Who, open, post_form};
use super::shows;

#[tokio::test]
async fn groups_and_policies_are_complete_without_scripts() {
    let admin = Who::Administrator;
    shows(admin, "groups", "/admin/groups", &["Ward &lt;3&gt;", "Create group"]).await;
    let group =
        &["anna@example.org", "Modes limited to this group: Coding", "Delete group", "name=\"emails\""];
    shows(admin, "group", "/admin/groups/g1", group).await;
    shows(admin, "policies", "/admin/policy", &["Everyone", "Version 3", "everyone’s applies"]).await;
    let applied = &["From everyone’s policy and those of: Finance.", "Pictures per day", "40"];
    shows(admin, "policy-of-person", "/admin/policy?person=anna@example.org", applied).await;
    shows(admin, "policy-of-nobody", "/admin/policy?person=x", &["This address has no account."]).await;
    let editor = &["payroll*\nbank &amp; &lt;co&gt;", "Private browsing windows", "Save policy"];
    shows(admin, "policy", "/admin/policy/everyone", editor).await;
    shows(admin, "policy-of-group", "/admin/policy/g1", &["Remove this policy"]).await;
    shows(admin, "use", "/admin/use?days=30", &["anna@example.org", "firefox", "3000 kB"]).await;
    shows(admin, "mode-groups", "/admin/modes/new", &["Only for these groups", "Finance"]).await;
    for path in ["/admin/groups", "/admin/policy", "/admin/policy/everyone", "/admin/use"] {
        assert_eq!(open(Who::User, path, "").await.header("location"), "/account", "{path}");
    }
}

#[tokio::test]
async fn a_rejected_policy_comes_back_as_it_was_typed() {
    let typed = "policy[group]=&policy[version]=3&policy[cooldown_seconds]=soon&policy[excluded_titles]=%3Csecret%3E\
        &policy[kinds][]=lock-screen&policy[retention_days]=0";
    let refused = post_form(Who::Administrator, "/app/policy/save", typed).await;
    assert_eq!(refused.header("location"), "/admin/policy/everyone");
    let shown = open(Who::Administrator, refused.header("location"), &refused.cookie("aiwe-form")).await.body;
    for words in
        ["Enter a whole number from 0 to 86,400.", "from 1 to 3,650", "&lt;secret&gt;", "value=\"soon\""]
    {
        assert!(shown.contains(words), "{words}");
    }
    let of = |id: &str| {
        let from = shown.find(&format!("id=\"policy[kinds][]-{id}\"")).unwrap();
        shown[from..].split('>').next().unwrap().contains("checked")
    };
    assert!(of("lock-screen") && !of("password-manager"));
    let stale =
        typed.replace("version]=3", "version]=2").replace("soon", "5").replace("retention_days]=0", "x=0");
    let refused = post_form(Who::Administrator, "/app/policy/save", &stale).await;
    let shown = open(Who::Administrator, refused.header("location"), &refused.cookie("aiwe-form")).await.body;
    assert!(shown.contains("Somebody else has changed this policy"), "{shown}");
    let fine =
        post_form(Who::Administrator, "/app/policy/save", &stale.replace("version]=2", "version]=3")).await;
    assert_eq!(fine.header("location"), "/admin/policy");
}

#[tokio::test]
async fn ones_own_ledger_and_sessions_need_no_scripts() {
    let ledger =
        &["News &lt;b&gt;", "by ambient mode", "2 parts masked", "Export as JSON", "Erase everything"];
    shows(Who::User, "ledger", "/account/ledger", ledger).await;
    let asked = &["This cannot be undone", "name=\"all\""];
    shows(Who::User, "ledger-erase", "/account/ledger?ask=erase-all", asked).await;
    let account = &["Your machines", "Where you are signed in", "(this one)", "/account/ledger"];
    shows(Who::User, "account-devices", "/account", account).await;
    assert!(open(Who::Nobody, "/account/ledger", "").await.header("location").starts_with("/login"));

    let erased = post_form(Who::User, "/app/ledger/erase", "id=l1").await;
    assert_eq!((erased.status.as_u16(), erased.header("location")), (303, "/account/ledger"));
    let told = open(Who::User, "/account/ledger", &erased.cookie("aiwe-told")).await.body;
    assert!(told.contains("One entry was erased"));
    let refused = post_form(Who::User, "/app/ledger/erase", "id=").await;
    let told = open(Who::User, "/account/ledger", &refused.cookie("aiwe-form")).await.body;
    assert!(told.contains("There is nothing here"), "an empty id is never everything");
    let ended = post_form(Who::User, "/app/people/end-session", "id=s2").await;
    let told = open(Who::User, ended.header("location"), &ended.cookie("aiwe-told")).await.body;
    assert!(told.contains("The session has ended"));
}

#[tokio::test]
async fn a_groups_forms_keep_what_was_typed() {
    let admin = Who::Administrator;
    let refused = post_form(admin, "/app/group/add-members", "id=g1&emails=nobody%40example.org").await;
    assert_eq!(refused.header("location"), "/admin/groups/g1");
    let shown = open(admin, refused.header("location"), &refused.cookie("aiwe-form")).await.body;
    assert!(shown.contains("These addresses have no account.") && shown.contains("nobody@example.org"));
    let kept = post_form(admin, "/app/group/delete", "id=g1").await;
    let shown = open(admin, kept.header("location"), &kept.cookie("aiwe-form")).await.body;
    assert!(shown.contains("Modes are limited to this group."));
    assert_eq!(post_form(admin, "/app/group/delete", "id=g2").await.header("location"), "/admin/groups");
    assert_eq!(
        post_form(admin, "/app/group/create", "name=Ward").await.header("location"),
        "/admin/groups/g1"
    );
}
