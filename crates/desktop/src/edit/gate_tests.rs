use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn target(kind: TargetKind) -> Target {
    Target {
        window: 7,
        pid: Some(70),
        program: "Editor".into(),
        title: "letter.txt".into(),
        field: None,
        selection: Some("old".into()),
        kind,
    }
}

fn proposal(text: &str) -> Proposal {
    Proposal::new(text.into(), Some("old".into())).unwrap()
}

#[test]
fn what_cannot_be_seen_is_refused() {
    for text in [
        "a\u{1b}[2J",
        "a\rb",
        "a\u{0}",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{e0041}",
        "pay\u{200d}pal",
        "\u{feff}a",
        "a\u{9b}",
    ] {
        assert_eq!(Proposal::new(text.into(), None).unwrap_err(), Refusal::Invisible, "{text:?}");
    }
    for text in ["Größe\t1\n", "👩\u{200d}💻 ❤\u{fe0f}", "日本語", "می\u{200c}خواهم"] {
        assert_eq!(Proposal::new(text.into(), None).unwrap().text(), text);
    }
    assert_eq!(Proposal::new(String::new(), None).unwrap_err(), Refusal::Empty);
    assert_eq!(Proposal::new("ä".repeat(MAX_LENGTH + 1), None).unwrap_err(), Refusal::TooLong);
    assert!(Proposal::new("ä".repeat(MAX_LENGTH), None).is_ok());
}

#[test]
fn some_places_are_refused_before_anybody_is_asked() {
    let now = Instant::now();
    let mut gate = Gate::new();
    for (text, kind, refusal) in [
        ("ls\n", TargetKind::Terminal, Refusal::LineFeedInTerminal),
        ("l\ts", TargetKind::Terminal, Refusal::LineFeedInTerminal),
        ("new", TargetKind::Password, Refusal::Password),
        ("new", TargetKind::Foreign, Refusal::ForeignWindow),
    ] {
        assert_eq!(gate.propose(proposal(text), target(kind), now).unwrap_err(), refusal);
    }
    let other = Proposal::new("new".into(), Some("another".into())).unwrap();
    assert_eq!(gate.propose(other, target(TargetKind::Field), now).unwrap_err(), Refusal::Selection);
}

#[test]
fn a_confirmation_works_once_for_what_was_shown_and_for_a_while() {
    let now = Instant::now();
    let mut gate = Gate::new();
    let offer = gate.propose(proposal("new"), target(TargetKind::Field), now).unwrap();
    let confirmation = gate.confirm(offer.id, offer.digest, now).unwrap();
    assert_eq!(gate.admit(confirmation, now).unwrap().proposal().text(), "new");
    assert_eq!(gate.confirm(offer.id, offer.digest, now).unwrap_err(), Refusal::Unknown);

    let offer = gate.propose(proposal("new"), target(TargetKind::Field), now).unwrap();
    let shown = Digest::of(&proposal("other"), &offer.target);
    assert_eq!(gate.confirm(offer.id, shown, now).unwrap_err(), Refusal::Different);
    assert_eq!(gate.confirm(offer.id, offer.digest, now).unwrap_err(), Refusal::Unknown);

    let offer = gate.propose(proposal("new"), target(TargetKind::Field), now).unwrap();
    let confirmation = gate.confirm(offer.id, offer.digest, now).unwrap();
    assert_eq!(gate.admit(confirmation, now + CONFIRMATION_LIFETIME).unwrap_err(), Refusal::Expired);

    let offer = gate.propose(proposal("new"), target(TargetKind::Field), now).unwrap();
    let late = now + OFFER_LIFETIME;
    assert_eq!(gate.confirm(offer.id, offer.digest, late).unwrap_err(), Refusal::Expired);

    let offer = gate.propose(proposal("new"), target(TargetKind::Field), now).unwrap();
    gate.decline(offer.id);
    assert_eq!(gate.confirm(offer.id, offer.digest, now).unwrap_err(), Refusal::Unknown);

    let offer = gate.propose(proposal("new"), target(TargetKind::Field), now).unwrap();
    let confirmation = gate.confirm(offer.id, offer.digest, now).unwrap();
    assert_eq!(Gate::new().admit(confirmation, now).unwrap_err(), Refusal::Unknown, "of another gate");
}

#[test]
fn a_part_of_what_was_shown_can_be_confirmed_and_nothing_else() {
    let now = Instant::now();
    let mut gate = Gate::new();
    let old = "one two three\nfour";
    let target = Target { selection: Some(old.into()), ..target(TargetKind::Field) };
    let whole = Proposal::new("1 two three\n4".into(), Some(old.into())).unwrap();
    for (chosen, text) in [
        (&[true, true][..], Ok("1 two three\n4")),
        (&[true, false], Ok("1 two three\nfour")),
        (&[false, true], Ok("one two three\n4")),
        (&[false, false], Err(Refusal::NothingChosen)),
        (&[], Err(Refusal::NothingChosen)),
    ] {
        let offer = gate.propose(whole.clone(), target.clone(), now).unwrap();
        let confirmed = gate.confirm_changes(offer.id, offer.digest, chosen, now);
        let typed = confirmed.and_then(|confirmation| gate.admit(confirmation, now));
        let typed = typed.map(|edit| edit.proposal().text().to_owned());
        assert_eq!(typed.as_deref().map_err(|refusal| *refusal), text, "{chosen:?}");
        let again = gate.confirm_changes(offer.id, offer.digest, &[true, true], now);
        assert_eq!(again.unwrap_err(), Refusal::Unknown);
    }
}

