//! From the recognised words to lines.

use protocol::analysis::WindowText;
use serde::{Deserialize, Serialize};

use super::order;
use crate::preparation::{self, Colour, Page, Placed};

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
    /// The lines, one below the other.
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }

    /// The accessible text of a window, line by line, without what cannot be seen. Where they stand is not known: one
    /// below the other.
    pub fn of_window(window: &WindowText) -> Self {
        const HEIGHT: u32 = 16;
        let texts = [&window.program, &window.title, &window.text];
        let lines = texts.into_iter().flat_map(|text| text.lines());
        let lines = lines.map(|line| crate::text::visible(line).trim_end().to_owned());
        let lines = (0_u32..).zip(lines.filter(|line| !line.is_empty())).map(|(row, text)| Line {
            area: Area {
                left: 0,
                top: row * HEIGHT,
                width: HEIGHT / 2 * u32::try_from(text.len()).unwrap_or(1),
                height: HEIGHT,
            },
            text,
            confidence: 100.0,
        });
        Self { lines: lines.collect() }
    }

    /// From 0 to 100: the mean of the lines; 0 when there is none.
    #[expect(clippy::cast_precision_loss, reason = "a screen has far fewer lines than an f32 can count")]
    pub fn confidence(&self) -> f32 {
        let sum: f32 = self.lines.iter().map(|line| line.confidence).sum();
        if self.lines.is_empty() { 0.0 } else { sum / self.lines.len() as f32 }
    }
}

/// Words below this confidence are specks and icons more often than text, unless they have so many letters and digits,
/// or what stands close together has: small numbers are read well with a confidence near zero.
const MIN_CONFIDENCE: f32 = 20.0;
const MIN_LETTERS: usize = 4;
const MIN_LETTERS_OF_PIECE: usize = 3;
/// A unit has at most so many letters. Longer ones are parts of a hash.
const MAX_UNIT: usize = 9;
/// Where a gap is and where it should be by the number of letters, as parts of the word, differ by this at most.
const SAME_PLACE: f64 = 0.2;
/// More lines than any screen shows.
const MAX_LINES: usize = 2_000;
/// Words of a line that are further apart keep a wider gap, in heights of the line: cells of a table.
const WIDE_GAP: usize = 2;

#[derive(Debug)]
struct Word<'a> {
    /// The middle, in pixels of the page.
    middle: [usize; 2],
    left: usize,
    right: usize,
    confidence: f32,
    text: &'a str,
}

/// Words that stand close together, and where on the screen.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub area: preparation::Area,
    pub text: String,
    /// The sum of the words', and their number.
    pub confidence: (f32, u16),
    /// The colour that they stand on.
    pub ground: Colour,
}

/// Parses the table that Tesseract writes (`tsv`): level, page, block, paragraph, line, word, left, top,
/// width, height, confidence, text. Lines are rebuilt from where the words stand on the screen, which is `scale` times
/// the size of the picture as it was sent.
pub(super) fn lines(table: &str, page: &Page, scale: f64) -> RecognizedText {
    let mut words_of: Vec<Vec<Word<'_>>> = page.pieces.iter().map(|_| Vec::new()).collect();
    for word in table.lines().filter_map(word) {
        let [x, y] = word.middle;
        let holds = |place: &preparation::Area| {
            (place.left..place.right).contains(&x) && (place.top..place.bottom).contains(&y)
        };
        if let Some(index) = page.pieces.iter().position(|piece| holds(&piece.on_page)) {
            words_of[index].push(word);
        }
    }
    let cells = page.pieces.iter().zip(words_of).filter_map(|(piece, words)| cell(piece, words)).collect();
    let rows = order::rows(cells, &page.dividers, &page.borders);
    RecognizedText { lines: rows.iter().filter_map(|row| line(row, scale)).take(MAX_LINES).collect() }
}

