//! ARCHITECTURE.md names what is there: its paths exist, and so do the types, functions and modules in backticks.

use std::fs;
use std::path::Path;

use crate::error::{Context, Result};
use crate::paths::Paths;
use crate::test::Toolbox;
use crate::test::runner::Counts;

const DOCUMENT: &str = "ARCHITECTURE.md";
/// What a name must end in to be taken for a file.
const EXTENSIONS: &[&str] = &["md", "mjs", "py", "rs", "sql", "toml", "ts"];
/// What nobody wrote.
const SKIPPED: &[&str] = &[".git", "node_modules", "target"];

pub fn check(toolbox: &Toolbox) -> Result<Counts> {
    println!("-- the names in {DOCUMENT}");
    let document =
        fs::read_to_string(toolbox.paths.root.join(DOCUMENT)).context(format_args!("reading {DOCUMENT}"))?;
    let found = Tree::read(toolbox.paths)?.missing(&document);
    for line in &found {
        println!("error: {line}");
    }
    Ok(Counts::from_passed(found.is_empty()))
}

/// What is in the clone.
#[derive(Debug, Default)]
struct Tree {
    /// Files and folders below the root, with `/` between their parts.
    paths: Vec<String>,
    /// The text of each Rust file.
    sources: Vec<String>,
    packages: Vec<String>,
}

impl Tree {
    fn read(paths: &Paths) -> Result<Self> {
        let packages = super::layers::packages(paths)?.into_iter().map(|(name, _)| name).collect();
        let mut tree = Self { packages, ..Self::default() };
        tree.add(&paths.root, &paths.root)?;
        Ok(tree)
    }

    fn add(&mut self, root: &Path, folder: &Path) -> Result {
        let entries = fs::read_dir(folder).context(format_args!("reading {}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.file_name().is_some_and(|name| SKIPPED.iter().any(|skipped| name == *skipped)) {
                continue;
            }
            self.paths.extend(path.strip_prefix(root).ok().map(|below| below.to_string_lossy().into_owned()));
            if path.is_dir() {
                self.add(root, &path)?;
            } else if is_rust(&path) {
                self.sources
                    .push(fs::read_to_string(&path).context(format_args!("reading {}", path.display()))?);
            }
        }
        Ok(())
    }

    /// What `document` names and the clone does not have, a line each.
    fn missing(&self, document: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut fenced = false;
        for (line, text) in (1..).zip(document.lines()) {
            if text.trim_start().starts_with("```") {
                fenced = !fenced;
                continue;
            }
            let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
            let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
            let wrong_links = links.filter(|link| !self.has(link));
            let words = text.split(|letter: char| letter.is_whitespace() || "`()[],:;\"".contains(letter));
            let wrong_paths = words.filter(|word| self.is_from_root(word) && !self.has(word));
            let spans = text.split('`').skip(1).step_by(2).filter(|_| !fenced);
            let wrong_names = spans.filter(|span| !self.is_from_root(span) && !self.knows(span));
            found.extend(
                wrong_links
                    .chain(wrong_paths)
                    .chain(wrong_names)
                    .map(|name| format!("{DOCUMENT}:{line}: there is no `{name}`")),
            );
        }
        found.dedup();
        found
    }

    /// Whether it begins like a path from the clone's root.
    fn is_from_root(&self, word: &str) -> bool {
        let first = word.split_once('/').map(|(first, _)| first);
        first.is_some_and(|first| !first.is_empty() && self.paths.iter().any(|path| path == first))
    }

    /// `<subject>` stands for any name; what follows `#` is a heading.
    fn has(&self, path: &str) -> bool {
        let path = path.split(['<', '#']).next().unwrap_or_default().trim_end_matches('/');
        self.paths.iter().any(|other| other == path)
    }

    /// Whether a span of code is there, or is of a kind that is not looked for: addresses, commands, settings.
    fn knows(&self, span: &str) -> bool {
        if span.is_empty()
            || span.contains(|letter: char| letter.is_whitespace() || "<>{}?=&…".contains(letter))
        {
            return true;
        }
        let name = span.trim_end_matches('/');
        let is_file = name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension));
        if !span.starts_with('/') && (is_file || span.ends_with('/') || is_words(span, "/")) {
            let below = format!("/{name}");
            return self.paths.iter().any(|path| path == name || path.ends_with(&below));
        }
        if span.contains("::") && is_words(span, "::") {
            return self.knows_path(span);
        }
        let is_type = span.starts_with(|first: char| first.is_ascii_uppercase()) && is_words(span, "::");
        !is_type || self.sources.iter().any(|source| has_word(source, span))
    }

    /// `Type::method`, `package::module` or what stands somewhere word for word.
    fn knows_path(&self, path: &str) -> bool {
        let mut words: Vec<&str> = path.split("::").collect();
        if words.len() > 1 && self.packages.iter().any(|package| package == words[0]) {
            words.remove(0);
        }
        self.sources
            .iter()
            .any(|source| source.contains(path) || words.iter().all(|word| has_word(source, word)))
    }
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Whether there is nothing but names with `separator` between them, and more than one where it is `/`.
fn is_words(text: &str, separator: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
    };
    text.split(separator).all(is_word) && (separator != "/" || text.contains('/'))
}

fn has_word(text: &str, word: &str) -> bool {
    let inside = |letter: char| letter == '_' || letter.is_alphanumeric();
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(inside) && !text[at + word.len()..].starts_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let paths = [
            "app",
            "app/src",
            "app/src/access",
            "docs",
            "docs/backup.md",
            "server",
            "server/src",
            "server/src/edge",
            "server/src/edge/proxy.rs",
        ];
        let sources = [
            "impl Access { pub fn prove(&self) {} }\n#[utoipa::path(get)]",
            "struct Machine; mod enrolment;",
        ];
        Tree {
            paths: paths.map(str::to_owned).to_vec(),
            sources: sources.map(str::to_owned).to_vec(),
            packages: vec!["protocol".to_owned()],
        }
    }

    #[test]
    fn what_is_there_is_known() {
        let document = "```\n app/ as WASM, server/src/edge  who\n```\n`app/src/<subject>/` and [backup](docs/backup.md#how)\n\
                        `edge/proxy.rs`, `proxy.rs`, `edge/`, `Access::prove`, `utoipa::path`, `protocol::enrolment`, `Machine`\n\
                        `POST /native/login`, `/setup/{token}`, `screenshots.keep`, `&tls=system`, `/app/watch/`\n";
        assert_eq!(tree().missing(document), Vec::<String>::new());
    }

    #[test]
    fn what_is_gone_is_named_with_its_line() {
        let document = "```\n server/src/outbox  mails\n```\n[gone](docs/gone.md)\n`app/src/<subject>/`\n`edge/tls.rs`\n`visit.rs`\n\
                        `Access::redeem`\n`Machines`\n`access/gone`\n`sidebar/`\n";
        let gone = [
            (2, "server/src/outbox"),
            (4, "docs/gone.md"),
            (6, "edge/tls.rs"),
            (7, "visit.rs"),
            (8, "Access::redeem"),
            (9, "Machines"),
            (10, "access/gone"),
            (11, "sidebar/"),
        ];
        let lines: Vec<String> =
            gone.iter().map(|(line, name)| format!("{DOCUMENT}:{line}: there is no `{name}`")).collect();
        assert_eq!(tree().missing(document), lines);
    }
}
