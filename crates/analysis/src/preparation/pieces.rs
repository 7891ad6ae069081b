//! From ink to pieces of lines: words that stand close to each other.

use super::area::Area;
use super::contrast::{Contrast, HORIZONTAL, INK, VERTICAL};

/// Higher ones are pictures.
const MAX_HEIGHT: usize = 120;
/// Letters of one line differ in height by this factor at most: a bracket and a small letter.
const MAX_RATIO: f64 = 2.6;
/// Lower ones are dots, commas and dashes, which belong to a letter of any height.
const LOW: usize = 5;
/// How far apart the words of one piece are at most, in heights of their letters.
const MAX_GAP: f64 = 1.6;
/// No gap is wider than what letters of this height allow.
const MIN_GAP_HEIGHT: usize = 8;
/// A dot, accent or quotation mark is at most this far from its line, in heights of that.
const MARK_ACROSS: f64 = 0.8;
const MARK_DOWN: f64 = 0.4;
/// The line above is often closer than the letters beside.
const DOWN_COSTS: usize = 4;
/// Each mark in such a chain is lower than the next, so that none leads back to its beginning.
const MAX_CHAIN: usize = 4;
/// A bar is so wide at most, and so many times as high; a line has so many with at most this room between them.
const BAR_WIDTH: usize = 4;
const BAR_RATIO: usize = 4;
const MIN_BARS: usize = 3;
const BAR_GAP: usize = 3;
/// A screen full of small text has fewer letters. What has more is a photograph.
const MAX_MARKS: usize = 60_000;

/// The places of the pieces, in no order, and of the lines that a terminal draws with bars.
pub(super) fn pieces(contrast: &Contrast, width: usize, height: usize) -> (Vec<Area>, Vec<Area>) {
    let (mut marks, bars) = without_bars(marks(contrast, width, height));
    marks.retain(|mark| mark.height() <= MAX_HEIGHT);
    if marks.len() > MAX_MARKS {
        // Specks are the smallest.
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.width() * mark.height()));
        marks.truncate(MAX_MARKS);
    }
    marks.sort_by_key(|mark| mark.left);
    // With its quotation marks a word may be close enough to the next.
    let pieces = joined(&with_loose_marks(joined(&marks)));
    (pieces.into_iter().filter(|piece| piece.height() >= LOW && piece.width() > 1).collect(), bars)
}

/// Bars below each other, as high as the lines of a terminal, are one line.
fn without_bars(mut marks: Vec<Area>) -> (Vec<Area>, Vec<Area>) {
    let is_bar = |mark: &Area| mark.width() <= BAR_WIDTH && mark.height() >= mark.width() * BAR_RATIO;
    marks.sort_by_key(|mark| (mark.left, mark.top));
    let (mut bars, mut lines): (Vec<Vec<Area>>, Vec<Area>) = (Vec::new(), Vec::new());
    for mark in marks.iter().filter(|mark| is_bar(mark)) {
        match bars.last_mut() {
            Some(bar) if bar.last().is_some_and(|last| follows_below(last, mark)) => bar.push(*mark),
            _ => bars.push(vec![*mark]),
        }
    }
    bars.retain(|bar| bar.len() >= MIN_BARS);
    marks.retain(|mark| !bars.iter().any(|bar| bar.contains(mark)));
    lines.extend(bars.iter().filter_map(|bar| bar.iter().copied().reduce(|all, one| all.around(&one))));
    (marks, lines)
}

fn follows_below(above: &Area, below: &Area) -> bool {
    above.left == below.left && below.top >= above.bottom && below.top - above.bottom <= BAR_GAP
}

/// Disjoint sets (Tarjan, 1975), with path halving.
#[derive(Default)]
struct Sets {
    parents: Vec<usize>,
}

