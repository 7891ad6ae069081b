//! The order in which one reads a screen: columns one after another, the rows of a table as lines.
//!
//! The screen is cut where it is blank from one side to the other (an X-Y cut; Nagy and Seth, 1984). Whether what
//! stands beside each other across a blank column is a table or not shows in its rows: those of a table are level.

use super::layout::Cell;
use crate::preparation::{Area, Colour, difference};

/// Grounds that differ less are the same.
const SAME_GROUND: u8 = 6;
/// Fewer cells or rows on a ground of their own are a button or a chosen row.
const MIN_LAYER: usize = 3;
const MIN_LAYER_ROWS: usize = 3;
/// More are a picture.
const MAX_LAYERS: usize = 6;
/// A blank strip across is cut if it is so high, in heights of the cells: more than the room between lines.
const BLANK_ROWS: f64 = 0.9;
/// A blank strip from top to bottom, likewise.
const BLANK_COLUMNS: f64 = 1.2;
/// Cells are level if their middles differ by so much of their height at most.
const LEVEL: f64 = 0.4;
/// At sides of a strip with fewer level rows stand columns of text, not of a table.
const TABLE: f64 = 0.7;
/// Nor has a table sentences on both sides: lines that are so many times as long as they are high.
const PROSE: usize = 18;
/// A line beside which there is nothing else divides panes if it is as high as this part of what stands beside it.
const PANE: f64 = 0.75;
/// A table has more lines between its columns than a window has panes.
const MAX_PANES: usize = 3;
/// Cards beside each other have lines at their sides, so many between two of them, and not more rows than these.
const CARD_LINES: usize = 2;
const CARD_ROWS: usize = 4;
/// What is closer is one line.
const LINE_WIDTH: usize = 8;

/// The cells of each line, from left to right; the lines in reading order.
pub(super) fn rows(cells: Vec<Cell>, dividers: &[Area], borders: &[Area]) -> Vec<Vec<Cell>> {
    let mut order = Order { dividers, borders, lines: Vec::new() };
    for layer in layers(cells) {
        order.panes(layer);
    }
    order.lines
}

/// What stands on a ground of its own in front of or beside the rest, such as a dialog or a list of folders, one after
/// another.
fn layers(mut cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    let mut grounds: Vec<(Colour, usize)> = Vec::new();
    for cell in &cells {
        match grounds.iter_mut().find(|(ground, _)| difference(*ground, cell.ground) <= SAME_GROUND) {
            Some((_, count)) => *count += 1,
            None => grounds.push((cell.ground, 1)),
        }
    }
    // The most frequent one is the ground of the rest.
    grounds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut layers = Vec::new();
    for (ground, _) in grounds.iter().skip(1).take_while(|(_, count)| *count >= MIN_LAYER).take(MAX_LAYERS) {
        let on_it = |cell: &Cell| difference(*ground, cell.ground) <= SAME_GROUND;
        let own: Vec<Cell> = cells.iter().filter(|cell| on_it(cell)).cloned().collect();
        let Some(place) = bounds(&own) else { continue };
        let inside = |cell: &Cell| cell.area.shared_rows(&place) > 0 && cell.area.shared_columns(&place) > 0;
        let count = cells.iter().filter(|cell| inside(cell)).count();
        let is_apart = own.len() * 3 >= count * 2 && level_rows(own.clone()).len() >= MIN_LAYER_ROWS;
        let is_beside = cells.iter().any(|cell| !inside(cell) && cell.area.shared_rows(&place) > 0);
        if is_apart && is_beside {
            let (layer, rest) = cells.into_iter().partition(|cell| inside(cell));
            layers.push(layer);
            cells = rest;
        }
    }
    layers.insert(0, cells);
    layers
}

struct Order<'a> {
    dividers: &'a [Area],
    borders: &'a [Area],
    lines: Vec<Vec<Cell>>,
}

