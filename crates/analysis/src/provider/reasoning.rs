//! Keeps what a model thinks apart from what it answers, where both come in one text.
//!
//! A block counts only where an answer could begin, so that an answer about such tags keeps them. Some templates put the opening
//! tag into the prompt: then only the closing one comes, and the text before it was reasoning.

const TAGS: [(&str, &str); 4] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
];
/// The closing tags that may come without an opening one.
const UNOPENED: [&str; 2] = ["</think>", "</thinking>"];

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Answer(String),
    Reasoning(String),
    /// The answer so far was reasoning.
    AnswerWasReasoning,
}

#[derive(Debug, Default)]
enum Place {
    Answer,
    /// Until this tag.
    Reasoning(&'static str),
    /// Before the first word of the answer.
    #[default]
    Start,
}

/// Takes the text however it is chunked, in time linear to its length. Holds back only what may become a tag.
#[derive(Debug, Default)]
pub(super) struct ReasoningSplitter {
    place: Place,
    /// White space before the first word, which is nothing's unless an answer follows.
    blank: String,
    held: String,
    code: CodeTracker,
    /// A block has been seen: from then on a closing tag without an opening one is text.
    seen: bool,
}

impl ReasoningSplitter {
    pub fn push(&mut self, text: &str) -> Vec<Part> {
        let mut whole = std::mem::take(&mut self.held);
        whole.push_str(text);
        let (mut rest, mut parts) = (whole.as_str(), Vec::new());
        while let Some(more) = self.step(rest, &mut parts) {
            rest = more;
        }
        parts
    }

    /// What was held back when the text ends.
    pub fn finish(&mut self) -> Vec<Part> {
        let mut held = std::mem::take(&mut self.blank);
        held.push_str(&std::mem::take(&mut self.held));
        if held.trim().is_empty() {
            return Vec::new();
        }
        vec![match self.place {
            Place::Reasoning(_) => Part::Reasoning(held),
            Place::Answer | Place::Start => Part::Answer(held),
        }]
    }

    /// Handles the start of `text` and returns the rest, if there is more to do.
    fn step<'t>(&mut self, text: &'t str, parts: &mut Vec<Part>) -> Option<&'t str> {
        match self.place {
            Place::Start => self.start(text, parts),
            Place::Reasoning(close) => {
                if let Some((before, after)) = text.split_once(close) {
                    push(parts, Part::Reasoning, before);
                    self.place = Place::Start;
                    return Some(after);
                }
                let keep = partial(text, &[close]);
                push(parts, Part::Reasoning, &text[..keep]);
                text[keep..].clone_into(&mut self.held);
                None
            }
            Place::Answer if self.seen => {
                push(parts, Part::Answer, text);
                None
            }
            Place::Answer => self.watch(text, parts),
        }
    }

    fn start<'t>(&mut self, text: &'t str, parts: &mut Vec<Part>) -> Option<&'t str> {
        let begin = text.trim_start();
        // Blank lines between a block and the answer belong to neither.
        if !self.seen {
            self.blank.push_str(&text[..text.len() - begin.len()]);
        }
        if let Some((open, close)) = TAGS.iter().find(|(open, _)| begin.starts_with(open)) {
            (self.place, self.seen) = (Place::Reasoning(close), true);
            self.blank.clear();
            return Some(&begin[open.len()..]);
        }
        if TAGS.iter().any(|(open, _)| open.starts_with(begin)) {
            begin.clone_into(&mut self.held);
            return None;
        }
        self.place = Place::Answer;
        let blank = std::mem::take(&mut self.blank);
        blank.chars().for_each(|c| self.code.push(c));
        push(parts, Part::Answer, &blank);
        Some(begin)
    }

    /// Looks for a closing tag that nothing has opened, outside of code.
    fn watch<'t>(&mut self, text: &'t str, parts: &mut Vec<Part>) -> Option<&'t str> {
        let keep = partial(text, &UNOPENED);
        for (at, c) in text[..keep].char_indices() {
            let tag = UNOPENED.iter().find(|tag| c == '<' && text[at..].starts_with(**tag));
            if let Some(tag) = tag.filter(|_| !self.code.inside()) {
                push(parts, Part::Answer, &text[..at]);
                parts.push(Part::AnswerWasReasoning);
                (self.place, self.seen) = (Place::Start, true);
                return Some(&text[at + tag.len()..]);
            }
            self.code.push(c);
        }
        push(parts, Part::Answer, &text[..keep]);
        text[keep..].clone_into(&mut self.held);
        None
    }
}

fn push(parts: &mut Vec<Part>, part: fn(String) -> Part, text: &str) {
    if !text.is_empty() {
        parts.push(part(text.to_owned()));
    }
}

