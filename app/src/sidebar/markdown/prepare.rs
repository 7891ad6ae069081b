//! Rewrites what models write for people and CommonMark reads otherwise, before an answer is parsed: bold next to CJK
//! punctuation, formulas in LaTeX's delimiters, paths of Windows, a single `~`, and `<details>`.
//!
//! Always holds: code, in spans or blocks, is passed on as it is; apart from the tags of `<details>` nothing is removed, only
//! escapes and zero-width spaces are added, which the parsed tree does not contain.

use super::path;

/// Keeps a delimiter apart from punctuation beside it. It is neither white space nor punctuation, so the rules of
/// CommonMark §6.2 see a letter.
const SPACER: char = '\u{200B}';

/// The rewritten text, and where its lines come from.
#[derive(Debug, Default)]
pub struct Prepared {
    pub text: String,
    /// Where each line starts, here and in the source, and whether it is unchanged.
    lines: Vec<(usize, usize, bool)>,
}

impl Prepared {
    pub fn of(source: &str) -> Self {
        let mut writer = Writer {
            source,
            prepared: Self::default(),
            state: State { after_blank: true, ..State::default() },
        };
        let mut at = 0;
        for line in source.split_inclusive('\n') {
            writer.line(at, line);
            at += line.len();
        }
        writer.prepared
    }

    /// The offset in the source that belongs to one in the text; the start of its line if the line was changed.
    pub fn source_offset(&self, offset: usize) -> usize {
        let after = self.lines.partition_point(|(start, ..)| *start <= offset);
        match after.checked_sub(1).and_then(|at| self.lines.get(at)) {
            Some((start, source, true)) => source + (offset - start),
            Some((_, source, false)) => *source,
            None => 0,
        }
    }
}

/// An open fence: its character and length.
pub type Fence = (u8, usize);

/// The fence that this line opens.
pub fn opened_fence(line: &str) -> Option<Fence> {
    let content = line[content_start(line)..].trim_end();
    let sign = *content.as_bytes().first().filter(|sign| matches!(sign, b'`' | b'~'))?;
    let length = run(content.as_bytes(), 0);
    (length >= 3 && (sign == b'~' || !content[length..].contains('`'))).then_some((sign, length))
}

/// Whether this line closes the fence.
pub fn closes_fence(line: &str, (sign, length): Fence) -> bool {
    let content = line.trim_start_matches([' ', '\t', '>']).trim_end();
    content.len() >= length && content.bytes().all(|byte| byte == sign)
}

/// Where a line's text starts, after indentation, `>` and the markers of lists.
fn content_start(line: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &line[at..];
        let skipped = rest.len() - rest.trim_start_matches([' ', '\t', '>']).len();
        let marker = if skipped > 0 || at == 0 { list_marker(&rest[skipped..]) } else { 0 };
        if skipped + marker == 0 {
            return at;
        }
        at += skipped + marker;
    }
}

/// The length of a list item's marker with the space behind it; 0 without one.
fn list_marker(text: &str) -> usize {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut signs = text[digits..].chars();
    let is_marker = match signs.next() {
        Some('-' | '*' | '+') => digits == 0,
        Some('.' | ')') => (1..=9).contains(&digits),
        _ => false,
    };
    if is_marker && signs.next() == Some(' ') { digits + 2 } else { 0 }
}

/// What is open between the lines of a paragraph.
#[derive(Debug, Default)]
struct State {
    fence: Option<Fence>,
    /// In a block of code by indentation.
    indented: bool,
    after_blank: bool,
    /// In a code span with this many backticks.
    code: Option<usize>,
    /// In a formula that ends with this.
    formula: Option<&'static str>,
    bold: bool,
    /// Where the paragraph ends, once it is known.
    paragraph_end: usize,
}

struct Writer<'a> {
    source: &'a str,
    prepared: Prepared,
    state: State,
}

