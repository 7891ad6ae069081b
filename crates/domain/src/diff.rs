//! The difference of two texts in words, as parts that can be chosen one by one.

/// More pairs of words than this are not compared: then all between the common beginning and end is one change.
const MAX_PAIRS: usize = 4_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Same(String),
    /// `new` in place of `old`; one of them may be empty.
    Change {
        old: String,
        new: String,
    },
}

/// What differs between two texts. The parts in a row are `old`, with the changes made `new`.
pub fn parts(old: &str, new: &str) -> Vec<Part> {
    let (old, new) = (tokens(old), tokens(new));
    let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let middle = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut all = Parts::default();
    all.same(&old[..start]);
    compare(middle.0, middle.1, &mut all);
    all.same(&old[old.len() - end..]);
    all.joined()
}

/// The text with the changes that are chosen, in their order; those without a choice are not made.
pub fn merged(parts: &[Part], chosen: &[bool]) -> String {
    let mut chosen = chosen.iter().copied();
    let mut take = |part: &Part| match part {
        Part::Same(text) => text.clone(),
        Part::Change { old, new } => if chosen.next().unwrap_or_default() { new } else { old }.clone(),
    };
    parts.iter().map(&mut take).collect()
}

/// How many of the parts are changes.
pub fn changes(parts: &[Part]) -> usize {
    parts.iter().filter(|part| matches!(part, Part::Change { .. })).count()
}

/// Words, runs of blanks, and other characters one by one.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        ' ' | '\t' => 1,
        c if c.is_alphanumeric() => 2,
        _ => 0,
    };
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut last = 0;
    for (at, c) in text.char_indices() {
        let now = kind(c);
        if at > start && (now == 0 || now != last) {
            tokens.push(&text[start..at]);
            start = at;
        }
        last = now;
    }
    if start < text.len() {
        tokens.push(&text[start..]);
    }
    tokens
}

#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn same(&mut self, tokens: &[&str]) {
        for token in tokens {
            match self.0.last_mut() {
                Some(Part::Same(text)) => text.push_str(token),
                _ => self.0.push(Part::Same((*token).to_owned())),
            }
        }
    }

    fn change(&mut self, removed: &[&str], added: &[&str]) {
        if removed.is_empty() && added.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(Part::Change { old, new }) => {
                old.push_str(&removed.concat());
                new.push_str(&added.concat());
            }
            _ => self.0.push(Part::Change { old: removed.concat(), new: added.concat() }),
        }
    }

    /// Neighbouring changes with only a blank or a mark between them are one: nobody decides on single words of a sentence
    /// that was rewritten.
    fn joined(self) -> Vec<Part> {
        let mut joined: Vec<Part> = Vec::new();
        for part in self.0 {
            let short = match joined.as_slice() {
                [.., Part::Change { .. }, Part::Same(between)] => {
                    between.chars().count() <= 1 && !between.contains('\n')
                }
                _ => false,
            };
            match part {
                Part::Change { old, new } if short => {
                    let Some(Part::Same(between)) = joined.pop() else { continue };
                    if let Some(Part::Change { old: before, new: made }) = joined.last_mut() {
                        *before = format!("{before}{between}{old}");
                        *made = format!("{made}{between}{new}");
                    }
                }
                part => joined.push(part),
            }
        }
        joined
    }
}

/// By the longest common subsequence.
fn compare(old: &[&str], new: &[&str], all: &mut Parts) {
    let width = new.len() + 1;
    if old.is_empty() || new.is_empty() || old.len().saturating_mul(new.len()) > MAX_PAIRS {
        return all.change(old, new);
    }
    // `lengths[i * width + j]`: of `old[i..]` and `new[j..]`.
    let mut lengths = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = if old[i] == new[j] {
                lengths[(i + 1) * width + j + 1].saturating_add(1)
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            all.same(&old[i..=i]);
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            all.change(&old[i..=i], &[]);
            i += 1;
        } else {
            all.change(&[], &new[j..=j]);
            j += 1;
        }
    }
    all.change(&old[i..], &new[j..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change(old: &str, new: &str) -> Part {
        Part::Change { old: old.to_owned(), new: new.to_owned() }
    }

    fn same(text: &str) -> Part {
        Part::Same(text.to_owned())
    }

    #[test]
    fn changes_are_words_with_what_stands_between_them() {
        assert_eq!(parts("one two three", "one 2 three"), [same("one "), change("two", "2"), same(" three")]);
        assert_eq!(
            parts("Dear Bob,\nsend it now.\nYours", "Hello Bob,\nplease send it today.\nYours"),
            [
                change("Dear", "Hello"),
                same(" Bob,\n"),
                change("", "please "),
                same("send it "),
                change("now", "today"),
                same(".\nYours")
            ]
        );
        assert_eq!(parts("a b c", "x y z"), [change("a b c", "x y z")]);
        assert_eq!(parts("a", "a"), [same("a")]);
        assert_eq!(parts("", "new"), [change("", "new")]);
        assert_eq!(parts("", ""), []);
    }

    #[test]
    fn long_texts_without_anything_in_common_are_one_change() {
        let (old, new) = ("x y ".repeat(2_000), "a b ".repeat(2_000));
        assert_eq!(changes(&parts(&old, &new)), 1);
    }

    proptest! {
        #[test]
        fn all_changes_make_the_new_text_and_none_the_old(old in "[ab \n.ä👍]{0,30}", new in "[ab \n.ä👍]{0,30}") {
            let parts = parts(&old, &new);
            let all = vec![true; changes(&parts)];
            prop_assert_eq!(merged(&parts, &all), new);
            prop_assert_eq!(merged(&parts, &[]), old);
        }
    }
}
