//! What a policy says, in words.

use leptos::prelude::*;
use protocol::policy::{Pattern, PolicyRules, Weekday, WindowKind, WorkHours};

pub(super) fn kind_word(kind: WindowKind) -> &'static str {
    match kind {
        WindowKind::LockScreen => "Lock screens",
        WindowKind::PasswordManager => "Password managers",
        WindowKind::PrivateBrowsing => "Private browsing windows",
    }
}

pub(super) fn day_word(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

/// Each rule with its value.
fn rows(rules: &PolicyRules) -> [(&'static str, String); 9] {
    let list = |patterns: &[Pattern]| {
        let all: Vec<_> = patterns.iter().map(Pattern::as_str).collect();
        if all.is_empty() { "None".to_owned() } else { all.join(", ") }
    };
    let kinds: Vec<_> = rules.excluded_kinds.iter().copied().map(kind_word).collect();
    let allowed = |on: bool| if on { "Allowed" } else { "Not allowed" }.to_owned();
    [
        ("Programs never shown", list(&rules.excluded_programs)),
        ("Titles never shown", list(&rules.excluded_titles)),
        ("Kinds never shown", if kinds.is_empty() { "None".to_owned() } else { kinds.join(", ") }),
        ("Ambient mode", allowed(rules.ambient_allowed)),
        ("Changes of text", allowed(rules.edits_allowed)),
        ("Pause between ambient pictures", format!("{} seconds", rules.cooldown_seconds)),
        ("Hours of ambient mode", rules.work_hours.as_ref().map_or_else(|| "Any time".to_owned(), hours)),
        (
            "Pictures per day",
            rules.pictures_per_day.map_or_else(|| "Any number".to_owned(), |n| n.to_string()),
        ),
        (
            "Kept by the server",
            rules.retention_days.map_or_else(|| "Until deleted".to_owned(), |days| format!("{days} days")),
        ),
    ]
}

fn hours(hours: &WorkHours) -> String {
    if !hours.is_valid() {
        return "Never".to_owned();
    }
    let days: Vec<_> = hours.days.iter().copied().map(day_word).collect();
    format!(
        "{}, {} to {}",
        days.join(", "),
        WorkHours::clock(hours.from_minute),
        WorkHours::clock(hours.to_minute)
    )
}

#[component]
pub(super) fn PolicySummary(rules: PolicyRules) -> impl IntoView {
    view! {
        <dl class="grid gap-x-6 gap-y-2 sm:grid-cols-[16rem_minmax(0,1fr)]">
            {rows(&rules)
                .into_iter()
                .map(|(rule, value)| {
                    view! {
                        <dt class="text-muted">{rule}</dt>
                        <dd class="break-words">{value}</dd>
                    }
                })
                .collect_view()}
        </dl>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_without_a_minute_are_never() {
        let of =
            |days: Vec<Weekday>, from_minute, to_minute| hours(&WorkHours { days, from_minute, to_minute });
        assert_eq!(of(vec![Weekday::Monday, Weekday::Friday], 540, 1_050), "Monday, Friday, 09:00 to 17:30");
        assert_eq!(
            (of(Vec::new(), 0, 60), of(vec![Weekday::Monday], 60, 60)),
            ("Never".into(), "Never".into())
        );
    }
}