impl Writer<'_> {
    fn line(&mut self, start: usize, line: &str) {
        let written = self.prepared.text.len();
        self.rewrite_line(start, line);
        let unchanged = self.prepared.text[written..] == *line;
        self.prepared.lines.push((written, start, unchanged));
    }

    fn rewrite_line(&mut self, start: usize, line: &str) {
        let blank = line.trim().is_empty();
        let after_blank = std::mem::replace(&mut self.state.after_blank, blank);
        if let Some(fence) = self.state.fence {
            if closes_fence(line, fence) {
                self.state.fence = None;
            }
            return self.prepared.text.push_str(line);
        }
        if blank {
            self.state = State { indented: self.state.indented, after_blank: true, ..State::default() };
            return self.prepared.text.push_str(line);
        }
        self.state.fence = opened_fence(line);
        let indented = line.starts_with("    ") || line.starts_with('\t');
        self.state.indented =
            indented && (self.state.indented || after_blank) && list_marker(line.trim_start()) == 0;
        if self.state.fence.is_some() || self.state.indented {
            return self.prepared.text.push_str(line);
        }
        if let Some(unfolded) = unfolded(line) {
            return self.prepared.text.push_str(&unfolded);
        }
        let end = start + line.len();
        let mut at = start;
        while at < end {
            at = self.next(at, end);
        }
    }

    /// Writes what stands at `at`, in the line that ends at `end`, and returns where it ends.
    fn next(&mut self, at: usize, end: usize) -> usize {
        let rest = &self.source[at..end];
        let Some(first) = rest.chars().next() else { return end };
        if let Some(length) = self.state.code {
            let same = first == '`' && run(rest.as_bytes(), 0) == length;
            if same {
                self.state.code = None;
            }
            return self.copy(at, if first == '`' { run(rest.as_bytes(), 0) } else { first.len_utf8() });
        }
        if let Some(closing) = self.state.formula {
            if rest.starts_with(closing) {
                self.state.formula = None;
                return self.escape(at, closing.len());
            }
            return self.escape(at, first.len_utf8());
        }
        if self.starts_word(at)
            && let Some(length) = path::length(&self.source[..at], rest)
        {
            return self.escape(at, length);
        }
        match first {
            '`' => {
                let length = run(rest.as_bytes(), 0);
                if self.closing_backticks(at + length, length) {
                    self.state.code = Some(length);
                }
                self.copy(at, length)
            }
            '\\' | '$' => self.formula_or_escape(at, rest),
            '~' if run(rest.as_bytes(), 0) == 1 => self.escape(at, 1),
            '<' => self.copy(at, tag(rest).unwrap_or(1)),
            '*' => self.stars(at, rest),
            '~' => self.copy(at, run(rest.as_bytes(), 0)),
            other => self.copy(at, other.len_utf8()),
        }
    }

    fn formula_or_escape(&mut self, at: usize, rest: &str) -> usize {
        let pairs = [("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$")];
        let pair = pairs.into_iter().find(|(opening, _)| rest.starts_with(opening));
        if let Some((opening, closing)) = pair {
            let end = self.paragraph_end(at);
            if self.source[at + 2..end].contains(closing) {
                self.state.formula = Some(closing);
                return self.escape(at, opening.len());
            }
        }
        let escaped = if rest.starts_with('\\') { rest.chars().nth(1) } else { None };
        self.copy(at, 1 + escaped.filter(char::is_ascii_punctuation).map_or(0, char::len_utf8))
    }

    /// Bold that starts before or ends after punctuation in a text without spaces.
    fn stars(&mut self, at: usize, rest: &str) -> usize {
        let length = run(rest.as_bytes(), 0);
        if !(2..=3).contains(&length) {
            return self.copy(at, length);
        }
        let before = self.source[..at].chars().next_back().unwrap_or('\n');
        let after = rest[length..].chars().next().unwrap_or('\n');
        let in_words = is_wide(before) || is_wide(after);
        if self.state.bold {
            if in_words && is_punctuation(before) && !after.is_whitespace() && !is_punctuation(after) {
                self.prepared.text.push(SPACER);
            }
            self.state.bold = before.is_whitespace();
            return self.copy(at, length);
        }
        self.state.bold = !after.is_whitespace();
        let end = self.copy(at, length);
        if in_words && is_punctuation(after) && !before.is_whitespace() && !is_punctuation(before) {
            self.prepared.text.push(SPACER);
        }
        end
    }

    /// Whether a code span that starts before `from` ends within the paragraph.
    fn closing_backticks(&mut self, from: usize, length: usize) -> bool {
        let end = self.paragraph_end(from);
        let bytes = &self.source.as_bytes()[..end];
        let mut at = from;
        while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'`')) {
            let found_length = run(bytes, at + found);
            if found_length == length {
                return true;
            }
            at += found + found_length;
        }
        false
    }

    /// The start of the next blank line after `at`, or the end.
    fn paragraph_end(&mut self, at: usize) -> usize {
        if self.state.paragraph_end <= at {
            let mut end = at;
            for line in self.source[at..].split_inclusive('\n') {
                if line.trim().is_empty() {
                    break;
                }
                end += line.len();
            }
            self.state.paragraph_end = end.max(at);
        }
        self.state.paragraph_end
    }

    fn starts_word(&self, at: usize) -> bool {
        let before = self.source[..at].chars().next_back();
        before.is_none_or(|c| {
            c.is_whitespace() || matches!(c, '(' | '[' | '"' | '\'' | '*' | '_' | '|' | '“' | '„')
        }) || before.is_some_and(is_wide)
    }

    fn copy(&mut self, at: usize, length: usize) -> usize {
        self.prepared.text.push_str(&self.source[at..at + length]);
        at + length
    }

    fn escape(&mut self, at: usize, length: usize) -> usize {
        for c in self.source[at..at + length].chars() {
            if c.is_ascii_punctuation() {
                self.prepared.text.push('\\');
            }
            self.prepared.text.push(c);
        }
        at + length
    }
}

