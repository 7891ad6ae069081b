//! Rectangles of the desktop.

/// In physical pixels, from the desktop's upper left corner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    pub fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    pub fn contains(&self, x: i32, y: i32) -> bool {
        let (x, y) = (i64::from(x), i64::from(y));
        x >= i64::from(self.x) && x < self.right() && y >= i64::from(self.y) && y < self.bottom()
    }

    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        Self::between(x, y, self.right().min(other.right()), self.bottom().min(other.bottom()))
    }

    /// What is left of this one without `other`: at most four rectangles, which do not overlap.
    pub fn without(&self, other: &Self) -> Vec<Self> {
        let Some(cut) = self.intersection(other) else { return vec![*self] };
        let (right, bottom) = (self.right(), self.bottom());
        let (cut_right, cut_bottom) = (cut.right(), cut.bottom());
        [
            Self::between(self.x, self.y, right, i64::from(cut.y)),
            Self::between(self.x, cut.y, i64::from(cut.x), cut_bottom),
            Self::ending_at(cut_right, i64::from(cut.y), right, cut_bottom),
            Self::ending_at(i64::from(self.x), cut_bottom, right, bottom),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn right(&self) -> i64 {
        i64::from(self.x) + i64::from(self.width)
    }

    fn bottom(&self) -> i64 {
        i64::from(self.y) + i64::from(self.height)
    }

    fn between(x: i32, y: i32, right: i64, bottom: i64) -> Option<Self> {
        let width = u32::try_from(right - i64::from(x)).ok()?;
        let height = u32::try_from(bottom - i64::from(y)).ok()?;
        Some(Self { x, y, width, height }).filter(|rect| !rect.is_empty())
    }

    fn ending_at(x: i64, y: i64, right: i64, bottom: i64) -> Option<Self> {
        Self::between(i32::try_from(x).ok()?, i32::try_from(y).ok()?, right, bottom)
    }
}
