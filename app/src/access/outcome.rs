//! The outcome of a decision about several requests.

use std::collections::BTreeMap;

use leptos::prelude::*;
use protocol::review::{Decided, Undecided, Verdict};

use super::api::{DecideAll, LastVerdict};
use crate::design::{Notice, NoticeTone};

/// The outcome of the last bulk decision: how many were decided, and which were not and why.
#[component]
pub fn BulkOutcome(decide: ServerAction<DecideAll>, last: LastVerdict) -> impl IntoView {
    move || {
        let decided = decide.value().with(|value| match value {
            None => last.decided.clone(),
            Some(answer) => answer.clone().ok(),
        });
        decided.map(|decided| {
            let tone = if undecided_count(&decided) == 0 { NoticeTone::Good } else { NoticeTone::Bad };
            let Decided { undecided, unnamed, .. } = decided.clone();
            view! {
                <Notice tone title=summary(&decided)>
                    {by_cause(undecided)
                        .into_iter()
                        .map(|(why, whose)| view! { <p><span class="font-semibold">{whose.join(", ")}</span>": " {why}</p> })
                        .collect_view()}
                    {(unnamed > 0).then(|| view! { <p>{format!("And {unnamed} more.")}</p> })}
                </Notice>
            }
        })
    }
}

fn undecided_count(decided: &Decided) -> usize {
    decided.undecided.len() + decided.unnamed as usize
}

fn summary(decided: &Decided) -> String {
    let done = match decided.verdict {
        Verdict::Approve => "approved",
        Verdict::Reject => "rejected",
    };
    let count = match decided.decided {
        0 => format!("No request was {done}"),
        1 => format!("1 request {done}"),
        n => format!("{n} requests {done}"),
    };
    match undecided_count(decided) {
        0 => count,
        n => format!("{count}, {n} not"),
    }
}

/// The undecided requests, grouped by cause.
fn by_cause(undecided: Vec<Undecided>) -> BTreeMap<String, Vec<String>> {
    let mut causes = BTreeMap::<_, Vec<_>>::new();
    for one in undecided {
        causes.entry(one.why).or_default().push(one.email.unwrap_or(one.id));
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undecided(email: Option<&str>, why: &str) -> Undecided {
        Undecided { id: "7".into(), email: email.map(str::to_owned), why: why.into() }
    }

    #[test]
    fn the_outcome_is_summarised() {
        let mut decided =
            Decided { verdict: Verdict::Approve, decided: 3, undecided: Vec::new(), unnamed: 0 };
        assert_eq!(summary(&decided), "3 requests approved");
        decided.undecided = vec![undecided(Some("a@example.org"), "Too late.")];
        decided.unnamed = 2;
        assert_eq!(summary(&decided), "3 requests approved, 3 not");
        decided.decided = 0;
        decided.verdict = Verdict::Reject;
        assert_eq!(summary(&decided), "No request was rejected, 3 not");
    }

    #[test]
    fn undecided_requests_are_grouped_by_cause() {
        let all = vec![
            undecided(Some("b@example.org"), "Too late."),
            undecided(None, "There is nothing here"),
            undecided(Some("a@example.org"), "Too late."),
        ];
        let causes = by_cause(all);
        assert_eq!(causes["Too late."], ["b@example.org", "a@example.org"]);
        assert_eq!(causes["There is nothing here"], ["7"], "without an address its id stands for it");
    }
}
