//! An answer while it grows. Only its tail is parsed again: what stands before a blank line that ends every list, quote and
//! fence cannot change any more.
//!
//! Always holds: the tree has at most [`MAX_NODES`] nodes (and a few more for the block they end in), however long the
//! answer is; what comes after them is left as text. Once complete, the tree is that of the whole text.

use super::prepare::{Fence, closes_fence, opened_fence};
use super::{Block, MAX_NODES, Parsed, parse};

#[derive(Debug, Clone, Default)]
pub struct Document {
    source: String,
    complete: bool,
    /// The blocks before `settled_to`.
    settled: Vec<Block>,
    settled_to: usize,
    settled_nodes: usize,
    tail: Vec<Block>,
    tail_nodes: usize,
    /// Where the text starts that is not in the tree.
    rest: Option<usize>,
    /// How many bytes were parsed, all in all.
    parsed: usize,
}

impl Document {
    /// Takes the text so far. A text that does not continue the one before starts anew.
    pub fn update(&mut self, text: &str, complete: bool) {
        let Some(added) = text.strip_prefix(self.source.as_str()) else {
            *self = Self { parsed: self.parsed, ..Self::default() };
            return self.update(text, complete);
        };
        if complete == self.complete && added.is_empty() {
            return;
        }
        let added = added.to_owned();
        self.source.push_str(&added);
        self.complete = complete;
        if complete {
            self.settled.clear();
            (self.settled_to, self.settled_nodes, self.rest) = (0, 0, None);
            self.parse_tail();
        } else if self.rest.is_none() {
            self.settle();
            if self.rest.is_none() {
                self.parse_tail();
            }
        }
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.settled.iter().chain(&self.tail)
    }

    /// The text after the tree's end; empty if the tree is whole.
    pub fn rest(&self) -> &str {
        self.rest.and_then(|at| self.source.get(at..)).unwrap_or_default()
    }

    /// How long to wait before the next update: the longer, the more of the tree is parsed and made anew each time.
    pub fn pause_ms(&self) -> u64 {
        let bytes = if self.rest.is_some() { 0 } else { self.source.len() - self.settled_to };
        let nodes = if self.rest.is_some() { 0 } else { self.tail_nodes };
        80 + (nodes / 8 + bytes / 256) as u64
    }

    /// All nodes of the tree.
    pub fn nodes(&self) -> usize {
        self.settled_nodes + self.tail_nodes
    }

    /// How many bytes were parsed since the start, all in all.
    pub fn parsed_bytes(&self) -> usize {
        self.parsed
    }

    /// Moves what cannot change any more to the settled blocks.
    fn settle(&mut self) {
        let Some(boundary) = last_boundary(&self.source[self.settled_to..]) else { return };
        let end = self.settled_to + boundary;
        let parsed = self.parse(end);
        self.settled.extend(parsed.blocks);
        self.settled_nodes += parsed.nodes;
        self.rest = parsed.cut.map(|cut| self.settled_to + cut);
        self.settled_to = end;
        if self.rest.is_some() {
            self.tail.clear();
            self.tail_nodes = 0;
        }
    }

    fn parse_tail(&mut self) {
        let parsed = self.parse(self.source.len());
        self.rest = parsed.cut.map(|cut| self.settled_to + cut);
        self.tail_nodes = parsed.nodes;
        self.tail = parsed.blocks;
    }

    fn parse(&mut self, end: usize) -> Parsed {
        self.parsed += end - self.settled_to;
        parse(&self.source[self.settled_to..end], MAX_NODES.saturating_sub(self.settled_nodes))
    }
}

/// The last start of a line before which everything is settled: it follows a blank line outside of fences, and neither
/// continues a list nor belongs to an item.
fn last_boundary(text: &str) -> Option<usize> {
    let mut fence: Option<Fence> = None;
    let mut after_blank = false;
    let mut at = 0;
    let mut found = None;
    for line in text.split_inclusive('\n') {
        if let Some(open) = fence {
            if closes_fence(line, open) {
                fence = None;
            }
            after_blank = false;
        } else {
            if after_blank && at > 0 && starts_block(line) {
                found = Some(at);
            }
            fence = opened_fence(line);
            after_blank = line.trim().is_empty();
        }
        at += line.len();
    }
    found
}

fn starts_block(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < line.len();
    match rest.chars().next() {
        None => false,
        Some(c) if c.is_whitespace() => numbered && c != '\n',
        Some('.' | ')') if numbered => false,
        // Only a list's marker has a space behind it, or nothing yet.
        Some('-' | '*' | '+') if !numbered => rest.chars().nth(1).is_some_and(|next| !next.is_whitespace()),
        Some(_) => true,
    }
}
