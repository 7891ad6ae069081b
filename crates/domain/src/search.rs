//! Searching in lists: upper and lower case, accents and widths make no difference, on every database in the same way.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::text::Invalid;

/// The longest text that can be searched for, in characters. Databases limit patterns too, and each in its own way.
pub const MAX_SEARCH_CHARS: usize = 200;

/// Checks a text that somebody searches for.
pub fn check_search(text: &str) -> Result<(), Invalid> {
    if text.chars().count() > MAX_SEARCH_CHARS {
        return Err(Invalid("Search for at most 200 characters."));
    }
    Ok(())
}

/// A text as searches compare it: in lower case, without accents, in compatibility forms (NFKD).
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            // The form at the end of a word.
            'ς' => folded.push('σ'),
            'ı' => folded.push('i'),
            _ => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_widths_make_no_difference() {
        for (one, other) in [
            ("Ärger mit Größe", "ÄRGER MIT GRÖSSE"),
            ("Gro\u{308}ße", "größe"),
            ("ФАЙЛ", "файл"),
            ("Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
            ("ＡＢＣ１２", "abc12"),
            ("İstanbul", "istanbul"),
            ("Crème Brûlée", "creme brulee"),
            ("ﬁle", "FILE"),
        ] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("файл"), folded("файла"));
        assert_eq!(folded("日本語 🎉 100%_\\"), "日本語 🎉 100%_\\");
        assert_eq!(folded(&folded("Ärger")), "arger");
    }

    #[test]
    fn a_search_has_a_longest_text() {
        assert!(check_search(&"ä".repeat(MAX_SEARCH_CHARS)).is_ok());
        assert!(check_search(&"a".repeat(MAX_SEARCH_CHARS + 1)).is_err());
    }
}
