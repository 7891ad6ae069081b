use protocol::policy::FleetPolicy;

use super::*;

const NOW: i64 = 1_795_348_815;

fn keeper(folder: &std::path::Path, now: Now) -> PolicyKeeper {
    let keeper = PolicyKeeper::new(Some(folder.to_owned()), now, |_| Some(0));
    keeper.load("https://m.example.org");
    keeper
}

fn received(rules: PolicyRules) -> ReceivedPolicy {
    let policy = FleetPolicy {
        version: "1".into(),
        issued_at: NOW,
        valid_until: NOW + 3_600,
        managed_by: "Nordwind Clinic".into(),
        rules,
    };
    ReceivedPolicy { policy, received_at: NOW }
}

#[test]
fn nothing_leaves_before_there_is_a_policy() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = keeper(folder.path(), || NOW);
    assert_eq!(keeper.in_force(), Err(Refusal::NoPolicy));
    let notice = keeper.notice();
    assert!(notice.managed_by.is_empty() && notice.rules.is_none());
    assert!(notice.refusal.is_some_and(|words| words.contains("not known yet")));
    assert!(refused(Refusal::NoPolicy).is("refused-by-policy"));
}

#[test]
fn a_kept_policy_counts_until_its_end_and_for_its_server_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = PolicyFile::new(folder.path(), "https://m.example.org".into());
    let rules = PolicyRules { edits_allowed: false, ..PolicyRules::default() };
    file.write(&received(rules.clone())).unwrap();
    file.write(&received(rules)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path().join("policy.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let current = keeper(folder.path(), || NOW + 3_599);
    assert_eq!(current.in_force().unwrap().may_type(), Err(Refusal::EditsForbidden));
    assert_eq!(current.notice().managed_by, "Nordwind Clinic");
    assert_eq!(keeper(folder.path(), || NOW + 3_600).in_force(), Err(Refusal::Expired));
    assert_eq!(keeper(folder.path(), || NOW - 301).in_force(), Err(Refusal::ClockSetBack));
    current.load("https://other.example.org");
    assert_eq!(current.in_force(), Err(Refusal::NoPolicy));

    for broken in ["", "{}", "[1", &"x".repeat(100)] {
        std::fs::write(folder.path().join("policy.json"), broken).unwrap();
        assert_eq!(keeper(folder.path(), || NOW).in_force(), Err(Refusal::NoPolicy), "{broken}");
    }
}

#[test]
fn own_settings_tighten_and_pictures_are_counted_by_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let file = PolicyFile::new(folder.path(), "https://m.example.org".into());
    let rules = PolicyRules { pictures_per_day: Some(2), ..PolicyRules::default() };
    file.write(&received(rules)).unwrap();
    let own = folder.path().join("own-policy.json");
    std::fs::write(&own, r#"{"pictures_per_day": 9, "edits_allowed": false}"#).unwrap();
    let keeper = keeper(folder.path(), || NOW);
    let may_send = || keeper.in_force().unwrap().may_send(keeper.sent());
    assert_eq!(keeper.in_force().unwrap().may_type(), Err(Refusal::EditsForbidden));
    assert_eq!(may_send(), Ok(()));
    assert!(!keeper.permissions().unwrap().may_type);
    keeper.count(true);
    keeper.send().unwrap();
    assert_eq!(may_send(), Err(Refusal::BudgetSpent));
    assert!(keeper.send().unwrap_err().is("refused-by-policy"));
    assert_eq!(keeper.sent(), Sent { today: 2, last_ambient_at: Some(NOW) });
    keeper.kept.lock().day -= 1;
    assert_eq!(keeper.sent(), Sent { today: 0, last_ambient_at: Some(NOW) });

    std::fs::write(&own, r#"{"excluded_kinds": ["banking"]}"#).unwrap();
    let unreadable = self::keeper(folder.path(), || NOW);
    assert_eq!(unreadable.in_force(), Err(Refusal::OwnRules), "own rules are never dropped unseen");
}

#[test]
fn the_system_says_what_time_it_is_here() {
    let offset = system_offset(NOW);
    assert!(offset.is_none_or(|seconds| seconds.abs() <= 15 * 3_600), "{offset:?}");
}
