//! Answers in Markdown, parsed into a small tree that the page renders element by element.
//!
//! Always holds: nothing in an answer becomes raw markup. There is no node for raw HTML (it is kept as text) nor for an
//! image that would be loaded; an address becomes a link only through [`SafeLink`]. No text in the tree holds what a reader
//! cannot see, also not as an HTML entity: prose keeps joiners and emoji selectors where they have an effect, code and
//! addresses nothing, so that what is copied is what was read. The tree is at most [`MAX_DEPTH`] deep, however deep the
//! answer nests, because rendering and dropping it recurse; and it has about [`MAX_NODES`] nodes at most, because a browser
//! cannot lay out the hundred thousands that 64 kB of answer may ask for.

mod document;
mod limit;
mod path;
mod plain;
mod prepare;

use std::cell::Cell;
use std::iter::Peekable;

use domain::text::{visible, visible_prose};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::link::SafeLink;
pub use document::Document;
use limit::{Counted, limited};
pub use limit::{MAX_DEPTH, MAX_NODES, max_tokens};
pub use plain::{plain_text, text_of};
use prepare::Prepared;

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

/// A parsed text.
#[derive(Debug, Default)]
struct Parsed {
    blocks: Vec<Block>,
    nodes: usize,
    /// Where the text continues that is not in the tree.
    cut: Option<usize>,
}

/// Parses an answer, complete or cut off anywhere, up to [`MAX_NODES`].
pub fn blocks(source: &str) -> Vec<Block> {
    parse(source, MAX_NODES).blocks
}

/// Parses until the tree has `max_nodes`.
fn parse(source: &str, max_nodes: usize) -> Parsed {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let prepared = Prepared::of(source);
    let (nodes, cut) = (Cell::new(0), Cell::new(None));
    let events = Parser::new_ext(&prepared.text, options).into_offset_iter();
    let counted = Counted { events, max_nodes, nodes: &nodes, cut: &cut, code_bytes: None, depth: 0 };
    let blocks = read_blocks(&mut limited(counted).peekable());
    Parsed { blocks, nodes: nodes.get(), cut: cut.get().map(|cut| prepared.source_offset(cut)) }
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
                add_leaf(&mut loose, other);
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
                    other => rows.push(vec![single(other)]),
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
            other => cells.push(single(other)),
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
            other => add_leaf(&mut found, other),
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

fn single(event: Event<'_>) -> Vec<Inline> {
    let mut found = Vec::new();
    add_leaf(&mut found, event);
    found
}

/// Text joins the text before it, so that what the parser read in pieces is one node.
fn add_leaf(found: &mut Vec<Inline>, event: Event<'_>) {
    match event {
        Event::Code(text) => found.push(Inline::Code(visible(&text))),
        Event::HardBreak => found.push(Inline::Break),
        Event::SoftBreak => add_text(found, "\n"),
        Event::TaskListMarker(done) => add_text(found, if done { "[x] " } else { "[ ] " }),
        Event::Html(text) | Event::InlineHtml(text) => add_html(found, &text),
        Event::Text(text) => add_text(found, &visible_prose(&text)),
        _ => {}
    }
}

fn add_text(found: &mut Vec<Inline>, text: &str) {
    if let Some(Inline::Text(before)) = found.last_mut() {
        before.push_str(text);
    } else if !text.is_empty() {
        found.push(Inline::Text(text.to_owned()));
    }
}

/// HTML stays text, except for line breaks.
fn add_html(found: &mut Vec<Inline>, html: &str) {
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let is_break =
            |tag: &&str| rest.get(start..start + tag.len()).is_some_and(|at| at.eq_ignore_ascii_case(tag));
        let Some(tag) = ["<br>", "<br/>", "<br />"].into_iter().find(|tag| is_break(tag)) else {
            add_text(found, &visible_prose(&rest[..=start]));
            rest = &rest[start + 1..];
            continue;
        };
        add_text(found, &visible_prose(&rest[..start]));
        found.push(Inline::Break);
        rest = &rest[start + tag.len()..];
    }
    add_text(found, &visible_prose(rest));
}

/// The language of a fence, reduced to letters, digits and a few signs.
fn first_word(info: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "+#-_.".contains(*c);
    info.split([' ', ',', '{']).next().unwrap_or_default().chars().filter(plain).take(20).collect()
}

#[cfg(test)]
mod tests;
