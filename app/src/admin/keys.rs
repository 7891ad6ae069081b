//! The panel's keys, and the sheet that lists them.

use leptos::prelude::*;

use crate::design::{Button, ButtonKind, Dialog};

/// Keys, and what they do.
const KEYS: [(&[&str], &str); 10] = [
    (&["Ctrl", "K"], "Go to a page, a person, a machine or a request"),
    (&["/"], "Search this page"),
    (&["j"], "Next row"),
    (&["k"], "Previous row"),
    (&["Enter"], "Open the row"),
    (&["x"], "Select the row"),
    (&["a"], "Approve the open request"),
    (&["r"], "Reject the open request, or revoke the certificate"),
    (&["Esc"], "Close what is open"),
    (&["?"], "Show these shortcuts"),
];

/// What a key asks for.
#[cfg(any(feature = "hydrate", test))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Close,
    Help,
    /// Presses what is marked with this key (`data-key`).
    Press(&'static str),
    /// Moves to the next row (1) or the previous one (-1).
    Row(i32),
    Search,
    Select,
    TogglePalette,
}

/// The command of a key. `typing`: the focus is in a field. `modal`: a dialog is open.
#[cfg(any(feature = "hydrate", test))]
fn command(key: &str, control: bool, typing: bool, modal: bool) -> Option<Command> {
    match key {
        "k" | "K" if control => Some(Command::TogglePalette),
        _ if control || typing || modal => None,
        "/" => Some(Command::Search),
        "?" => Some(Command::Help),
        "Escape" => Some(Command::Close),
        "a" => Some(Command::Press("a")),
        "j" => Some(Command::Row(1)),
        "k" => Some(Command::Row(-1)),
        "r" => Some(Command::Press("r")),
        "x" => Some(Command::Select),
        _ => None,
    }
}

/// Listens while the panel is open. Does nothing on the server.
#[cfg_attr(not(feature = "hydrate"), expect(unused_variables, reason = "there are no keys on the server"))]
pub fn listen(palette: RwSignal<bool>, help: RwSignal<bool>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let listener = window_event_listener(leptos::ev::keydown, move |event| {
            if page::handle(&event, palette, help) {
                event.prevent_default();
            }
        });
        on_cleanup(move || listener.remove());
    });
}

/// The commands in the page. What is not there is not pressed.
#[cfg(feature = "hydrate")]
mod page {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, KeyboardEvent};

    use super::{Command, command};

    const FIELD: &str = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
    const ROW: &str = "main [data-row]";

    /// Whether the key was one of ours.
    pub fn handle(event: &KeyboardEvent, palette: RwSignal<bool>, help: RwSignal<bool>) -> bool {
        if event.alt_key() || event.is_composing() {
            return false;
        }
        let typing = document().active_element().is_some_and(|focused| focused.matches(FIELD) == Ok(true));
        let modal = first("dialog[open], [popover]:popover-open").is_some();
        let control = event.ctrl_key() || event.meta_key();
        match command(&event.key(), control, typing, modal) {
            Some(Command::TogglePalette) => palette.update(|open| *open = !*open),
            Some(Command::Help) => help.set(true),
            Some(Command::Close) => return press("main [data-close]"),
            Some(Command::Press(key)) => {
                let marked = format!("[data-key={key}] button, button[data-key={key}]");
                return current_row().and_then(|row| inside(&row, &marked)).map_or_else(
                    || press(&format!("main [data-sheet] :is({marked})")),
                    |button| {
                        button.click();
                        true
                    },
                );
            }
            Some(Command::Row(by)) => return step(by),
            Some(Command::Search) => {
                return first("main input[type=search]").is_some_and(|field| focus(&field));
            }
            Some(Command::Select) => {
                let Some(tick) = current_row().and_then(|row| inside(&row, "input[type=checkbox]")) else {
                    return false;
                };
                tick.click();
            }
            None => return false,
        }
        true
    }

    fn first(selector: &str) -> Option<Element> {
        document().query_selector(selector).ok().flatten()
    }

    fn inside(element: &Element, selector: &str) -> Option<HtmlElement> {
        element.query_selector(selector).ok().flatten()?.dyn_into().ok()
    }

    fn current_row() -> Option<Element> {
        document().active_element()?.closest("[data-row]").ok().flatten()
    }

    fn press(selector: &str) -> bool {
        let Some(found) = first(selector).and_then(|found| found.dyn_into::<HtmlElement>().ok()) else {
            return false;
        };
        found.click();
        true
    }

    fn focus(element: &Element) -> bool {
        // Fails for no element of a page.
        element.dyn_ref::<HtmlElement>().is_some_and(|element| element.focus().is_ok())
    }

    /// Focuses the link of the next or previous row; the first one, if no row has the focus.
    fn step(by: i32) -> bool {
        let Ok(rows) = document().query_selector_all(ROW) else { return false };
        let rows: Vec<Element> = (0..rows.length()).filter_map(|n| rows.item(n)?.dyn_into().ok()).collect();
        let current = current_row().and_then(|row| rows.iter().position(|other| *other == row));
        let next = match current {
            None => 0,
            Some(at) if by > 0 => (at + 1).min(rows.len().saturating_sub(1)),
            Some(at) => at.saturating_sub(1),
        };
        let target = rows.get(next).and_then(|row| inside(row, "a[href], button"));
        target.is_some_and(|target| target.focus().is_ok())
    }
}

/// The keys, as a sheet.
#[component]
pub fn Shortcuts(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open title="Keyboard shortcuts" id="shortcuts">
            <dl class="divide-y divide-line">
                {KEYS
                    .map(|(keys, does)| {
                        view! {
                            <div class="flex items-center justify-between gap-6 py-1.5">
                                <dt class="text-muted">{does}</dt>
                                <dd class="flex shrink-0 gap-1">
                                    {keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view()}
                                </dd>
                            </div>
                        }
                    })}
            </dl>
            <p class="text-muted">"On a Mac, press ⌘ in place of Ctrl."</p>
            <div class="flex justify-end pt-2">
                <Button kind=ButtonKind::Button autofocus=true on:click=move |_| open.set(false)>
                    "Close"
                </Button>
            </div>
        </Dialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_commands_only_outside_of_fields_and_dialogs() {
        assert_eq!(command("j", false, false, false), Some(Command::Row(1)));
        assert_eq!(command("j", false, true, false), None);
        assert_eq!(command("a", false, false, true), None);
        assert_eq!(command("a", true, false, false), None, "Ctrl+A selects everything");
        assert_eq!(command("Escape", false, true, false), None, "Esc in a field is the field's");
        for (typing, modal) in [(false, false), (true, false), (true, true)] {
            assert_eq!(command("k", true, typing, modal), Some(Command::TogglePalette));
        }
    }
}
