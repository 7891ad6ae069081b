//! Which invisible characters belong to what people see: the joiners and selectors of emoji, and those of spelling.
//!
//! Nothing can hide in them. Each stands directly beside visible characters outside ASCII, at most one in one place, moves
//! no other character, and is gone from the picture's meaning only with the emoji itself. A run of them, one beside letters
//! that it does not shape, and the tags of flags are hidden: those can carry a text that nobody sees.

use crate::text::is_invisible;

const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
const ZERO_WIDTH_JOINER: char = '\u{200D}';
const KEYCAP: char = '\u{20E3}';

/// `Extended_Pictographic` of Unicode 16.0, without the signs of Latin-1. Sorted, without overlaps.
const PICTOGRAPHS: &[(char, char)] = &[
    ('\u{203C}', '\u{203C}'),
    ('\u{2049}', '\u{2049}'),
    ('\u{2122}', '\u{2122}'),
    ('\u{2139}', '\u{2139}'),
    ('\u{2194}', '\u{2199}'),
    ('\u{21A9}', '\u{21AA}'),
    ('\u{231A}', '\u{231B}'),
    ('\u{2328}', '\u{2328}'),
    ('\u{23CF}', '\u{23CF}'),
    ('\u{23E9}', '\u{23F3}'),
    ('\u{23F8}', '\u{23FA}'),
    ('\u{24C2}', '\u{24C2}'),
    ('\u{25AA}', '\u{25AB}'),
    ('\u{25B6}', '\u{25B6}'),
    ('\u{25C0}', '\u{25C0}'),
    ('\u{25FB}', '\u{25FE}'),
    ('\u{2600}', '\u{2605}'),
    ('\u{2607}', '\u{2612}'),
    ('\u{2614}', '\u{2685}'),
    ('\u{2690}', '\u{2705}'),
    ('\u{2708}', '\u{2712}'),
    ('\u{2714}', '\u{2714}'),
    ('\u{2716}', '\u{2716}'),
    ('\u{271D}', '\u{271D}'),
    ('\u{2721}', '\u{2721}'),
    ('\u{2728}', '\u{2728}'),
    ('\u{2733}', '\u{2734}'),
    ('\u{2744}', '\u{2744}'),
    ('\u{2747}', '\u{2747}'),
    ('\u{274C}', '\u{274C}'),
    ('\u{274E}', '\u{274E}'),
    ('\u{2753}', '\u{2755}'),
    ('\u{2757}', '\u{2757}'),
    ('\u{2763}', '\u{2767}'),
    ('\u{2795}', '\u{2797}'),
    ('\u{27A1}', '\u{27A1}'),
    ('\u{27B0}', '\u{27B0}'),
    ('\u{27BF}', '\u{27BF}'),
    ('\u{2934}', '\u{2935}'),
    ('\u{2B05}', '\u{2B07}'),
    ('\u{2B1B}', '\u{2B1C}'),
    ('\u{2B50}', '\u{2B50}'),
    ('\u{2B55}', '\u{2B55}'),
    ('\u{3030}', '\u{3030}'),
    ('\u{303D}', '\u{303D}'),
    ('\u{3297}', '\u{3297}'),
    ('\u{3299}', '\u{3299}'),
    ('\u{1F004}', '\u{1F004}'),
    ('\u{1F0CF}', '\u{1F0CF}'),
    ('\u{1F170}', '\u{1F171}'),
    ('\u{1F17E}', '\u{1F17F}'),
    ('\u{1F18E}', '\u{1F18E}'),
    ('\u{1F191}', '\u{1F19A}'),
    ('\u{1F201}', '\u{1F202}'),
    ('\u{1F21A}', '\u{1F21A}'),
    ('\u{1F22F}', '\u{1F22F}'),
    ('\u{1F232}', '\u{1F23A}'),
    ('\u{1F250}', '\u{1F251}'),
    ('\u{1F300}', '\u{1F3FA}'),
    ('\u{1F400}', '\u{1F53D}'),
    ('\u{1F546}', '\u{1F64F}'),
    ('\u{1F680}', '\u{1F6FF}'),
    ('\u{1F7E0}', '\u{1F7EB}'),
    ('\u{1F7F0}', '\u{1F7F0}'),
    ('\u{1F90C}', '\u{1F93A}'),
    ('\u{1F93C}', '\u{1F945}'),
    ('\u{1F947}', '\u{1F9FF}'),
    ('\u{1FA70}', '\u{1FAFF}'),
];

/// The first character that people cannot see, and that belongs to none that they do: what may be typed has none. Line feeds
/// and tabs are no such characters.
pub(crate) fn first_hidden(text: &str) -> Option<char> {
    let mut chars = Window::default();
    text.chars().map(Some).chain([None]).find_map(|next| chars.shift(next).filter(|_| chars.hides()))
}

/// A character with its neighbours.
#[derive(Default)]
struct Window {
    before_last: Option<char>,
    last: Option<char>,
    current: Option<char>,
    next: Option<char>,
}

impl Window {
    /// Returns the character that is now the current one.
    fn shift(&mut self, next: Option<char>) -> Option<char> {
        self.before_last = self.last;
        self.last = self.current;
        self.current = self.next;
        self.next = next;
        self.current
    }

