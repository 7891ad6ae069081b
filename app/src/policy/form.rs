//! A policy as the editor's form posts it.

use protocol::Problem;
use protocol::policy::{Pattern, PolicyDocument, PolicyRules, Weekday, WindowKind, WorkHours};
use serde::{Deserialize, Serialize};

use crate::form::FormValues;

/// Every field as text. Browsers do not send checkboxes that are not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyForm {
    /// Empty: for everyone.
    pub group: String,
    pub version: String,
    /// One pattern per line.
    pub excluded_programs: String,
    pub excluded_titles: String,
    pub kinds: Vec<String>,
    pub ambient_allowed: String,
    pub edits_allowed: String,
    pub cooldown_seconds: String,
    pub limit_hours: String,
    pub days: Vec<String>,
    pub hours_from: String,
    pub hours_to: String,
    /// Empty: any number.
    pub pictures_per_day: String,
    /// Empty: until they are deleted.
    pub retention_days: String,
}

impl PolicyForm {
    pub fn of(policy: &PolicyDocument) -> Self {
        let rules = &policy.rules;
        let lines =
            |patterns: &[Pattern]| patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join("\n");
        let ticked = |on: bool| if on { "true" } else { "" }.to_owned();
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        let usual = WorkHours { days: Weekday::ALL[..5].to_vec(), from_minute: 9 * 60, to_minute: 17 * 60 };
        let hours = rules.work_hours.as_ref().unwrap_or(&usual);
        Self {
            group: policy.group.clone(),
            version: policy.version.to_string(),
            excluded_programs: lines(&rules.excluded_programs),
            excluded_titles: lines(&rules.excluded_titles),
            kinds: rules.excluded_kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
            ambient_allowed: ticked(rules.ambient_allowed),
            edits_allowed: ticked(rules.edits_allowed),
            cooldown_seconds: rules.cooldown_seconds.to_string(),
            limit_hours: ticked(rules.work_hours.is_some()),
            days: hours.days.iter().map(|day| day.as_str().to_owned()).collect(),
            hours_from: WorkHours::clock(hours.from_minute),
            hours_to: WorkHours::clock(hours.to_minute),
            pictures_per_day: number(rules.pictures_per_day),
            retention_days: number(rules.retention_days),
        }
    }

    /// The form as it was sent and rejected.
    pub fn of_typed(typed: &FormValues) -> Self {
        let value = |field: &str| typed.value(field).unwrap_or_default();
        let list = |field: &str| {
            value(field).split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        Self {
            group: value("group"),
            version: value("version"),
            excluded_programs: value("excluded_programs"),
            excluded_titles: value("excluded_titles"),
            kinds: list("kinds"),
            ambient_allowed: value("ambient_allowed"),
            edits_allowed: value("edits_allowed"),
            cooldown_seconds: value("cooldown_seconds"),
            limit_hours: value("limit_hours"),
            days: list("days"),
            hours_from: value("hours_from"),
            hours_to: value("hours_to"),
            pictures_per_day: value("pictures_per_day"),
            retention_days: value("retention_days"),
        }
    }

    #[cfg(any(feature = "ssr", test))]
    pub fn typed(&self) -> FormValues {
        FormValues::default()
            .with("group", &self.group)
            .with("version", &self.version)
            .with("excluded_programs", &self.excluded_programs)
            .with("excluded_titles", &self.excluded_titles)
            .with("kinds", &self.kinds.join(","))
            .with("ambient_allowed", &self.ambient_allowed)
            .with("edits_allowed", &self.edits_allowed)
            .with("cooldown_seconds", &self.cooldown_seconds)
            .with("limit_hours", &self.limit_hours)
            .with("days", &self.days.join(","))
            .with("hours_from", &self.hours_from)
            .with("hours_to", &self.hours_to)
            .with("pictures_per_day", &self.pictures_per_day)
            .with("retention_days", &self.retention_days)
    }

    /// The policy, or a problem that names every wrong field.
    pub fn check(self) -> Result<PolicyDocument, Problem> {
        let mut wrong = Problem::invalid_input();
        let mut note = |field: &str, message: &str| {
            let before = std::mem::replace(&mut wrong, Problem::invalid_input());
            wrong = before.field(field, message);
        };
        let excluded_programs = patterns(&self.excluded_programs, |m| note("excluded_programs", m));
        let excluded_titles = patterns(&self.excluded_titles, |m| note("excluded_titles", m));
        let excluded_kinds = named(&self.kinds, &WindowKind::ALL, WindowKind::as_str);
        let excluded_kinds = excluded_kinds.unwrap_or_else(|| {
            note("excluded_kinds", "Choose kinds of the list.");
            Vec::new()
        });
        let cooldown_seconds = self.cooldown_seconds.trim().parse().unwrap_or_else(|_| {
            note("cooldown_seconds", "Enter a whole number from 0 to 86,400.");
            0
        });
        let mut optional = |field: &str, text: &str, message: &str| match text.trim() {
            "" => None,
            text => text.parse().map_err(|_| note(field, message)).ok(),
        };
        let pictures_per_day = optional(
            "pictures_per_day",
            &self.pictures_per_day,
            "Enter a whole number from 0 to 100,000, or nothing.",
        );
        let retention_days = optional(
            "retention_days",
            &self.retention_days,
            "Enter a whole number from 1 to 3,650, or nothing.",
        );
        let work_hours = if self.limit_hours == "true" {
            self.hours().map_err(|message| note("work_hours", message)).ok()
        } else {
            None
        };
        let rules = PolicyRules {
            excluded_programs,
            excluded_titles,
            excluded_kinds,
            ambient_allowed: self.ambient_allowed == "true",
            edits_allowed: self.edits_allowed == "true",
            cooldown_seconds,
            work_hours,
            pictures_per_day,
            retention_days,
        };
        for error in rules.check().err().into_iter().flatten() {
            if wrong.error_of(&error.field).is_none() {
                wrong = wrong.field(&error.field, error.message);
            }
        }
        if !wrong.errors.is_empty() {
            return Err(wrong);
        }
        let version = self.version.parse().unwrap_or(-1);
        Ok(PolicyDocument { group: self.group, group_name: String::new(), version, rules })
    }

    fn hours(&self) -> Result<WorkHours, &'static str> {
        const CLOCK: &str = "Enter times such as 09:00 and 17:30.";
        let days = named(&self.days, &Weekday::ALL, Weekday::as_str).ok_or("Choose days of the week.")?;
        let from_minute = WorkHours::minute(&self.hours_from).ok_or(CLOCK)?;
        let to_minute = WorkHours::minute(&self.hours_to).ok_or(CLOCK)?;
        Ok(WorkHours { days, from_minute, to_minute })
    }
}

