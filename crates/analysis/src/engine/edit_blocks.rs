//! The blocks of edits in a model's answer: they are taken out of it while it streams.
//!
//! A block begins with a fence that has the prompt's mark, which no screen can know. A fence without the mark, such as one that
//! the model quotes from the screen, is text like any other.

use serde::{Deserialize, Serialize};

/// Longer blocks are dropped: an edit of the longest texts, every character escaped, fits in.
const MAX_BLOCK_BYTES: usize = 512 * 1024;
/// More blocks are not kept.
const MAX_BLOCKS: usize = 50;
const END: &str = "```";
/// The most white space around a fence.
const MAX_BLANKS: usize = 64;

/// What stood between the fences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Block {
    Complete(String),
    /// The answer ended in it, or it was too long.
    Unfinished,
}

/// Takes the blocks out of an answer that arrives in pieces.
#[derive(Debug)]
pub(super) struct EditBlocks {
    /// `None`: without a mark no block can be told from one that was quoted.
    fence: Option<String>,
    /// The beginning of a line that may become a fence, or of a line within a block.
    line: String,
    /// Whether the line cannot be a fence, and was passed on as far as it has come.
    passed: bool,
    open: Option<String>,
    found: Vec<Block>,
}

impl EditBlocks {
    pub fn new(mark: &str) -> Self {
        let fence = (!mark.is_empty()).then(|| format!("```edit {mark}"));
        Self { fence, line: String::new(), passed: false, open: None, found: Vec::new() }
    }

    /// What of the piece, and of what was held back, is text of the answer.
    pub fn push(&mut self, piece: &str) -> String {
        let mut text = String::new();
        for part in piece.split_inclusive('\n') {
            self.line.push_str(part);
            if self.open.is_some() {
                self.within();
            } else {
                self.outside(&mut text);
            }
        }
        text
    }

    /// The answer is complete: what was held back and is no block.
    pub fn finish(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        if let Some(block) = self.open.take() {
            let ended = line.trim() == END;
            self.keep(if ended { Block::Complete(block) } else { Block::Unfinished });
            return String::new();
        }
        if self.is_fence(&line) {
            self.keep(Block::Unfinished);
            return String::new();
        }
        line
    }

    /// All so far was no answer.
    pub fn clear(&mut self) {
        self.line.clear();
        self.passed = false;
        self.open = None;
        self.found.clear();
    }

    pub fn into_found(self) -> Vec<Block> {
        self.found
    }

    fn is_fence(&self, line: &str) -> bool {
        let fits = |fence: &str| line.len() <= fence.len() + MAX_BLANKS && line.trim() == fence;
        !self.passed && self.fence.as_deref().is_some_and(fits)
    }

    fn may_become_fence(&self) -> bool {
        self.fence.as_deref().is_some_and(|fence| {
            // Otherwise each piece of a line of blanks would be compared with all before it.
            if self.line.len() > fence.len() + MAX_BLANKS {
                return false;
            }
            let line = self.line.trim_start_matches(' ');
            fence.starts_with(line) || line.strip_prefix(fence).is_some_and(|rest| rest.trim().is_empty())
        })
    }

    fn outside(&mut self, text: &mut String) {
        let complete = self.line.ends_with('\n');
        if complete && self.is_fence(&self.line) {
            self.line.clear();
            self.open = Some(String::new());
            return;
        }
        if complete || self.passed || !self.may_become_fence() {
            text.push_str(&self.line);
            self.line.clear();
            self.passed = !complete;
        }
    }

    fn within(&mut self) {
        let complete = self.line.ends_with('\n');
        let length = self.open.as_ref().map_or(0, String::len) + self.line.len();
        if !complete && length <= MAX_BLOCK_BYTES {
            return;
        }
        let line = std::mem::take(&mut self.line);
        if complete && line.trim() == END {
            if let Some(block) = self.open.take() {
                self.keep(if block.len() > MAX_BLOCK_BYTES {
                    Block::Unfinished
                } else {
                    Block::Complete(block)
                });
            }
        } else if let Some(block) = &mut self.open
            && block.len() <= MAX_BLOCK_BYTES
        {
            block.push_str(&line);
        }
    }

