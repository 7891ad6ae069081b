//! Validated strings, and the errors of values that break their rules.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// The error of a value that breaks its rule. The message is for people and says what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Invalid {}

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The field's name; a path with dots inside nested values, `body` for the whole.
    pub field: String,
    /// What was expected, in plain words.
    pub message: String,
}

impl FieldError {
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

/// Characters without a glyph of their own: `Default_Ignorable_Code_Point`, `Bidi_Control`, line and paragraph separators
/// (general categories `Zl` and `Zp`) of Unicode 16.0, and the interlinear annotation characters U+FFF9 to U+FFFB, which
/// plain text must not contain (The Unicode Standard, section 23.8). Sorted, without overlaps.
const INVISIBLE: [(char, char); 17] = [
    ('\u{00AD}', '\u{00AD}'),
    ('\u{034F}', '\u{034F}'),
    ('\u{061C}', '\u{061C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{2028}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFB}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// Whether people cannot see this character, or it changes how they see others: the controls, and `INVISIBLE`. Line feed
/// and tab are controls too; a caller whose text has lines makes the exception.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || INVISIBLE
            .binary_search_by(|(first, last)| {
                if *last < c {
                    Ordering::Less
                } else if *first > c {
                    Ordering::Greater
                } else {
                    Ordering::Equal
                }
            })
            .is_ok()
}

/// Whether keyboards insert this invisible character by themselves: the joiners and variation selectors of emoji and of
/// several scripts, and the tags of flags such as England's. Without them the text still says the same: one emoji becomes
/// its parts or a plainer picture.
pub(crate) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0020}'..='\u{E007F}' | '\u{E0100}'..='\u{E01EF}')
}

/// The text without what cannot be seen, but for line feeds and tabs. For code, addresses and names: what is shown is
/// exactly what is there.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_invisible(*c)).collect()
}

/// Like [`visible`], for prose: keeps joiners and emoji selectors where they have an effect, which is directly after a
/// visible character outside ASCII. So emoji sequences, Persian and the scripts of India are shown as they were written, and
/// a run of them, which could carry hidden text, shrinks to one.
pub fn visible_prose(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut last = '\0';
    for c in text.chars() {
        let joins = match c {
            '\u{FE0E}' | '\u{FE0F}' => !last.is_ascii() && !is_invisible(last),
            '\u{200C}' | '\u{200D}' => {
                !last.is_ascii() && (!is_invisible(last) || matches!(last, '\u{FE0E}' | '\u{FE0F}'))
            }
            _ => false,
        };
        if joins || matches!(c, '\n' | '\t') || !is_invisible(c) {
            shown.push(c);
            last = c;
        }
    }
    shown
}

/// Implements accessors, `Display`, and serde through `FromStr` for a newtype over a validated string.
macro_rules! checked_string {
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use checked_string;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_glyph_is_invisible() {
        let listed = [
            '\u{61C}',
            '\u{AD}',
            '\u{115F}',
            '\u{180E}',
            '\u{2028}',
            '\u{2029}',
            '\u{3164}',
            '\u{FE0F}',
            '\u{FFF9}',
            '\u{E0101}',
        ];
        let borders =
            ['\0', '\n', '\u{7F}', '\u{9F}', '\u{200B}', '\u{200F}', '\u{202A}', '\u{202E}', '\u{2066}'];
        for c in listed.into_iter().chain(borders).chain(['\u{FEFF}', '\u{E0000}', '\u{E0041}', '\u{E0FFF}'])
        {
            assert!(is_invisible(c), "{c:?}");
        }
        assert!(INVISIBLE.iter().all(|(first, last)| first <= last));
        assert!(INVISIBLE.windows(2).all(|pair| pair[0].1 < pair[1].0), "sorted, for the binary search");
    }

    #[test]
    fn letters_signs_and_emoji_are_visible() {
        let beside =
            "\u{AC}\u{AE}\u{200A}\u{2010}\u{2027}\u{202F}\u{205F}\u{2070}\u{FFEF}\u{FFFC}\u{FFFD}\u{1D172}";
        for c in "Az09 -_’äßжقאह日ㄱ👩💻🏴❤é".chars().chain(beside.chars()) {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn code_and_addresses_show_all_that_is_there() {
        assert_eq!(visible("a\u{202E}b\u{200B}c\u{1b}[0m\u{E0041}\td\ne\u{200D}\r"), "abc[0m\td\ne");
    }

    #[test]
    fn prose_keeps_emoji_and_scripts_and_nothing_hidden() {
        for whole in ["👩\u{200D}💻 ❤\u{FE0F}", "👁\u{FE0F}\u{200D}🗨\u{FE0F}", "می\u{200C}خواهم", "क्\u{200D}ष"]
        {
            assert_eq!(visible_prose(whole), whole);
        }
        for (hidden, shown) in [
            ("pay\u{200D}pal \u{200B}x\u{FE0F}", "paypal x"),
            ("👍\u{FE0F}\u{FE0F}\u{FE01}\u{E0101}!", "👍\u{FE0F}!"),
            ("👍\u{200D}\u{200D}\u{200C}!", "👍\u{200D}!"),
            ("🏴\u{E0067}\u{E007F}a\u{2028}b\u{61C}\u{AD}\u{2066}c\r\n", "🏴abc\n"),
        ] {
            assert_eq!(visible_prose(hidden), shown);
        }
    }
}
