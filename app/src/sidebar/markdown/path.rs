//! Paths of Windows in an answer, whose backslashes are no escapes: `C:\…`, `\\server\…`, `.\…`, `%NAME%\…`.

/// The length of the path at the start of `text`. Emphasis and a sentence's punctuation around it do not belong to it.
pub fn length(before: &str, text: &str) -> Option<usize> {
    if !is_path(text) {
        return None;
    }
    let separator = |c: char| c.is_whitespace() || matches!(c, '`' | '"' | '<' | '>' | '|');
    let (mut length, mut at) = (0, 0);
    for word in text.split_inclusive([' ', '\t']) {
        let cut = word.find(separator).unwrap_or(word.len());
        // Folders have spaces in their names, as `Program Files (x86)`.
        let continues = at == 0 || (word.contains('\\') && !is_path(word));
        if continues {
            length = at + cut;
        } else if !word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || c == '(') {
            break;
        }
        at += word.len();
        if word[cut..] != *" " {
            break;
        }
    }
    let mut found =
        text[..length].trim_end().trim_end_matches(['.', ',', ';', '!', '?', ')', ']', '\'', '”', '“']);
    let emphasis = before.len() - before.trim_end_matches(['*', '_']).len();
    let opening = &before[before.len() - emphasis..];
    if emphasis > 0 {
        found = found.strip_suffix(opening).unwrap_or(found);
    }
    (!found.is_empty()).then_some(found.len())
}

fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes {
        [letter, b':', b'\\', ..] => letter.is_ascii_alphabetic(),
        [b'\\', b'\\', next, ..] => next.is_ascii_alphanumeric(),
        [b'.', b'\\', ..] | [b'.', b'.', b'\\', ..] => true,
        [b'%', ..] => text[1..].split_once('%').is_some_and(|(name, rest)| {
            !name.is_empty()
                && rest.starts_with('\\')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        }),
        _ => false,
    }
}
