//! `/account/ledger`: every picture that left one's machines, its export and its erasure. Works with scripts off.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use protocol::ledger::{LedgerRow, Trigger};

use super::api::{self, Erase, OwnLedger};
use crate::design::{
    BriefNotice, Button, ButtonVariant, EmptyState, NoticeTone, Pagination, ProblemNotice, PublicPage,
    Question, QuestionActions, QuestionButton, QuestionDialog, Time, loaded,
};
use crate::navigation::with_query;

const PATH: &str = "/account/ledger";

#[component]
pub fn LedgerPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    redirect_to_sign_in();
    let query = use_query_map();
    let page = Memo::new(move |_| {
        query.with(|q| q.get_str("page").and_then(|p| p.parse().ok()).unwrap_or_default())
    });
    let ledger = Resource::new_blocking(move || page.get(), api::own);
    view! {
        <PublicPage title="What left your machines">
            <p>
                <a href="/account" class="link">"Your account"</a>
            </p>
            {loaded(ledger, |ledger| view! { <Entries ledger /> })}
        </PublicPage>
    }
}

#[cfg(feature = "ssr")]
fn redirect_to_sign_in() {
    use crate::navigation::{login_path, redirect};
    use crate::request_context::RequestContext;

    if RequestContext::current().is_ok_and(|context| context.signed_in.is_none()) {
        redirect(&login_path(PATH));
    }
}

#[component]
fn Entries(ledger: OwnLedger) -> impl IntoView {
    let OwnLedger { page, refused, erased } = ledger;
    let problem = Signal::stored(refused.map(|refused| refused.problem));
    let done = erased.map(|count| match count {
        1 => "One entry was erased".to_owned(),
        count => format!("{count} entries were erased"),
    });
    let (number, size, total) = (page.page, page.page_size, page.total);
    let href = |page: u32| {
        let number = if page == 0 { String::new() } else { page.to_string() };
        with_query(PATH, &[("page", &number)])
    };
    view! {
        <div class="space-y-6">
            <ProblemNotice problem />
            {done.map(|title| view! { <BriefNotice tone=NoticeTone::Good title /> })}
            {if total == 0 {
                view! {
                    <EmptyState title="Nothing has left your machines">
                        <p>"What you send from now on is listed here: when, from which machine and program, and to which model."</p>
                    </EmptyState>
                }
                    .into_any()
            } else {
                view! {
                    <ul class="divide-y divide-line border-y border-line">
                        {page.rows.into_iter().map(|row| view! { <Entry row /> }).collect_view()}
                    </ul>
                    <Pagination page=number page_size=size total href what="entries" />
                    <Whole />
                }
                    .into_any()
            }}
        </div>
    }
    .into_any()
}

#[component]
fn Entry(row: LedgerRow) -> impl IntoView {
    let window = match (row.program.is_empty(), row.title.is_empty()) {
        (true, true) => String::new(),
        (false, true) => row.program.clone(),
        (true, false) => row.title.clone(),
        (false, false) => format!("{}: {}", row.program, row.title),
    };
    let size = if row.image_width > 0 {
        format!("{} × {} pixels, {} kB", row.image_width, row.image_height, kilobytes(row.image_bytes))
    } else {
        format!("{} kB", kilobytes(row.image_bytes))
    };
    let answered = match (row.provider.as_str(), row.model.as_str()) {
        ("", _) => String::new(),
        (provider, "") => format!(", by {provider}"),
        (provider, model) => format!(", by {model} at {provider}"),
    };
    let masks = if row.masks > 0 { format!(", {} parts masked", row.masks) } else { String::new() };
    let text = if row.with_text { ", with its text" } else { "" };
    view! {
        <li class="flex flex-wrap items-start justify-between gap-4 py-3">
            <div class="min-w-0 space-y-1">
                <p>
                    <Time at=row.at />
                    " from "
                    <strong class="break-words">{row.device}</strong>
                    ", "
                    {trigger_words(row.trigger)}
                </p>
                {(!window.is_empty()).then(|| view! { <p class="break-words">{window}</p> })}
                <p class="text-sm text-muted">
                    {size} {masks} {text} ". Mode " {row.mode} ": " {row.decision} {answered} "."
                </p>
                <p class="font-mono text-xs break-all text-muted">{row.image_sha256}</p>
            </div>
            <form method="post" action=Erase::url()>
                <input type="hidden" name="id" value=row.id />
                <Button variant=ButtonVariant::Secondary>"Erase"</Button>
            </form>
        </li>
    }
    .into_any()
}

/// Export and erasure of everything.
#[component]
fn Whole() -> impl IntoView {
    let question = Question::new("erase-all");
    let asked = move || question.asked_about().is_some();
    view! {
        <section class="space-y-4">
            <h2 class="text-lg">"Everything"</h2>
            <form method="post" action="/app/ledger/export">
                <Button>"Export as JSON"</Button>
            </form>
            <p class="text-muted">
                "Erasing removes the entries with their questions, answers and pictures. That you erased them is recorded, and how \
                 many pictures you sent; what they showed is not."
            </p>
            {move || {
                if asked() {
                    view! { <EraseAll question /> }.into_any()
                } else {
                    view! {
                        <QuestionButton question words="Erase everything" variant=ButtonVariant::Destructive />
                    }
                        .into_any()
                }
            }}
        </section>
    }
    .into_any()
}

#[component]
fn EraseAll(question: Question) -> impl IntoView {
    view! {
        <QuestionDialog question title="Erase everything" id="erase-all">
            <p>"All your questions, answers and pictures are deleted from the server. This cannot be undone."</p>
            <form method="post" action=Erase::url()>
                <input type="hidden" name="all" value="true" />
                <QuestionActions question>
                    <Button variant=ButtonVariant::Destructive>"Erase everything"</Button>
                </QuestionActions>
            </form>
        </QuestionDialog>
    }
    .into_any()
}

fn kilobytes(bytes: i64) -> i64 {
    bytes.saturating_add(999) / 1_000
}

fn trigger_words(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Ambient => "by ambient mode",
        Trigger::Asked => "with a question",
        Trigger::Focused => "a part that you selected",
        Trigger::Hotkey => "by a hotkey",
        Trigger::QuickAction => "by a quick action",
    }
}
