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

/// Takes the text however it is chunked. Holds back only what may become a tag.
#[derive(Debug, Default)]
pub(super) struct ReasoningSplitter {
    place: Place,
    held: String,
    code: CodeTracker,
    /// A block has been seen: from then on a closing tag without an opening one is text.
    seen: bool,
}

impl ReasoningSplitter {
    pub fn push(&mut self, text: &str) -> Vec<Part> {
        let mut rest = std::mem::take(&mut self.held);
        rest.push_str(text);
        let mut parts = Vec::new();
        while let Some(more) = self.step(rest, &mut parts) {
            rest = more;
        }
        parts
    }

    /// What was held back when the text ends.
    pub fn finish(&mut self) -> Vec<Part> {
        let held = std::mem::take(&mut self.held);
        if held.trim().is_empty() {
            return Vec::new();
        }
        vec![match self.place {
            Place::Reasoning(_) => Part::Reasoning(held),
            Place::Answer | Place::Start => Part::Answer(held),
        }]
    }

    /// Handles the start of `text` and returns the rest, if there is more to do.
    fn step(&mut self, text: String, parts: &mut Vec<Part>) -> Option<String> {
        match self.place {
            Place::Start => self.start(text),
            Place::Reasoning(close) => {
                if let Some((before, after)) = text.split_once(close) {
                    push(parts, Part::Reasoning, before);
                    self.place = Place::Start;
                    return Some(after.to_owned());
                }
                let keep = partial(&text, &[close]);
                push(parts, Part::Reasoning, &text[..keep]);
                text[keep..].clone_into(&mut self.held);
                None
            }
            Place::Answer if self.seen => {
                push(parts, Part::Answer, &text);
                None
            }
            Place::Answer => self.watch(&text, parts),
        }
    }

    fn start(&mut self, text: String) -> Option<String> {
        let begin = text.trim_start();
        if let Some((open, close)) = TAGS.iter().find(|(open, _)| begin.starts_with(open)) {
            (self.place, self.seen) = (Place::Reasoning(close), true);
            return Some(begin[open.len()..].to_owned());
        }
        if TAGS.iter().any(|(open, _)| open.starts_with(begin)) {
            self.held = text;
            return None;
        }
        self.place = Place::Answer;
        // Blank lines between a block and the answer belong to neither.
        Some(if self.seen { begin.to_owned() } else { text })
    }

    /// Looks for a closing tag that nothing has opened, outside of code.
    fn watch(&mut self, text: &str, parts: &mut Vec<Part>) -> Option<String> {
        let keep = partial(text, &UNOPENED);
        for (at, c) in text[..keep].char_indices() {
            let tag = UNOPENED.iter().find(|tag| c == '<' && text[at..].starts_with(**tag));
            if let Some(tag) = tag.filter(|_| !self.code.inside()) {
                push(parts, Part::Answer, &text[..at]);
                parts.push(Part::AnswerWasReasoning);
                (self.place, self.seen) = (Place::Start, true);
                return Some(text[at + tag.len()..].to_owned());
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