/// Where the start of one of the tags begins at the end of `text`; its length if none does.
fn partial(text: &str, tags: &[&str]) -> usize {
    let longest = tags.iter().map(|tag| tag.len()).max().unwrap_or(0);
    let from = text.len().saturating_sub(longest.saturating_sub(1));
    let begins = |at: usize| {
        // A whole tag is no partial one.
        let starts = |tag: &&str| tag.len() > text.len() - at && tag.starts_with(&text[at..]);
        text.is_char_boundary(at) && tags.iter().any(starts)
    };
    (from..text.len()).find(|at| begins(*at)).unwrap_or(text.len())
}

/// Whether a place in Markdown is within code, closely enough to tell a quoted tag from a real one.
#[derive(Debug, Default)]
struct CodeTracker {
    in_fence: bool,
    in_span: bool,
    /// Backticks at the start of the line.
    ticks: Option<u32>,
    after_text: bool,
}

impl CodeTracker {
    fn inside(&self) -> bool {
        self.in_fence || self.in_span
    }

    fn push(&mut self, c: char) {
        match c {
            '\n' => (self.in_span, self.ticks, self.after_text) = (false, None, false),
            '`' if !self.after_text => {
                let ticks = self.ticks.unwrap_or(0) + 1;
                self.ticks = Some(ticks);
                self.in_span = ticks % 2 == 1;
                if ticks == 3 {
                    (self.in_fence, self.in_span) = (!self.in_fence, false);
                }
            }
            '`' => self.in_span = !self.in_span,
            _ if c.is_whitespace() => {}
            _ => self.after_text = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// Answer and reasoning, as they stand at the end.
    fn split<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let (mut splitter, mut answer, mut reasoning) =
            (ReasoningSplitter::default(), String::new(), String::new());
        let mut parts: Vec<Part> = pieces.into_iter().flat_map(|piece| splitter.push(piece)).collect();
        parts.extend(splitter.finish());
        for part in parts {
            match part {
                Part::Answer(text) => answer.push_str(&text),
                Part::Reasoning(text) => reasoning.push_str(&text),
                Part::AnswerWasReasoning => reasoning.push_str(&std::mem::take(&mut answer)),
            }
        }
        (answer, reasoning)
    }

    /// The size of the largest line of a stream.
    const MUCH: usize = 1 << 20;

    #[test]
    fn tags_and_blanks_without_end_cost_linear_time() {
        let begun = Instant::now();
        let tags = "<think></think>".repeat(MUCH / 15);
        assert_eq!(split([tags.as_str()]), (String::new(), String::new()));
        let blanks = vec!["\n"; MUCH / 4];
        let (answer, _) = split(blanks.into_iter().chain(["x"]));
        assert_eq!(answer.len(), MUCH / 4 + 1);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }

    proptest! {
        #[test]
        fn any_text_is_split_alike_at_any_cuts(
            parts in proptest::collection::vec(proptest::sample::select(
                vec!["<think>", "</think>", "</thinking>", "<", "\n", " ", "`", "```", "a", "ü", "</thi"],
            ), 0..30),
            size in 1_usize..9,
        ) {
            let text = parts.concat();
            let letters: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = letters.chunks(size).map(|piece| piece.iter().collect()).collect();
            prop_assert_eq!(split(pieces.iter().map(String::as_str)), split([text.as_str()]));
        }
    }

    #[test]
    fn reasoning_is_kept_apart_however_the_text_is_cut() {
        for (text, answer, reasoning) in [
            ("It is 12.", "It is 12.", ""),
            (
                "<think>The user wants the total.</think>\n\nIt is 12.",
                "It is 12.",
                "The user wants the total.",
            ),
            ("\n<thinking>größe</thinking>12 < 13", "12 < 13", "größe"),
            ("The total.\n</think>\n\nIt is 12.", "It is 12.", "The total.\n"),
            ("<think>a</think><think>b</think>c", "c", "ab"),
            ("<think>no end", "", "no end"),
            ("<think>", "", ""),
            ("Write `</think>` at the end.", "Write `</think>` at the end.", ""),
            ("```\n</think>\n```\nlike this", "```\n</think>\n```\nlike this", ""),
            ("The tag <think> is not shown.", "The tag <think> is not shown.", ""),
            ("<think>a</think>b </think> c", "b </think> c", "a"),
            ("a </thi", "a </thi", ""),
            ("a</think>", "", "a"),
            ("  \n", "", ""),
        ] {
            let expected = (answer.to_owned(), reasoning.to_owned());
            assert_eq!(split([text]), expected, "{text}");
            let mut buffer = [0; 4];
            let mut splitter = Vec::new();
            for c in text.chars() {
                splitter.push(c.encode_utf8(&mut buffer).to_owned());
            }
            assert_eq!(split(splitter.iter().map(String::as_str)), expected, "{text}, by characters");
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                assert_eq!(split([&text[..at], &text[at..]]), expected, "{text}, cut at {at}");
            }
        }
    }
}
