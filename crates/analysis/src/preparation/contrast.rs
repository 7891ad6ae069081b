//! Ink on paper: how far each pixel differs from the ground that it stands on, whatever the colours of both.
//!
//! Screens have flat grounds. A pixel belongs to one if it lies in a long or a large even area; every other pixel is
//! compared with the nearest ground in all three channels, and the difference is stretched by what its surroundings
//! differ at most. So red on black, grey on white, and white on a blue button all become black on white, and what is
//! dimmed as a whole is read like the rest.

use super::{Colour, Screen};

/// An even run of so many pixels in a row, in so many rows, is ground: wider than the strokes of letters.
const RUN: u8 = 32;
const RUN_ROWS: u8 = 3;
/// An even square of this size is ground as well: the room around short words.
const SQUARE: u8 = 14;
/// Thin lines of this length are rules, borders and underlines.
pub(super) const RULE: u8 = 40;
/// How much neighbours in one even area may differ, so that gradients count as even.
const STEP: u8 = 3;
/// The stretching looks at tiles of this size and those around.
const TILE: usize = 8;
/// What differs less is not stretched to black: noise of JPEG.
const LEAST_DIFFERENCE: u8 = 24;
/// At this share of the largest difference, in percent, a pixel is as black as it gets.
const SATURATED: u32 = 90;

/// From this darkness on ink belongs to a letter.
pub(super) const INK: u8 = 110;
/// A pixel's part in a rule.
pub(super) const HORIZONTAL: u8 = 1;
pub(super) const VERTICAL: u8 = 2;

/// What stands on the screen, without its rules.
pub(super) struct Contrast {
    /// 0 for ground to 255 for the strongest ink around.
    pub ink: Vec<u8>,
    /// 0, [`HORIZONTAL`], [`VERTICAL`] or both.
    pub rules: Vec<u8>,
    /// What each pixel stands on.
    pub ground: Vec<Colour>,
}

pub(super) fn contrast(screen: &Screen) -> Contrast {
    let across = runs_across(screen);
    let ground = ground(screen, &across);
    let nearest = spread(screen, &ground);
    let mut ink: Vec<u8> = screen.pixels.iter().zip(&nearest).map(|(a, b)| difference(*a, *b)).collect();
    let rules = rules(screen, &across, &ink);
    for (value, rule) in ink.iter_mut().zip(&rules) {
        if *rule != 0 {
            *value = 0;
        }
    }
    stretch(screen, &mut ink);
    Contrast { ink, rules, ground: nearest }
}

/// The largest difference of a channel.
pub(crate) fn difference(a: Colour, b: Colour) -> u8 {
    a[0].abs_diff(b[0]).max(a[1].abs_diff(b[1])).max(a[2].abs_diff(b[2]))
}

fn is_even(a: Colour, b: Colour) -> bool {
    difference(a, b) <= STEP
}

/// Of each pixel the length of the even run in its row, up to 255.
fn runs_across(screen: &Screen) -> Vec<u8> {
    let mut runs = vec![0; screen.pixels.len()];
    for (row, lengths) in screen.pixels.chunks_exact(screen.width).zip(runs.chunks_exact_mut(screen.width)) {
        let mut start = 0;
        for x in 1..=row.len() {
            if x == row.len() || !is_even(row[x], row[x - 1]) {
                lengths[start..x].fill(u8::try_from(x - start).unwrap_or(u8::MAX));
                start = x;
            }
        }
    }
    runs
}

/// Whether each pixel is ground.
fn ground(screen: &Screen, across: &[u8]) -> Vec<bool> {
    let width = screen.width;
    let mut ground = vec![false; across.len()];
    // How many rows each column has had such runs until here.
    let mut rows = vec![[0_u8; 2]; width];
    for index in 0..across.len() {
        let goes_on = index >= width && is_even(screen.pixels[index], screen.pixels[index - width]);
        let counts = &mut rows[index % width];
        for (count, (least, enough)) in counts.iter_mut().zip([(RUN, RUN_ROWS), (SQUARE, SQUARE)]) {
            *count = match across[index] >= least {
                true if goes_on => count.saturating_add(1),
                true => 1,
                false => 0,
            };
            if *count == enough {
                (0..usize::from(enough)).for_each(|above| ground[index - above * width] = true);
            } else if *count > enough {
                ground[index] = true;
            }
        }
    }
    ground
}

