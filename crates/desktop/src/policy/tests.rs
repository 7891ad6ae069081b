use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use protocol::policy::{Pattern as RulePattern, WorkHours};

use super::*;
use crate::geometry::Rect;
use crate::windows::WindowInfo;

const NOW: i64 = 1_795_348_815;

fn received(rules: PolicyRules) -> ReceivedPolicy {
    let policy = FleetPolicy {
        version: "1".into(),
        issued_at: 5,
        valid_until: 5 + 3_600,
        managed_by: "Nordwind Clinic".into(),
        rules,
    };
    ReceivedPolicy { policy, received_at: NOW }
}

fn moment(unix: i64) -> Moment {
    Moment { unix, local: Some(LocalTime::of(unix, 0)) }
}

fn in_force(rules: PolicyRules) -> InForce {
    InForce::at(Some(&received(rules)), &PolicyRules::unrestricted(), moment(NOW)).unwrap()
}

fn window(program: &str, title: &str) -> WindowInfo {
    WindowInfo {
        id: 1,
        pid: None,
        program: program.into(),
        executable: String::new(),
        title: title.into(),
        frame: Rect { x: 0, y: 0, width: 1, height: 1 },
        managed: true,
        opaque: true,
        foreign: false,
    }
}

#[test]
fn without_a_valid_policy_nothing_leaves() {
    let none = PolicyRules::unrestricted();
    assert_eq!(InForce::at(None, &none, moment(NOW)), Err(Refusal::NoPolicy));
    let received = received(PolicyRules::default());
    for (at, refusal) in [
        (NOW - 301, Err(Refusal::ClockSetBack)),
        (NOW - 300, Ok(())),
        (NOW + 3_599, Ok(())),
        (NOW + 3_600, Err(Refusal::Expired)),
        (i64::MAX, Err(Refusal::Expired)),
        (i64::MIN, Err(Refusal::ClockSetBack)),
    ] {
        assert_eq!(InForce::at(Some(&received), &none, moment(at)).map(drop), refusal, "{at}");
    }
    let endless = FleetPolicy { issued_at: i64::MIN, valid_until: i64::MAX, ..received.policy.clone() };
    let endless = ReceivedPolicy { policy: endless, received_at: NOW };
    assert_eq!(endless.check(NOW), Ok(()));
}

#[test]
fn ambient_mode_keeps_to_hours_pauses_and_budget() {
    let rules = PolicyRules {
        cooldown_seconds: 60,
        pictures_per_day: Some(3),
        work_hours: Some(WorkHours {
            days: vec![Weekday::Sunday],
            from_minute: 12 * 60,
            to_minute: 12 * 60 + 1,
        }),
        ..PolicyRules::default()
    };
    let in_force = in_force(rules.clone());
    // NOW is Sunday, 12:00:15.
    assert_eq!(LocalTime::of(NOW, 0), LocalTime { day: Weekday::Sunday, minute: 720 });
    assert_eq!(in_force.may_watch(Sent::default()), Ok(()));
    let sent = |today, last| Sent { today, last_ambient_at: Some(last) };
    assert_eq!(in_force.may_watch(sent(0, NOW - 59)), Err(Refusal::CoolingDown { seconds: 1 }));
    assert_eq!(in_force.may_watch(sent(0, NOW + 9_999)), Err(Refusal::CoolingDown { seconds: 60 }));
    assert_eq!(in_force.may_watch(sent(2, NOW - 60)), Ok(()));
    assert_eq!(in_force.may_watch(sent(3, NOW - 60)), Err(Refusal::BudgetSpent));
    assert_eq!(in_force.may_send(sent(3, NOW - 60)), Err(Refusal::BudgetSpent));
    assert_eq!(in_force.may_send(sent(2, NOW)), Ok(()), "what was asked for needs no pause");
    let none = PolicyRules::unrestricted();
    for local in [None, Some(LocalTime::of(NOW + 60, 0)), Some(LocalTime::of(NOW, 3_600))] {
        let late = InForce::at(Some(&received(rules.clone())), &none, Moment { unix: NOW, local }).unwrap();
        assert_eq!(late.may_watch(Sent::default()), Err(Refusal::OutsideHours), "{local:?}");
        assert_eq!(late.may_send(Sent::default()), Ok(()));
    }
    let off = self::in_force(PolicyRules { ambient_allowed: false, ..PolicyRules::default() });
    assert_eq!(off.may_watch(Sent::default()), Err(Refusal::AmbientForbidden));
}

