//! The steps of a workflow as forms.

use leptos::prelude::*;
use protocol::workflow::{Document, Node, NodeField, NodeTypeRow, WorkflowFault};
use serde_json::Value;

use super::fields::{Choice, TextArea, TextInput, Tick};
use super::state::EditorState;
use crate::design::{Button, ButtonKind, ButtonVariant};

/// The field that a step's form begins with.
pub fn name_field(index: usize) -> String {
    format!("step-{index}-name")
}

#[component]
pub fn Steps(state: EditorState, node_types: StoredValue<Vec<NodeTypeRow>>) -> impl IntoView {
    let steps = move || {
        state.structure.track();
        let nodes = state.document.with_untracked(|document| document.nodes.clone());
        nodes
            .into_iter()
            .enumerate()
            .map(|(index, node)| view! { <Step state node_types index node /> })
            .collect_view()
    };
    view! {
        <section class="space-y-3" aria-labelledby="steps-heading">
            <h2 id="steps-heading" class="text-lg font-semibold">
                "Steps"
            </h2>
            <ol class="space-y-4">{steps}</ol>
            <Palette state node_types />
        </section>
    }
}

/// Chooses a type and adds a step of it.
#[component]
fn Palette(state: EditorState, node_types: StoredValue<Vec<NodeTypeRow>>) -> impl IntoView {
    let names = node_types.with_value(|types| types.iter().map(|kind| kind.name.clone()).collect::<Vec<_>>());
    let chosen = RwSignal::new(names.first().cloned().unwrap_or_default());
    let options: Vec<_> = names.into_iter().map(|name| (name.clone(), name)).collect();
    let description = move || {
        let of = |kind: &NodeTypeRow| (kind.name == chosen.get()).then(|| kind.description.clone());
        node_types.with_value(|types| types.iter().find_map(of))
    };
    let add = move |_| {
        let index = state.document.with_untracked(|document| document.nodes.len());
        let kind = chosen.get_untracked();
        let words = format!("Step of type {kind} added.");
        let added = |document: &mut Document| {
            document.add_node(&kind);
        };
        state.restructure(added, words, name_field(index));
    };
    view! {
        <div class="flex flex-wrap items-end gap-3">
            <Choice
                id="step-type".to_owned()
                label="Type of the new step"
                options=Signal::stored(options)
                value=chosen
                on_change=move |kind| chosen.set(kind)
            />
            <Button kind=ButtonKind::Button on:click=add>
                "Add step"
            </Button>
            <p class="basis-full text-sm text-muted">{description}</p>
        </div>
    }
}

#[component]
fn Step(
    state: EditorState,
    node_types: StoredValue<Vec<NodeTypeRow>>,
    index: usize,
    node: Node,
) -> impl IntoView {
    let is_mine = move |fault: &WorkflowFault| {
        fault.node.as_deref() == Some(&*state.node_id(index)) && fault.edge().is_none()
    };
    let error = move |field: String| {
        Signal::derive(move || state.errors(|fault| is_mine(fault) && fault.field == field))
    };
    let known = node_types.with_value(|types| types.iter().find(|kind| kind.name == node.kind).cloned());
    let fields = known.map(|kind| kind.fields).unwrap_or_default();
    let shown: Vec<_> = fields.iter().map(|field| format!("config.{}", field.name)).collect();
    let others = move || {
        let elsewhere = |field: &str| {
            matches!(field, "id" | "type" | "attempts" | "timeout_seconds")
                || shown.iter().any(|shown| shown == field)
        };
        state.faults.with(|faults| {
            let mine = faults.iter().filter(|fault| is_mine(fault) && !elsewhere(&fault.field));
            mine.map(|fault| view! { <p>{format!("{}: {}", fault.field, fault.message)}</p> }).collect_view()
        })
    };
    let config = node.config.clone();
    let forms = fields.into_iter().map(|field| {
        let (value, error) = (config.get(&field.name).cloned(), error(format!("config.{}", field.name)));
        view! { <ConfigField state index field value error /> }
    });
    let rename = move |name: String| {
        let mut renamed = false;
        state.change(|document| renamed = document.rename_node(index, &name));
        state.announcement.set(if renamed {
            format!("Renamed to {name}.")
        } else {
            "Not renamed: the name is empty, or another step has it.".to_owned()
        });
    };
    view! {
        <li class="space-y-3 rounded-md border border-line p-4">
            <h3 class="font-semibold">
                {move || state.node_id(index)} <span class="font-normal text-muted">{format!(" · {}", node.kind)}</span>
                {(index == 0).then(|| view! { <span class="font-normal text-muted">" · the start"</span> })}
            </h3>
            <div class="text-sm font-semibold text-bad empty:hidden">{others}</div>
            <TextInput id=name_field(index) label="Name" value=node.id error=error("id".to_owned()) on_change=rename />
            {forms.collect_view()}
            <Limits state index attempts=node.attempts timeout=node.timeout_seconds />
            <StepButtons state index />
        </li>
    }
}

