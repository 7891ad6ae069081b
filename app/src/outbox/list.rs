//! `/admin/outbox`: every mail with its state, to read, copy and send again.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use protocol::access::Page;
use protocol::outbox::{MailRow, MailState};

use super::api::{self, Delivered, Retry, RetryAll, TakeBack};
use crate::deployment::sends_mail;
use crate::design::{
    Badge, BriefNotice, Button, CopyButton, EmptyState, FilterForm, FilterSelect, NoticeTone, Pagination,
    PanelPage, ProblemNotice, Shape, Time, Tone, loaded,
};
use crate::form::{self, problem_of};
use crate::navigation::{page_in_address, page_number, with_query};

const PATH: &str = "/admin/outbox";

/// The list's filter and page number, from the page's address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Listing {
    state: Option<MailState>,
    page: u32,
}

impl Listing {
    fn of_url() -> Memo<Self> {
        let query = use_query_map();
        Memo::new(move |_| {
            query.with(|q| Self {
                state: q.get_str("state").and_then(|s| s.parse().ok()),
                page: page_number(q.get_str("page")),
            })
        })
    }

    fn path(self) -> String {
        let state = self.state.map(MailState::as_str).unwrap_or_default();
        with_query(PATH, &[("state", state), ("page", &page_in_address(self.page))])
    }
}

#[component]
pub fn OutboxPage() -> impl IntoView {
    let listing = Listing::of_url();
    let retry = form::action::<Retry>();
    let retry_all = form::action::<RetryAll>();
    let delivered = form::action::<Delivered>();
    let take_back = form::action::<TakeBack>();
    let changes = move || {
        let versions = [retry.version(), retry_all.version(), delivered.version(), take_back.version()];
        versions.map(|version| version.get())
    };
    let mails = Resource::new(
        move || (listing.get(), changes()),
        |(listing, _)| api::list(listing.state, listing.page),
    );
    let taken_back = move || take_back.value().with(|value| matches!(value, Some(Ok(()))));
    let sent_again = move || retry.value().with(|value| matches!(value, Some(Ok(()))));
    let done = move || delivered.value().with(|value| matches!(value, Some(Ok(()))));
    let all_again =
        move || retry_all.value().with(|value| value.as_ref().and_then(|v| v.as_ref().ok().copied()));
    view! {
        <PanelPage
            title="Outbox"
            lead=if sends_mail() {
                "Mail the server sends. If one fails, retry it, or copy it and send it yourself."
            } else {
                "No mail server is connected. Copy each mail and send it yourself."
            }
        >
            <Filter listing />
            <ProblemNotice problem=problem_of(retry) />
            <ProblemNotice problem=problem_of(retry_all) />
            <ProblemNotice problem=problem_of(delivered) />
            <ProblemNotice problem=problem_of(take_back) />
            {move || done().then(|| view! { <BriefNotice tone=NoticeTone::Good title="Marked as sent. Its text is kept for a day, so you can undo this" /> })}
            {move || taken_back().then(|| view! { <BriefNotice tone=NoticeTone::Good title="Marked as not sent" /> })}
            {move || sent_again().then(|| view! { <BriefNotice tone=NoticeTone::Good title="The mail will be sent again" /> })}
            {move || all_again().map(|count| view! { <BriefNotice tone=NoticeTone::Good title=waiting_again(count) /> })}
            {loaded(mails, move |page| view! { <Mails page listing=listing.get_untracked() actions=Actions { retry, retry_all, delivered, take_back } /> })}
        </PanelPage>
    }
    .into_any()
}

fn waiting_again(count: u64) -> String {
    match count {
        0 => "No failed mail is left".to_owned(),
        1 => "1 mail will be sent again".to_owned(),
        n => format!("{n} mails will be sent again"),
    }
}

/// The actions on mails.
#[derive(Clone, Copy)]
struct Actions {
    retry: ServerAction<Retry>,
    retry_all: ServerAction<RetryAll>,
    delivered: ServerAction<Delivered>,
    take_back: ServerAction<TakeBack>,
}

#[component]
fn Filter(listing: Memo<Listing>) -> impl IntoView {
    let options = || {
        let states = MailState::ALL.map(|state| (state.as_str().to_owned(), word(state).to_owned()));
        [(String::new(), "All mail".to_owned())].into_iter().chain(states).collect::<Vec<_>>()
    };
    let state =
        Signal::derive(move || listing.get().state.map(MailState::as_str).unwrap_or_default().to_owned());
    view! {
        <FilterForm path=PATH fields=&["state"]>
            <FilterSelect name="state" label="State" options=options() value=state />
        </FilterForm>
    }
}

#[component]
fn Mails(page: Page<MailRow>, listing: Listing, actions: Actions) -> impl IntoView {
    let retry_all = actions.retry_all;
    if page.rows.is_empty() {
        return view! { <NoMails filtered=listing != Listing::default() /> }.into_any();
    }
    let (number, size, total) = (page.page, page.page_size, page.total);
    let href = move |page: u32| Listing { page, ..listing }.path();
    let many_dead = listing.state == Some(MailState::Dead) && total > 1;
    view! {
        <div class="space-y-4">
            {many_dead
                .then(|| {
                    view! {
                        <ActionForm action=retry_all>
                            <Button icon=Shape::Mail busy=retry_all.pending()>
                                "Retry all"
                            </Button>
                        </ActionForm>
                    }
                })}
            <ul class="divide-y divide-line overflow-clip rounded-md border border-line bg-raised">
                {page.rows.into_iter().map(|mail| view! { <Mail mail actions /> }).collect_view()}
            </ul>
            <Pagination page=number page_size=size total href what="mails" />
        </div>
    }
    .into_any()
}

