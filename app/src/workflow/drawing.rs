//! A workflow as a drawing.

use leptos::prelude::*;
use protocol::workflow::{Drawing, DrawnEdge, DrawnNode};

const NODE_WIDTH: usize = 160;
const NODE_HEIGHT: usize = 44;
const COLUMN_WIDTH: usize = 200;
const ROW_HEIGHT: usize = 96;
const MARGIN: usize = 20;

/// The drawing, and after it the same in words: which step leads to which.
#[component]
pub fn WorkflowDrawing(drawing: Drawing) -> impl IntoView {
    let width = MARGIN * 2 + drawing.columns.max(1) * COLUMN_WIDTH;
    let height = MARGIN * 2 + drawing.rows.max(1) * ROW_HEIGHT;
    let edges = drawing.edges.iter().filter_map(|edge| view_edge(edge, &drawing)).collect_view();
    let nodes = drawing.nodes.iter().map(view_node).collect_view();
    let words = drawing.edges.iter().filter_map(|edge| words_of(edge, &drawing));
    let words = words.map(|line| view! { <li>{line}</li> }).collect_view();
    view! {
        <div class="overflow-auto rounded-md border border-line bg-raised p-2">
            <svg
                viewBox=format!("0 0 {width} {height}")
                width=width
                height=height
                role="img"
                aria-label="The workflow as a drawing; the same in words below"
                class="mx-auto max-w-full text-ink"
            >
                <defs>
                    <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
                        <path d="M0 0 L8 4 L0 8 z" fill="currentColor" />
                    </marker>
                </defs>
                {edges}
                {nodes}
            </svg>
        </div>
        <details class="mt-2">
            <summary class="link">"The same in words"</summary>
            <ul class="mt-2 list-disc space-y-1 pl-5 break-words">{words}</ul>
        </details>
    }
}

/// The upper left corner.
fn corner(node: &DrawnNode) -> (usize, usize) {
    (MARGIN + node.column * COLUMN_WIDTH + (COLUMN_WIDTH - NODE_WIDTH) / 2, MARGIN + node.row * ROW_HEIGHT)
}

fn view_node(node: &DrawnNode) -> impl IntoView + use<> {
    let (x, y) = corner(node);
    let is_end = node.kind.is_empty();
    let (center, radius) = (x + NODE_WIDTH / 2, if is_end { NODE_HEIGHT / 2 } else { 6 });
    view! {
        <g>
            <title>{node.id.clone()}</title>
            <rect
                x=x
                y=y
                width=NODE_WIDTH
                height=NODE_HEIGHT
                rx=radius
                fill="var(--color-sunken)"
                stroke="currentColor"
                stroke-width="1"
            />
            <text x=center y={y + if is_end { 27 } else { 19 }} text-anchor="middle" font-size="13" fill="currentColor">
                {shortened(&node.id, 20)}
            </text>
            {(!is_end)
                .then(|| {
                    view! {
                        <text x=center y={y + 35} text-anchor="middle" font-size="11" fill="currentColor" opacity="0.7">
                            {node.kind.clone()}
                        </text>
                    }
                })}
        </g>
    }
}

fn view_edge(edge: &DrawnEdge, drawing: &Drawing) -> Option<impl IntoView + use<>> {
    let (from, to) = (drawing.nodes.get(edge.from)?, drawing.nodes.get(edge.to)?);
    let (from_corner, to_corner) = (corner(from), corner(to));
    let (x1, y1) = (from_corner.0 + NODE_WIDTH / 2, from_corner.1 + NODE_HEIGHT);
    let (x2, y2) = (to_corner.0 + NODE_WIDTH / 2, to_corner.1);
    let path = if to.row > from.row {
        let half = y1.midpoint(y2);
        format!("M{x1} {y1} C{x1} {half} {x2} {half} {x2} {y2}")
    } else {
        // Back up, along the left side.
        let (x1, y1) = (from_corner.0, from_corner.1 + NODE_HEIGHT / 2);
        let (x2, y2) = (to_corner.0, to_corner.1 + NODE_HEIGHT / 2);
        let left = x1.min(x2).saturating_sub(28);
        format!("M{x1} {y1} C{left} {y1} {left} {y2} {x2} {y2}")
    };
    let dashes = if edge.failure { "5 4" } else { "none" };
    let (x, y) = (x1.midpoint(x2), if to.row > from.row { y1.midpoint(y2) } else { y1 });
    Some(view! {
        <g>
            <path d=path fill="none" stroke="currentColor" stroke-width="1.2" stroke-dasharray=dashes marker-end="url(#arrow)" />
            {(!edge.label.is_empty())
                .then(|| {
                    view! {
                        <text x=x y=y text-anchor="middle" font-size="11" fill="currentColor" paint-order="stroke" stroke="var(--color-raised)" stroke-width="4">
                            <title>{edge.label.clone()}</title>
                            {shortened(&edge.label, 26)}
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