/// How often the byte at `at` stands there.
fn run(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().take_while(|byte| **byte == bytes[at]).count()
}

/// The length of a tag or an address in angle brackets at the start.
fn tag(text: &str) -> Option<usize> {
    let inside = text.get(1..)?;
    let starts = inside.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
    let end = inside.find(['<', '>', '\n']).filter(|end| starts && inside[*end..].starts_with('>'))?;
    Some(end + 2)
}

/// The line without the tags of `<details>` and without line breaks at its start; a summary becomes a bold line.
fn unfolded(line: &str) -> Option<String> {
    let lower = line.trim_start().to_ascii_lowercase();
    let tags = ["<details", "</details", "<summary", "</summary", "<br"];
    tags.iter().find(|tag| lower.starts_with(**tag))?;
    let mut rest = line.trim_end_matches('\n');
    let mut written = String::new();
    let whole = rest.to_ascii_lowercase();
    let is_title = whole.contains("<summary") && whole.contains("</summary");
    while let Some(start) = rest.find('<') {
        let name = rest[start..].to_ascii_lowercase();
        let Some(length) = tag(&rest[start..]) else { break };
        written.push_str(&rest[..start]);
        let bold = if is_title { "**" } else { "" };
        if name.starts_with("<summary") {
            written.push_str("\n\n");
            written.push_str(bold);
        } else if name.starts_with("</summary") {
            written.push_str(bold);
            written.push_str("\n\n");
        } else if name.starts_with("<details") || name.starts_with("</details") {
            written.push_str("\n\n");
        } else if name.starts_with("<br") && written.trim().is_empty() {
            written.push('\n');
        } else if !(is_title
            && ["<b>", "</b>", "<strong>", "</strong>"].iter().any(|bold| name.starts_with(bold)))
        {
            written.push_str(&rest[start..start + length]);
        }
        rest = rest[start + length..].trim_start_matches(if written.ends_with("**") { ' ' } else { '\0' });
    }
    written.push_str(rest);
    written.push_str(if line.ends_with('\n') { "\n" } else { "" });
    Some(written)
}

/// Scripts that are written without spaces between words, and Korean, whose particles follow directly.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11FF}' | '\u{2E80}'..='\u{A4CF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE4F}' | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}')
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '\u{A1}' | '\u{A7}' | '\u{AB}' | '\u{B7}' | '\u{BB}' | '\u{BF}' | '\u{2010}'..='\u{2027}'
            | '\u{2030}'..='\u{205E}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3020}' | '\u{3030}' | '\u{30FB}'
            | '\u{FE30}'..='\u{FE4F}' | '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' | '\u{FF3B}'..='\u{FF40}'
            | '\u{FF5B}'..='\u{FF65}')
}
