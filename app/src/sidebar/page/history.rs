//! The list of one's own conversations: searched on the server; each can be opened, renamed, saved as a file and deleted.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::Problem;
use protocol::conversation::{ConversationSummary, MAX_TITLE_CHARS};

use super::ProblemAdvice;
use crate::design::{Button, ButtonKind, ButtonVariant, Skeleton, Time};
use crate::sidebar::advice::message;
use crate::sidebar::history::{ExportFormat, shown_title};
use crate::sidebar::state::{HistoryList, SidebarState};
use crate::sidebar::web;

/// The search goes to the server once this many milliseconds have passed without a key.
const TYPING_PAUSE_MS: u64 = 250;

#[component]
pub fn History(state: SidebarState) -> impl IntoView {
    let part = move |take: fn(&HistoryList) -> bool| {
        Memo::new(move |_| state.history.with(|history| history.as_ref().is_some_and(take)))
    };
    let empty = part(|history| history.found.is_empty() && !history.loading && history.problem.is_none());
    let waiting = part(|history| history.found.is_empty() && history.loading);
    let more = part(|history| history.more);
    let loading = part(|history| history.loading);
    let searched = part(|history| !history.search.is_empty());
    let found =
        move || state.history.with(|history| history.as_ref().map(|h| h.found.clone()).unwrap_or_default());
    web::focus("history-search");
    view! {
        <section aria-label="History" class="flex min-h-0 grow flex-col">
            <div class="shrink-0 px-3 pt-3">
                <Search state />
            </div>
            <div class="min-h-0 grow space-y-2 overflow-x-hidden overflow-y-auto p-3" tabindex="0" role="group" aria-label="Conversations">
                <Problems state />
                <Show when=move || waiting.get()>
                    <Skeleton lines=4 />
                </Show>
                <ol class="divide-y divide-line">
                    <For each=found key=|one| (one.id.clone(), one.title.clone(), one.questions) let(conversation)>
                        <Entry state conversation />
                    </For>
                </ol>
                <p role="status" class="text-muted empty:hidden">
                    {move || {
                        empty
                            .get()
                            .then(|| {
                                if searched.get() {
                                    "No matching conversations."
                                } else {
                                    "Your conversations will appear here."
                                }
                            })
                    }}
                </p>
                <Show when=move || more.get()>
                    <Button kind=ButtonKind::Button busy=loading on:click=move |_| spawn_local(state.more_history())>
                        "Show more"
                    </Button>
                </Show>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Search(state: SidebarState) -> impl IntoView {
    let typed = StoredValue::new(0_u64);
    let on_input = move |text: String| {
        typed.update_value(|count| *count += 1);
        let count = typed.get_value();
        web::after(TYPING_PAUSE_MS, move || {
            // The list may have been closed meanwhile.
            if typed.try_get_value() == Some(count) {
                spawn_local(state.show_history(text.trim().to_owned()));
            }
        });
    };
    view! {
        <input
            id="history-search"
            type="search"
            aria-label="Search conversations"
            placeholder="Search questions and answers"
            maxlength="200"
            class="min-h-8 w-full min-w-0 rounded-md border border-edge bg-raised px-2 py-1 text-ink"
            on:input:target=move |event| on_input(event.target().value())
        />
    }
}

#[component]
fn Problems(state: SidebarState) -> impl IntoView {
    let problem =
        Memo::new(move |_| state.history.with(|history| history.as_ref().and_then(|h| h.problem.clone())));
    let again = Callback::new(move |()| {
        let search = state.history.with_untracked(|history| history.as_ref().map(|h| h.search.clone()));
        spawn_local(state.show_history(search.unwrap_or_default()));
    });
    move || problem.get().map(|problem| view! { <ProblemAdvice problem again words="Try again" /> })
}

/// What is asked about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    Nothing,
    Delete,
    Title,
}

#[component]
fn Entry(state: SidebarState, conversation: ConversationSummary) -> impl IntoView {
    let ConversationSummary { id, title, questions, asked_at, .. } = conversation;
    let title = shown_title(&title).to_owned();
    let asking = RwSignal::new(Asking::Nothing);
    let problem = RwSignal::new(None::<Problem>);
    let count = if questions == 1 { "1 question".to_owned() } else { format!("{questions} questions") };
    let open = {
        let id = id.clone();
        move |_| {
            web::focus("question");
            spawn_local(state.open_conversation(id.clone()));
        }
    };
    let (about, shown) = (id.clone(), title.clone());
    view! {
        <li class="space-y-1 py-2">
            <button type="button" class="block w-full rounded-sm px-1 py-0.5 text-left hover:bg-sunken" title=title.clone() on:click=open>
                <bdi class="block truncate font-semibold">{title.clone()}</bdi>
                <span class="block text-xs text-muted">
                    <Time at=asked_at />
                    " · "
                    {count}
                </span>
            </button>
            {move || match asking.get() {
                Asking::Nothing => view! { <Actions state id=about.clone() title=shown.clone() asking problem /> }.into_any(),
                Asking::Delete => view! { <Deletion state id=about.clone() title=shown.clone() asking problem /> }.into_any(),
                Asking::Title => view! { <NewTitle state id=about.clone() title=shown.clone() asking problem /> }.into_any(),
            }}
            <p role="alert" class="font-semibold text-bad empty:hidden">
                {move || problem.get().map(|problem| message(&problem))}
            </p>
        </li>
    }
    .into_any()
}

#[component]
fn Actions(
    state: SidebarState,
    id: String,
    title: String,
    asking: RwSignal<Asking>,
    problem: RwSignal<Option<Problem>>,
) -> impl IntoView {
    let about = StoredValue::new(format!(" “{title}”"));
    let quiet = ButtonVariant::Quiet;
    view! {
        <div class="flex flex-wrap items-center">
            <Button kind=ButtonKind::Button variant=quiet on:click=move |_| asking.set(Asking::Title)>
                "Rename"
                <span class="sr-only">{about.get_value()}</span>
            </Button>
            {state.saves_files().then(|| view! { <Files state id=id.clone() about problem /> })}
            <Button kind=ButtonKind::Button variant=quiet on:click=move |_| asking.set(Asking::Delete)>
                "Delete"
                <span class="sr-only">{about.get_value()}</span>
            </Button>
        </div>
    }
    .into_any()
}

/// The conversation as files.
#[component]
fn Files(
    state: SidebarState,
    id: String,
    about: StoredValue<String>,
    problem: RwSignal<Option<Problem>>,
) -> impl IntoView {
    let save = move |format: ExportFormat| {
        let id = id.clone();
        spawn_local(async move {
            match state.export_conversation(id, format).await {
                Ok(text) => {
                    problem.try_set(None);
                    web::save_as(&format!("conversation.{}", format.extension()), format.media_type(), &text);
                }
                Err(failed) => {
                    problem.try_set(Some(failed));
                }
            }
        });
    };
    let save_json = save.clone();
    let quiet = ButtonVariant::Quiet;
    view! {
        <Button kind=ButtonKind::Button variant=quiet on:click=move |_| save(ExportFormat::Markdown)>
            "Markdown"
            <span class="sr-only">{format!(" file of{}", about.get_value())}</span>
        </Button>
        <Button kind=ButtonKind::Button variant=quiet on:click=move |_| save_json(ExportFormat::Json)>
            "JSON"
            <span class="sr-only">{format!(" file of{}", about.get_value())}</span>
        </Button>
    }
    .into_any()
}

/// The safe answer has the focus.
#[component]
fn Deletion(
    state: SidebarState,
    id: String,
    title: String,
    asking: RwSignal<Asking>,
    problem: RwSignal<Option<Problem>>,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    web::focus("keep-conversation");
    let delete = move |_| {
        let id = id.clone();
        busy.set(true);
        spawn_local(async move {
            let deleted = state.delete_conversation(id).await;
            // Its entry is gone if it was deleted.
            if let Err(failed) = deleted {
                problem.try_set(Some(failed));
                busy.try_set(false);
                asking.try_set(Asking::Nothing);
            } else {
                web::focus("history-search");
            }
        });
    };
    view! {
        <div role="group" aria-label=format!("Delete “{title}”?") class="space-y-2 rounded-md border border-line p-2">
            <p>"Delete this conversation with all of its questions and answers?"</p>
            <div class="flex flex-wrap gap-2">
                <Button
                    attr:id="keep-conversation"
                    kind=ButtonKind::Button
                    on:click=move |_| asking.set(Asking::Nothing)
                >
                    "Keep"
                </Button>
                <Button kind=ButtonKind::Button variant=ButtonVariant::Destructive busy on:click=delete>
                    "Delete"
                </Button>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn NewTitle(
    state: SidebarState,
    id: String,
    title: String,
    asking: RwSignal<Asking>,
    problem: RwSignal<Option<Problem>>,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let busy = RwSignal::new(false);
    web::focus("new-title");
    let rename = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let title = field.get_untracked().map(|field| field.value()).unwrap_or_default();
        let id = id.clone();
        busy.set(true);
        spawn_local(async move {
            let renamed = state.rename_conversation(id, title).await;
            busy.try_set(false);
            match renamed {
                Ok(()) => {
                    problem.try_set(None);
                    asking.try_set(Asking::Nothing);
                }
                Err(failed) => {
                    problem.try_set(Some(failed));
                }
            }
        });
    };
    view! {
        <form class="flex flex-wrap items-center gap-2" on:submit=rename>
            <input
                id="new-title"
                node_ref=field
                aria-label="Title"
                maxlength=MAX_TITLE_CHARS.to_string()
                class="min-h-8 min-w-0 grow rounded-md border border-edge bg-raised px-2 py-1 text-ink"
                value=title
            />
            <Button busy>"Save"</Button>
            <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet on:click=move |_| asking.set(Asking::Nothing)>
                "Cancel"
            </Button>
        </form>
    }
    .into_any()
}