#[test]
fn excluded_windows_are_left_out() {
    let pattern = |text: &str| text.parse::<RulePattern>().unwrap();
    let exclusions = in_force(PolicyRules {
        excluded_programs: vec![pattern("Payroll*")],
        excluded_titles: vec![pattern("*salary*")],
        ..PolicyRules::default()
    })
    .exclusions();
    for (program, title, out) in [
        ("payroll-client", "", true),
        ("firefox", "Salary 2026", true),
        ("firefox", "News — Private Browsing", true),
        ("keepassxc", "", true),
        ("firefox", "News", false),
    ] {
        assert_eq!(exclusions.excludes(&window(program, title)), out, "{program} {title}");
    }
}

#[test]
fn the_days_of_the_week_follow_local_time() {
    assert_eq!(LocalTime::of(0, 0), LocalTime { day: Weekday::Thursday, minute: 0 });
    assert_eq!(LocalTime::of(0, -60), LocalTime { day: Weekday::Wednesday, minute: 1_439 });
    assert_eq!(LocalTime::of(3 * DAY, 3_600).day, Weekday::Sunday);
    assert_eq!(LocalTime::of(4 * DAY - 1, 1).day, Weekday::Monday);
    assert_eq!((day_of(DAY - 1), day_of(DAY), day_of(-1)), (0, 1, -1));
}

fn rules() -> impl Strategy<Value = PolicyRules> {
    let patterns = || subsequence(vec!["pay*", "*b", "a*c", "*"], 0..=3);
    let hours = (subsequence(Weekday::ALL.to_vec(), 0..=7), 0..1_440_u16, 0..=1_440_u16)
        .prop_map(|(days, from_minute, to_minute)| WorkHours { days, from_minute, to_minute });
    (
        (patterns(), patterns(), subsequence(Kind::ALL.to_vec(), 0..=3)),
        (any::<bool>(), any::<bool>(), 0..100_u32),
        (option::of(hours), option::of(0..5_u32)),
    )
        .prop_map(|((programs, titles, kinds), (ambient, edits, cooldown), (work_hours, pictures))| {
            let parse = |list: Vec<&str>| list.into_iter().map(|text| text.parse().unwrap()).collect();
            PolicyRules {
                excluded_programs: parse(programs),
                excluded_titles: parse(titles),
                excluded_kinds: kinds,
                ambient_allowed: ambient,
                edits_allowed: edits,
                cooldown_seconds: cooldown,
                work_hours,
                pictures_per_day: pictures,
                retention_days: None,
            }
        })
}

proptest! {
    /// Whatever a user sets: what the policy alone refuses stays refused, and what it leaves out stays out.
    #[test]
    fn own_settings_only_tighten(
        policy in rules(), own in rules(), today in 0..6_u32, ago in option::of(0..120_i64),
        offset in -43_200..43_200_i32, later in -400..4_000_i64,
        program in select(vec!["payroll", "keepassxc", "xb", "i3lock"]), title in select(vec!["", "abc", "InPrivate"]),
    ) {
        let now = Moment { unix: NOW + later, local: Some(LocalTime::of(NOW + later, offset)) };
        let sent = Sent { today, last_ambient_at: ago.map(|ago| now.unix - ago) };
        let received = received(policy);
        let alone = InForce::at(Some(&received), &PolicyRules::unrestricted(), now);
        let with = InForce::at(Some(&received), &own, now);
        prop_assert_eq!(alone.is_ok(), with.is_ok());
        if let (Ok(alone), Ok(with)) = (alone, with) {
            prop_assert!(with.may_send(sent).is_err() || alone.may_send(sent).is_ok());
            prop_assert!(with.may_watch(sent).is_err() || alone.may_watch(sent).is_ok());
            prop_assert!(with.may_type().is_err() || alone.may_type().is_ok());
            let window = window(program, title);
            prop_assert!(!alone.exclusions().excludes(&window) || with.exclusions().excludes(&window));
        }
    }
}
