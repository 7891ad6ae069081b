//! `/admin`: what waits, the first steps of a new server, and the numbers.

use leptos::prelude::*;
use leptos_router::components::A;
use protocol::overview::Overview;

use super::api;
use crate::access::{NewsWatch, PendingRequests};
use crate::deployment::sends_mail;
use crate::design::{BriefNotice, Icon, NoticeTone, PanelPage, Shape, loaded};

#[component]
pub fn OverviewPage() -> impl IntoView {
    let watch = NewsWatch::start();
    let overview = Resource::new(
        move || watch.changes(),
        |changes| async move { if changes == 0 { api::numbers().await } else { api::poll_numbers().await } },
    );
    view! {
        <PanelPage title="Overview">
            <section class="space-y-3">
                <h2 class="text-base">"Waiting for you"</h2>
                <PendingRequests watch />
            </section>
            {loaded(
                overview,
                |overview| {
                    view! {
                        <Failing overview=overview.clone() />
                        <FirstSteps overview=overview.clone() />
                        <Numbers overview />
                    }
                },
            )}
        </PanelPage>
    }
    .into_any()
}

/// Model servers that do not answer.
#[component]
fn Failing(overview: Overview) -> impl IntoView {
    let notices = overview.failing_models.into_iter().map(|model| {
        let title = format!("{} did not answer when it was last asked: {}.", model.provider, model.failure);
        view! { <BriefNotice tone=NoticeTone::Bad title /> }
    });
    notices.collect_view()
}

/// A step of setting up the server.
struct Step {
    done: bool,
    title: &'static str,
    about: &'static str,
    /// Where it is done, if that is a page; outside of the panel the browser loads it.
    href: Option<&'static str>,
}

fn steps(overview: &Overview) -> [Step; 4] {
    [
        Step {
            done: overview.model_servers > 0,
            title: "Connect a model server",
            about: "Without one, only the built-in reader answers.",
            href: Some("/admin/models"),
        },
        Step {
            done: sends_mail(),
            title: "Connect a mail server",
            about: "Until then, you copy each mail from the outbox and send it yourself.",
            href: None,
        },
        Step {
            done: overview.administrators > 1,
            title: "Invite a second administrator",
            about: "So that someone can help if you lose your sign-in.",
            href: Some("/admin/people/new"),
        },
        Step {
            done: overview.machines > 0,
            title: "Share the request form",
            about: "People request access for their machines there.",
            href: Some("/request-access"),
        },
    ]
}

/// What is left to do on a new server. Gone once all of it is done.
#[component]
fn FirstSteps(overview: Overview) -> impl IntoView {
    let steps = steps(&overview);
    steps.iter().any(|step| !step.done).then(|| {
        view! {
            <section class="space-y-3">
                <h2 class="text-base">"First steps"</h2>
                <ol class="divide-y divide-line overflow-clip rounded-md border border-line bg-raised">
                    {steps.map(|step| view! { <StepLine step /> }).into_iter().collect_view()}
                </ol>
            </section>
        }
        .into_any()
    })
}

#[component]
fn StepLine(step: Step) -> impl IntoView {
    let Step { done, title, about, href } = step;
    let (icon, tone) = if done { (Shape::Check, "text-good") } else { (Shape::ArrowRight, "text-muted") };
    let title = match href.filter(|_| !done) {
        Some(href) => {
            let rel = (!href.starts_with("/admin")).then_some("external");
            view! { <a href=href rel=rel class="link font-medium">{title}</a> }.into_any()
        }
        None if done => view! { <span class="text-muted">{title}</span> }.into_any(),
        None => view! { <span class="font-medium">{title}</span> }.into_any(),
    };
    let about = (!done).then(|| view! { <span class="block text-muted">{about}</span> });
    view! {
        <li class="flex items-start gap-3 px-4 py-2">
            <span class=format!("mt-0.5 {tone}")>
                <Icon shape=icon />
                <span class="sr-only">{if done { "Done: " } else { "To do: " }}</span>
            </span>
            <span class="min-w-0">
                {title} {about}
            </span>
        </li>
    }
}

#[component]
fn Numbers(overview: Overview) -> impl IntoView {
    let numbers = [
        ("Pending requests", overview.pending_requests, "/admin/requests?state=pending"),
        ("Machines with a certificate", overview.machines, "/admin/certificates"),
        ("Accounts", overview.accounts, "/admin/people"),
        ("Questions today", overview.analyses_today, ""),
        ("Unsent mail", overview.mails_needing_attention, "/admin/outbox"),
    ];
    view! {
        <section class="space-y-3">
            <h2 class="text-base">"At a glance"</h2>
            <dl class="flex flex-wrap gap-px overflow-clip rounded-md border border-line bg-line">
                {numbers.map(|(term, number, href)| view! { <Number term number href /> }).into_iter().collect_view()}
            </dl>
        </section>
    }
}

#[component]
fn Number(term: &'static str, number: u64, href: &'static str) -> impl IntoView {
    let term = if href.is_empty() {
        term.into_any()
    } else {
        view! { <A href=href attr:class="link">{term}</A> }.into_any()
    };
    view! {
        <div class="flex grow basis-36 flex-col-reverse justify-end bg-raised px-4 py-3">
            <dt class="text-muted">{term}</dt>
            <dd class="text-xl font-semibold tracking-tight tabular-nums">{number}</dd>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_done_once_there_is_what_it_makes() {
        let owner = Owner::new();
        owner.with(|| {
            let overview = Overview {
                pending_requests: 0,
                machines: 0,
                accounts: 1,
                administrators: 1,
                model_servers: 2,
                analyses_today: 0,
                mails_needing_attention: 0,
                failing_models: Vec::new(),
                organisation: String::new(),
            };
            let done = |overview: &Overview| steps(overview).map(|step| step.done);
            assert_eq!(done(&overview), [true, true, false, false]);
            assert_eq!(done(&Overview { administrators: 2, machines: 1, ..overview }), [true; 4]);
        });
    }
}