impl Order<'_> {
    /// Cuts at lines that divide a window or a terminal.
    fn panes(&mut self, cells: Vec<Cell>) {
        let Some(whole) = bounds(&cells) else { return };
        let divides = |line: &Area| {
            let inside = line.left > whole.left && line.right < whole.right;
            let beside = cells.iter().all(|cell| cell.area.shared_columns(line) == 0);
            inside && beside && line.shared_rows(&whole) as f64 >= whole.height() as f64 * PANE
        };
        let mut cuts: Vec<usize> =
            self.dividers.iter().filter(|line| divides(line)).map(|l| l.left).collect();
        // A line may be several pixels wide.
        cuts.dedup_by(|a, b| a.abs_diff(*b) < LINE_WIDTH);
        match cuts.first() {
            Some(cut) if cuts.len() < MAX_PANES => {
                let (left, right) = cells.into_iter().partition(|cell| cell.area.left < *cut);
                self.panes(left);
                self.panes(right);
            }
            _ => self.block(cells),
        }
    }

    fn block(&mut self, cells: Vec<Cell>) {
        let height = median_height(&cells);
        let across = widest_blank(&cells, |area| (area.top, area.bottom));
        if let Some((_, cut)) = across.filter(|(room, _)| *room as f64 >= height as f64 * BLANK_ROWS) {
            let (above, below) = cells.into_iter().partition(|cell| cell.area.top < cut);
            self.block(above);
            self.block(below);
        } else if let Some(cut) = self.column(&cells, height) {
            let (left, right) = cells.into_iter().partition(|cell| cell.area.left < cut);
            self.block(left);
            self.block(right);
        } else {
            self.lines.extend(level_rows(cells));
        }
    }

    /// Where a column of text ends, if there are several.
    fn column(&self, cells: &[Cell], height: usize) -> Option<usize> {
        let mut blanks = blanks(cells, |area| (area.left, area.right));
        blanks.retain(|(room, _)| *room as f64 >= height as f64 * BLANK_COLUMNS);
        blanks.sort_unstable_by_key(|(room, _)| std::cmp::Reverse(*room));
        let cut = blanks.into_iter().find(|(room, cut)| self.are_columns(cells, *room, *cut));
        cut.map(|(_, cut)| cut)
    }

    fn are_columns(&self, cells: &[Cell], room: usize, cut: usize) -> bool {
        let (left, right): (Vec<&Cell>, Vec<&Cell>) = cells.iter().partition(|cell| cell.area.left < cut);
        let (few, many) = if left.len() <= right.len() { (&left, &right) } else { (&right, &left) };
        let level =
            few.iter().filter(|cell| many.iter().any(|other| is_level(&cell.area, &other.area))).count();
        let are_long = |cells: &[&Cell]| {
            let long = |cell: &&&Cell| cell.area.width() >= cell.area.height() * PROSE;
            cells.len() > 1 && cells.iter().filter(long).count() * 2 > cells.len()
        };
        if (level as f64) < few.len() as f64 * TABLE || are_long(&left) && are_long(&right) {
            return true;
        }
        let Some(whole) = bounds(cells) else { return false };
        let strip = Area { left: cut - room, right: cut, ..whole };
        let between = self.dividers.iter().filter(|line| line.shared_columns(&strip) > 0);
        let long = between.filter(|line| line.shared_rows(&whole) * 10 >= whole.height() * 8);
        let mut lines: Vec<usize> = long.map(|line| line.left).collect();
        lines.sort_unstable();
        lines.dedup_by(|a, b| a.abs_diff(*b) < LINE_WIDTH);
        let is_framed = (1..=CARD_LINES).contains(&lines.len());
        let is_grid = self.borders.iter().any(|line| {
            let inside = line.top > whole.top && line.bottom < whole.bottom;
            inside && line.left < strip.left && line.right > strip.right
        });
        let rows = level_rows(cells.to_vec()).len();
        is_framed && !is_grid && (2..=CARD_ROWS).contains(&rows)
    }
}

fn bounds(cells: &[Cell]) -> Option<Area> {
    cells.iter().map(|cell| cell.area).reduce(|all, area| all.around(&area))
}

fn median_height(cells: &[Cell]) -> usize {
    let mut heights: Vec<usize> = cells.iter().map(|cell| cell.area.height()).collect();
    heights.sort_unstable();
    heights.get(heights.len() / 2).copied().unwrap_or(1)
}

/// The blank strips between the cells: their size, and where what follows begins.
fn blanks(cells: &[Cell], side: fn(&Area) -> (usize, usize)) -> Vec<(usize, usize)> {
    let mut sides: Vec<(usize, usize)> = cells.iter().map(|cell| side(&cell.area)).collect();
    sides.sort_unstable();
    let mut end = usize::MAX;
    let mut found = Vec::new();
    for (from, to) in sides {
        if from > end {
            found.push((from - end, from));
        }
        end = if end == usize::MAX { to } else { end.max(to) };
    }
    found
}

fn widest_blank(cells: &[Cell], side: fn(&Area) -> (usize, usize)) -> Option<(usize, usize)> {
    blanks(cells, side).into_iter().max_by_key(|(room, at)| (*room, std::cmp::Reverse(*at)))
}

