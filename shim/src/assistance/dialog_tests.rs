use desktop::edit::{Gate, Proposal, Target, TargetKind};
use http::header::CONTENT_SECURITY_POLICY;

use super::*;

fn offer(old: &str, new: &str) -> Offer {
    let target = Target {
        window: 7,
        pid: Some(70),
        program: "Editor".into(),
        title: "<b>\u{202E}letter</b>".into(),
        field: None,
        selection: Some(old.into()),
        kind: TargetKind::Field,
    };
    let proposal = Proposal::new(new.into(), Some(old.into())).unwrap();
    Gate::new().propose(proposal, target, Instant::now()).unwrap()
}

fn counting(bytes: &mut [u8]) -> bool {
    use std::sync::atomic::{AtomicU8, Ordering};

    static LAST: AtomicU8 = AtomicU8::new(0);
    bytes.fill(LAST.fetch_add(1, Ordering::Relaxed));
    true
}

fn get(dialog: &Dialog, now: Instant) -> String {
    let request = Request::builder().uri(PATH).body(Vec::new()).unwrap();
    String::from_utf8(dialog.handle(&request, now).into_body()).unwrap()
}

fn post(dialog: &Dialog, body: &str, now: Instant) -> String {
    let request = Request::builder().method(Method::POST).uri(PATH).body(body.as_bytes().to_vec()).unwrap();
    String::from_utf8(dialog.handle(&request, now).into_body()).unwrap()
}

fn number(dialog: &Dialog) -> String {
    dialog.open.lock().as_ref().map(|open| open.number.clone()).unwrap_or_default()
}

#[test]
fn the_page_shows_the_exact_text_and_the_safe_answer_has_the_keyboard() {
    let dialog = Dialog::new(counting);
    let offer = offer("the door are is open\nold", "the <door>\u{a0}is open\n👩\u{200D}💻\tnew");
    let (_, _decision) = dialog.begin(offer).unwrap();
    let page = get(&dialog, Instant::now());
    assert!(page.contains("Make 3 changes in Editor?"), "{page}");
    assert!(page.contains("&lt;b&gt;letter&lt;/b&gt;") && !page.contains("<b>"), "{page}");
    assert!(page.contains("<ins>&lt;</ins>") && page.contains("U+00A0") && page.contains("U+200D"), "{page}");
    assert!(page.contains("⇥") && page.contains("↵"), "{page}");
    let (no, yes) = (page.find("value=\"no\" autofocus").unwrap(), page.find("value=\"yes\"").unwrap());
    assert!(no < yes, "Enter presses the first button");
    let request = Request::builder().uri(PATH).body(Vec::new()).unwrap();
    let policy = dialog.handle(&request, Instant::now()).headers()[CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src 'unsafe"), "{policy}");
}

#[test]
fn one_change_is_told_with_its_length() {
    let dialog = Dialog::new(counting);
    let (_, _decision) = dialog.begin(offer("one", "twelve")).unwrap();
    assert!(get(&dialog, Instant::now()).contains("Type 6 characters into Editor?"));
}

#[test]
fn a_decision_is_for_what_was_shown_and_counts_once() {
    let dialog = Dialog::new(counting);
    let start = Instant::now();
    let later = start + SHORTEST_LOOK;
    let (_, mut decision) = dialog.begin(offer("one two three\nfour", "1 two three\n4")).unwrap();
    get(&dialog, start);
    let yes = |number: &str| format!("number={number}&decision=yes&change=1");
    post(&dialog, &yes("0000"), later);
    assert!(decision.try_recv().is_err(), "of another dialog");
    let number = number(&dialog);
    assert!(post(&dialog, &yes(&number), start).contains("too soon"));
    assert!(decision.try_recv().is_err(), "nobody reads that fast");
    let again = get(&dialog, later);
    assert!(
        again.contains("value=\"1\" checked") && !again.contains("value=\"0\" checked"),
        "the choice stays"
    );
    assert!(post(&dialog, &yes(&number), later).contains("decided"));
    assert_eq!(decision.try_recv(), Ok(Decision::Chosen(vec![false, true])));
    assert!(post(&dialog, &yes(&number), later).contains("decided"));
}

#[test]
fn no_and_closing_are_the_same() {
    let dialog = Dialog::new(counting);
    let (_, mut decision) = dialog.begin(offer("one", "1")).unwrap();
    let body = format!("number={}&decision=no&change=0", number(&dialog));
    // Also at once: saying no is never wrong.
    post(&dialog, &body, Instant::now());
    assert_eq!(decision.try_recv(), Ok(Decision::Declined));
    let (number_before, decision) = dialog.begin(offer("one", "1")).unwrap();
    dialog.end(&number_before);
    assert!(decision.blocking_recv().is_err());
    let (_, mut next) = dialog.begin(offer("one", "1")).unwrap();
    dialog.end(&number_before);
    assert_eq!(next.try_recv(), Err(oneshot::error::TryRecvError::Empty), "the end of the one before");
    let (_, mut decision) = dialog.begin(offer("one", "1")).unwrap();
    let form = format!("number={}", number(&dialog));
    post(&dialog, &form, Instant::now());
    assert_eq!(decision.try_recv(), Ok(Decision::Declined), "a form without a yes");
}

#[test]
fn a_yes_that_was_never_shown_is_none() {
    let dialog = Dialog::new(counting);
    let (_, mut decision) = dialog.begin(offer("one", "1")).unwrap();
    post(&dialog, &format!("number={}&decision=yes&change=0", number(&dialog)), Instant::now());
    assert!(decision.try_recv().is_err());
}
