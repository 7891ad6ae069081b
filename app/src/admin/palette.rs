//! The command palette: pages, actions, people, machines and requests by name. Opened with Ctrl+K or ⌘K.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::frame::PAGES;
use crate::design::{Icon, Shape, modal};
use crate::navigation::with_query;
use crate::{access, certificate, people};

/// How long nothing is typed before the server is asked.
const PAUSE: Duration = Duration::from_millis(120);
/// Of each kind that the server finds.
const MOST_FOUND: usize = 4;

/// What the palette offers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    icon: Shape,
    text: String,
    kind: &'static str,
    goal: Goal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Goal {
    /// A page of the panel.
    Page(String),
    /// A page of another surface, which the browser loads.
    Elsewhere(&'static str),
    Shortcuts,
}

const ACTIONS: [(Shape, &str, Goal); 6] = [
    (Shape::Plus, "Invite a person", Goal::Elsewhere("/admin/people/new")),
    (Shape::Plus, "New mode", Goal::Elsewhere("/admin/modes/new")),
    (Shape::Plus, "New provider", Goal::Elsewhere("/admin/models/new")),
    (Shape::Plus, "New workflow", Goal::Elsewhere("/admin/workflows/new")),
    (Shape::Person, "Your account", Goal::Elsewhere("/account")),
    (Shape::Info, "Keyboard shortcuts", Goal::Shortcuts),
];

/// The pages and actions whose name contains what is typed.
fn known(search: &str) -> Vec<Entry> {
    let search = search.trim().to_lowercase();
    let fits = |text: &str| text.to_lowercase().contains(&search);
    let pages = PAGES.iter().map(|(href, text, icon, _)| Entry {
        icon: *icon,
        text: (*text).to_owned(),
        kind: "Page",
        goal: Goal::Page((*href).to_owned()),
    });
    let actions = ACTIONS.into_iter().map(|(icon, text, goal)| {
        // Pages of the panel are opened without loading them.
        let goal = match goal {
            Goal::Elsewhere(path) if path.starts_with("/admin/") => Goal::Page(path.to_owned()),
            other => other,
        };
        Entry { icon, text: text.to_owned(), kind: "Action", goal }
    });
    pages.chain(actions).filter(|entry| fits(&entry.text)).collect()
}

/// Who and what the server finds. A part that fails is left out.
async fn find(search: String) -> Vec<Entry> {
    let (requests, persons, machines) = futures::join!(
        access::api::list(None, false, search.clone(), 0),
        people::api::list(search.clone(), 0),
        certificate::api::list(search, 0),
    );
    let requests = requests.map(|page| page.rows).unwrap_or_default().into_iter().map(|row| Entry {
        icon: Shape::Request,
        goal: Goal::Page(format!("/admin/requests/{}", row.id)),
        text: row.email,
        kind: "Request",
    });
    let persons = persons.map(|page| page.rows).unwrap_or_default().into_iter().map(|row| Entry {
        icon: Shape::Person,
        goal: Goal::Page(format!("/admin/people/{}", row.id)),
        text: row.email,
        kind: "Person",
    });
    let machines = machines.map(|page| page.rows).unwrap_or_default().into_iter().map(|row| Entry {
        icon: Shape::Certificate,
        goal: Goal::Page(with_query("/admin/certificates", &[("search", &row.serial)])),
        text: format!("{} · {}", row.device_name, row.owner),
        kind: "Machine",
    });
    persons.take(MOST_FOUND).chain(machines.take(MOST_FOUND)).chain(requests.take(MOST_FOUND)).collect()
}

#[derive(Clone, Copy)]
struct Finder {
    search: RwSignal<String>,
    found: RwSignal<Vec<Entry>>,
    entries: Memo<Vec<Entry>>,
    /// The entry that Enter opens.
    active: RwSignal<usize>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl Finder {
    fn new() -> Self {
        let (search, found) = (RwSignal::new(String::new()), RwSignal::new(Vec::new()));
        let entries = Memo::new(move |_| {
            let mut entries = search.with(|search| known(search));
            found.with(|found: &Vec<Entry>| entries.extend(found.iter().cloned()));
            entries
        });
        Self { search, found, entries, active: RwSignal::new(0), timer: StoredValue::new(None) }
    }

    fn clear(self) {
        self.search.set(String::new());
        self.found.set(Vec::new());
        self.active.set(0);
    }

    fn typed(self, text: String) {
        self.active.set(0);
        self.found.set(Vec::new());
        self.search.set(text.clone());
        if let Some(timer) = self.timer.get_value() {
            timer.clear();
        }
        let text = text.trim().to_owned();
        let ask = move || {
            leptos::task::spawn_local(async move {
                let found = find(text.clone()).await;
                if self.search.try_with_untracked(|now| now.trim() == text) == Some(true) {
                    self.found.try_set(found);
                }
            });
        };
        if self.search.with_untracked(|search| search.trim().len() >= 2) {
            // Fails only where there is no window.
            self.timer.set_value(set_timeout_with_handle(ask, PAUSE).ok());
        }
    }

    fn step(self, by: i32) {
        let count = self.entries.with_untracked(Vec::len);
        self.active.update(|active| {
            *active = match (count, by) {
                (0, _) => 0,
                (_, 1..) => (*active + 1) % count,
                _ => (*active + count - 1) % count,
            };
        });
    }
}

#[component]
pub fn Palette(open: RwSignal<bool>, help: RwSignal<bool>) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    let closed = modal(node, open);
    let finder = Finder::new();
    Effect::new(move |_| {
        if open.get() {
            finder.clear();
        }
    });
    let navigate = use_navigate();
    let run = Callback::new(move |entry: Entry| {
        open.set(false);
        match entry.goal {
            Goal::Page(path) => navigate(&path, leptos_router::NavigateOptions::default()),
            Goal::Elsewhere(path) => {
                // Fails for no path of this server.
                let _ = location().set_href(path);
            }
            Goal::Shortcuts => help.set(true),
        }
    });
    let pressed = move |event: leptos::ev::KeyboardEvent| {
        match event.key().as_str() {
            "ArrowDown" => finder.step(1),
            "ArrowUp" => finder.step(-1),
            "Enter" => {
                let chosen = finder.entries.with_untracked(|e| e.get(finder.active.get_untracked()).cloned());
                if let Some(entry) = chosen {
                    run.run(entry);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <dialog
            node_ref=node
            aria-label="Go to"
            class="mx-auto mt-[12vh] w-[min(36rem,calc(100vw-2rem))] overflow-hidden rounded-lg border border-line-strong bg-raised shadow-float motion-safe:open:animate-appear"
            on:close=closed
        >
            <div class="flex items-center gap-2.5 border-b border-line px-4 text-muted">
                <Icon shape=Shape::Search />
                <input
                    type="text"
                    role="combobox"
                    aria-label="A page, a person, a machine or a request"
                    aria-expanded="true"
                    aria-controls="palette-list"
                    aria-autocomplete="list"
                    aria-activedescendant=move || format!("palette-{}", finder.active.get())
                    autocomplete="off"
                    spellcheck="false"
                    autofocus=true
                    placeholder="Go to a page, a person, a machine or a request"
                    class="h-12 grow bg-transparent text-base text-ink outline-none focus-visible:outline-none"
                    prop:value=move || finder.search.get()
                    on:input=move |event| finder.typed(event_target_value(&event))
                    on:keydown=pressed
                />
            </div>
            <Entries finder run />
        </dialog>
    }
    .into_any()
}

#[component]
fn Entries(finder: Finder, run: Callback<Entry>) -> impl IntoView {
    let numbered = move || finder.entries.get().into_iter().enumerate().collect::<Vec<_>>();
    view! {
        <ul id="palette-list" role="listbox" aria-label="Found" class="max-h-[50vh] overflow-y-auto p-1.5">
            <For
                each=numbered
                key=|(number, entry)| (*number, entry.text.clone(), entry.kind)
                children=move |(number, entry)| {
                    let (icon, text, kind) = (entry.icon, entry.text.clone(), entry.kind);
                    let chosen = move || finder.active.get() == number;
                    view! {
                        <li
                            id=format!("palette-{number}")
                            role="option"
                            aria-selected=move || if chosen() { "true" } else { "false" }
                            class="flex min-h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 aria-selected:bg-sunken"
                            on:click=move |_| run.run(entry.clone())
                            on:mousemove=move |_| finder.active.set(number)
                        >
                            <span class="text-muted">
                                <Icon shape=icon />
                            </span>
                            <bdi class="min-w-0 grow truncate">{text}</bdi>
                            <span class="shrink-0 text-xs text-muted">{kind}</span>
                        </li>
                    }
                }
            />
        </ul>
        <p role="status" class="px-4 pb-3 text-muted empty:hidden">
            {move || finder.entries.with(Vec::is_empty).then_some("Nothing found")}
        </p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_actions_are_found_by_a_part_of_their_name() {
        let texts = |search: &str| known(search).into_iter().map(|entry| entry.text).collect::<Vec<_>>();
        assert_eq!(texts(" CERT "), ["Certificates"]);
        assert_eq!(texts("workf"), ["Workflows", "New workflow"]);
        assert_eq!(texts("").len(), PAGES.len() + ACTIONS.len());
        assert!(texts("nothing of the kind").is_empty());
    }
}
