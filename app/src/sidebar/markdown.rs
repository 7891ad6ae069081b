//! Answers in Markdown, parsed into a small tree that the page renders element by element.
//!
//! Always holds: nothing in an answer becomes raw markup. There is no node for raw HTML (it is kept as text) nor for an
//! image that would be loaded; an address becomes a link only through [`SafeLink`]. No text in the tree holds what a reader
//! cannot see, also not as an HTML entity: prose keeps joiners and emoji selectors where they have an effect, code and
//! addresses nothing, so that what is copied is what was read. The tree is at most [`MAX_DEPTH`] deep, however deep the
//! answer nests, because rendering and dropping it recurse.

use std::iter::Peekable;

use domain::text::{visible, visible_prose};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::link::SafeLink;

/// How deep blocks and emphasis may nest; deeper content is shown without its container.
pub const MAX_DEPTH: usize = 24;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Block {
    Code { language: String, text: String },
    Heading { level: u8, text: Vec<Inline> },
    List { start: Option<u64>, items: Vec<Vec<Block>> },
    Paragraph(Vec<Inline>),
    Quote(Vec<Block>),
    Rule,
    Table { head: Vec<Vec<Inline>>, rows: Vec<Vec<Vec<Inline>>> },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Inline {
    Break,
    Code(String),
    Emphasis(Vec<Inline>),
    Link {
        link: SafeLink,
        text: Vec<Inline>,
    },
    /// An image that the answer refers to. It is not loaded: that would reveal the reader to its host.
    Picture {
        text: Vec<Inline>,
        target: String,
    },
    Strike(Vec<Inline>),
    Strong(Vec<Inline>),
    Text(String),
}

/// Parses an answer, complete or cut off anywhere.
pub fn blocks(source: &str) -> Vec<Block> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    read_blocks(&mut limited(Parser::new_ext(source, options)).peekable())
}

/// The text of inline nodes without their formatting.
pub fn plain_text(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Break => "\n".to_owned(),
            Inline::Code(text) | Inline::Text(text) => text.clone(),
            Inline::Emphasis(inner) | Inline::Strike(inner) | Inline::Strong(inner) => plain_text(inner),
            Inline::Link { text, .. } | Inline::Picture { text, .. } => plain_text(text),
        })
        .collect()
}

/// Drops containers beyond the depth limit and keeps their content.
fn limited<'a>(events: impl Iterator<Item = Event<'a>>) -> impl Iterator<Item = Event<'a>> {
    let mut depth = 0;
    events.filter(move |event| match event {
        Event::Start(_) => {
            depth += 1;
            depth <= MAX_DEPTH
        }
        Event::End(_) => {
            depth -= 1;
            depth < MAX_DEPTH
        }
        _ => true,
    })
}

/// Reads up to the end of the surrounding container, and consumes that end.
fn read_blocks<'a, E: Iterator<Item = Event<'a>>>(events: &mut Peekable<E>) -> Vec<Block> {
    let mut found = Vec::new();
    // Text without a paragraph around it, as in the items of a tight list.
    let mut loose = Vec::new();
    while let Some(event) = events.next() {
        let block = match event {
            Event::End(_) => break,
            Event::Rule => Block::Rule,
            Event::Start(tag) => match read_block(tag, events) {
                Ok(block) => block,
                Err(tag) => {
                    loose.push(read_span(tag, events));
                    continue;
                }
            },
            other => {
                loose.extend(leaf(other));
                continue;
            }
        };
        flush(&mut loose, &mut found);
        found.push(block);
    }
    flush(&mut loose, &mut found);
    found
}

fn flush(loose: &mut Vec<Inline>, found: &mut Vec<Block>) {
    if !loose.is_empty() {
        found.push(Block::Paragraph(std::mem::take(loose)));
    }
}

