//! A workflow as a drawing: steps are chosen, and moved by mouse or arrow keys.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;
use protocol::analysis::StepState;
use protocol::workflow::{Drawing, DrawnEdge, DrawnNode, draw};

use super::state::{EditorState, focus_soon};
use super::steps::name_field;
use crate::design::scripts_run;

const NODE_WIDTH: i32 = 160;
const NODE_HEIGHT: i32 = 44;
const COLUMN_WIDTH: i32 = 200;
const ROW_HEIGHT: i32 = 96;
const MARGIN: i32 = 20;
/// How far an arrow key moves a step.
const STRIDE: i32 = 20;
/// A pointer that moves less than this far clicks.
const CLICK_DISTANCE: i32 = 4;
/// A step stays where the page can still show it.
const LARGEST_COORDINATE: i32 = 10_000;

/// A step that is being moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Drag {
    index: usize,
    from: (i32, i32),
    by: (i32, i32),
}

/// The drawing, and after it the same in words: which step leads to which.
#[component]
pub fn WorkflowDrawing(state: EditorState) -> impl IntoView {
    let drawing = Memo::new(move |_| state.document.with(draw));
    let drag = RwSignal::new(None::<Drag>);
    let size = Memo::new(move |_| drawing.with(size));
    let moved = move |event: PointerEvent| {
        let here = (event.client_x(), event.client_y());
        drag.update(|drag| {
            if let Some(drag) = drag {
                drag.by = (here.0 - drag.from.0, here.1 - drag.from.1);
            }
        });
    };
    let dropped = move |_: PointerEvent| {
        let Some(Drag { index, by, .. }) = drag.get_untracked() else { return };
        drag.set(None);
        if by.0.abs() + by.1.abs() >= CLICK_DISTANCE {
            move_by(state, drawing, index, by);
        }
    };
    let nodes = move || 0..drawing.with(|drawing| drawing.nodes.len());
    let edges = move || {
        drawing.with(|drawing| drawing.edges.iter().map(|edge| view_edge(edge, drawing)).collect_view())
    };
    let words = move || {
        let lines = |drawing: &Drawing| {
            drawing.edges.iter().filter_map(|edge| words_of(edge, drawing)).collect::<Vec<_>>()
        };
        drawing.with(lines).into_iter().map(|line| view! { <li>{line}</li> }).collect_view()
    };
    view! {
        <div class="overflow-auto rounded-md border border-line bg-raised p-2">
            <svg
                viewBox=move || format!("0 0 {} {}", size.get().0, size.get().1)
                width=move || size.get().0
                height=move || size.get().1
                role="group"
                aria-label="The workflow as a drawing; the same in words below"
                class="mx-auto text-ink"
                on:pointermove=moved
                on:pointerup=dropped
                on:pointerleave=dropped
            >
                <defs>
                    <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
                        <path d="M0 0 L8 4 L0 8 z" fill="currentColor" />
                    </marker>
                </defs>
                <g>{edges}</g>
                <For each=nodes key=|index| *index let:index>
                    <DrawnStep state drawing drag index />
                </For>
            </svg>
        </div>
        <details class="mt-2">
            <summary class="link">"The same in words"</summary>
            <ul class="mt-2 list-disc space-y-1 pl-5 break-words">{words}</ul>
        </details>
    }
}

/// The upper left corner.
fn corner(node: &DrawnNode) -> (i32, i32) {
    let cell = |at: usize, size: i32| i32::try_from(at).unwrap_or(i32::MAX).saturating_mul(size);
    let (x, y) = node.position.unwrap_or_else(|| {
        (
            MARGIN + cell(node.column, COLUMN_WIDTH) + (COLUMN_WIDTH - NODE_WIDTH) / 2,
            MARGIN + cell(node.row, ROW_HEIGHT),
        )
    });
    (x.clamp(0, LARGEST_COORDINATE), y.clamp(0, LARGEST_COORDINATE))
}

fn size(drawing: &Drawing) -> (i32, i32) {
    drawing.nodes.iter().map(corner).fold((COLUMN_WIDTH, ROW_HEIGHT), |(width, height), (x, y)| {
        (width.max(x + NODE_WIDTH + MARGIN), height.max(y + NODE_HEIGHT + MARGIN))
    })
}

fn move_by(state: EditorState, drawing: Memo<Drawing>, index: usize, by: (i32, i32)) {
    let Some((x, y)) = drawing.with_untracked(|drawing| drawing.nodes.get(index).map(corner)) else { return };
    let to = ((x + by.0).clamp(0, LARGEST_COORDINATE), (y + by.1).clamp(0, LARGEST_COORDINATE));
    state.change(|document| {
        if let Some(node) = document.nodes.get_mut(index) {
            node.position = Some(to);
        }
    });
    state.announcement.set(format!("{} moved.", state.node_id(index)));
}

