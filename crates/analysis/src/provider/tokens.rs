//! An estimate of tokens, for models whose tokenizer is not known. It errs on the high side: a prompt that is too long loses
//! its beginning on some servers, without a word.

use super::interface::Turn;

/// A third of a token for each ASCII character and a whole one for each other, in thirds.
fn thirds(c: char) -> usize {
    if c.is_ascii() { 1 } else { 3 }
}

/// The tokens of a text.
pub(crate) fn estimate(text: &str) -> usize {
    text.chars().map(thirds).sum::<usize>().div_ceil(3)
}

/// What a message's role and its borders take.
const MESSAGE: usize = 4;

/// The tokens of an earlier question and its answer.
pub(crate) fn of_turn(turn: &Turn) -> usize {
    2 * MESSAGE + estimate(&turn.question) + estimate(&turn.answer)
}

/// The tokens of a picture. Models that see take one for 750 to 800 pixels.
pub(crate) fn of_picture(pixels: u64) -> usize {
    usize::try_from(pixels.div_ceil(750)).unwrap_or(usize::MAX)
}

/// The end of the longest start of `text` that has at most so many tokens and characters, in bytes.
pub(crate) fn fitting(text: &str, max_tokens: usize, max_chars: usize) -> usize {
    let mut left = max_tokens.saturating_mul(3);
    for (count, (at, c)) in text.char_indices().enumerate() {
        let cost = thirds(c);
        if cost > left || count >= max_chars {
            return at;
        }
        left -= cost;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_has_at_most_its_tokens() {
        assert_eq!((estimate(""), estimate("abcd"), estimate("日本")), (0, 2, 2));
        for text in ["plain text of a screen", "日本語の画面", "größe: 12 µm"] {
            for tokens in 0..12 {
                let end = fitting(text, tokens, usize::MAX);
                assert!(text.is_char_boundary(end) && estimate(&text[..end]) <= tokens, "{text} {tokens}");
            }
            assert_eq!(fitting(text, 100, usize::MAX), text.len());
            assert_eq!(text[..fitting(text, 100, 3)].chars().count(), 3);
        }
    }
}