impl Sets {
    fn add(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.parents[index] != index {
            self.parents[index] = self.parents[self.parents[index]];
            index = self.parents[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }
}

/// Connected ink, with the rules that it touches.
#[derive(Clone, Copy)]
struct Mark {
    area: Area,
    /// The first and the last row of horizontal rules beside it.
    across: Option<(usize, usize)>,
    down: bool,
}

impl Mark {
    /// What joins two rules is the corner of a frame.
    fn is_corner(&self) -> bool {
        self.across.is_some_and(|(first, last)| self.down || last - first > LOW)
    }

    fn joined(&self, other: &Self) -> Self {
        let across = match (self.across, other.across) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Self { area: self.area.around(&other.area), across, down: self.down || other.down }
    }
}

/// Connected areas of ink that are no corners of frames.
fn marks(contrast: &Contrast, width: usize, height: usize) -> Vec<Area> {
    let (mut sets, mut runs): (Sets, Vec<Mark>) = (Sets::default(), Vec::new());
    // Where the runs of the row above begin.
    let mut above = 0;
    for y in 0..height {
        let first = runs.len();
        let row = &contrast.ink[y * width..(y + 1) * width];
        let mut x = 0;
        while x < width {
            let Some(left) = row[x..].iter().position(|ink| *ink >= INK).map(|ahead| x + ahead) else {
                break;
            };
            let right = row[left..].iter().position(|ink| *ink < INK).map_or(width, |length| left + length);
            let area = Area { left, top: y, right, bottom: y + 1 };
            runs.push(beside_rules(contrast, width, height, area));
            let set = sets.add();
            while above < first && runs[above].area.right < left {
                above += 1;
            }
            for other in (above..first).take_while(|other| runs[*other].area.left <= right) {
                sets.join(set, other);
            }
            x = right;
        }
        above = first;
    }
    let mut whole: Vec<Option<Mark>> = vec![None; runs.len()];
    for (index, run) in runs.iter().enumerate() {
        let root = &mut whole[sets.root(index)];
        *root = Some(root.map_or(*run, |mark| mark.joined(run)));
    }
    whole.into_iter().flatten().filter(|mark| !mark.is_corner()).map(|mark| mark.area).collect()
}

fn beside_rules(contrast: &Contrast, width: usize, height: usize, area: Area) -> Mark {
    let rows = area.top.saturating_sub(1)..(area.top + 2).min(height);
    let columns = area.left.saturating_sub(1)..(area.right + 1).min(width);
    let mut mark = Mark { area, across: None, down: false };
    for y in rows {
        for rule in &contrast.rules[y * width + columns.start..y * width + columns.end] {
            mark.down |= rule & VERTICAL != 0;
            if rule & HORIZONTAL != 0 {
                mark.across = Some(mark.across.map_or((y, y), |(first, last)| (first.min(y), last.max(y))));
            }
        }
    }
    mark
}

/// Letters and pieces that follow each other in a line.
fn joined(marks: &[Area]) -> Vec<Area> {
    let mut sets = Sets { parents: (0..marks.len()).collect() };
    for (index, mark) in marks.iter().enumerate() {
        let reach = mark.right + gap(MAX_HEIGHT);
        let following = marks.iter().enumerate().skip(index + 1).take_while(|(_, other)| other.left <= reach);
        for (other_index, other) in following {
            if follows(mark, other) {
                sets.join(index, other_index);
            }
        }
    }
    let mut whole: Vec<Option<Area>> = vec![None; marks.len()];
    for (index, mark) in marks.iter().enumerate() {
        let root = &mut whole[sets.root(index)];
        *root = Some(root.map_or(*mark, |area| area.around(mark)));
    }
    let mut whole: Vec<Area> = whole.into_iter().flatten().collect();
    whole.sort_by_key(|area| area.left);
    whole
}

fn gap(height: usize) -> usize {
    scaled(height.max(MIN_GAP_HEIGHT), MAX_GAP)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the picture")]
fn scaled(height: usize, factor: f64) -> usize {
    (height as f64 * factor) as usize
}

fn follows(a: &Area, b: &Area) -> bool {
    let (low, high) = (a.height().min(b.height()), a.height().max(b.height()));
    let alike = low < LOW || high as f64 <= low as f64 * MAX_RATIO;
    alike && a.shared_rows(b) * 2 >= low && a.columns_apart(b) <= gap(high)
}

/// Joins dots, accents and quotation marks with the line that they are nearest to.
fn with_loose_marks(pieces: Vec<Area>) -> Vec<Area> {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|index| pieces[*index].top);
    let mut belongs_to: Vec<usize> = (0..pieces.len()).collect();
    for (index, mark) in pieces.iter().enumerate() {
        let is_mark =
            |piece: &Area| mark.height() * 5 <= piece.height() * 3 && mark.width() <= piece.height();
        let first = order.partition_point(|other| pieces[*other].top + MAX_HEIGHT * 2 < mark.top);
        let near = order[first..].iter().take_while(|other| pieces[**other].top <= mark.bottom + MAX_HEIGHT);
        let nearest = near
            .map(|other| (*other, &pieces[*other]))
            .filter(|(other, piece)| *other != index && is_mark(piece))
            .filter(|(_, piece)| mark.columns_apart(piece) <= scaled(piece.height(), MARK_ACROSS))
            .filter(|(_, piece)| mark.rows_apart(piece) <= scaled(piece.height(), MARK_DOWN))
            .min_by_key(|(_, piece)| mark.columns_apart(piece) + mark.rows_apart(piece) * DOWN_COSTS);
        if let Some((other, _)) = nearest {
            belongs_to[index] = other;
        }
    }
    let mut whole: Vec<Option<Area>> = vec![None; pieces.len()];
    for (index, mark) in pieces.iter().enumerate() {
        // The mark of a mark: a dot above a comma.
        let mut owner = belongs_to[index];
        for _ in 0..MAX_CHAIN {
            owner = belongs_to[owner];
        }
        whole[owner] = Some(whole[owner].map_or(*mark, |area| area.around(mark)));
    }
    let mut whole: Vec<Area> = whole.into_iter().flatten().collect();
    whole.sort_by_key(|area| area.left);
    whole
}