#[component]
fn Limits(state: EditorState, index: usize, attempts: Option<u32>, timeout: Option<u32>) -> impl IntoView {
    let text = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let error = move |field: &'static str| {
        Signal::derive(move || {
            let id = state.node_id(index);
            state.errors(|fault| fault.node.as_ref() == Some(&id) && fault.field == field)
        })
    };
    let set = move |text: String, put: fn(&mut Node, Option<u32>)| {
        state.change(|document| {
            if let Some(node) = document.nodes.get_mut(index) {
                put(node, text.trim().parse().ok());
            }
        });
    };
    view! {
        <div class="grid gap-3 sm:grid-cols-2">
            <TextInput
                id=format!("step-{index}-attempts")
                label="Attempts (empty: one)"
                value=text(attempts)
                numeric=true
                error=error("attempts")
                on_input=move |text: String| set(text, |node, number| node.attempts = number)
            />
            <TextInput
                id=format!("step-{index}-timeout")
                label="Time limit in seconds (empty: none)"
                value=text(timeout)
                numeric=true
                error=error("timeout_seconds")
                on_input=move |text: String| set(text, |node, number| node.timeout_seconds = number)
            />
        </div>
    }
}

#[component]
fn StepButtons(state: EditorState, index: usize) -> impl IntoView {
    let to_start = move |_| {
        let words = format!("{} is the start.", state.node_id(index));
        state.restructure(|document| document.move_to_start(index), words, name_field(0));
    };
    let remove = move |_| {
        let left = state.document.with_untracked(|document| document.nodes.len()).saturating_sub(1);
        // The neighbour, or where the next one is added.
        let focus = if left == 0 { "step-type".to_owned() } else { name_field(index.min(left - 1)) };
        let words = format!("{} removed, with its edges.", state.node_id(index));
        state.restructure(|document| drop(document.remove_node(index)), words, focus);
    };
    view! {
        <div class="flex flex-wrap gap-3">
            {(index > 0)
                .then(|| {
                    view! {
                        <Button kind=ButtonKind::Button on:click=to_start>
                            "Make it the start"
                            <span class="sr-only">{move || format!(": {}", state.node_id(index))}</span>
                        </Button>
                    }
                })}
            <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet on:click=remove>
                "Remove step"
                <span class="sr-only">{move || format!(" {}", state.node_id(index))}</span>
            </Button>
        </div>
    }
}

