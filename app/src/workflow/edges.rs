//! The edges of a workflow as forms: from where to where, and when.

use leptos::prelude::*;
use protocol::workflow::{Document, Edge, Operator, SimpleCondition, label};
use serde_json::Value;

use super::fields::{Choice, TextInput, Tick};
use super::state::EditorState;
use crate::design::{Button, ButtonKind, ButtonVariant};

fn first_field(index: usize) -> String {
    format!("edge-{index}-from")
}

#[component]
pub fn Edges(state: EditorState) -> impl IntoView {
    let rows = move || {
        state.structure.track();
        let count = state.document.with_untracked(|document| document.edges.len());
        (0..count).map(|index| view! { <EdgeForm state index /> }).collect_view()
    };
    let add = move |_| {
        let index = state.document.with_untracked(|document| document.edges.len());
        let from = state.document.with_untracked(|document| {
            // The step that was added last needs one most.
            document.nodes.last().map(|node| node.id.clone()).unwrap_or_default()
        });
        let added = |document: &mut Document| {
            document.add_edge(&from);
        };
        state.restructure(added, format!("Edge from {from} to the end added."), first_field(index));
    };
    view! {
        <section class="space-y-3" aria-labelledby="edges-heading">
            <h2 id="edges-heading" class="text-lg font-semibold">
                "Edges"
            </h2>
            <p class="text-muted">"They are tried in this order; the last one of each step needs no condition."</p>
            <ol class="space-y-4">{rows}</ol>
            <div id="edge-add">
                <Button kind=ButtonKind::Button on:click=add>
                    "Add edge"
                </Button>
            </div>
        </section>
    }
}

/// What an edge has now.
fn of<T: Default>(state: EditorState, index: usize, read: impl FnOnce(&Edge) -> T) -> T {
    state.document.with(|document| document.edges.get(index).map(read).unwrap_or_default())
}

fn set(state: EditorState, index: usize, change: impl FnOnce(&mut Edge)) {
    state.change(|document| {
        if let Some(edge) = document.edges.get_mut(index) {
            change(edge);
        }
    });
}

fn title(state: EditorState, index: usize) -> String {
    of(state, index, |edge| {
        format!("{} → {}", edge.from, edge.to.join(", ").replace(protocol::workflow::END, "End"))
    })
}

#[component]
fn EdgeForm(state: EditorState, index: usize) -> impl IntoView {
    let error = move |field: &'static str| {
        Signal::derive(move || {
            let whole = format!("edges[{index}].{field}");
            state.errors(|fault| fault.field == whole)
        })
    };
    let remove = move |_| {
        let left = state.document.with_untracked(|document| document.edges.len()).saturating_sub(1);
        let focus = if left == 0 { "step-type".to_owned() } else { first_field(index.min(left - 1)) };
        let take = |document: &mut Document| {
            if index < document.edges.len() {
                document.edges.remove(index);
            }
        };
        state.restructure(take, format!("Edge {} removed.", title(state, index)), focus);
    };
    let outcomes = [("finished", "it has finished"), ("failed", "it has failed")];
    let outcomes: Vec<_> = outcomes.map(|(value, words)| (value.to_owned(), words.to_owned())).into();
    view! {
        <li class="space-y-3 rounded-md border border-line p-4">
            <h3 class="font-semibold break-words">{move || title(state, index)}</h3>
            <div class="grid gap-3 sm:grid-cols-3">
                <Choice
                    id=first_field(index)
                    label="From"
                    options=Signal::derive(move || state.nodes())
                    value=Signal::derive(move || of(state, index, |edge| edge.from.clone()))
                    error=error("from")
                    on_change=move |from| set(state, index, |edge| edge.from = from)
                />
                <Choice
                    id=format!("edge-{index}-on")
                    label="When"
                    options=Signal::stored(outcomes)
                    value=Signal::derive(move || of(state, index, |edge| if edge.is_for_failure() { "failed" } else { "finished" }.to_owned()))
                    on_change=move |on: String| set(state, index, |edge| edge.on = (on == "failed").then_some(on))
                />
                <Choice
                    id=format!("edge-{index}-to")
                    label="To"
                    options=Signal::derive(move || state.targets())
                    value=Signal::derive(move || of(state, index, |edge| edge.to.first().cloned().unwrap_or_default()))
                    error=error("to")
                    on_change=move |to| set(state, index, |edge| edge.to = vec![to])
                />
            </div>
            <ConditionForm state index error=error("when") />
            <More state index each=error("each") join=error("join") />
            <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet on:click=remove>
                "Remove edge"
                <span class="sr-only">{move || format!(" {}", title(state, index))}</span>
            </Button>
        </li>
    }
}

/// Which fields a condition has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Always,
    /// Made of others: there is no form for it.
    Composed,
    Simple {
        takes_value: bool,
    },
}

fn shape(condition: Option<&Value>) -> Shape {
    match condition.map(SimpleCondition::of) {
        None => Shape::Always,
        Some(None) => Shape::Composed,
        Some(Some(simple)) => Shape::Simple { takes_value: simple.operator.takes_value() },
    }
}

