//! `/admin/outbox`: every mail with its state, to read, to copy, and to send again.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use protocol::access::Page;

use super::api::{self, Retry};
use super::{MailRow, MailState};
use crate::admin::PanelPage;
use crate::design::{
    Badge, BriefNotice, Button, CopyButton, EmptyState, NoticeTone, Pagination, ProblemNotice, Shape, Time,
    Tone, loaded,
};
use crate::form::{self, problem_of};
use crate::navigation::with_query;

#[component]
pub fn OutboxPage() -> impl IntoView {
    let query = use_query_map();
    let number = Memo::new(move |_| {
        query.with(|q| q.get_str("page").and_then(|p| p.parse().ok()).unwrap_or_default())
    });
    let retry = form::action::<Retry>();
    let mails = Resource::new(move || (number.get(), retry.version().get()), |(page, _)| api::list(page));
    let sent_again = move || retry.value().with(|value| matches!(value, Some(Ok(()))));
    view! {
        <PanelPage
            title="Outbox"
            lead="What the server mails. Where there is no mail server, copy a mail and send it yourself."
        >
            <ProblemNotice problem=problem_of(retry) />
            {move || sent_again().then(|| view! { <BriefNotice tone=NoticeTone::Good title="The mail waits to be sent again" /> })}
            {loaded(mails, move |page| view! { <Mails page retry /> })}
        </PanelPage>
    }
}

#[component]
fn Mails(page: Page<MailRow>, retry: ServerAction<Retry>) -> impl IntoView {
    if page.rows.is_empty() {
        return view! {
            <EmptyState title="No mails yet">
                <p>"Mails appear here when somebody asks for access, and when you approve or reject a request."</p>
            </EmptyState>
        }
        .into_any();
    }
    let (number, size, total) = (page.page, page.page_size, page.total);
    let href = |page: u32| {
        let number = if page == 0 { String::new() } else { page.to_string() };
        with_query("/admin/outbox", &[("page", &number)])
    };
    view! {
        <div class="max-w-4xl">
            <ul class="divide-y divide-line border-y border-line">
                {page.rows.into_iter().map(|mail| view! { <Mail mail retry /> }).collect_view()}
            </ul>
            <Pagination page=number page_size=size total href what="mails" />
        </div>
    }
    .into_any()
}

#[component]
fn Mail(mail: MailRow, retry: ServerAction<Retry>) -> impl IntoView {
    let attempts = match mail.attempts {
        0 => String::new(),
        1 => "One attempt. ".to_owned(),
        n => format!("{n} attempts. "),
    };
    let error = mail.last_error.clone();
    let dead = mail.state == MailState::Dead;
    view! {
        <li>
            <details class="group">
                <summary class="flex flex-wrap items-center gap-x-4 gap-y-1 py-3 hover:bg-sunken">
                    <span class="min-w-0 grow">
                        <span class="font-semibold break-words">{mail.subject.clone()}</span>
                        <span class="block break-all text-muted">"To " {mail.to.clone()}</span>
                    </span>
                    <span class="text-muted">
                        <Time at=mail.sent_at.unwrap_or(mail.created_at) />
                    </span>
                    <span class="w-24 text-right">
                        <StateBadge state=mail.state />
                    </span>
                </summary>
                <div class="space-y-4 pt-1 pb-5">
                    {error
                        .map(|error| {
                            view! {
                                <p class="text-bad">
                                    {attempts} "The last one failed: " <span class="break-words">{error}</span>
                                </p>
                            }
                        })}
                    <pre class="overflow-x-auto rounded-md border border-line bg-sunken p-4 font-mono text-sm whitespace-pre-wrap">
                        {mail.text.clone()}
                    </pre>
                    <div class="flex flex-wrap gap-3">
                        <CopyButton text=Signal::stored(mail.text.clone()) what="the mail’s text" />
                        {dead
                            .then(|| {
                                view! {
                                    <ActionForm action=retry>
                                        <input type="hidden" name="id" value=mail.id.clone() />
                                        <Button icon=Shape::Mail busy=retry.pending()>
                                            "Send again"
                                        </Button>
                                    </ActionForm>
                                }
                            })}
                    </div>
                </div>
            </details>
        </li>
    }
}

#[component]
fn StateBadge(state: MailState) -> impl IntoView {
    let (tone, icon, word) = match state {
        MailState::Dead => (Tone::Bad, Shape::Alert, "Given up"),
        MailState::Kept => (Tone::Neutral, Shape::Copy, "To copy"),
        MailState::Sent => (Tone::Good, Shape::Check, "Sent"),
        MailState::Waiting => (Tone::Neutral, Shape::Clock, "Waiting"),
    };
    view! { <Badge tone icon word /> }
}