fn word(row: &str) -> Option<Word<'_>> {
    let mut fields = row.splitn(12, '\t');
    let is_word = fields.next()? == "5";
    let mut fields = fields.skip(5);
    let mut number = || fields.next()?.parse::<usize>().ok();
    let (left, top, width, height) = (number()?, number()?, number()?, number()?);
    let confidence = fields.next()?.parse::<f32>().ok()?;
    let text = fields.next()?.trim();
    (is_word && !text.is_empty()).then_some(Word {
        middle: [left + width / 2, top + height / 2],
        left,
        right: left + width,
        confidence,
        text,
    })
}

/// Whether these are at least so many letters and digits, and little else.
fn is_written(texts: &[&str], least: usize) -> bool {
    let characters = || texts.iter().flat_map(|text| text.chars());
    let letters = characters().filter(|c| c.is_alphanumeric()).count();
    letters >= least && letters * 5 >= characters().count() * 3
}

fn cell(piece: &Placed, mut words: Vec<Word<'_>>) -> Option<Cell> {
    let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
    let least = if is_written(&texts, MIN_LETTERS_OF_PIECE) { 1 } else { MIN_LETTERS };
    words.retain(|word| word.confidence >= MIN_CONFIDENCE || is_written(&[word.text], least));
    words.sort_by_key(|word| word.left);
    let texts: Vec<String> = words.iter().map(|word| apart(word, &piece.gaps)).collect();
    let text = crate::text::visible(&texts.join(" ")).trim().to_owned();
    let count = u16::try_from(words.len()).unwrap_or(u16::MAX);
    let confidence = (words.iter().map(|word| word.confidence).sum(), count);
    (!text.is_empty()).then_some(Cell { area: piece.on_screen, text, confidence, ground: piece.ground })
}

/// A number and its unit, which recognition joins in small text ("9min"), with the space that is seen between them.
fn apart(word: &Word<'_>, gaps: &[(usize, usize)]) -> String {
    let letters: Vec<char> = word.text.chars().collect();
    let digits = letters.iter().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).count();
    let unit = letters.get(digits..).unwrap_or_default();
    let is_unit = (1..=MAX_UNIT).contains(&unit.len()) && unit.iter().all(|c| c.is_alphabetic() || *c == '/');
    let inside = gaps.iter().filter(|(from, to)| *from > word.left && *to < word.right);
    let mut widest: Vec<(usize, usize)> = inside.map(|(from, to)| (to - from, (from + to) / 2)).collect();
    widest.sort_unstable_by_key(|(width, _)| std::cmp::Reverse(*width));
    let Some((gap, middle)) = widest.first().filter(|_| digits > 0 && is_unit) else {
        return word.text.to_owned();
    };
    let others = widest.get(1).map_or(0, |(width, _)| *width);
    let expected = digits as f64 / letters.len() as f64;
    let seen = (middle - word.left) as f64 / (word.right - word.left).max(1) as f64;
    if *gap <= others || (expected - seen).abs() > SAME_PLACE {
        return word.text.to_owned();
    }
    let (number, unit) = letters.split_at(digits);
    format!("{} {}", number.iter().collect::<String>(), unit.iter().collect::<String>())
}