#[component]
fn DrawnStep(
    state: EditorState,
    drawing: Memo<Drawing>,
    drag: RwSignal<Option<Drag>>,
    index: usize,
) -> impl IntoView {
    let scripts = scripts_run();
    let node = Memo::new(move |_| drawing.with(|drawing| drawing.nodes.get(index).cloned()));
    let id = move || node.get().map(|node| node.id).unwrap_or_default();
    let kind = move || node.get().map(|node| node.kind).unwrap_or_default();
    let is_end =
        Memo::new(move |_| kind().is_empty() && drawing.with(|drawing| index + 1 == drawing.nodes.len()));
    let is_button = move || scripts.get() && !is_end.get();
    let place = move || {
        let (x, y) = node.get().as_ref().map(corner).unwrap_or_default();
        let by = drag.get().filter(|drag| drag.index == index).map(|drag| drag.by).unwrap_or_default();
        format!("translate({} {})", x + by.0, y + by.1)
    };
    let wrong = move || {
        !is_end.get() && state.faults.with(|faults| faults.iter().any(|fault| fault.node == Some(id())))
    };
    let outcome = Memo::new(move |_| if is_end.get() { None } else { outcome(state, &id()) });
    let second_line = move || match outcome.get() {
        Some((_, words)) => format!("{} · {words}", kind()),
        None => kind(),
    };
    let label = move || {
        let wrong = if wrong() { ", has errors" } else { "" };
        format!("{}, {}{wrong}", id(), second_line())
    };
    let color = move || match outcome.get() {
        _ if wrong() => "var(--color-bad)",
        Some((StepState::Failed, _)) => "var(--color-bad)",
        Some(_) => "var(--color-good)",
        None => "currentColor",
    };
    let choose = move || {
        if is_button() {
            state.shows_json.set(false);
            focus_soon(name_field(index));
        }
    };
    let press = move |event: PointerEvent| {
        if is_button() {
            drag.set(Some(Drag { index, from: (event.client_x(), event.client_y()), by: (0, 0) }));
        }
    };
    let click = move |event: leptos::ev::MouseEvent| {
        let _ = event;
        choose();
    };
    let key = move |event: KeyboardEvent| {
        let by = match event.key().as_str() {
            "Enter" | " " => None,
            "ArrowLeft" => Some((-STRIDE, 0)),
            "ArrowRight" => Some((STRIDE, 0)),
            "ArrowUp" => Some((0, -STRIDE)),
            "ArrowDown" => Some((0, STRIDE)),
            _ => return,
        };
        event.prevent_default();
        match by {
            None => choose(),
            Some(by) => move_by(state, drawing, index, by),
        }
    };
    view! {
        <g
            transform=place
            role=move || is_button().then_some("button")
            tabindex=move || is_button().then_some("0")
            aria-label=move || is_button().then(label)
            class=move || if is_button() { "cursor-move touch-none" } else { "" }
            on:pointerdown=press
            on:click=click
            on:keydown=key
        >
            <rect
                width=NODE_WIDTH
                height=NODE_HEIGHT
                rx=move || if is_end.get() { NODE_HEIGHT / 2 } else { 6 }
                fill="var(--color-sunken)"
                stroke=color
                stroke-width=move || if wrong() || outcome.get().is_some() { "2" } else { "1" }
            />
            <text
                x=NODE_WIDTH / 2
                y=move || if is_end.get() { 27 } else { 19 }
                text-anchor="middle"
                font-size="13"
                fill="currentColor"
            >
                {move || shortened(&id(), 20)}
            </text>
            <text x=NODE_WIDTH / 2 y="35" text-anchor="middle" font-size="11" fill="var(--color-muted)">
                {move || shortened(&second_line(), 26)}
            </text>
        </g>
    }
}

/// How a step ended when the draft was run last.
fn outcome(state: EditorState, id: &str) -> Option<(StepState, String)> {
    state.tried.with(|tried| {
        let step = tried.as_ref()?.steps.iter().rfind(|step| step.node == id)?;
        let words = match step.state {
            StepState::Failed => "failed".to_owned(),
            _ => format!("{} ms", step.ms.unwrap_or_default()),
        };
        Some((step.state, words))
    })
}

fn view_edge(edge: &DrawnEdge, drawing: &Drawing) -> Option<impl IntoView + use<>> {
    let (from, to) = (corner(drawing.nodes.get(edge.from)?), corner(drawing.nodes.get(edge.to)?));
    let down = to.1 > from.1 + NODE_HEIGHT;
    let (path, label_at) = if down {
        let (x1, y1) = (from.0 + NODE_WIDTH / 2, from.1 + NODE_HEIGHT);
        let (x2, y2) = (to.0 + NODE_WIDTH / 2, to.1);
        let half = y1.midpoint(y2);
        (format!("M{x1} {y1} C{x1} {half} {x2} {half} {x2} {y2}"), (x1.midpoint(x2), half))
    } else {
        // Back up, along the left side.
        let (y1, y2) = (from.1 + NODE_HEIGHT / 2, to.1 + NODE_HEIGHT / 2);
        let left = from.0.min(to.0) - 28;
        (
            format!("M{} {y1} C{left} {y1} {left} {y2} {} {y2}", from.0, to.0),
            (left.max(MARGIN), y1.midpoint(y2)),
        )
    };
    let dashes = if edge.failure { "5 4" } else { "none" };
    let label = edge.label.clone();
    Some(view! {
        <g>
            <path d=path fill="none" stroke="currentColor" stroke-width="1.2" stroke-dasharray=dashes marker-end="url(#arrow)" />
            {(!label.is_empty())
                .then(|| {
                    view! {
                        <text
                            x=label_at.0
                            y=label_at.1
                            text-anchor="middle"
                            font-size="12"
                            fill="var(--color-ink)"
                            paint-order="stroke"
                            stroke="var(--color-raised)"
                            stroke-width="5"
                            stroke-linejoin="round"
                        >
                            {shortened(&label, 30)}
                        </text>
                    }
                })}
        </g>
    })
}

fn words_of(edge: &DrawnEdge, drawing: &Drawing) -> Option<String> {
    let (from, to) = (drawing.nodes.get(edge.from)?, drawing.nodes.get(edge.to)?);
    let when = if edge.label.is_empty() { String::new() } else { format!(" ({})", edge.label) };
    Some(format!("{} → {}{when}", from.id, to.id))
}

fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
