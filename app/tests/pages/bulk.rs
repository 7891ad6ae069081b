//! Bulk decisions, as a browser without scripts posts them.

use super::fixture::{Who, open, post_form};

const BACK: &str = "back=%2Fadmin%2Frequests%3Fstate%3Dpending";

#[tokio::test]
async fn the_list_is_a_form_with_boxes() {
    let page = open(Who::Administrator, "/admin/requests", "").await.body;
    let form = page.split("action=\"/app/access/decide\"").nth(1).expect("the form");
    let form = form.split("</form>").next().unwrap();
    let boxes: Vec<_> = form.split("<input").filter(|i| i.contains("name=\"ids[]\"")).collect();
    assert_eq!(boxes.len(), 1, "only pending requests can be chosen");
    assert!(boxes[0].contains("value=\"1\"") && boxes[0].contains("aria-label=\"Select anna@example.org\""));
    for part in ["value=\"approve\"", "value=\"reject\"", "name=\"reason_for_all\"", "name=\"back\""] {
        assert!(form.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_decision_without_scripts_is_reported_on_the_list() {
    let form = format!("verdict=approve&ids%5B%5D=1&ids%5B%5D=7&ids%5B%5D=8&{BACK}");
    let posted = post_form(Who::Administrator, "/app/access/decide", &form).await;
    assert_eq!((posted.status.as_u16(), posted.header("location")), (303, "/admin/requests?state=pending"));
    let shown = open(Who::Administrator, posted.header("location"), &posted.cookie("aiwe-told")).await;
    for words in ["1 request approved, 2 not", "late-7@example.org, late-8@example.org", "Grace approved it"]
    {
        assert!(shown.body.contains(words), "{words}");
    }
    assert_eq!(shown.cookie("aiwe-told"), "aiwe-told=", "it is shown once");
}

#[tokio::test]
async fn a_long_report_names_as_many_as_fit() {
    let ids = (100..200).map(|id| format!("&ids%5B%5D={id}")).collect::<Vec<_>>().concat();
    let posted =
        post_form(Who::Administrator, "/app/access/decide", &format!("verdict=reject{ids}&{BACK}")).await;
    let cookie = posted.cookie("aiwe-told");
    assert!(!cookie.is_empty() && cookie.len() < 4_000, "{}", cookie.len());
    let shown = open(Who::Administrator, posted.header("location"), &cookie).await.body;
    assert!(shown.contains("No request was rejected, 100 not"), "all are counted");
    assert!(shown.contains("late-100@example.org") && shown.contains(" more."), "some are named");
}

/// A browser presses the form's first button when somebody presses Enter in one of its boxes.
#[tokio::test]
async fn the_first_button_of_the_form_decides_nothing() {
    let page = open(Who::Administrator, "/admin/requests", "").await.body;
    let form = page.split("action=\"/app/access/decide\"").nth(1).expect("the form");
    let mut buttons = form.split("<button").skip(1).map(|button| button.split('>').next().unwrap());
    let first = buttons.find(|button| button.contains("type=\"submit\"")).expect("a button");
    assert!(first.contains("name=\"verdict\" value=\"\""), "{first}");
    assert!(first.contains("hidden") && !first.contains("disabled"), "{first}");
    let pressed = format!("verdict=&ids%5B%5D=1&{BACK}");
    let posted = post_form(Who::Administrator, "/app/access/decide", &pressed).await;
    let shown = open(Who::Administrator, posted.header("location"), &posted.cookie("aiwe-form")).await.body;
    assert!(shown.contains("Choose approve or reject"));
}

#[tokio::test]
async fn a_rejected_form_keeps_ticks_and_reason() {
    let form = format!("verdict=perhaps&ids%5B%5D=1&reason_for_all=Not+one+of+us&{BACK}");
    let posted = post_form(Who::Administrator, "/app/access/decide", &form).await;
    assert_eq!(posted.status, 303);
    let shown = open(Who::Administrator, posted.header("location"), &posted.cookie("aiwe-form")).await.body;
    assert!(shown.contains("Choose approve or reject"));
    assert!(shown.contains("Not one of us"));
    let ticked = shown.split("<input").find(|i| i.contains("name=\"ids[]\"")).unwrap();
    assert!(ticked.split('>').next().unwrap().contains("checked"), "{ticked}");
    let none = post_form(Who::Administrator, "/app/access/decide", &format!("verdict=reject&{BACK}")).await;
    let shown = open(Who::Administrator, none.header("location"), &none.cookie("aiwe-form")).await.body;
    assert!(shown.contains("Choose at least one request"));
}

#[tokio::test]
async fn the_return_path_stays_on_this_server() {
    for back in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", ""] {
        let form = format!("verdict=approve&ids%5B%5D=1&back={back}");
        let posted = post_form(Who::Administrator, "/app/access/decide", &form).await;
        assert_eq!(posted.header("location"), "/admin/requests", "{back}");
    }
}