/// Reads the block that `tag` starts; returns the tag if it is not a block.
fn read_block<'a, E: Iterator<Item = Event<'a>>>(
    tag: Tag<'a>,
    events: &mut Peekable<E>,
) -> Result<Block, Tag<'a>> {
    Ok(match tag {
        Tag::Heading { level, .. } => Block::Heading { level: level as u8, text: read_inlines(events) },
        Tag::Paragraph | Tag::HtmlBlock => Block::Paragraph(read_inlines(events)),
        Tag::BlockQuote(_) => Block::Quote(read_blocks(events)),
        Tag::CodeBlock(kind) => {
            let language = match kind {
                CodeBlockKind::Fenced(info) => first_word(&info),
                CodeBlockKind::Indented => String::new(),
            };
            Block::Code { language, text: visible(&plain_text(&read_inlines(events))) }
        }
        Tag::List(start) => {
            let mut items = Vec::new();
            while let Some(Event::Start(Tag::Item)) = events.peek() {
                events.next();
                items.push(read_blocks(events));
            }
            if items.is_empty() {
                // The items were beyond the depth limit.
                items.push(read_blocks(events));
            } else {
                events.next();
            }
            Block::List { start, items }
        }
        Tag::Table(_) => {
            let mut head = Vec::new();
            let mut rows = Vec::new();
            while let Some(event) = events.next() {
                match event {
                    Event::Start(Tag::TableHead) => head = read_cells(events),
                    Event::Start(Tag::TableRow) => rows.push(read_cells(events)),
                    Event::End(_) => break,
                    other => rows.push(vec![leaf(other).into_iter().collect()]),
                }
            }
            Block::Table { head, rows }
        }
        other => return Err(other),
    })
}

fn read_cells<'a, E: Iterator<Item = Event<'a>>>(events: &mut Peekable<E>) -> Vec<Vec<Inline>> {
    let mut cells = Vec::new();
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::TableCell) => cells.push(read_inlines(events)),
            Event::End(_) => break,
            other => cells.push(leaf(other).into_iter().collect()),
        }
    }
    cells
}

fn read_inlines<'a, E: Iterator<Item = Event<'a>>>(events: &mut Peekable<E>) -> Vec<Inline> {
    let mut found = Vec::new();
    while let Some(event) = events.next() {
        match event {
            Event::End(_) => break,
            Event::Start(tag) => found.push(read_span(tag, events)),
            other => found.extend(leaf(other)),
        }
    }
    found
}

fn read_span<'a, E: Iterator<Item = Event<'a>>>(tag: Tag<'a>, events: &mut Peekable<E>) -> Inline {
    let mut text = read_inlines(events);
    match tag {
        Tag::Strong => Inline::Strong(text),
        Tag::Strikethrough => Inline::Strike(text),
        Tag::Link { dest_url, .. } => {
            if let Some(link) = SafeLink::parse(&dest_url) {
                Inline::Link { link, text }
            } else {
                text.push(Inline::Text(" ".to_owned()));
                text.push(Inline::Code(visible(&dest_url)));
                Inline::Emphasis(text)
            }
        }
        Tag::Image { dest_url, .. } => Inline::Picture { text, target: visible(&dest_url) },
        _ => Inline::Emphasis(text),
    }
}

fn leaf(event: Event<'_>) -> Option<Inline> {
    Some(match event {
        Event::Code(text) => Inline::Code(visible(&text)),
        Event::HardBreak => Inline::Break,
        Event::SoftBreak => Inline::Text("\n".to_owned()),
        Event::TaskListMarker(done) => Inline::Text(if done { "[x] " } else { "[ ] " }.to_owned()),
        Event::Html(text) | Event::InlineHtml(text) | Event::Text(text) => Inline::Text(visible_prose(&text)),
        _ => return None,
    })
}

/// The language of a fence, reduced to letters, digits and a few signs.
fn first_word(info: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "+#-_.".contains(*c);
    info.split([' ', ',', '{']).next().unwrap_or_default().chars().filter(plain).take(20).collect()
}

#[cfg(test)]
mod tests;
