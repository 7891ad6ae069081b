use proptest::prelude::*;

use super::*;
use crate::text::is_invisible;

fn verdict(text: &str, original: &str, replacement: &str) -> Result<(), EditRefusal> {
    check(text, original, replacement, Lines::Allowed).map(|_| ())
}

#[test]
fn each_rule_refuses() {
    for (text, original, replacement, refusal) in [
        ("one two", "three", "x", EditRefusal::NotFound),
        ("one two", "", "x", EditRefusal::NotFound),
        ("one one", "one", "x", EditRefusal::Ambiguous),
        ("aaa", "aa", "x", EditRefusal::Ambiguous),
        ("äää", "ää", "x", EditRefusal::Ambiguous),
        ("one two", "one", "one", EditRefusal::Unchanged),
        ("one two", "one", "a\u{1b}[0m", EditRefusal::Control),
        ("one two", "one", "a\r\nb", EditRefusal::Control),
        ("one two", "one", "a\u{9b}b", EditRefusal::Control),
        ("one two", "one", "a\u{202E}b", EditRefusal::Invisible),
        ("one two", "one", "a\u{2066}b", EditRefusal::Invisible),
        ("one two", "one", "a\u{200B}b", EditRefusal::Invisible),
        ("one two", "one", "a\u{E0041}b", EditRefusal::Invisible),
        ("one two", "one", "a\u{2028}b", EditRefusal::Invisible),
    ] {
        assert_eq!(verdict(text, original, replacement), Err(refusal), "{original:?} {replacement:?}");
    }
    let long = "x".repeat(MAX_CHARS + 1);
    assert_eq!(verdict("one", "one", &long), Err(EditRefusal::TooLong));
    assert_eq!(verdict(&long, &long, "one"), Err(EditRefusal::TooLong));
    assert_eq!(verdict("one", "one", &long[1..]), Ok(()));
    assert_eq!(verdict("one two", "two", "a\n\tb"), Ok(()));
    assert_eq!(verdict("a\u{200B}b", "a\u{200B}b", ""), Ok(()), "what is there already may be removed");
    assert_eq!(verdict("one", "one", "👩\u{200D}💻 ❤\u{FE0F}"), Ok(()), "joiners of an emoji hide nothing");
    assert_eq!(verdict("one", "one", "👍\u{200D}\u{200D}👍"), Err(EditRefusal::Invisible));
    assert_eq!(check("one", "one", "a\nb", Lines::Forbidden), Err(EditRefusal::Lines));
    assert_eq!(check("one", "one", "a\tb", Lines::Forbidden), Err(EditRefusal::Lines));
}

#[test]
fn edits_of_one_answer_do_not_overlap_and_are_few() {
    let results =
        check_all("one two three", [("one two", "a"), ("two three", "b"), ("three", "c")], Lines::Allowed);
    assert_eq!(results, [Ok(()), Err(EditRefusal::Overlapping), Ok(())]);
    let words: Vec<String> = (100..112).map(|n| n.to_string()).collect();
    let text = words.join(" ");
    let results = check_all(&text, words.iter().map(|word| (word.as_str(), "x")), Lines::Allowed);
    assert!(results[..MAX_EDITS].iter().all(Result::is_ok), "{results:?}");
    assert_eq!(results[MAX_EDITS..], [Err(EditRefusal::TooMany), Err(EditRefusal::TooMany)]);
}

#[test]
fn all_edits_of_an_answer_are_made_at_once() {
    let edit = |original: &str, replacement: &str| TextEdit {
        id: "1".into(),
        original: original.into(),
        replacement: replacement.into(),
        rationale: String::new(),
        outcome: None,
    };
    let text = "one two three";
    let made = |edits: &[TextEdit]| apply(text, edits, Lines::Allowed);
    assert_eq!(made(&[edit("three", "3"), edit("one", "first")]).as_deref(), Ok("first two 3"));
    assert_eq!(made(&[]).as_deref(), Ok(text));
    assert_eq!(made(&[edit("one", "1"), edit("four", "4")]), Err(EditRefusal::NotFound));
    assert_eq!(made(&[edit("one two", "1"), edit("two", "2")]), Err(EditRefusal::Overlapping));
}

/// Characters that matter, and any others.
fn chars() -> impl Strategy<Value = char> {
    let listed =
        "ab \n\t\r\u{0}\u{1b}\u{7f}\u{9b}\u{ad}\u{200B}\u{200D}\u{202E}\u{2066}\u{FE0F}\u{FEFF}\u{E0041}";
    prop_oneof![prop::sample::select(listed.chars().collect::<Vec<_>>()), any::<char>()]
}

fn text(length: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(chars(), 0..length).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn what_passes_keeps_every_rule(
        before in text(6), original in text(4), after in text(6), replacement in text(6), terminal in any::<bool>(),
    ) {
        let whole = format!("{before}{original}{after}");
        let lines = if terminal { Lines::Forbidden } else { Lines::Allowed };
        if let Ok(range) = check(&whole, &original, &replacement, lines) {
            prop_assert_eq!(&whole[range.clone()], original.as_str());
            let found = whole.char_indices().filter(|(at, _)| whole[*at..].starts_with(original.as_str())).count();
            prop_assert_eq!(found, 1);
            prop_assert_eq!(range.start, before.len());
            prop_assert_ne!(&original, &replacement);
            for c in replacement.chars() {
                let is_line = matches!(c, '\n' | '\t');
                let joins = matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}');
                prop_assert!(if is_line { !terminal } else { joins || !is_invisible(c) }, "{:?}", replacement);
            }
        }
    }

    #[test]
    fn what_keeps_the_rules_passes(before in "[a-m\n]{0,20}", after in "[a-m\n]{0,20}", replacement in "[A-Z ä\n\t]{0,20}") {
        prop_assert_eq!(verdict(&format!("{before}xyz{after}"), "xyz", &replacement), Ok(()));
    }
}
