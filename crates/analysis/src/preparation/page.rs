//! The page: pieces in rows, each row a line of text of about the same size.

use super::Colour;
use super::area::Area;
use super::contrast::{Contrast, HORIZONTAL, INK, RULE, VERTICAL};

/// Pieces stand in one row if their centres differ by this share of their height at most.
const SAME_ROW: f64 = 0.35;
/// And if the higher one is at most this much higher.
const ROW_RATIO: f64 = 1.6;
/// Up to this height, pieces are made twice as large.
const ENLARGED: usize = 30;
/// Narrower blank strips are between the letters of a word, whatever the font.
const LEAST_GAP: usize = 2;
/// Room at the page's edges, in its pixels.
const MARGIN: usize = 20;
/// Room between pieces in a row, and between rows, in heights of the row.
const BETWEEN: usize = 3;
/// How much of what is around a piece comes along: the edges of its letters.
const EDGE: usize = 2;
/// Rows are not longer than the screen enlarged, and no page has more pixels.
const MAX_PIXELS: usize = 24_000_000;

/// A piece's place on the page, and on the screen.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub on_page: Area,
    pub on_screen: Area,
    /// The colour that it stands on.
    pub ground: Colour,
    /// Blank strips between letters, from the left of the page to their ends.
    pub gaps: Vec<(usize, usize)>,
}

/// Black text on white.
#[derive(Debug)]
pub(crate) struct Page {
    /// A grey PNM picture.
    pub pnm: Vec<u8>,
    pub pieces: Vec<Placed>,
    /// Long vertical lines on the screen, which separate what stands at their sides.
    pub dividers: Vec<Area>,
    /// Long horizontal ones.
    pub borders: Vec<Area>,
}

pub(super) fn page(contrast: &Contrast, pieces: Vec<Area>, width: usize) -> Page {
    let (mut placed, mut top) = (Vec::new(), MARGIN);
    for row in rows(pieces) {
        let height = place_row(contrast, width, &row, top, &mut placed);
        top += height;
    }
    let columns = placed.iter().map(|piece| piece.on_page.right).max().unwrap_or(0) + MARGIN;
    let rows = (top + MARGIN).min(MAX_PIXELS / columns);
    placed.retain(|piece| piece.on_page.bottom <= rows);
    Page {
        pnm: drawn(contrast, width, &placed, (columns, rows)),
        pieces: placed,
        dividers: dividers(contrast, width),
        borders: borders(contrast, width),
    }
}

/// Places the pieces of a row from `top` on, and returns the height that it takes.
fn place_row(contrast: &Contrast, width: usize, row: &[Area], top: usize, placed: &mut Vec<Placed>) -> usize {
    let height = contrast.ink.len() / width;
    let tallest = row.iter().map(Area::height).max().unwrap_or(1);
    let scale = if tallest <= ENLARGED { 2 } else { 1 };
    let first = row.iter().map(|piece| piece.top).min().unwrap_or(0).saturating_sub(EDGE);
    let last = (row.iter().map(|piece| piece.bottom).max().unwrap_or(0) + EDGE).min(height);
    let mut left = MARGIN;
    for piece in row {
        let on_screen = Area {
            left: piece.left.saturating_sub(EDGE),
            top: piece.top.saturating_sub(EDGE),
            right: (piece.right + EDGE).min(width),
            bottom: (piece.bottom + EDGE).min(height),
        };
        let down = top + (on_screen.top - first) * scale;
        let on_page = Area {
            left,
            top: down,
            right: left + on_screen.width() * scale,
            bottom: down + on_screen.height() * scale,
        };
        let ground = contrast.ground[usize::midpoint(piece.top, piece.bottom) * width + on_screen.left];
        let ink = Ink { contrast, width, area: on_screen };
        let gaps =
            ink.gaps().into_iter().map(|(from, to)| (left + from * scale, left + to * scale)).collect();
        placed.push(Placed { on_page, on_screen, ground, gaps });
        left = on_page.right + tallest * scale * BETWEEN;
    }
    (last - first) * scale + (tallest * scale).max(MARGIN) / 2
}

/// Pieces that stand beside each other and are alike in size, from left to right, the rows from top to bottom.
fn rows(mut pieces: Vec<Area>) -> Vec<Vec<Area>> {
    pieces.sort_by_key(|piece| (piece.top + piece.bottom, piece.left));
    let mut rows: Vec<Vec<Area>> = Vec::new();
    for piece in pieces {
        let fits = |row: &&mut Vec<Area>| row.iter().all(|other| stands_beside(&piece, other));
        // The rows that can still get one are the last.
        match rows.iter_mut().rev().take(24).find(fits) {
            Some(row) => row.push(piece),
            None => rows.push(vec![piece]),
        }
    }
    for row in &mut rows {
        row.sort_by_key(|piece| piece.left);
    }
    rows
}

fn stands_beside(a: &Area, b: &Area) -> bool {
    let (low, high) = (a.height().min(b.height()), a.height().max(b.height()));
    let apart = (a.top + a.bottom).abs_diff(b.top + b.bottom);
    apart as f64 <= high as f64 * SAME_ROW * 2.0
        && high as f64 <= low as f64 * ROW_RATIO
        && a.shared_columns(b) == 0
}