#[component]
fn NoMails(filtered: bool) -> impl IntoView {
    if filtered {
        return view! {
            <EmptyState title="No matching mails">
                <p>
                    <A href=PATH attr:class="link">
                        "Show all mails"
                    </A>
                </p>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState title="No mails yet">
            <p>"Mails appear here when someone requests access, and when you approve or reject a request."</p>
        </EmptyState>
    }
    .into_any()
}

#[component]
fn Mail(mail: MailRow, actions: Actions) -> impl IntoView {
    let Actions { retry, delivered, take_back, .. } = actions;
    let attempts = match mail.attempts {
        0 => String::new(),
        1 => "1 attempt. ".to_owned(),
        n => format!("{n} attempts. "),
    };
    let note = mail.notice.then_some(" · a notice, also shown in this panel");
    let error = mail.last_error.clone();
    let dead = mail.state == MailState::Dead;
    let not_sent = dead || mail.state == MailState::Kept;
    // Sent by an administrator, not long ago.
    let by_hand = mail.state == MailState::Sent && mail.text.is_some();
    let (again, sent, back) = (mail.id.clone(), mail.id.clone(), mail.id.clone());
    view! {
        <li>
            <details class="group">
                <summary class="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-sunken">
                    <span class="min-w-0 grow">
                        <span class="font-medium">{mail.subject.clone()}</span>
                        <span class="block text-muted">"To " {mail.to.clone()} {note}</span>
                    </span>
                    <span class="text-muted">
                        <Time at=mail.sent_at.unwrap_or(mail.created_at) relative=true />
                    </span>
                    <span class="w-24">
                        <StateBadge state=mail.state />
                    </span>
                </summary>
                <div class="space-y-4 px-4 pt-1 pb-5">
                    {error
                        .map(|error| {
                            view! {
                                <p class="text-bad">
                                    {attempts} "The last attempt failed: " {error}
                                </p>
                            }
                        })}
                    {match mail.text.clone() {
                        Some(text) => view! {
                            {by_hand.then(|| view! { <p class="text-muted">{BY_HAND}</p> })}
                            <pre class="overflow-x-auto rounded-md border border-line bg-sunken p-4 font-mono text-sm whitespace-pre-wrap">
                                {text}
                            </pre>
                        }
                        .into_any(),
                        None => view! { <p class="text-muted">{without_text(mail.state)}</p> }.into_any(),
                    }}
                    <div class="flex flex-wrap gap-3">
                        {mail.text.map(|text| view! { <CopyButton text=Signal::stored(text) what="the mail’s text" /> })}
                        {dead
                            .then(|| {
                                view! {
                                    <ActionForm action=retry>
                                        <MailButton id=again icon=Shape::Mail busy=retry.pending() words="Retry" />
                                    </ActionForm>
                                }
                            })}
                        {by_hand
                            .then(|| {
                                view! {
                                    <ActionForm action=take_back>
                                        <MailButton id=back icon=Shape::Mail busy=take_back.pending() words="Undo: not sent" />
                                    </ActionForm>
                                }
                            })}
                        {not_sent
                            .then(|| {
                                view! {
                                    <ActionForm action=delivered>
                                        <MailButton id=sent icon=Shape::Check busy=delivered.pending() words="Mark as sent" />
                                    </ActionForm>
                                }
                            })}
                    </div>
                </div>
            </details>
        </li>
    }
}

/// The content of a form about one mail.
#[component]
fn MailButton(
    id: String,
    icon: Shape,
    #[prop(into)] busy: Signal<bool>,
    words: &'static str,
) -> impl IntoView {
    view! {
        <input type="hidden" name="id" value=id />
        <Button icon busy>
            {words}
        </Button>
    }
}

const BY_HAND: &str = "An administrator has sent this mail. Its text is shown for 24 hours, then deleted.";

fn without_text(state: MailState) -> &'static str {
    match state {
        MailState::Sent => "Its text was deleted once it was sent, because it may contain a link.",
        _ => "Its text can’t be decrypted with this server’s data key.",
    }
}

fn word(state: MailState) -> &'static str {
    match state {
        MailState::Dead => "Failed",
        MailState::Kept => "Not sent",
        MailState::Sent => "Sent",
        MailState::Waiting => "Sending",
    }
}

#[component]
fn StateBadge(state: MailState) -> impl IntoView {
    let (tone, icon) = match state {
        MailState::Dead => (Tone::Bad, Shape::Alert),
        MailState::Kept => (Tone::Neutral, Shape::Copy),
        MailState::Sent => (Tone::Good, Shape::Check),
        MailState::Waiting => (Tone::Neutral, Shape::Clock),
    };
    view! { <Badge tone icon word=word(state) /> }
}