/// The patterns of the lines; `note` gets what is wrong.
fn patterns(text: &str, note: impl FnOnce(&str)) -> Vec<Pattern> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read: Result<Vec<Pattern>, _> = lines.take(PolicyRules::MAX_PATTERNS + 1).map(str::parse).collect();
    read.unwrap_or_else(|error: protocol::access::Invalid| {
        note(error.0);
        Vec::new()
    })
}

/// Those of `all` whose names are given, in their order. `None`: a name is unknown.
fn named<T: Copy>(names: &[String], all: &[T], name_of: impl Fn(T) -> &'static str) -> Option<Vec<T>> {
    let known = names.iter().all(|name| all.iter().any(|item| name_of(*item) == name));
    known.then(|| all.iter().copied().filter(|item| names.iter().any(|n| n == name_of(*item))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> PolicyDocument {
        let rules = PolicyRules {
            excluded_programs: vec!["a*".parse().unwrap(), "b, c".parse().unwrap()],
            work_hours: Some(WorkHours { days: vec![Weekday::Monday], from_minute: 540, to_minute: 1_440 }),
            pictures_per_day: Some(0),
            retention_days: Some(30),
            edits_allowed: false,
            ..PolicyRules::default()
        };
        PolicyDocument { group: "g1".into(), group_name: String::new(), version: 4, rules }
    }

    #[test]
    fn a_policy_survives_the_form_and_its_rejection() {
        let form = PolicyForm::of(&document());
        assert_eq!(PolicyForm::of_typed(&form.typed()), form);
        assert_eq!(form.check().unwrap(), document());
        let plain = PolicyDocument { rules: PolicyRules::default(), ..document() };
        assert_eq!(PolicyForm::of(&plain).check().unwrap(), plain);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong = PolicyForm {
            excluded_programs: "x\n\u{200B}".into(),
            excluded_titles: "x\n".repeat(201),
            kinds: vec!["banking".into()],
            cooldown_seconds: "soon".into(),
            pictures_per_day: "-1".into(),
            retention_days: "0".into(),
            hours_to: "8:00".into(),
            ..PolicyForm::of(&document())
        };
        let problem = wrong.check().unwrap_err();
        for field in [
            "excluded_programs",
            "excluded_titles",
            "excluded_kinds",
            "cooldown_seconds",
            "pictures_per_day",
            "retention_days",
            "work_hours",
        ] {
            assert!(problem.error_of(field).is_some(), "{field}: {problem}");
        }
        assert_eq!(problem.errors.len(), 7);
    }
}
