//! The channels of a workflow: what its state holds.

use leptos::prelude::*;

use super::fields::{Choice, TextInput};
use super::state::EditorState;
use crate::design::{Button, ButtonKind, ButtonVariant};

const KINDS: &[(&str, &str)] = &[
    ("last", "the last value"),
    ("append", "a list of all values"),
    ("add", "the sum"),
    ("maximum", "the largest number"),
    ("merge", "an object, merged"),
];
const NEW: &str = "channel-new";

#[component]
pub fn Channels(state: EditorState) -> impl IntoView {
    let rows = move || {
        state.structure.track();
        let names: Vec<_> =
            state.document.with_untracked(|document| document.channels.keys().cloned().collect());
        let last = names.len().saturating_sub(1);
        let row = |(index, name): (usize, String)| {
            // The neighbour has the place, or stands before it, once this one is gone.
            let neighbour = match index {
                _ if last == 0 => NEW.to_owned(),
                index => format!("channel-{}", index.min(last - 1)),
            };
            view! { <Channel state index name neighbour /> }
        };
        names.into_iter().enumerate().map(row).collect_view()
    };
    let typed = RwSignal::new(String::new());
    let refused = RwSignal::new(None::<String>);
    let add = move |_| {
        let name = typed.get_untracked().trim().to_owned();
        let free = state.document.with_untracked(|document| document.clone().add_channel(&name));
        if !free {
            refused.set(Some("A new name of letters, digits and _".to_owned()));
            return;
        }
        refused.set(None);
        let index = state.document.with_untracked(|document| document.channels.range(..name.clone()).count());
        let added = |document: &mut protocol::workflow::Document| {
            document.add_channel(&name);
        };
        state.restructure(added, format!("Channel {name} added."), format!("channel-{index}"));
    };
    view! {
        <section class="space-y-3" aria-labelledby="channels-heading">
            <h2 id="channels-heading" class="text-lg font-semibold">
                "Channels"
            </h2>
            <p class="text-muted">
                "Steps read and write them. The question stands in " <code class="font-mono">"question"</code>
                "; what is written to " <code class="font-mono">"answer"</code> " is the answer."
            </p>
            <ul class="space-y-3">{rows}</ul>
            <div class="flex flex-wrap items-end gap-3">
                <TextInput
                    id=NEW.to_owned()
                    label="Name of the new channel"
                    value=String::new()
                    error=refused
                    on_input=move |name| typed.set(name)
                />
                <Button kind=ButtonKind::Button on:click=add>
                    "Add channel"
                </Button>
            </div>
        </section>
    }
}

#[component]
fn Channel(state: EditorState, index: usize, name: String, neighbour: String) -> impl IntoView {
    let kind =
        state.document.with_untracked(|document| document.channels.get(&name).cloned().unwrap_or_default());
    let kind = RwSignal::new(kind);
    let (of_kind, of_error, removed) = (name.clone(), format!("channels.{name}"), name.clone());
    let choose = move |chosen: String| {
        kind.set(chosen.clone());
        state.change(|document| {
            document.channels.insert(of_kind.clone(), chosen);
        });
    };
    let remove = move |_| {
        let take = |document: &mut protocol::workflow::Document| {
            document.channels.remove(&removed);
        };
        state.restructure(take, format!("Channel {removed} removed."), neighbour.clone());
    };
    let options: Vec<_> =
        KINDS.iter().map(|(kind, words)| ((*kind).to_owned(), (*words).to_owned())).collect();
    view! {
        <li class="flex flex-wrap items-end gap-3">
            <Choice
                id=format!("channel-{index}")
                label=format!("{name} holds")
                options=Signal::stored(options)
                value=kind
                error=Signal::derive(move || state.errors(|fault| fault.node.is_none() && fault.field == of_error))
                on_change=choose
            />
            <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet on:click=remove>
                "Remove channel"
                <span class="sr-only">{format!(" {name}")}</span>
            </Button>
        </li>
    }
}
