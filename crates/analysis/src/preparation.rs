//! Makes of a screen what text recognition reads best: black text on white paper, one line below the other.
//!
//! Always holds: what is recognised on the page leads back to its place on the screen; memory and time grow with the
//! screen's pixels alone, whatever they show.

mod area;
mod contrast;
mod page;
mod pieces;

pub(crate) use area::Area;
pub(crate) use contrast::difference;
pub(crate) use page::{Page, Placed};

pub(crate) type Colour = [u8; 3];

/// A picture without transparency.
pub(crate) struct Screen {
    pub pixels: Vec<Colour>,
    pub width: usize,
    pub height: usize,
}

/// The page for text recognition.
pub(crate) fn prepare(screen: &Screen) -> Page {
    let contrast = contrast::contrast(screen);
    let (pieces, bars) = pieces::pieces(&contrast, screen.width, screen.height);
    let mut page = page::page(&contrast, pieces, screen.width);
    page.dividers.extend(bars);
    page
}