fn is_level(a: &Area, b: &Area) -> bool {
    let apart = (a.top + a.bottom).abs_diff(b.top + b.bottom);
    apart as f64 <= a.height().min(b.height()) as f64 * LEVEL * 2.0
}

/// The cells of each row, from left to right.
fn level_rows(mut cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    cells.sort_by_key(|cell| (cell.area.top + cell.area.bottom, cell.area.left));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for cell in cells {
        match rows.last_mut() {
            Some(row) if row.iter().any(|other| is_level(&cell.area, &other.area)) => row.push(cell),
            _ => rows.push(vec![cell]),
        }
    }
    for row in &mut rows {
        row.sort_by_key(|cell| cell.area.left);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Colour = [255; 3];

    /// Ten pixels high, six wide for each character.
    fn cell(text: &str, left: usize, top: usize, ground: Colour) -> Cell {
        let area = Area { left, top, right: left + text.len() * 6, bottom: top + 10 };
        Cell { area, text: text.to_owned(), confidence: (90.0, 1), ground }
    }

    fn texts(cells: Vec<Cell>, dividers: &[Area]) -> Vec<String> {
        let rows = rows(cells, dividers, &[]);
        rows.iter()
            .map(|row| row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" | "))
            .collect()
    }

    /// Cells by their text, and where they begin.
    fn read(cells: &[(&str, usize, usize)], dividers: &[Area]) -> Vec<String> {
        texts(cells.iter().map(|(text, left, top)| cell(text, *left, *top, WHITE)).collect(), dividers)
    }

    #[test]
    fn a_dialog_is_read_apart_from_what_it_covers() {
        let row = |n: usize| [cell("file", 0, n * 20, WHITE), cell("2 MB", 400, n * 20, WHITE)];
        let mut cells: Vec<Cell> = (0..8).flat_map(row).collect();
        cells.extend(
            ["Delete?", "They are gone", "Cancel"]
                .iter()
                .zip(2..)
                .map(|(text, n)| cell(text, 150, n * 20, [90; 3])),
        );
        let read = texts(cells, &[]);
        assert_eq!(read[..8], ["file | 2 MB"; 8]);
        assert_eq!(read[8..], ["Delete?", "They are gone", "Cancel"]);
    }

    #[test]
    fn rows_of_a_table_stay_together() {
        let cells = [
            ("Name", 0, 0),
            ("Price", 100, 0),
            ("Tea", 0, 15),
            ("3.20", 106, 14),
            ("Milk", 0, 30),
            ("0.90", 106, 30),
        ];
        assert_eq!(read(&cells, &[]), ["Name | Price", "Tea | 3.20", "Milk | 0.90"]);
    }

    #[test]
    fn columns_whose_rows_are_not_level_are_read_one_after_another() {
        let cells =
            [("one", 0, 0), ("two", 0, 14), ("three", 0, 28), ("A", 100, 6), ("B", 100, 22), ("C", 100, 36)];
        assert_eq!(read(&cells, &[]), ["one", "two", "three", "A", "B", "C"]);
    }

    #[test]
    fn a_heading_above_columns_comes_first() {
        let cells = [
            ("A long heading above both", 0, 0),
            ("one", 0, 40),
            ("two", 0, 54),
            ("A", 100, 47),
            ("B", 100, 62),
        ];
        assert_eq!(read(&cells, &[]), ["A long heading above both", "one", "two", "A", "B"]);
    }

    #[test]
    fn a_line_divides_panes_though_their_rows_are_level() {
        let cells =
            [("one", 0, 0), ("two", 0, 14), ("three", 0, 28), ("A", 100, 0), ("B", 100, 14), ("C", 100, 28)];
        let line = Area { left: 80, top: 0, right: 81, bottom: 40 };
        assert_eq!(read(&cells, &[line]), ["one", "two", "three", "A", "B", "C"]);
        let grid: Vec<Area> =
            (0..6).map(|n| Area { left: 40 + n * 10, right: 41 + n * 10, ..line }).collect();
        assert_eq!(read(&cells, &grid), ["one | A", "two | B", "three | C"]);
    }

    #[test]
    fn a_value_beside_a_label_of_two_lines_follows_it() {
        let cells = [
            ("Gateway", 0, 0),
            ("leads outside", 0, 13),
            ("192.168.17.1", 300, 6),
            ("Proxy", 0, 50),
            ("for programs", 0, 63),
            ("Automatic", 300, 56),
        ];
        assert_eq!(
            read(&cells, &[]),
            ["Gateway", "leads outside", "192.168.17.1", "Proxy", "for programs", "Automatic"]
        );
    }
}