    fn keep(&mut self, block: Block) {
        if self.found.len() < MAX_BLOCKS {
            self.found.push(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// Pieces of an answer: what is compared with all before it would take minutes.
    const MANY: usize = 64 << 10;

    const ANSWER: &str =
        "Shorter:\n\n```edit m4rk\n{\"a\": 1}\n```\nDone.\n```edit\n{}\n```\n  ```edit m4rk \n{}\n```";

    #[test]
    fn blocks_are_taken_out_however_the_answer_is_cut() {
        for size in 1..ANSWER.len() {
            let mut blocks = EditBlocks::new("m4rk");
            let pieces = ANSWER.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).unwrap());
            let mut text: String = pieces.map(|piece| blocks.push(piece)).collect();
            text.push_str(&blocks.finish());
            assert_eq!(text, "Shorter:\n\nDone.\n```edit\n{}\n```\n", "{size}");
            let complete = |text: &str| Block::Complete(text.to_owned());
            assert_eq!(blocks.into_found(), [complete("{\"a\": 1}\n"), complete("{}\n")], "{size}");
        }
    }

    #[test]
    fn blanks_fences_and_blocks_without_end_cost_linear_time() {
        let begun = Instant::now();
        for piece in [" ", "```", "```edit m4rk ", "\n ", "```edit m4rk\n", "```edit m4rk\n```\n", "x"] {
            for opening in ["", "```edit m4rk\n"] {
                let mut blocks = EditBlocks::new("m4rk");
                blocks.push(opening);
                for _ in 0..MANY {
                    blocks.push(piece);
                }
                blocks.finish();
                let kept =
                    |block: &Block| matches!(block, Block::Complete(text) if text.len() > MAX_BLOCK_BYTES);
                let found = blocks.into_found();
                assert!(found.len() <= MAX_BLOCKS && !found.iter().any(kept), "{piece:?}");
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }

    proptest! {
        #[test]
        fn any_answer_is_cut_into_the_same_blocks_however_it_comes(
            parts in proptest::collection::vec(proptest::sample::select(
                vec!["```", "```edit m4rk", "```edit", " ", "\n", "m4rk", "{}", "ü", "`", "\r\n"],
            ), 0..30),
            size in 1_usize..9,
        ) {
            let cut = |pieces: &[String]| {
                let mut blocks = EditBlocks::new("m4rk");
                let mut text: String = pieces.iter().map(|piece| blocks.push(piece)).collect();
                text.push_str(&blocks.finish());
                (text, blocks.into_found())
            };
            let letters: Vec<char> = parts.concat().chars().collect();
            let pieces: Vec<String> = letters.chunks(size).map(|piece| piece.iter().collect()).collect();
            prop_assert_eq!(cut(&pieces), cut(&[parts.concat()]));
        }
    }

    #[test]
    fn what_is_no_block_of_ones_own_stays_text() {
        for text in [
            "```edit\n{}\n```\n",
            "```edit m4r\n{}\n",
            "say ```edit m4rk\n{}\n```\n",
            "```edit m4rkm4rk\n",
            "``",
        ] {
            let mut blocks = EditBlocks::new("m4rk");
            let shown = blocks.push(text) + &blocks.finish();
            assert_eq!((shown.as_str(), blocks.into_found()), (text, Vec::new()));
        }
        let mut without = EditBlocks::new("");
        assert_eq!(without.push("```edit \n{}\n```\n"), "```edit \n{}\n```\n");
    }

    #[test]
    fn an_unfinished_block_is_no_edit_and_reasoning_leaves_none() {
        for text in ["```edit m4rk\n{\"a\"", "```edit m4rk"] {
            let mut blocks = EditBlocks::new("m4rk");
            assert_eq!(blocks.push(text) + &blocks.finish(), "");
            assert_eq!(blocks.into_found(), [Block::Unfinished]);
        }
        let mut blocks = EditBlocks::new("m4rk");
        blocks.push("```edit m4rk\n{}\n```\n```edit m4rk\n{");
        blocks.clear();
        assert_eq!(blocks.push("Hello") + &blocks.finish(), "Hello");
        assert!(blocks.into_found().is_empty());
        let mut long = EditBlocks::new("m4rk");
        long.push(&format!("```edit m4rk\n{}\n```\n", "x".repeat(MAX_BLOCK_BYTES + 1)));
        assert_eq!(long.into_found(), [Block::Unfinished]);
    }
}
