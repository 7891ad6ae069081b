//! How deep and how large the tree of an answer may be.

use std::cell::Cell;
use std::ops::Range;

use pulldown_cmark::{Event, Tag};

/// How deep blocks and emphasis may nest; deeper content is shown without its container.
pub const MAX_DEPTH: usize = 24;

/// After this many nodes the tree ends at the next block, item or row.
pub const MAX_NODES: usize = 3_000;

/// How many nodes more the last block, item or row may have.
const LAST_NODES: usize = 500;

/// A block of code with its frame and buttons counts as this many nodes, beside its tokens.
const CODE_NODES: usize = 12;

/// At most this many tokens of code become elements of their own.
pub fn max_tokens(code_bytes: usize) -> usize {
    (code_bytes / 4 + 1).min(600)
}

/// Ends where the limit of nodes is reached. The readers take that for the end of all containers.
pub struct Counted<'c, I> {
    pub events: I,
    pub max_nodes: usize,
    pub nodes: &'c Cell<usize>,
    pub cut: &'c Cell<Option<usize>>,
    /// In a block of code: how long it is so far.
    pub code_bytes: Option<usize>,
    pub depth: usize,
}

impl<'a, I: Iterator<Item = (Event<'a>, Range<usize>)>> Iterator for Counted<'_, I> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if self.cut.get().is_some() {
            return None;
        }
        let (event, range) = self.events.next()?;
        let before = self.nodes.get();
        let is_break = matches!(
            event,
            Event::Rule
                | Event::Start(
                    Tag::TableRow
                        | Tag::Item
                        | Tag::Paragraph
                        | Tag::Heading { .. }
                        | Tag::CodeBlock(_)
                        | Tag::List(_)
                        | Tag::Table(_)
                        | Tag::BlockQuote(_)
                        | Tag::HtmlBlock
                )
        );
        let limit = if is_break { self.max_nodes } else { self.max_nodes + LAST_NODES };
        if before >= limit {
            self.cut.set(Some(range.start));
            return None;
        }
        self.nodes.set(before + self.nodes_of(&event));
        Some(event)
    }
}

impl<I> Counted<'_, I> {
    fn nodes_of(&mut self, event: &Event<'_>) -> usize {
        match event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth -= 1,
            _ => {}
        }
        match (event, self.code_bytes) {
            // Dropped by `limited`.
            (Event::Start(_), _) if self.depth > MAX_DEPTH => 0,
            // With the paragraph that its text becomes.
            (Event::Start(Tag::Item), _) => 2,
            (Event::Start(Tag::CodeBlock(_)), _) => {
                self.code_bytes = Some(0);
                CODE_NODES
            }
            (Event::Text(text), Some(bytes)) => {
                let now = bytes + text.len();
                self.code_bytes = Some(now);
                max_tokens(now) - max_tokens(bytes)
            }
            (Event::End(_), _) => {
                self.code_bytes = None;
                0
            }
            _ => 1,
        }
    }
}

/// Drops containers beyond the depth limit and keeps their content.
pub fn limited<'a>(events: impl Iterator<Item = Event<'a>>) -> impl Iterator<Item = Event<'a>> {
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
