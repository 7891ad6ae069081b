//! Messages about what happened, shown where it happened. Never a toast.

use leptos::prelude::*;
use protocol::Problem;

use super::{Icon, Shape};
use crate::navigation::login_path;

/// The kind of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoticeTone {
    Bad,
    Good,
    #[default]
    Info,
}

impl NoticeTone {
    fn parts(self) -> (&'static str, &'static str, Shape) {
        match self {
            Self::Bad => ("alert", "border-bad bg-bad-wash", Shape::Alert),
            Self::Good => ("status", "border-good bg-good-wash", Shape::Check),
            Self::Info => ("status", "border-line-strong bg-sunken", Shape::Info),
        }
    }
}

/// A block that is read out when it appears (`alert` for what failed, `status` otherwise).
#[component]
pub fn Notice<C: IntoView + 'static>(
    #[prop(optional)] tone: NoticeTone,
    /// A short summary.
    #[prop(into)]
    title: String,
    children: TypedChildren<C>,
) -> impl IntoView {
    block(tone, title, view! { <div class="space-y-2">{children.into_inner()()}</div> })
}

/// A [`Notice`] whose title says it all.
#[component]
pub fn BriefNotice(#[prop(optional)] tone: NoticeTone, #[prop(into)] title: String) -> impl IntoView {
    block(tone, title, ())
}

fn block(tone: NoticeTone, title: String, more: impl IntoView) -> impl IntoView {
    let (role, classes, icon) = tone.parts();
    view! {
        <div role=role class=format!("flex gap-3 rounded-md border-l-4 px-4 py-3 motion-safe:animate-appear {classes}")>
            <span class=match tone {
                NoticeTone::Bad => "mt-0.5 text-bad",
                NoticeTone::Good => "mt-0.5 text-good",
                NoticeTone::Info => "mt-0.5 text-muted",
            }>
                <Icon shape=icon />
            </span>
            <div class="min-w-0 space-y-1">
                <p class="font-semibold">{title}</p>
                {more}
            </div>
        </div>
    }
}

/// A problem, if there is one. Errors of the fields in `shown_at_fields` are shown at these fields; all others are listed
/// here, so that none is lost.
#[component]
pub fn ProblemNotice(
    #[prop(into)] problem: Signal<Option<Problem>>,
    #[prop(optional)] shown_at_fields: &'static [&'static str],
) -> impl IntoView {
    move || {
        problem.get().map(|problem| {
            let rest: Vec<_> = problem
                .errors
                .iter()
                .filter(|e| !shown_at_fields.contains(&e.field.as_str()))
                .cloned()
                .collect();
            let detail = problem.detail.clone();
            // In another tab, so that what was typed here is not lost.
            let sign_in = problem.is("sign-in-required").then(|| {
                view! {
                    <p>
                        <a class="link font-semibold" href=login_path("/admin") target="_blank" rel="external noopener">
                            "Sign in again in a new tab"
                        </a>
                        ", then come back and try again. Nothing here is lost."
                    </p>
                }
            });
            view! {
                <Notice tone=NoticeTone::Bad title=problem.title.clone()>
                    {(!detail.is_empty()).then(|| view! { <p>{detail}</p> })}
                    {rest
                        .into_iter()
                        .map(|error| view! { <p>{format!("{}: {}", error.field, error.message)}</p> })
                        .collect_view()}
                    {sign_in}
                </Notice>
            }
        })
    }
}
