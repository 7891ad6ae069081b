//! Whether the view follows the end of a growing answer.

/// Nearer to the end than this, in CSS pixels, counts as at the end: positions are rounded.
const AT_END: i32 = 4;

/// Where a view stands, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub top: i32,
    /// How much is below the visible part.
    pub below: i32,
}

/// Follows until the reader scrolls up, and again once the reader is back at the end. What is added at the end moves
/// nothing up, however much it is, so it never counts as the reader's scrolling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    following: bool,
    top: i32,
}

impl Default for Follow {
    fn default() -> Self {
        Self { following: true, top: 0 }
    }
}

impl Follow {
    /// After any scrolling, the reader's or the page's.
    #[must_use]
    pub fn scrolled(self, to: Position) -> Self {
        let following = to.below <= AT_END || (self.following && to.top >= self.top);
        Self { following, top: to.top }
    }

    pub fn is_following(self) -> bool {
        self.following
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(top: i32, below: i32) -> Position {
        Position { top, below }
    }

    #[test]
    fn only_the_readers_own_scrolling_stops_it() {
        let follow = Follow::default().scrolled(at(100, 0));
        // A chunk of 3,000 pixels arrives, and the page scrolls to its end in two steps.
        let follow = follow.scrolled(at(100, 3_000));
        assert!(follow.is_following());
        let follow = follow.scrolled(at(1_500, 1_600)).scrolled(at(3_100, 0));
        assert!(follow.is_following());
        let reading = follow.scrolled(at(3_050, 50));
        assert!(!reading.is_following(), "a few lines up");
        let reading = reading.scrolled(at(3_050, 900));
        assert!(!reading.is_following(), "more of the answer changes nothing");
        assert!(!reading.scrolled(at(3_060, 890)).is_following(), "nor does scrolling down a little");
        assert!(reading.scrolled(at(3_947, 3)).is_following(), "back at the end");
    }

    #[test]
    fn a_shorter_text_does_not_stop_it() {
        let follow = Follow::default().scrolled(at(3_000, 0)).scrolled(at(0, 0));
        assert!(follow.is_following());
    }
}