/// Long even lines of ink.
fn rules(screen: &Screen, across: &[u8], ink: &[u8]) -> Vec<u8> {
    let width = screen.width;
    let is_rule = |(length, ink): (&u8, &u8)| u8::from(*length >= RULE && *ink > STEP) * HORIZONTAL;
    let mut rules: Vec<u8> = across.iter().zip(ink).map(is_rule).collect();
    let mut starts = vec![0; width];
    for y in 1..=screen.height {
        for (x, start) in starts.iter_mut().enumerate() {
            let index = y * width + x;
            if y < screen.height && is_even(screen.pixels[index], screen.pixels[index - width]) {
                continue;
            }
            if y - *start >= usize::from(RULE) {
                for index in (*start..y).map(|y| y * width + x).filter(|index| ink[*index] > STEP) {
                    rules[index] |= VERTICAL;
                }
            }
            *start = y;
        }
    }
    rules
}

/// Of each pixel the colour of the nearest ground: a chamfer distance in two passes (Borgefors, 1986).
fn spread(screen: &Screen, ground: &[bool]) -> Vec<Colour> {
    let width = screen.width;
    let mut nearest = screen.pixels.clone();
    let mut distance: Vec<u16> = ground.iter().map(|ground| if *ground { 0 } else { u16::MAX }).collect();
    let mut visit = |index: usize, neighbours: [(bool, usize, u16); 4]| {
        if distance[index] == 0 {
            return;
        }
        for (exists, other, step) in neighbours {
            if exists && distance[other].saturating_add(step) < distance[index] {
                distance[index] = distance[other] + step;
                nearest[index] = nearest[other];
            }
        }
    };
    for index in 0..ground.len() {
        let (x, above) = (index % width, index.wrapping_sub(width));
        let (left, right, up) = (x > 0, x + 1 < width, index >= width);
        visit(
            index,
            [
                (left, index.wrapping_sub(1), 5),
                (up, above, 5),
                (up && left, above.wrapping_sub(1), 7),
                (up && right, above.wrapping_add(1), 7),
            ],
        );
    }
    for index in (0..ground.len()).rev() {
        let (x, below) = (index % width, index + width);
        let (left, right, down) = (x > 0, x + 1 < width, below < ground.len());
        visit(
            index,
            [
                (right, index + 1, 5),
                (down, below, 5),
                (down && left, below.wrapping_sub(1), 7),
                (down && right, below + 1, 7),
            ],
        );
    }
    nearest
}

/// Stretches each difference by the largest one near it.
fn stretch(screen: &Screen, ink: &mut [u8]) {
    let (columns, rows) = (screen.width.div_ceil(TILE), screen.height.div_ceil(TILE));
    let tile = |index: usize| (index / screen.width / TILE) * columns + (index % screen.width) / TILE;
    let mut largest = vec![0_u8; columns * rows];
    for (index, value) in ink.iter().enumerate() {
        let largest = &mut largest[tile(index)];
        *largest = (*largest).max(*value);
    }
    let around = |index: usize| {
        let (x, y) = (index % columns, index / columns);
        let xs = x.saturating_sub(1)..(x + 2).min(columns);
        let ys = y.saturating_sub(1)..(y + 2).min(rows);
        let values = ys.flat_map(|y| xs.clone().map(move |x| y * columns + x));
        u32::from(values.map(|index| largest[index]).fold(LEAST_DIFFERENCE, u8::max))
    };
    let around: Vec<u32> = (0..largest.len()).map(around).collect();
    for (index, value) in ink.iter_mut().enumerate() {
        let stretched = u32::from(*value) * 255 * 100 / (around[tile(index)] * SATURATED);
        *value = u8::try_from(stretched).unwrap_or(u8::MAX);
    }
}
