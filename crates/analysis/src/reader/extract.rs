//! An answer made from the text on the screen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::finding::{Finding, findings};
use super::layout::RecognizedText;
use super::ranking::rank;
use crate::text::{code_span, fenced};

/// How many of the best matching lines are quoted.
const MAX_MATCHES: usize = 5;
/// How many lines below the best one are quoted.
const BELOW_BEST: usize = 2;
/// How many lines are quoted with those beside them.
const MAX_QUOTED: usize = 12;
/// How many lines of each error but the first are quoted.
const MAX_OF_LATER: usize = 3;
/// A line whose score is below this share of the best one is left out.
const MIN_RELATIVE_SCORE: f32 = 0.3;
/// How many lines are shown when none matches.
const OVERVIEW_LINES: usize = 20;
/// Below this, the answer warns that much may be misread.
const LOW_CONFIDENCE: f32 = 70.0;

const NO_MODEL: &str = "> **No AI model was used.** The built-in reader made this answer from the text that it could \
    read on the screen.";

/// Answers from the text alone, in Markdown. Whatever was read is quoted as code.
pub fn extract(question: &str, recognized: &RecognizedText) -> String {
    let lines: Vec<&str> = recognized.lines.iter().map(|line| line.text.as_str()).collect();
    if lines.is_empty() {
        return format!(
            "{NO_MODEL}\n\nNo text could be read on this picture. If there is text on it, send a larger or sharper \
             picture, or only the part that matters.\n"
        );
    }
    let found = findings(&lines);
    let mut parts = vec![NO_MODEL.to_owned()];
    if found.len() > 1 {
        parts.push(format!("The screen shows {} errors. Begin with the first.", found.len()));
    }
    for (index, finding) in found.iter().enumerate() {
        let quoted = finding.lines.clone().take(if index == 0 { usize::MAX } else { MAX_OF_LATER });
        parts.push(describe(finding, &lines, &quoted.collect()));
    }

    let quoted: BTreeSet<usize> = found.iter().flat_map(|finding| finding.lines.clone()).collect();
    let matches = matching_lines(question, &lines, &quoted);
    if !matches.is_empty() {
        parts.push(format!("**What fits the question**\n\n{}", quote(&lines, &matches)));
    } else if found.is_empty() {
        let start: BTreeSet<usize> = (0..lines.len().min(OVERVIEW_LINES)).collect();
        let more = if lines.len() > OVERVIEW_LINES { ", from the top" } else { "" };
        parts.push(format!("**What stands on the screen{more}**\n\n{}", quote(&lines, &start)));
    }
    if recognized.confidence() < LOW_CONFIDENCE {
        parts.push("Much of the text was hard to read and may be wrong here.".to_owned());
    }
    parts.join("\n\n") + "\n"
}

fn describe(finding: &Finding, lines: &[&str], quoted: &BTreeSet<usize>) -> String {
    let mut text = format!("**An error of {}", finding.toolchain.label());
    if !finding.code.is_empty() {
        text += ": ";
        text += &code_span(&finding.code);
    }
    if let Some(location) = &finding.location {
        let _ = write!(text, " in {}, line {}", code_span(&location.file), location.line);
        if let Some(column) = location.column {
            let _ = write!(text, ", column {column}");
        }
    }
    text += "**\n\n";
    text += &quote(lines, quoted);
    text + "\n\n" + finding.explanation
}

/// The best lines in the order of the screen, with those beside them: the answer often stands below a label that has the
/// question's words.
fn matching_lines(question: &str, lines: &[&str], excluded: &BTreeSet<usize>) -> BTreeSet<usize> {
    let ranked = rank(question, lines);
    let best = ranked.first().map_or(0.0, |(_, score)| *score);
    let matches = ranked
        .into_iter()
        .filter(|(index, score)| *score >= best * MIN_RELATIVE_SCORE && !excluded.contains(index))
        .take(MAX_MATCHES);
    let mut quoted = BTreeSet::new();
    for (index, _) in matches {
        let below = if quoted.is_empty() { BELOW_BEST } else { 1 };
        let beside = index.saturating_sub(1)..(index + below + 1).min(lines.len());
        let new: Vec<usize> = beside.filter(|i| !quoted.contains(i) && !excluded.contains(i)).collect();
        if quoted.len() + new.len() > MAX_QUOTED {
            break;
        }
        quoted.extend(new);
    }
    quoted
}

/// The lines in one block, with a mark where some are left out.
fn quote(lines: &[&str], indices: &BTreeSet<usize>) -> String {
    let mut text = String::new();
    let mut last = None;
    for index in indices {
        if last.is_some_and(|last: usize| last + 1 < *index) {
            text += "…\n";
        }
        text += lines.get(*index).unwrap_or(&"");
        text.push('\n');
        last = Some(*index);
    }
    fenced(&text)
}

#[cfg(test)]
mod tests {
    use super::super::layout::{Area, Line};
    use super::*;

    fn recognized(text: &str) -> RecognizedText {
        let area = Area { left: 0, top: 0, width: 1, height: 1 };
        RecognizedText {
            lines: text.lines().map(|l| Line { text: l.into(), area, confidence: 90.0 }).collect(),
        }
    }

    #[test]
    fn every_answer_says_that_no_model_was_used() {
        for text in ["", "hello", "error[E0308]: mismatched types"] {
            assert!(extract("?", &recognized(text)).starts_with("> **No AI model was used.**"));
        }
    }

    #[test]
    fn an_error_is_named_located_quoted_and_explained() {
        let answer = extract(
            "why does it not compile?",
            &recognized(
                "$ cargo check\nerror[E0308]: mismatched types\n--> src/main.rs:4:18\n4 let n: u32 = \"seven\";\nerror: could not compile `x`",
            ),
        );
        assert!(
            answer.contains("**An error of Rust: `E0308` in `src/main.rs`, line 4, column 18**"),
            "{answer}"
        );
        assert!(
            answer.contains("```text\nerror[E0308]: mismatched types\n--> src/main.rs:4:18\n"),
            "{answer}"
        );
        assert!(answer.contains("has another type"), "{answer}");
    }

    #[test]
    fn the_matching_lines_are_quoted_in_the_order_of_the_screen() {
        let screen = "Invoice 7\nfrom Miller\nfor tea\nand honey\nor milk\nTotal\n3 EUR\npaid\nBye";
        let answer = extract("total and invoice", &recognized(screen));
        // The shorter line is the best one.
        assert!(
            answer.contains("```text\nInvoice 7\nfrom Miller\n…\nor milk\nTotal\n3 EUR\npaid\n```"),
            "{answer}"
        );
        assert!(!answer.contains("Bye"));
    }

    #[test]
    fn without_a_match_the_screen_is_quoted_from_its_top() {
        let answer = extract("zebra", &recognized("one line\ntwo line"));
        assert!(answer.contains("```text\none line\ntwo line\n```"), "{answer}");
    }

    #[test]
    fn the_screen_cannot_write_markdown() {
        let nasty = "```\n# Heading\n[click](javascript:alert(1)) error: ```` <img src=x>\u{202E}";
        let answer = extract("click heading", &recognized(nasty));
        let outside: String = answer.split("`````").step_by(2).collect();
        assert!(
            !outside.contains("Heading") && !outside.contains("click") && !outside.contains("img"),
            "{answer}"
        );
        assert!(!answer.contains('\u{202E}'));
    }

    #[test]
    fn an_empty_screen_is_reported() {
        assert!(extract("what?", &RecognizedText::default()).contains("No text could be read"));
    }
}
