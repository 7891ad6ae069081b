use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

#[test]
fn a_pattern_has_stars_and_ignores_case() {
    for (text, matching, other) in [
        ("KeePass*", "keepassXC", "xkeepass"),
        ("*incognito*", "News (Incognito) - Chromium", "Incognit"),
        ("a*b", "aXb", "aXbc"),
        ("a*a", "aa", "a"),
        ("slock", "Slock", "slock2"),
    ] {
        assert!(pattern(text).matches(matching), "{text}");
        assert!(!pattern(text).matches(other), "{text}");
    }
    assert!(["", "anything"].iter().all(|text| pattern("*").matches(text)));
    for bad in ["", " ", "a\nb", "a\0", "\u{200B}", &"x".repeat(201)] {
        assert!(bad.parse::<Pattern>().is_err(), "{bad:?}");
    }
}

/// With backtracking this would not end: 100 stars over 20,000 times the same letter.
#[test]
fn no_pattern_takes_exponential_time() {
    let hostile = pattern(&"*a".repeat(100));
    let (long, without) = ("a".repeat(20_000), format!("{}b", "a".repeat(20_000)));
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        assert!(hostile.matches(&long));
        assert!(!hostile.matches(&without));
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn every_field_over_its_limit_is_named() {
    assert_eq!(PolicyRules::default().check(), Ok(()));
    let wrong = PolicyRules {
        excluded_programs: vec![pattern("x"); 201],
        excluded_titles: vec![pattern("x"); 201],
        cooldown_seconds: 86_401,
        work_hours: Some(WorkHours { days: Vec::new(), from_minute: 0, to_minute: 1 }),
        pictures_per_day: Some(100_001),
        retention_days: Some(0),
        ..PolicyRules::default()
    };
    let fields: Vec<_> = wrong.check().unwrap_err().into_iter().map(|error| error.field).collect();
    assert_eq!(
        fields,
        [
            "excluded_programs",
            "excluded_titles",
            "cooldown_seconds",
            "pictures_per_day",
            "retention_days",
            "work_hours"
        ]
    );
}

#[test]
fn clock_times_are_read_and_written() {
    for (clock, minute) in [("09:30", 570), ("0:00", 0), ("24:00", 1_440), (" 17:05 ", 1_025)] {
        assert_eq!(WorkHours::minute(clock), Some(minute));
    }
    assert_eq!(WorkHours::clock(570), "09:30");
    for bad in ["", "9", "24:01", "9:60", "-1:00", "9:5x", "99:99", "+9:00", "009:00"] {
        assert_eq!(WorkHours::minute(bad), None, "{bad}");
    }
}

fn hours() -> impl Strategy<Value = WorkHours> {
    (subsequence(Weekday::ALL.to_vec(), 0..=7), 0..1_440_u16, 0..=1_440_u16)
        .prop_map(|(days, from_minute, to_minute)| WorkHours { days, from_minute, to_minute })
}

fn patterns() -> impl Strategy<Value = Vec<Pattern>> {
    vec(select(vec!["a*", "*b", "slock", "*", "x*y"]).prop_map(pattern), 0..4)
}

fn rules() -> impl Strategy<Value = PolicyRules> {
    (
        (patterns(), patterns(), subsequence(WindowKind::ALL.to_vec(), 0..=3)),
        (any::<bool>(), any::<bool>(), 0..100_u32),
        (option::of(hours()), option::of(0..50_u32), option::of(1..50_u32)),
    )
        .prop_map(
            |((programs, titles, kinds), (ambient, edits, cooldown), (work_hours, pictures, days))| {
                PolicyRules {
                    excluded_programs: programs,
                    excluded_titles: titles,
                    excluded_kinds: kinds,
                    ambient_allowed: ambient,
                    edits_allowed: edits,
                    cooldown_seconds: cooldown,
                    work_hours,
                    pictures_per_day: pictures,
                    retention_days: days,
                }
            },
        )
}

proptest! {
    #[test]
    fn combined_rules_allow_nothing_that_one_of_them_forbids(
        a in rules(), b in rules(), program in "[abxys]{0,4}", title in "[abxys]{0,4}",
        day in select(Weekday::ALL.to_vec()), minute in 0..1_440_u16,
    ) {
        let both = a.strictest(&b);
        for one in [&a, &b] {
            prop_assert!(both.is_at_least_as_strict_as(one));
            prop_assert!(one.excludes(&program, &title).is_none() || both.excludes(&program, &title).is_some());
            prop_assert!(one.excluded_kinds.iter().all(|kind| both.excluded_kinds.contains(kind)));
            prop_assert!(both.cooldown_seconds >= one.cooldown_seconds);
            prop_assert!(!both.ambient_allowed || one.ambient_allowed);
            prop_assert!(!both.edits_allowed || one.edits_allowed);
            let open = |rules: &PolicyRules| rules.work_hours.as_ref().is_none_or(|h| h.contain(day, minute));
            prop_assert!(!open(&both) || open(one));
            prop_assert!(one.pictures_per_day.is_none_or(|most| both.pictures_per_day.is_some_and(|n| n <= most)));
            prop_assert!(one.retention_days.is_none_or(|most| both.retention_days.is_some_and(|n| n <= most)));
        }
        prop_assert_eq!(b.strictest(&a), both.clone());
        prop_assert_eq!(both.strictest(&a), both.clone());
        prop_assert_eq!(a.strictest(&PolicyRules::unrestricted()), a.normalised());
    }
}
