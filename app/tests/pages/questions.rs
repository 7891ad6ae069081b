//! Every question that a dialog asks also works without scripts, on a page of its own.

use super::fixture::{Answered, Who, open};

/// What the form around the button `words` opens, as a browser without scripts sends it.
fn press(page: &str, path: &str, words: &str) -> String {
    let form = page
        .split("<form")
        .find(|form| {
            form.split("</form>")
                .next()
                .is_some_and(|form| form.contains(words) && form.contains("name=\"ask\""))
        })
        .unwrap();
    let form = form.split("</form>").next().unwrap();
    assert!(form.contains("method=\"get\""), "the button asks and changes nothing: {form}");
    let fields = form.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("button"));
    let value = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let pairs = fields.filter_map(|tag| Some(format!("{}={}", value(tag, "name")?, value(tag, "value")?)));
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

async fn ask(path: &str, words: &str) -> (String, String) {
    let page = open(Who::Administrator, path, "").await.body;
    let asking = press(&page, path.split('?').next().unwrap(), words);
    let Answered { status, body, .. } = open(Who::Administrator, &asking, "").await;
    assert_eq!(status, 200, "{asking}");
    (asking, body)
}

#[tokio::test]
async fn the_questions_about_a_request_work_without_scripts() {
    for (path, words, action, parts) in [
        (
            "/admin/requests/1?state=pending",
            "Approve…",
            "approve",
            &["ABCD-2345", "The codes match: approve"][..],
        ),
        ("/admin/requests/1?state=pending", "Reject…", "reject", &["name=\"reason\"", "Reject the request"]),
        ("/admin/requests/2", "Send a new link…", "send-link", &["name=\"sent\"", "stops working"]),
        ("/admin/requests/2", "Decline…", "decline-link", &["name=\"reason\"", "Decline to send one"]),
    ] {
        let (asking, page) = ask(path, words).await;
        assert_eq!(
            asking.contains("state=pending"),
            path.contains("state=pending"),
            "the list stays filtered"
        );
        let question = page.split(&format!("action=\"/app/access/{action}\"")).next().unwrap();
        let opened = question.rfind("<dialog").max(question.rfind("<section"));
        assert!(
            opened.is_some_and(|start| question[start..].starts_with("<section")),
            "{words}: the question is not in a dialog, which needs scripts: {asking} {question}"
        );
        for part in parts {
            assert!(page.contains(part), "{words}: {part}");
        }
    }
}

#[tokio::test]
async fn revoking_works_without_scripts() {
    let (asking, page) = ask("/admin/certificates?search=example", "Revoke…").await;
    assert!(asking.contains("search=example") && asking.contains("about=1"), "{asking}");
    let question = page.split("<section id=\"revoke-certificate\"").nth(1).expect("the question");
    let question = question.split("</section>").next().unwrap();
    assert!(question.contains("Revoke the certificate of “Anna’s laptop”"));
    assert!(question.contains("action=\"/app/certificate/revoke\""));
    assert!(question.contains("name=\"id\" value=\"1\""), "{question}");
    assert!(question.contains("href=\"/admin/certificates?search=example\""), "the way back");
    // Nothing is asked about a certificate that is not there.
    let unknown = open(Who::Administrator, "/admin/certificates?ask=revoke&about=9", "").await.body;
    assert!(!unknown.contains("action=\"/app/certificate/revoke\""));
}

#[tokio::test]
async fn approving_several_without_scripts_lists_their_codes_first() {
    let list = open(Who::Administrator, "/admin/requests", "").await.body;
    let button = list.split("<button").find(|button| button.contains("value=\"approve\"")).unwrap();
    let button = button.split("</button>").next().unwrap();
    for part in ["formmethod=\"get\"", "formaction=\"/admin/decide\"", "Compare the codes…"] {
        assert!(button.contains(part), "{part} in {button}");
    }
    let path = "/admin/decide?ids%5B%5D=1&ids%5B%5D=3&ids%5B%5D=x&back=%2Fadmin%2Frequests%3Fstate%3Dpending&verdict=approve";
    let page = open(Who::Administrator, path, "").await;
    assert_eq!(page.status, 200);
    let form = page.body.split("action=\"/app/access/decide\"").nth(1).expect("the form");
    let form = form.split("</form>").next().unwrap();
    assert!(form.contains("ABCD-2345") && form.contains("anna@example.org"));
    assert!(!form.contains("cleo@example.org"), "one that is decided already is left out");
    assert!(form.contains("name=\"back\" value=\"/admin/requests?state=pending\""));
    assert_eq!(form.matches("name=\"ids[]\"").count(), 1);
    let foreign = "/admin/decide?ids%5B%5D=1&back=https%3A%2F%2Fevil.example";
    assert!(!open(Who::Administrator, foreign, "").await.body.contains("evil.example"));
}

/// The panel's frame shows it, once.
#[tokio::test]
async fn what_failed_without_scripts_is_told_on_the_page() {
    use super::fixture::post_form_from;
    let page = "/admin/requests/1?state=pending&ask=approve";
    let posted = post_form_from(Who::Administrator, page, "/app/access/approve", "id=1").await;
    assert_eq!((posted.status.as_u16(), posted.header("location")), (303, page));
    let shown = open(Who::Administrator, page, &posted.cookie("aiwe-form")).await.body;
    // The page holds its data too.
    assert_eq!(shown.matches("<p>Grace approved it a minute ago.</p>").count(), 1);
    let done = post_form_from(Who::Administrator, page, "/app/access/reject", "id=1").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/admin/requests/1?state=pending"));
}

/// Long content is cut where it stands, and the whole is in a title; columns of the first priority have no class that hides
/// them.
#[tokio::test]
async fn columns_have_priorities_and_long_text_has_a_title() {
    for path in ["/admin/requests", "/admin/certificates", "/admin/modes"] {
        let page = open(Who::Administrator, path, "").await.body;
        let cells = page.split("<th").chain(page.split("<td")).filter(|cell| cell.contains("data-priority"));
        let mut first = 0;
        for cell in cells {
            let tag = cell.split('>').next().unwrap();
            if tag.contains("data-priority=\"1\"") {
                first += 1;
                assert!(!tag.contains(":hidden"), "{path}: {tag}");
            } else if tag.contains("data-priority") {
                assert!(tag.contains(":hidden"), "{path}: {tag}");
            }
        }
        assert!(first > 0 && page.contains("table-fixed"), "{path}");
    }
    let list = open(Who::Administrator, "/admin/requests", "").await.body;
    assert!(list.contains("title=\"ben.longer-name@clinic.example.org\""));
}
