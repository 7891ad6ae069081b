//! Renders the tree of an answer, element by element. Nothing goes through `innerHTML`.

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::text::visible_prose;
use leptos::prelude::*;

use crate::design::{Button, ButtonKind, ButtonVariant, CopyButton};
use crate::sidebar::highlight::{TokenKind, tokenize};
use crate::sidebar::link::SafeLink;
use crate::sidebar::markdown::{Block, Document, Inline, max_tokens, plain_text};

/// What of an answer is shown.
#[derive(Clone, PartialEq)]
struct Shown {
    blocks: Vec<((usize, u64), Block)>,
    /// What is beyond the limits of a tree.
    rest: String,
}

/// Blocks that did not change keep their elements while the answer grows, so a selection in them is kept.
#[component]
pub fn Markdown(
    #[prop(into)] text: Signal<String>,
    /// Whether nothing more will come.
    complete: Signal<bool>,
    #[prop(default = StoredValue::new(Document::default()))] document: StoredValue<Document>,
) -> impl IntoView {
    let shown = Memo::new(move |_| {
        let update = |document: &mut Document| {
            text.with(|text| document.update(text, complete.get()));
            let numbered =
                document.blocks().enumerate().map(|(at, block)| ((at, hash(block)), block.clone()));
            Shown { blocks: numbered.collect(), rest: visible_prose(document.rest()) }
        };
        document.try_update_value(update).unwrap_or_else(|| Shown { blocks: Vec::new(), rest: String::new() })
    });
    let rest = Memo::new(move |_| shown.with(|shown| shown.rest.clone()));
    let has_rest = Memo::new(move |_| rest.with(|rest| !rest.is_empty()));
    view! {
        <div class="space-y-3 wrap-anywhere empty:hidden" dir="auto">
            <For each=move || shown.with(|shown| shown.blocks.clone()) key=|(key, _)| *key let((_, block))>
                {show_block(block)}
            </For>
        </div>
        <Show when=move || has_rest.get()>
            <Rest rest />
        </Show>
    }
    .into_any()
}

/// The part of an answer that would be more elements than a browser can lay out in time.
#[component]
fn Rest(rest: Memo<String>) -> impl IntoView {
    let opened = RwSignal::new(false);
    let words = move || format!("Show the rest as text ({} kB)", rest.with(String::len).div_ceil(1_000));
    view! {
        <section aria-label="The rest of the answer" class="space-y-2 rounded-md border border-line p-3">
            <Show
                when=move || opened.get()
                fallback=move || {
                    view! {
                        <p class="text-muted">"This answer is too long to show all of it with its formatting."</p>
                        <Button kind=ButtonKind::Button on:click=move |_| opened.set(true)>
                            {words}
                        </Button>
                    }
                }
            >
                <pre class="font-mono whitespace-pre-wrap wrap-anywhere">{move || rest.get()}</pre>
            </Show>
        </section>
    }
}

fn hash(block: &Block) -> u64 {
    let mut hasher = DefaultHasher::new();
    block.hash(&mut hasher);
    hasher.finish()
}

fn show_blocks(blocks: Vec<Block>) -> AnyView {
    blocks.into_iter().map(show_block).collect_view().into_any()
}

fn show_block(block: Block) -> AnyView {
    match block {
        Block::Code { language, text } => view! { <CodeBlock language text /> }.into_any(),
        // Levels 1 and 2 are for the page's own headings.
        Block::Heading { level: 1, text } => {
            view! { <h3 class="text-lg">{show_inlines(text)}</h3> }.into_any()
        }
        Block::Heading { level: 2, text } => {
            view! { <h4 class="text-base font-semibold">{show_inlines(text)}</h4> }.into_any()
        }
        Block::Heading { text, .. } => {
            view! { <h5 class="font-semibold">{show_inlines(text)}</h5> }.into_any()
        }
        Block::List { start: Some(start), items } => {
            view! { <ol start=start.to_string() class="list-decimal space-y-1 pl-6">{show_items(items)}</ol> }
                .into_any()
        }
        Block::List { start: None, items } => {
            view! { <ul class="list-disc space-y-1 pl-5">{show_items(items)}</ul> }.into_any()
        }
        Block::Paragraph(text) => {
            view! { <p class="whitespace-pre-wrap">{show_inlines(text)}</p> }.into_any()
        }
        Block::Quote(inner) => view! {
            <blockquote class="space-y-2 border-l-2 border-line-strong pl-3">
                {show_blocks(inner)}
            </blockquote>
        }
        .into_any(),
        Block::Rule => view! { <hr class="border-line" /> }.into_any(),
        Block::Table { head, rows } => show_table(head, rows),
    }
}