/// Cells that stand far apart keep a wider gap, so that the columns of a table stay readable.
fn line(row: &[Cell], scale: f64) -> Option<Line> {
    let first = row.first()?;
    let (mut area, mut text) = (first.area, first.text.clone());
    for pair in row.windows(2) {
        let gap = pair[0].area.columns_apart(&pair[1].area);
        text.push_str(if gap > pair[1].area.height() * WIDE_GAP { "   " } else { " " });
        text.push_str(&pair[1].text);
        area = area.around(&pair[1].area);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the picture")]
    let pixels = |value: usize| (value as f64 / scale).floor() as u32;
    let (sum, count) = row.iter().fold((0.0, 0.0), |(sum, count), cell| {
        (sum + cell.confidence.0, count + f32::from(cell.confidence.1))
    });
    text.contains(char::is_alphanumeric).then(|| Line {
        text,
        area: Area {
            left: pixels(area.left),
            top: pixels(area.top),
            width: pixels(area.width()),
            height: pixels(area.height()),
        },
        confidence: sum / count.max(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(on_page: [usize; 4], on_screen: [usize; 4]) -> Placed {
        let area = |[left, top, right, bottom]: [usize; 4]| preparation::Area { left, top, right, bottom };
        Placed { on_page: area(on_page), on_screen: area(on_screen), ground: [255; 3], gaps: Vec::new() }
    }

    /// Three pieces: two beside each other on the screen, one below the first.
    fn page() -> Page {
        let pieces = vec![
            piece([20, 20, 240, 60], [10, 40, 120, 60]),
            piece([300, 20, 400, 60], [400, 40, 450, 60]),
            piece([20, 80, 120, 120], [10, 70, 60, 90]),
        ];
        Page { pnm: Vec::new(), pieces, dividers: Vec::new(), borders: Vec::new() }
    }

    const TABLE: &str =
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext
1\t1\t0\t0\t0\t0\t0\t0\t800\t600\t-1\t
5\t1\t1\t1\t1\t2\t130\t38\t100\t18\t92\tfoo
5\t1\t1\t1\t1\t1\t20\t30\t100\t20\t96.5\terror:
5\t1\t1\t1\t1\t3\t310\t30\t80\t20\t90\tcolumn
5\t1\t1\t1\t2\t1\t20\t90\t10\t20\t3\t|x;
5\t1\t2\t1\t1\t1\t30\t90\t60\t20\t80\tnext
5\t1\t2\t1\t1\t1\t700\t90\t60\t20\t80\tnowhere
broken\trow
";

    #[test]
    fn words_become_lines_in_the_coordinates_of_the_picture() {
        let recognized = lines(TABLE, &page(), 0.5);
        assert_eq!(recognized.text(), "error: foo   column\nnext");
        assert_eq!(recognized.lines[0].area, Area { left: 20, top: 80, width: 880, height: 40 });
        assert!((recognized.lines[0].confidence - 92.83).abs() < 0.01);
        assert!((recognized.confidence() - 86.42).abs() < 0.01);
    }

    #[test]
    fn a_windows_text_hides_nothing() {
        let window = WindowText {
            program: "edi\u{200B}tor".into(),
            title: "invoice\u{202E}fdp.exe".into(),
            text: "pay \u{E0041}now\r\n\u{FEFF}\n\tlater\u{2028}".into(),
        };
        assert_eq!(RecognizedText::of_window(&window).text(), "editor\ninvoicefdp.exe\npay now\n\tlater");
    }

    #[test]
    fn small_numbers_are_kept_though_recognition_is_not_sure_of_them() {
        const DOUBTED: &str = "5\t1\t1\t1\t1\t1\t20\t30\t60\t20\t0\t7
5\t1\t1\t1\t1\t2\t130\t30\t80\t20\t0\tm/s
5\t1\t1\t1\t1\t3\t310\t30\t80\t20\t13\t\u{a9}
5\t1\t1\t1\t2\t1\t30\t90\t60\t20\t6\t|x;
";
        let recognized = lines(DOUBTED, &page(), 1.0);
        assert_eq!(recognized.text(), "7 m/s", "icons and specks are not text");
    }

    #[test]
    fn a_number_and_its_unit_are_parted_where_a_gap_is_seen() {
        let word = |text| Word { middle: [0, 0], left: 100, right: 180, confidence: 90.0, text };
        let gaps = [(90, 99), (118, 124), (140, 142)];
        assert_eq!(apart(&word("9min"), &gaps), "9 min");
        assert_eq!(apart(&word("9min"), &gaps[2..]), "9min", "the gap is elsewhere");
        assert_eq!(apart(&word("9min"), &[]), "9min");
        assert_eq!(apart(&word("amin"), &gaps), "amin");
        assert_eq!(apart(&word("9000"), &gaps), "9000");
        assert_eq!(apart(&word("2.50"), &[(118, 124), (140, 146)]), "2.50");
    }

    #[test]
    fn nothing_read_is_an_empty_text() {
        assert_eq!(lines("", &page(), 1.0), RecognizedText::default());
        assert!(lines("", &page(), 1.0).confidence().abs() < f32::EPSILON);
    }
}
