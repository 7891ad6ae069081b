//! The words of pages and mails: `docs/words.md`.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The phrases of the table's last column.
fn refused() -> Vec<String> {
    let words = fs::read_to_string(root().join("docs/words.md")).unwrap();
    let rows = words.lines().filter(|line| line.starts_with("| ") && line.matches('|').count() == 4);
    let last = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    last.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The text literals of a source, without its comments, attributes and tests.
fn texts(source: &str) -> Vec<String> {
    let shown = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code = |line: &&str| !line.trim_start().starts_with("//") && !line.contains("reason = \"");
    let shown: String = shown.lines().filter(code).flat_map(|line| [line, "\n"]).collect();
    shown.replace("\\\"", "”").split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn contains_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !letter(text[..at].chars().next_back()) && !letter(text[at + words.len()..].chars().next())
    })
}

#[test]
fn pages_and_mails_use_the_words_of_the_glossary() {
    let refused = refused();
    assert!(refused.len() > 10 && refused.contains(&"former".to_owned()), "{refused:?}");
    let mut files = Vec::new();
    sources(&root().join("app/src"), &mut files);
    sources(&root().join("server/src/mail"), &mut files);
    let mut found = Vec::new();
    for file in files {
        for text in texts(&fs::read_to_string(&file).unwrap()) {
            // A sentence has spaces; the rest are classes, names and addresses.
            if !text.contains(' ') {
                continue;
            }
            let words = refused.iter().filter(|words| contains_words(&text, words)).cloned();
            let straight = text
                .as_bytes()
                .windows(3)
                .any(|w| w[0].is_ascii_lowercase() && w[1] == b'\'' && w[2].is_ascii_lowercase());
            let wrong: Vec<_> = words.chain(straight.then(|| "'".to_owned())).collect();
            if !wrong.is_empty() {
                found.push(format!("{}: {wrong:?} in {text:?}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
