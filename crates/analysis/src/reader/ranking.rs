//! Which lines match a question: words in common, weighted as in BM25 (Robertson & Zaragoza, 2009), and
//! compared so that what text recognition confuses still counts as the same.

use std::collections::{HashMap, HashSet};

use super::question::Wanted;

/// BM25's constants: how fast repetitions saturate, and how much long lines are penalised: less than long documents.
const K1: f32 = 1.2;
const B: f32 = 0.5;
/// More words of a question add work and no meaning.
const MAX_QUESTION_WORDS: usize = 64;

const STOP_WORDS: [&str; 127] = [
    "a", "about", "all", "am", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "could",
    "did", "do", "does", "for", "from", "get", "give", "has", "have", "help", "here", "how", "i", "in", "is",
    "it", "its", "just", "like", "me", "my", "no", "not", "of", "on", "or", "please", "say", "screen", "see",
    "should", "show", "so", "tell", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "to", "us", "was", "we", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you",
    "your", "yours", // German.
    "auf", "aus", "bei", "das", "dem", "den", "der", "des", "die", "ein", "eine", "einen", "für", "hat",
    "ich", "ist", "mit", "sich", "sind", "und", "viel", "viele", "von", "wann", "war", "was", "welche",
    "welcher", "wer", "wie", "wird", "wo", "zu", "zum", "zur", // French.
    "au", "aux", "combien", "de", "du", "elle", "est", "et", "il", "la", "le", "les", "par", "pour", "quand",
    "que", "quel", "quelle",
];

/// The lines that share words with the question, best first, as indices with their scores (above 0).
#[expect(clippy::cast_precision_loss, reason = "counts of lines and words of one screen")]
pub(super) fn rank(question: &str, lines: &[&str]) -> Vec<(usize, f32)> {
    let mut seen = HashSet::new();
    let terms: Vec<String> = words(question)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .map(|word| normalized(&word))
        .filter(|word| seen.insert(word.clone()))
        .take(MAX_QUESTION_WORDS)
        .collect();
    let texts: Vec<Vec<String>> =
        lines.iter().map(|line| words(line).map(|w| normalized(&w)).collect()).collect();
    let total: usize = texts.iter().map(Vec::len).sum();
    let mean_length = (total as f32 / lines.len().max(1) as f32).max(1.0);
    let vocabulary: HashSet<&str> = texts.iter().flatten().map(String::as_str).collect();

    let mut scores = vec![0.0_f32; lines.len()];
    for word in &terms {
        let similar: HashMap<&str, f32> = vocabulary
            .iter()
            .map(|other| (*other, similarity(word, other)))
            .filter(|(_, similarity)| *similarity > 0.0)
            .collect();
        let counts: Vec<f32> = texts
            .iter()
            .map(|text| text.iter().map(|w| similar.get(w.as_str()).copied().unwrap_or(0.0)).sum())
            .collect();
        let containing = counts.iter().filter(|count| **count > 0.0).count() as f32;
        let rarity = (1.0 + (lines.len() as f32 - containing + 0.5) / (containing + 0.5)).ln();
        for ((score, count), text) in scores.iter_mut().zip(&counts).zip(&texts) {
            let length = 1.0 - B + B * text.len() as f32 / mean_length;
            *score += rarity * count * (K1 + 1.0) / (count + K1 * length);
        }
    }
    if let Some(wanted) = Wanted::of(question) {
        for (score, weight) in scores.iter_mut().zip(wanted.weights(lines)) {
            *score *= weight;
        }
    }
    let mut ranked: Vec<(usize, f32)> =
        scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0).collect();
    ranked.sort_by(|(i, a), (j, b)| b.total_cmp(a).then(i.cmp(j)));
    ranked
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The word without its commonest endings, and with characters that look alike made the same.
fn normalized(word: &str) -> String {
    let stem = ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|ending| {
            word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 3 && !stem.ends_with('s'))
        })
        .unwrap_or(word);
    let alike = |c| match c {
        '5' => 's',
        '8' => 'b',
        // English data read letters with accents as those without.
        'ä' | 'à' | 'â' | 'á' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        '1' | 'i' | '|' | 'í' | 'î' | 'ï' => 'l',
        '0' | 'ö' | 'ô' | 'ó' => 'o',
        'ü' | 'ù' | 'û' | 'ú' => 'u',
        other => other,
    };
    stem.chars().map(alike).collect::<String>().replace("rn", "m").replace("vv", "w")
}

/// 1 for the same word, less for one that is a letter away or begins alike, 0 for another.
fn similarity(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() >= 5 && long.len() - short.len() <= 1 && one_edit_apart(short, long) {
        0.7
    } else if short.len() >= 4 && long.starts_with(short) {
        0.6
    } else {
        0.0
    }
}

/// Whether one letter changed, missing or added makes the one into the other.
fn one_edit_apart(short: &str, long: &str) -> bool {
    let (short, long): (Vec<char>, Vec<char>) = (short.chars().collect(), long.chars().collect());
    let same = short.iter().zip(&long).take_while(|(a, b)| a == b).count();
    let rest = |word: &[char], from: usize| word.get(from..).unwrap_or_default().to_vec();
    rest(&short, same + 1) == rest(&long, same + 1) || rest(&short, same) == rest(&long, same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(question: &str, lines: &[&str]) -> Option<usize> {
        rank(question, lines).first().map(|(index, _)| *index)
    }

    const LINES: [&str; 5] = [
        "Invoice 2024-0117 from Miller & Sons",
        "Total amount due: 1,204.50 EUR",
        "Payment is due within 14 days",
        "Thank you for your order",
        "Your order number: 88-1207",
    ];

    #[test]
    fn the_line_with_the_words_of_the_question_comes_first() {
        assert_eq!(best("What is the total amount?", &LINES), Some(1));
        assert_eq!(best("when do payments have to be made", &LINES), Some(2));
        assert_eq!(best("order number?", &LINES), Some(4));
    }

    #[test]
    fn what_recognition_confuses_still_counts() {
        assert_eq!(best("invoice", &["lnvo1ce 7", "other"]), Some(0));
        assert_eq!(best("modem", &["modern", "other"]), Some(0));
        assert_eq!(best("compiler", &["comp1ler", "nothing"]), Some(0));
        assert_eq!(best("mismatched types", &["all good", "mismatcned type"]), Some(1));
    }

    #[test]
    fn a_question_of_common_words_fits_nothing() {
        assert!(rank("What is this on my screen?", &LINES).is_empty());
        assert!(rank("", &LINES).is_empty());
        assert!(rank("anything", &[]).is_empty());
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "constants, which no arithmetic has rounded")]
    fn words_a_letter_apart() {
        assert_eq!(similarity("total", "totai"), 0.7);
        assert_eq!(similarity("cat", "car"), 0.0);
        assert_eq!(similarity("straße", "strasse"), 0.0);
    }
}