#[test]
fn every_part_of_the_target_is_part_of_the_digest() {
    let text = proposal("new");
    let original = Digest::of(&text, &target(TargetKind::Field));
    let change = |change: fn(&mut Target)| {
        let mut target = target(TargetKind::Field);
        change(&mut target);
        Digest::of(&text, &target)
    };
    for changed in [
        change(|target| target.window = 8),
        change(|target| target.pid = None),
        change(|target| target.program = "Editorl".into()),
        change(|target| target.title.push('x')),
        change(|target| target.field = Some(FieldId("x".into()))),
        change(|target| target.selection = None),
        change(|target| target.kind = TargetKind::Terminal),
        Digest::of(&proposal("new "), &target(TargetKind::Field)),
    ] {
        assert_ne!(changed, original);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Admit(usize),
    Confirm { gate: usize, offer: usize, shown: usize },
    Decline(usize),
    Propose { gate: usize, text: String, kind: TargetKind },
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kinds = prop::sample::select(vec![
        TargetKind::Field,
        TargetKind::Terminal,
        TargetKind::Password,
        TargetKind::Foreign,
    ]);
    let odd = prop::sample::select(vec![
        '\u{202e}',
        '\u{200b}',
        '\u{e0041}',
        '\u{1b}',
        '\n',
        '\t',
        '\u{200d}',
        'é',
    ]);
    let text = prop_oneof![
        "[a-z ]{1,8}",
        ("[a-z]{0,3}", odd, "[a-z]{0,3}").prop_map(|(start, odd, end)| format!("{start}{odd}{end}")),
        any::<String>(),
    ];
    let step = prop_oneof![
        3 => (0..2usize, text, kinds).prop_map(|(gate, text, kind)| Step::Propose { gate, text, kind }),
        3 => (0..2usize, 0..6usize, 0..6usize).prop_map(|(gate, offer, shown)| Step::Confirm { gate, offer, shown }),
        2 => (0..2usize, 0..6usize).prop_map(|(gate, offer)| Step::Confirm { gate, offer, shown: offer }),
        3 => (0..2usize).prop_map(Step::Admit),
        1 => (0..6usize).prop_map(Step::Decline),
        1 => (0..700u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    /// Whatever happens in whatever order: what comes out was proposed at that gate, shown, confirmed there a moment ago,
    /// comes out once, and may be typed there.
    #[test]
    fn nothing_else_reaches_the_keyboard(steps in steps()) {
        let mut gates = [Gate::new(), Gate::new()];
        let mut now = Instant::now();
        let mut offers: Vec<(usize, Offer)> = Vec::new();
        // The confirmation, the offer's place, and when.
        let mut confirmed: Vec<(Confirmation, usize, Instant)> = Vec::new();
        let mut used: Vec<usize> = Vec::new();
        for step in steps {
            match step {
                Step::Propose { gate, text, kind } => {
                    if let Ok(proposal) = Proposal::new(text, Some("old".into()))
                        && let Ok(offer) = gates[gate].propose(proposal, target(kind), now)
                    {
                        offers.push((gate, offer));
                    }
                }
                Step::Confirm { gate, offer, shown } => {
                    let (Some((own, offered)), Some((_, other))) = (offers.get(offer), offers.get(shown)) else { continue };
                    if let Ok(confirmation) = gates[gate].confirm(offered.id, other.digest, now) {
                        prop_assert_eq!(*own, gate);
                        prop_assert_eq!(&offered.digest, &other.digest);
                        confirmed.push((confirmation, offer, now));
                    }
                }
                Step::Decline(offer) => {
                    if let Some((gate, offered)) = offers.get(offer) {
                        gates[*gate].decline(offered.id);
                    }
                }
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
                Step::Admit(gate) => {
                    let Some((confirmation, place, at)) = confirmed.pop() else { continue };
                    let (own, offered) = &offers[place];
                    let Ok(edit) = gates[gate].admit(confirmation, now) else { continue };
                    prop_assert_eq!(*own, gate);
                    prop_assert!(now < at + CONFIRMATION_LIFETIME);
                    prop_assert!(!used.contains(&place));
                    used.push(place);
                    prop_assert_eq!(edit.proposal(), &offered.proposal);
                    prop_assert_eq!(edit.target(), &offered.target);
                    let text = edit.proposal().text();
                    prop_assert!(matches!(edit.target().kind, TargetKind::Field | TargetKind::Terminal));
                    let lines = edit.target().kind == TargetKind::Field;
                    let allowed = |c: char| (lines && matches!(c, '\n' | '\t')) || !domain::text::is_invisible(c)
                        || matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
                    prop_assert!(text.chars().all(allowed), "{:?}", text);
                }
            }
        }
    }
}