#[component]
fn ConditionForm(state: EditorState, index: usize, error: Signal<Option<String>>) -> impl IntoView {
    let simple = move || of(state, index, |edge| edge.when.as_ref().and_then(SimpleCondition::of));
    let shape = Memo::new(move |_| {
        state.document.with(|document| shape(document.edges.get(index).and_then(|edge| edge.when.as_ref())))
    });
    let change = move |change: &dyn Fn(&mut SimpleCondition)| {
        let first = state
            .document
            .with_untracked(|document| document.channels.keys().next().cloned().unwrap_or_default());
        set(state, index, |edge| {
            let old = edge.when.as_ref().and_then(SimpleCondition::of);
            let mut condition = old.unwrap_or(SimpleCondition {
                channel: first,
                operator: Operator::Filled,
                value: String::new(),
            });
            change(&mut condition);
            edge.when = Some(condition.to_value());
        });
    };
    let choose = move |words: String| match Operator::of_words(&words) {
        Some(operator) => change(&|condition| condition.operator = operator),
        None if words == ALWAYS => set(state, index, |edge| edge.when = None),
        None => {}
    };
    let always = std::iter::once((ALWAYS.to_owned(), ALWAYS.to_owned()));
    let words =
        Operator::ALL.into_iter().map(|operator| (operator.words().to_owned(), operator.words().to_owned()));
    let options: Vec<_> = always.chain(words).collect();
    let chosen = move || match (shape.get(), simple()) {
        (Shape::Always, _) => ALWAYS.to_owned(),
        (_, Some(simple)) => simple.operator.words().to_owned(),
        (_, None) => of(state, index, |edge| edge.when.as_ref().map(label).unwrap_or_default()),
    };
    let rest = move || {
        let Shape::Simple { takes_value } = shape.get() else { return None };
        let value = untrack(simple).map(|simple| simple.value).unwrap_or_default();
        let typed = move |value: String| change(&|condition| condition.value.clone_from(&value));
        Some(view! {
            <Choice
                id=format!("edge-{index}-channel")
                label="Channel"
                options=Signal::derive(move || state.channels())
                value=Signal::derive(move || simple().map(|simple| simple.channel).unwrap_or_default())
                on_change=move |channel: String| change(&|condition| condition.channel.clone_from(&channel))
            />
            {takes_value.then(|| view! { <TextInput id=format!("edge-{index}-value") label="Value" value on_input=typed /> })}
        })
    };
    view! {
        <div class="grid gap-3 sm:grid-cols-3">
            <Choice
                id=format!("edge-{index}-condition")
                label="Condition"
                options=Signal::stored(options)
                value=Signal::derive(chosen)
                error
                on_change=choose
            />
            {rest}
        </div>
    }
}

const ALWAYS: &str = "always";

/// What few edges have.
#[component]
fn More(
    state: EditorState,
    index: usize,
    each: Signal<Option<String>>,
    join: Signal<Option<String>>,
) -> impl IntoView {
    let options = Signal::derive(move || {
        let mut channels = state.channels();
        channels.insert(0, (String::new(), "once".to_owned()));
        channels
    });
    let most =
        state.document.with_untracked(|document| document.edges.get(index).and_then(|edge| edge.at_most));
    let targets = move || {
        let tick = |(target, words): (String, String)| {
            let (id, of_checked) = (format!("edge-{index}-to-{target}"), target.clone());
            let checked = Signal::derive(move || of(state, index, |edge| edge.to.contains(&of_checked)));
            let tick = move |on: bool| {
                set(state, index, |edge| {
                    edge.to.retain(|to| *to != target);
                    if on {
                        edge.to.push(target.clone());
                    }
                });
            };
            view! { <Tick id label=words checked on_change=tick /> }
        };
        state.nodes().into_iter().map(tick).collect_view()
    };
    view! {
        <details>
            <summary class="link">"Several targets, lists, loops"</summary>
            <div class="space-y-3 pt-2">
                <fieldset class="space-y-1">
                    <legend class="text-sm font-semibold">"All of these at the same time"</legend>
                    {targets}
                </fieldset>
                <Choice
                    id=format!("edge-{index}-each")
                    label="Run the target for each item of"
                    options
                    value=Signal::derive(move || of(state, index, |edge| edge.each.clone().unwrap_or_default()))
                    error=each
                    on_change=move |channel: String| set(state, index, |edge| edge.each = Some(channel).filter(|channel| !channel.is_empty()))
                />
                <Tick
                    id=format!("edge-{index}-join")
                    label="The target waits for all edges with this mark"
                    checked=Signal::derive(move || of(state, index, |edge| edge.join))
                    on_change=move |on| set(state, index, |edge| edge.join = on)
                />
                <p class="text-sm font-semibold text-bad empty:hidden">{move || join.get()}</p>
                <TextInput
                    id=format!("edge-{index}-most")
                    label="At most so many times (for loops)"
                    value=most.map(|most| most.to_string()).unwrap_or_default()
                    numeric=true
                    on_input=move |text: String| set(state, index, |edge| edge.at_most = text.trim().parse().ok())
                />
            </div>
        </details>
    }
}