#[component]
fn ConfigField(
    state: EditorState,
    index: usize,
    field: NodeField,
    value: Option<Value>,
    error: Signal<Option<String>>,
) -> impl IntoView {
    let id = format!("step-{index}-{}", field.name);
    let label = if field.required { field.title } else { format!("{} (optional)", field.title) };
    let (name, required) = (StoredValue::new(field.name), field.required);
    let set = move |value: Option<Value>| {
        state.change(|document| document.set_field(index, &name.get_value(), value));
    };
    // An empty text is no value: not every field takes one.
    let set_text = move |text: String| set((required || !text.is_empty()).then_some(Value::String(text)));
    let text = value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    match field.kind.as_str() {
        "channel" => {
            let chosen = RwSignal::new(text);
            let pick = move |channel: String| {
                chosen.set(channel.clone());
                set_text(channel);
            };
            let options = Signal::derive(move || state.channels());
            view! { <Choice id label options value=chosen error on_change=pick /> }.into_any()
        }
        "boolean" => {
            let checked = value.as_ref().and_then(Value::as_bool).unwrap_or_default();
            view! { <Tick id label checked=Signal::stored(checked) on_change=move |on: bool| set(on.then_some(Value::Bool(true))) /> }
                .into_any()
        }
        "array" => view! { <ChannelList state id label value set=Callback::new(set) error /> }.into_any(),
        "texts" => {
            let lines: Vec<&str> = value
                .as_ref()
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let set_lines = move |text: String| {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                let lines: Vec<String> = lines.map(str::to_owned).collect();
                set((!lines.is_empty()).then(|| Value::from(lines)));
            };
            view! { <TextArea id label value=lines.join("\n") error on_input=set_lines /> }.into_any()
        }
        "integer" => {
            // What is no number is kept as it is, so that the check can name it.
            let set_number = move |text: String| match text.trim().parse::<u64>() {
                Ok(number) => set(Some(Value::from(number))),
                Err(_) => set_text(text),
            };
            let shown = value.as_ref().and_then(Value::as_u64).map_or(text, |number| number.to_string());
            view! { <TextInput id label value=shown numeric=true error on_input=set_number /> }.into_any()
        }
        "lines" => view! { <TextArea id label value=text error on_input=set_text /> }.into_any(),
        "template" => view! { <TextArea id label value=text error on_input=set_text /> }.into_any(),
        _ => view! { <TextInput id label value=text error on_input=set_text /> }.into_any(),
    }
}

/// A list of channels, each to be ticked.
#[component]
fn ChannelList(
    state: EditorState,
    id: String,
    label: String,
    value: Option<Value>,
    set: Callback<Option<Value>>,
    error: Signal<Option<String>>,
) -> impl IntoView {
    let listed = value.as_ref().and_then(Value::as_array).into_iter().flatten();
    let chosen: Vec<String> = listed.filter_map(|channel| channel.as_str().map(str::to_owned)).collect();
    let chosen = RwSignal::new(chosen);
    let tick = move |channel: String, on: bool| {
        chosen.update(|chosen| {
            chosen.retain(|listed| *listed != channel);
            if on {
                chosen.push(channel);
            }
        });
        let chosen = chosen.get_untracked();
        set.run((!chosen.is_empty()).then(|| Value::from(chosen)));
    };
    let ticks = move || {
        let missing = chosen.get_untracked().into_iter().map(|channel| (channel.clone(), channel));
        let mut channels = state.channels();
        channels.extend(
            missing
                .filter(|(channel, _)| !channels.iter().any(|(known, _)| known == channel))
                .collect::<Vec<_>>(),
        );
        let tick = |(channel, words): (String, String)| {
            let (id, of) = (format!("{id}-{channel}"), channel.clone());
            let checked = Signal::derive(move || chosen.with(|chosen| chosen.contains(&of)));
            view! { <Tick id label=words checked on_change=move |on: bool| tick(channel.clone(), on) /> }
        };
        channels.into_iter().map(tick).collect_view()
    };
    view! {
        <fieldset class="space-y-1">
            <legend class="text-sm font-semibold">{label}</legend>
            {ticks}
            <p class="text-sm font-semibold text-bad empty:hidden">{move || error.get()}</p>
        </fieldset>
    }
}
