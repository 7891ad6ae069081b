//! From the recognised words to lines.

use protocol::analysis::WindowText;
use serde::{Deserialize, Serialize};

/// A rectangle on the picture as it was sent, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub text: String,
    pub area: Area,
    /// How sure the recognition is, from 0 to 100: the mean of its words.
    pub confidence: f32,
}

/// All that was read on a picture, in reading order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecognizedText {
    pub lines: Vec<Line>,
}

impl RecognizedText {
    /// The accessible text of a window, line by line. Where they stand is not known: one below the other.
    pub fn of_window(window: &WindowText) -> Self {
        const HEIGHT: u32 = 16;
        let heads = [&window.program, &window.title].into_iter().filter(|head| !head.is_empty());
        let lines = heads.flat_map(|head| head.lines()).chain(window.text.lines()).map(str::trim_end);
        let lines = (0_u32..).zip(lines.filter(|line| !line.is_empty())).map(|(row, text)| Line {
            text: text.to_owned(),
            area: Area {
                left: 0,
                top: row * HEIGHT,
                width: HEIGHT / 2 * u32::try_from(text.len()).unwrap_or(1),
                height: HEIGHT,
            },
            confidence: 100.0,
        });
        Self { lines: lines.collect() }
    }

    /// The lines, one below the other.
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }

    /// From 0 to 100: the mean of the lines; 0 when there is none.
    #[expect(clippy::cast_precision_loss, reason = "a screen has far fewer lines than an f32 can count")]
    pub fn confidence(&self) -> f32 {
        let sum: f32 = self.lines.iter().map(|line| line.confidence).sum();
        if self.lines.is_empty() { 0.0 } else { sum / self.lines.len() as f32 }
    }
}

/// Words below this confidence are specks and borders more often than text.
const MIN_CONFIDENCE: f32 = 20.0;
/// More lines than any screen shows.
const MAX_LINES: usize = 2_000;

#[derive(Debug)]
struct Word<'a> {
    /// Block, paragraph and line.
    line: [u32; 3],
    edges: Edges,
    confidence: f32,
    text: &'a str,
}

#[derive(Debug, Clone, Copy)]
struct Edges {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// Parses the table that Tesseract writes (`tsv`): level, page, block, paragraph, line, word, left, top,
/// width, height, confidence, text. `scale` is how much larger the recognised picture was than the original.
pub(super) fn lines(table: &str, scale: f64) -> RecognizedText {
    let mut lines = Vec::new();
    let mut group: Vec<Word<'_>> = Vec::new();
    for word in table.lines().filter_map(word) {
        if group.first().is_some_and(|first| first.line != word.line) {
            lines.extend(line(&group, scale));
            group.clear();
        }
        group.push(word);
        if lines.len() >= MAX_LINES {
            break;
        }
    }
    lines.extend(line(&group, scale));
    RecognizedText { lines }
}

fn word(row: &str) -> Option<Word<'_>> {
    let mut fields = row.splitn(12, '\t');
    let level = fields.next()?;
    let mut number = || fields.next()?.parse::<f64>().ok();
    let (_page, block, paragraph, line, _word) = (number()?, number()?, number()?, number()?, number()?);
    let (left, top, width, height) = (number()?, number()?, number()?, number()?);
    let confidence = number()?;
    let text = fields.next()?.trim();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    let line = [block as u32, paragraph as u32, line as u32];
    #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
    let confidence = confidence as f32;
    (level == "5" && !text.is_empty() && confidence >= MIN_CONFIDENCE).then_some(Word {
        line,
        edges: Edges { left, top, right: left + width, bottom: top + height },
        confidence,
        text,
    })
}

/// Words that stand far apart keep a wider gap, so that columns and indented code stay readable.
fn line(words: &[Word<'_>], scale: f64) -> Option<Line> {
    let first = words.first()?;
    let mut edges = first.edges;
    let mut text = String::new();
    let mut confidence = 0.0;
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            let gap = word.edges.left - words[index - 1].edges.right;
            let height = (word.edges.bottom - word.edges.top).max(1.0);
            text.push_str(if gap > height * 3.0 { "   " } else { " " });
        }
        text.push_str(word.text);
        confidence += word.confidence;
        edges = Edges {
            left: edges.left.min(word.edges.left),
            top: edges.top.min(word.edges.top),
            right: edges.right.max(word.edges.right),
            bottom: edges.bottom.max(word.edges.bottom),
        };
    }
    let text = crate::text::visible(&text);
    let text = text.trim();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the picture")]
    let pixels = |value: f64| (value / scale).round().max(0.0) as u32;
    #[expect(clippy::cast_precision_loss, reason = "a line has few words")]
    let confidence = confidence / words.len() as f32;
    text.contains(char::is_alphanumeric).then(|| Line {
        text: text.to_owned(),
        area: Area {
            left: pixels(edges.left),
            top: pixels(edges.top),
            width: pixels(edges.right - edges.left),
            height: pixels(edges.bottom - edges.top),
        },
        confidence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext
1\t1\t0\t0\t0\t0\t0\t0\t800\t600\t-1\t
5\t1\t1\t1\t1\t1\t20\t40\t100\t20\t96.5\terror:
5\t1\t1\t1\t1\t2\t130\t38\t100\t24\t92\tfoo
5\t1\t1\t1\t1\t3\t400\t40\t100\t20\t90\tcolumn
5\t1\t1\t1\t2\t1\t20\t80\t10\t20\t95\t|
5\t1\t1\t2\t1\t1\t20\t120\t10\t20\t3\tspeck
5\t1\t2\t1\t1\t1\t20\t160\t60\t20\t80\tnext
broken\trow
";

    #[test]
    fn words_become_lines_in_the_coordinates_of_the_original() {
        let recognized = lines(TABLE, 2.0);
        assert_eq!(recognized.text(), "error: foo   column\nnext");
        assert_eq!(recognized.lines[0].area, Area { left: 10, top: 19, width: 240, height: 12 });
        assert!((recognized.lines[0].confidence - 92.83).abs() < 0.01);
        assert!((recognized.confidence() - 86.42).abs() < 0.01);
    }

    #[test]
    fn nothing_read_is_an_empty_text() {
        assert_eq!(lines("", 1.0), RecognizedText::default());
        assert!(lines("", 1.0).confidence().abs() < f32::EPSILON);
    }
}