fn show_items(items: Vec<Vec<Block>>) -> AnyView {
    items
        .into_iter()
        .map(|item| view! { <li class="space-y-1">{show_blocks(item)}</li> })
        .collect_view()
        .into_any()
}

fn show_table(head: Vec<Vec<Inline>>, rows: Vec<Vec<Vec<Inline>>>) -> AnyView {
    const CELL: &str = "border-b border-line px-2 py-1 text-left align-top";
    let head = head
        .into_iter()
        .map(|cell| view! { <th class=CELL scope="col">{show_inlines(cell)}</th> })
        .collect_view();
    let row = |cells: Vec<Vec<Inline>>| {
        let cells =
            cells.into_iter().map(|cell| view! { <td class=CELL>{show_inlines(cell)}</td> }).collect_view();
        view! { <tr>{cells}</tr> }
    };
    view! {
        <div class="overflow-x-auto" tabindex="0" role="group" aria-label="Table">
            <table class="w-full border-collapse">
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn CodeBlock(language: String, text: String) -> impl IntoView {
    let marked = runs(&tokenize(&language, &text), max_tokens(text.len()))
        .into_iter()
        .map(|(class, text)| match class {
            None => text.into_any(),
            Some(class) => view! { <span class=class>{text}</span> }.into_any(),
        })
        .collect_view();
    let label = if language.is_empty() { "Code".to_owned() } else { format!("Code, {language}") };
    view! {
        <div class="rounded-md border border-line bg-sunken">
            <div class="flex flex-wrap items-center justify-between gap-2 border-b border-line px-2 py-1 text-muted">
                <span class="font-mono text-xs">{language}</span>
                <CopyButton text=Signal::derive(move || text.clone()) what="the code" variant=ButtonVariant::Quiet />
            </div>
            <pre class="overflow-x-auto p-3 font-mono wrap-normal" tabindex="0" role="group" aria-label=label>
                <code>{marked}</code>
            </pre>
        </div>
    }
}

/// Neighbours that look the same as one; after `most` of them the code is plain.
fn runs(tokens: &[(TokenKind, &str)], most: usize) -> Vec<(Option<&'static str>, String)> {
    let mut found: Vec<(Option<&'static str>, String)> = Vec::new();
    for (kind, text) in tokens {
        let class = if found.len() < most { class_of(*kind) } else { None };
        match found.last_mut() {
            Some((before, joined)) if *before == class => joined.push_str(text),
            _ => found.push((class, (*text).to_owned())),
        }
    }
    found
}

/// Weight and slant instead of colours, which have other meanings.
fn class_of(kind: TokenKind) -> Option<&'static str> {
    match kind {
        TokenKind::Comment => Some("text-muted italic"),
        TokenKind::Keyword => Some("font-semibold"),
        TokenKind::Text => Some("text-muted"),
        TokenKind::Number | TokenKind::Plain => None,
    }
}

fn show_inlines(inlines: Vec<Inline>) -> AnyView {
    inlines.into_iter().map(show_inline).collect_view().into_any()
}

fn show_inline(inline: Inline) -> AnyView {
    match inline {
        Inline::Break => view! { <br /> }.into_any(),
        Inline::Code(text) => {
            view! { <code class="rounded-sm bg-sunken px-1 py-0.5 font-mono">{text}</code> }.into_any()
        }
        Inline::Emphasis(inner) => view! { <em>{show_inlines(inner)}</em> }.into_any(),
        Inline::Link { link, text } => show_link(link, text),
        Inline::Picture { text, target } => {
            let name = plain_text(&text);
            let name = if name.is_empty() { target.clone() } else { name };
            view! {
                <span class="rounded-sm border border-line px-1 text-muted" title=target>
                    {format!("Picture, not loaded: {name}")}
                </span>
            }
            .into_any()
        }
        Inline::Strike(inner) => view! { <s>{show_inlines(inner)}</s> }.into_any(),
        Inline::Strong(inner) => view! { <strong>{show_inlines(inner)}</strong> }.into_any(),
        Inline::Text(text) => text.into_any(),
    }
}

/// The destination follows the text, unless the text is the address itself. It is isolated, so that right-to-left letters in
/// the text cannot rearrange it.
fn show_link(link: SafeLink, text: Vec<Inline>) -> AnyView {
    let shown = plain_text(&text);
    let redundant = shown == link.target || shown == link.destination;
    view! {
        <a class="link" href=link.target target="_blank" rel="noopener noreferrer">
            <bdi>{show_inlines(text)}</bdi>
            {(!redundant)
                .then(|| {
                    view! {
                        <span class="text-muted">
                            " (" <bdi dir="ltr">{link.destination}</bdi> ")"
                        </span>
                    }
                })}
        </a>
    }
    .into_any()
}
