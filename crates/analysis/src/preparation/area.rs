//! Rectangles of pixels.

/// From `left` and `top` up to but without `right` and `bottom`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Area {
    pub fn width(&self) -> usize {
        self.right - self.left
    }

    pub fn height(&self) -> usize {
        self.bottom - self.top
    }

    #[must_use]
    pub fn around(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// How many rows both have.
    pub fn shared_rows(&self, other: &Self) -> usize {
        self.bottom.min(other.bottom).saturating_sub(self.top.max(other.top))
    }

    /// How many columns both have.
    pub fn shared_columns(&self, other: &Self) -> usize {
        self.right.min(other.right).saturating_sub(self.left.max(other.left))
    }

    /// How many columns are between them.
    pub fn columns_apart(&self, other: &Self) -> usize {
        self.left.max(other.left).saturating_sub(self.right.min(other.right))
    }

    /// How many rows are between them.
    pub fn rows_apart(&self, other: &Self) -> usize {
        self.top.max(other.top).saturating_sub(self.bottom.min(other.bottom))
    }
}
