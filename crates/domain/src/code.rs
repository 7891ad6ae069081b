//! Codes and passwords as people type them: the same text may arrive in several spellings.

/// The characters that count in a code as it was typed: compatibility characters as what they stand for (NFKC), without white
/// space, dashes, and what cannot be seen.
pub fn typed_code(text: &str) -> String {
    compatible(text)
        .filter(|c| !c.is_whitespace() && !is_dash(*c) && !crate::text::is_invisible(*c))
        .collect()
}

/// A password as it is hashed: composed (NFC), and each kind of space as a plain one (`OpaqueString`, RFC 8265 §4.2). A Mac and
/// dead keys write accents in their own ways.
#[cfg(feature = "server")]
pub fn opaque_string(password: &str) -> String {
    use unicode_normalization::UnicodeNormalization;

    let is_space = |c| {
        matches!(c, '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
    };
    password.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect()
}

#[cfg(feature = "server")]
fn compatible(text: &str) -> impl Iterator<Item = char> {
    use unicode_normalization::UnicodeNormalization;

    text.nfkc()
}

/// In the browser only the full-width forms of ASCII, without the tables of NFKC: the server decides.
#[cfg(not(feature = "server"))]
fn compatible(text: &str) -> impl Iterator<Item = char> {
    const OFFSET: u32 = 0xFF01 - 0x21;
    text.chars().map(|c| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - OFFSET).unwrap_or(c),
        other => other,
    })
}

/// The property `Dash` of Unicode 16.0, after NFKC. Its swung dashes are among them, its tildes are not.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{58A}' | '\u{5BE}' | '\u{1400}' | '\u{1806}' | '\u{2010}'..='\u{2015}' | '\u{2053}'
        | '\u{207B}' | '\u{208B}' | '\u{2212}' | '\u{2E17}' | '\u{2E1A}' | '\u{2E3A}'..='\u{2E3B}' | '\u{2E40}'
        | '\u{2E5D}' | '\u{301C}' | '\u{3030}' | '\u{30A0}' | '\u{FE31}'..='\u{FE32}' | '\u{FE58}' | '\u{FE63}'
        | '\u{FF0D}' | '\u{10D6E}' | '\u{10EAD}')
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_one_spelling() {
        let composed = "Gr\u{FC}\u{DF}e aus K\u{F6}ln 12";
        assert_eq!(opaque_string("Gru\u{308}\u{DF}e aus\u{A0}Ko\u{308}ln 12"), composed);
        assert_eq!(opaque_string(composed), composed);
        assert_eq!(opaque_string("Ｐassword ①"), "Ｐassword ①", "only what looks the same becomes the same");
    }

    #[test]
    fn only_what_counts_of_a_code_remains() {
        for (typed, code) in [
            ("１２３４５６", "123456"),
            ("123\u{A0}456", "123456"),
            ("123\u{202F}456\r\n", "123456"),
            ("\u{200B}123\u{2009}456\u{FEFF}", "123456"),
            ("𝟏𝟐𝟑 ４５６", "123456"),
            ("ABCD\u{2010}EFGH", "ABCDEFGH"),
            ("ABCD\u{2011}EFGH\u{2013}JKMN\u{2212}PQRS", "ABCDEFGHJKMNPQRS"),
            ("ABCD—ＥＦＧＨ", "ABCDEFGH"),
            ("ab_cd", "ab_cd"),
        ] {
            assert_eq!(typed_code(typed), code, "{typed:?}");
        }
    }
}