fn drawn(contrast: &Contrast, width: usize, pieces: &[Placed], (columns, rows): (usize, usize)) -> Vec<u8> {
    let mut pnm = format!("P5\n{columns} {rows}\n255\n").into_bytes();
    let head = pnm.len();
    pnm.resize(head + columns * rows, u8::MAX);
    for piece in pieces {
        let paper = &mut pnm[head..];
        let place = piece.on_page;
        let ink = Ink { contrast, width, area: piece.on_screen };
        ink.enlarged(piece.on_page.width() / piece.on_screen.width(), |x, y, value| {
            paper[(place.top + y) * columns + place.left + x] = u8::MAX - value;
        });
    }
    pnm
}

/// The ink of one piece.
struct Ink<'a> {
    contrast: &'a Contrast,
    width: usize,
    area: Area,
}

impl Ink<'_> {
    /// Beyond the piece's edge as at its edge.
    fn at(&self, x: isize, y: isize) -> u8 {
        let inside = |at: isize, size: usize| usize::try_from(at).unwrap_or(0).min(size - 1);
        let (x, y) = (inside(x, self.area.width()), inside(y, self.area.height()));
        self.contrast.ink[(self.area.top + y) * self.width + self.area.left + x]
    }

    /// So many times as large, once or twice, by cubic interpolation (Catmull and Rom, 1974).
    fn enlarged(&self, scale: usize, mut put: impl FnMut(usize, usize, u8)) {
        let (width, height) = (self.area.width(), self.area.height());
        let mut wide = vec![0_u8; width * scale * height];
        for (y, row) in wide.chunks_exact_mut(width * scale).enumerate() {
            for (x, parts) in row.chunks_exact_mut(scale).enumerate() {
                let at = |offset: isize| i32::from(self.at(x.cast_signed() + offset, y.cast_signed()));
                parts.copy_from_slice(&split([at(-2), at(-1), at(0), at(1), at(2)], scale)[..scale]);
            }
        }
        for y in 0..height {
            for x in 0..width * scale {
                let at = |offset: isize| {
                    let y = usize::try_from(y.cast_signed() + offset).unwrap_or(0).min(height - 1);
                    i32::from(wide[y * width * scale + x])
                };
                let parts = split([at(-2), at(-1), at(0), at(1), at(2)], scale);
                parts[..scale].iter().enumerate().for_each(|(part, value)| put(x, scale * y + part, *value));
            }
        }
    }

    /// The blank strips between the letters, in pixels from the left.
    fn gaps(&self) -> Vec<(usize, usize)> {
        let is_blank = |x: &usize| {
            let mut rows = self.area.top..self.area.bottom;
            rows.all(|y| self.contrast.ink[y * self.width + self.area.left + x] < INK)
        };
        let (mut gaps, mut x) = (Vec::new(), 0);
        while x < self.area.width() {
            let end = (x..self.area.width()).find(|x| !is_blank(x)).unwrap_or(self.area.width());
            if end - x >= LEAST_GAP {
                gaps.push((x, end));
            }
            x = end.max(x) + 1;
        }
        gaps
    }
}

/// The middle one as it is, or in two halves.
fn split([before, left, middle, right, after]: [i32; 5], scale: usize) -> [u8; 2] {
    // The kernel at a quarter of the way to the next pixel.
    let weigh = |far: i32, near: i32, other: i32, beyond: i32| {
        let sum = (111 * near + 29 * other - 9 * far - 3 * beyond + 64) / 128;
        u8::try_from(sum.clamp(0, 255)).unwrap_or(u8::MAX)
    };
    match scale {
        1 => [u8::try_from(middle).unwrap_or(u8::MAX); 2],
        _ => [weigh(right, middle, left, before), weigh(left, middle, right, after)],
    }
}

/// Vertical rules, each as one area.
fn dividers(contrast: &Contrast, width: usize) -> Vec<Area> {
    let height = contrast.rules.len() / width;
    let mut found = Vec::new();
    for x in 0..width {
        let mut y = 0;
        while y < height {
            let is_rule = |y: usize| contrast.rules[y * width + x] & VERTICAL != 0;
            let end = (y..height).find(|y| !is_rule(*y)).unwrap_or(height);
            if end - y >= usize::from(RULE) {
                found.push(Area { left: x, top: y, right: x + 1, bottom: end });
            }
            y = end.max(y + 1);
        }
    }
    found
}

/// Horizontal rules, likewise.
fn borders(contrast: &Contrast, width: usize) -> Vec<Area> {
    let mut found = Vec::new();
    for (y, row) in contrast.rules.chunks_exact(width).enumerate() {
        let mut x = 0;
        while x < width {
            let end = (x..width).find(|x| row[*x] & HORIZONTAL == 0).unwrap_or(width);
            if end - x >= usize::from(RULE) {
                found.push(Area { left: x, top: y, right: end, bottom: y + 1 });
            }
            x = end.max(x + 1);
        }
    }
    found
}