    fn hides(&self) -> bool {
        match self.current {
            None | Some('\n' | '\t') => false,
            Some('\u{FE0E}' | '\u{FE0F}') => !(is(self.last, is_pictograph) || self.is_keycap()),
            Some(ZERO_WIDTH_JOINER) => !(self.joins_emoji() || is(self.last, is_virama)),
            Some(ZERO_WIDTH_NON_JOINER) => {
                let shapes = is(self.last, is_arabic) && is(self.next, is_arabic);
                !(shapes || is(self.last, is_virama))
            }
            Some(c) => is_invisible(c),
        }
    }

    /// A digit in a box: `1`, selector, box.
    fn is_keycap(&self) -> bool {
        is(self.last, |c| c.is_ascii_digit() || matches!(c, '#' | '*')) && self.next == Some(KEYCAP)
    }

    /// Both sides are emoji; the left one may have a selector or a skin tone.
    fn joins_emoji(&self) -> bool {
        let dressed = is(self.last, |c| matches!(c, '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}'))
            && is(self.before_last, is_pictograph);
        (dressed || is(self.last, is_pictograph)) && is(self.next, is_pictograph)
    }
}

fn is(c: Option<char>, rule: impl Fn(char) -> bool) -> bool {
    c.is_some_and(rule)
}

fn is_pictograph(c: char) -> bool {
    let behind = PICTOGRAPHS.partition_point(|(first, _)| *first <= c);
    behind.checked_sub(1).is_some_and(|at| c <= PICTOGRAPHS[at].1)
}

/// Letters whose form depends on their neighbours: Arabic and its extensions for Persian, Urdu and others.
fn is_arabic(c: char) -> bool {
    matches!(c, '\u{0620}'..='\u{064A}' | '\u{066E}'..='\u{06D3}' | '\u{06FA}'..='\u{06FF}' | '\u{0750}'..='\u{077F}')
}

/// The sign that takes a consonant's vowel away in the scripts of India; a joiner behind it chooses the form.
fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{094D}'
            | '\u{09CD}'
            | '\u{0A4D}'
            | '\u{0ACD}'
            | '\u{0B4D}'
            | '\u{0BCD}'
            | '\u{0C4D}'
            | '\u{0CCD}'
            | '\u{0D4D}'
            | '\u{0DCA}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn emoji_and_spelling_pass() {
        for text in [
            "",
            "a\n\tb",
            "👩\u{200D}💻 ❤\u{FE0F} 👁\u{FE0F}\u{200D}🗨\u{FE0F}",
            "👩🏽\u{200D}❤\u{FE0F}\u{200D}💋\u{200D}👨🏿",
            "🏳\u{FE0F}\u{200D}🌈 🧔🏻\u{200D}♂\u{FE0F} 1\u{FE0F}\u{20E3}",
            "می\u{200C}خواهم",
            "क्\u{200D}ष र्\u{200D}",
        ] {
            assert_eq!(first_hidden(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_belongs_to_nothing_is_hidden() {
        for (text, hidden) in [
            ("pay\u{200D}pal", '\u{200D}'),
            ("é\u{200D}x", '\u{200D}'),
            ("👍\u{200D}", '\u{200D}'),
            ("👍\u{200D}x", '\u{200D}'),
            ("👍\u{200D}\u{200D}👍", '\u{200D}'),
            ("👍\u{FE0F}\u{FE0F}", '\u{FE0F}'),
            ("👍\u{FE0F}\u{FE0E}", '\u{FE0E}'),
            ("👍\u{FE01}", '\u{FE01}'),
            ("1\u{FE0F}2", '\u{FE0F}'),
            ("x\u{FE0F}", '\u{FE0F}'),
            ("日\u{FE0F}", '\u{FE0F}'),
            ("日\u{E0101}", '\u{E0101}'),
            ("🏴\u{E0067}\u{E007F}", '\u{E0067}'),
            ("می\u{200C}\u{200C}خ", '\u{200C}'),
            ("می\u{200C}x", '\u{200C}'),
            ("a\u{200B}b", '\u{200B}'),
            ("a\u{202E}b", '\u{202E}'),
            ("a\r\n", '\r'),
            ("\u{FEFF}a", '\u{FEFF}'),
        ] {
            assert_eq!(first_hidden(text), Some(hidden), "{text:?}");
        }
        assert!(PICTOGRAPHS.windows(2).all(|pair| pair[0].1 < pair[1].0), "sorted, for the search");
        assert!(PICTOGRAPHS.iter().all(|(first, last)| first <= last && !is_invisible(*first)));
    }

    proptest! {
        /// However they are mixed: an invisible character that passes stands directly behind a visible one, and there are
        /// never two of the same kind in a row.
        #[test]
        fn runs_never_pass(text in "[a👍❤1👩🏽मी\u{94D}\u{20E3}\u{200B}\u{200C}\u{200D}\u{FE0E}\u{FE0F}\u{E0067}]{0,8}") {
            if first_hidden(&text).is_none() {
                let chars: Vec<char> = text.chars().collect();
                for (at, c) in chars.iter().enumerate().filter(|(_, c)| is_invisible(**c)) {
                    prop_assert!(at > 0, "{:?}", text);
                    let selector = matches!(chars[at - 1], '\u{FE0E}' | '\u{FE0F}');
                    prop_assert!(!is_invisible(chars[at - 1]) || (selector && *c == ZERO_WIDTH_JOINER), "{:?}", text);
                }
            }
        }
    }
}
