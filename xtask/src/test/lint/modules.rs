//! Imports between the top modules of a crate run one way: no module imports what imports it, by whatever detour.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::lexer::{self, Token};
use crate::error::{Context, Result};
use crate::paths::Paths;
use crate::test::Toolbox;
use crate::test::runner::Counts;

/// Where one top module names another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    file: PathBuf,
    line: usize,
}

/// For each top module, the others that it names, with all places where it does.
type Imports = BTreeMap<String, BTreeMap<String, Vec<Import>>>;

pub fn check(toolbox: &Toolbox) -> Result<Counts> {
    println!("-- imports between the top modules of each crate");
    let found = circles(toolbox.paths)?;
    for line in &found {
        println!("error: {line}");
    }
    Ok(Counts::from_passed(found.is_empty()))
}

/// What is wrong in the whole workspace, a line each.
fn circles(paths: &Paths) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, folder) in super::layers::packages(paths)? {
        let source = folder.join("src");
        if source.is_dir() {
            let lines = describe(&imports(&source)?, &paths.root);
            found.extend(lines.into_iter().map(|line| format!("{name}: {line}")));
        }
    }
    Ok(found)
}

/// Each circle, and then each import that is part of it.
fn describe(imports: &Imports, root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for circle in components(imports).into_iter().filter(|component| component.len() > 1) {
        let names: Vec<&str> = circle.iter().map(String::as_str).collect();
        lines.push(format!("these modules import one another in a circle: {}", names.join(", ")));
        for from in &circle {
            for (to, places) in imports[from].iter().filter(|(to, _)| circle.contains(*to)) {
                let first = &places[0];
                let file = first.file.strip_prefix(root).unwrap_or(&first.file);
                let more =
                    if places.len() > 1 { format!(", and {} more", places.len() - 1) } else { String::new() };
                lines.push(format!("`{from}` imports `{to}`: {}:{}{more}", file.display(), first.line));
            }
        }
    }
    lines
}

/// The strongly connected parts of the graph: two modules are in one part when each reaches the other.
fn components(imports: &Imports) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|from| (from, reachable(imports, from))).collect();
    let mut parts: Vec<BTreeSet<String>> = Vec::new();
    for from in imports.keys() {
        if parts.iter().any(|part| part.contains(from)) {
            continue;
        }
        let with = imports.keys().filter(|to| reached[from].contains(to) && reached[to].contains(from));
        parts.push(with.chain([from]).cloned().collect());
    }
    parts
}

fn reachable<'a>(imports: &'a Imports, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        for to in imports.get(next).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

/// All imports between the top modules below `source`, a crate's `src`.
fn imports(source: &Path) -> Result<Imports> {
    let mut files = Vec::new();
    let mut exports = BTreeMap::new();
    collect(source, &[], &mut files, &mut exports)?;
    let mut imports: Imports = files.iter().map(|file| (file.module[0].clone(), BTreeMap::new())).collect();
    let names: BTreeSet<String> = imports.keys().cloned().collect();
    for file in &files {
        let from = &file.module[0];
        for (name, line) in root_names(&file.tokens, file.module.len()) {
            let to = names.get(&name).or_else(|| names.get(exports.get(&name)?));
            let Some(to) = to else { continue };
            if to != from {
                let places = imports.entry(from.clone()).or_default().entry(to.clone()).or_default();
                places.push(Import { file: file.path.clone(), line });
            }
        }
    }
    Ok(imports)
}

struct File {
    path: PathBuf,
    /// Below the crate: `["access", "http"]`.
    module: Vec<String>,
    tokens: Vec<Token>,
}

/// Reads `folder`, whose files are modules below `module`; `exports` gets what the crate's root gives out of its modules
/// under a name of its own.
fn collect(
    folder: &Path,
    module: &[String],
    files: &mut Vec<File>,
    exports: &mut BTreeMap<String, String>,
) -> Result {
    let entries = fs::read_dir(folder).context(format_args!("reading {}", folder.display()))?;
    let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    below.sort();
    let mut for_tests = BTreeSet::new();
    let mut read = Vec::new();
    for path in below.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let text = fs::read_to_string(path).context(format_args!("reading {}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let source = lexer::read(&text);
        let is_root = module.is_empty() && matches!(&*name, "lib" | "main");
        // A module's children lie beside `mod.rs`, and in the folder of its name otherwise.
        let children = if name == "mod" || is_root { folder.to_path_buf() } else { folder.join(&name) };
        for_tests.extend(source.test_modules.iter().map(|child| children.join(child)));
        if is_root {
            exports.extend(re_exports(&source.tokens));
            continue;
        }
        let module = if name == "mod" { module.to_vec() } else { [module, &[name]].concat() };
        read.push(File { path: path.clone(), module, tokens: source.tokens });
    }
    files.extend(read.into_iter().filter(|file| !for_tests.contains(&file.path.with_extension(""))));
    for path in below.iter().filter(|path| path.is_dir() && !for_tests.contains(*path)) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        collect(path, &[module, &[name]].concat(), files, exports)?;
    }
    Ok(())
}

/// From each `use module::…` of the crate's root: the names that it brings there, and the module they are from.
fn re_exports(tokens: &[Token]) -> Vec<(String, String)> {
    let mut exports = Vec::new();
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.text == "use") {
        let path: Vec<&str> =
            tokens[at + 1..].iter().map(|token| &*token.text).take_while(|text| *text != ";").collect();
        let path = if path.starts_with(&["crate", "::"]) || path.starts_with(&["self", "::"]) {
            &path[2..]
        } else {
            &path[..]
        };
        let Some(module) = path.first() else { continue };
        for pair in path[1..].windows(2).chain([&path[path.len().saturating_sub(1)..]]) {
            let ends = pair.len() < 2 || matches!(pair[1], "," | "}");
            if ends && pair[0].starts_with(|first: char| first.is_alphabetic()) {
                exports.push((pair[0].to_owned(), (*module).to_owned()));
            }
        }
    }
    exports
}

/// The names below the crate's root that paths begin with, `crate::name` or, from `depth` modules down, `super::name`.
fn root_names(tokens: &[Token], depth: usize) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut braces = 0_usize;
    // Modules that are written in this file: at how many braces each ends.
    let mut inline: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let text = |at: usize| tokens.get(at).map_or("", |token: &Token| token.text.as_str());
        match text(at) {
            "{" => {
                if at >= 2 && text(at - 2) == "mod" {
                    inline.push(braces);
                }
                braces += 1;
            }
            "}" => {
                braces = braces.saturating_sub(1);
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
            }
            "crate" | "super"
                if text(at + 1) == "::" && (at == 0 || !matches!(text(at - 1), "::" | "$" | "in")) =>
            {
                at += path(&tokens[at..], depth + inline.len(), &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads the path or use tree at the start, `below` modules under the root, and returns its length.
fn path(tokens: &[Token], below: usize, found: &mut Vec<(String, usize)>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    match (text(0), text(1)) {
        ("crate", "::") => 2 + path(&tokens[2..], 0, found),
        ("super", "::") => 2 + path(&tokens[2..], below.saturating_sub(1), found),
        ("self", "::") => 2 + path(&tokens[2..], below, found),
        ("{", _) => {
            let mut at = 1;
            while at < tokens.len() && text(at) != "}" {
                at += if text(at) == "," { 1 } else { path(&tokens[at..], below, found) };
            }
            at + 1
        }
        (name, _) => {
            if below == 0 && name.starts_with(|first: char| first == '_' || first.is_alphabetic()) {
                found.push((name.to_owned(), tokens[0].line));
            }
            // The rest of the path is below that name.
            let mut at = 1;
            while text(at) == "::" {
                at += 1 + path_rest(&tokens[at + 1..]);
            }
            if text(at) == "as" { at + 2 } else { at }
        }
    }
}

/// The length of a segment below a top module: a name, `*`, or a group.
fn path_rest(tokens: &[Token]) -> usize {
    if tokens.first().is_some_and(|token| token.text == "{") { lexer::group(tokens) } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of these files, and what is wrong with it.
    fn found(name: &str, files: &[(&str, &str)]) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("aiwe-modules-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for (file, text) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let lines = describe(&imports(&folder).unwrap(), &folder);
        fs::remove_dir_all(&folder).unwrap();
        lines
    }

    #[test]
    fn a_planted_circle_is_found_by_name_through_every_form_of_path() {
        let circle = "these modules import one another in a circle: access, outbox, store";
        for import in [
            "use crate::access::Request;",
            "use crate::{vault::Key, access::{self, Request}};",
            "fn f() -> crate::access::Request { todo!() }",
            "use super::access;",
            "mod inner { use super::super::access; }",
            "use crate::Request;",
        ] {
            let text = format!("// before\n{import}\n");
            let lines = found(
                "planted",
                &[
                    ("lib.rs", "mod access; mod outbox; mod store; mod vault; pub use access::Request;"),
                    ("access/mod.rs", "mod http;"),
                    ("access/http.rs", "use super::super::outbox::Outbox;"),
                    ("outbox.rs", "use crate::store;"),
                    ("store.rs", &text),
                    ("vault.rs", ""),
                ],
            );
            assert_eq!(
                lines,
                [
                    circle,
                    "`access` imports `outbox`: access/http.rs:1",
                    "`outbox` imports `store`: outbox.rs:1",
                    "`store` imports `access`: store.rs:2",
                ],
                "{import}"
            );
        }
    }

    #[test]
    fn what_is_no_import_between_top_modules_closes_no_circle() {
        let lines = found(
            "harmless",
            &[
                ("main.rs", "mod a; mod b; use crate::b::B;"),
                ("a.rs", "use crate::b;"),
                (
                    "b/mod.rs",
                    "//! crate::a\nmod c; #[cfg(test)] mod tests; pub(in crate::a) fn f() { g(\"crate::a\") }\n\
                     #[cfg(test)] mod more { use crate::a; } use super::b::a::X; use crate::b::{a, c};",
                ),
                ("b/c.rs", "use super::a; mod d { use super::super::a; }"),
                ("b/tests.rs", "use crate::a;"),
                ("b/tests/deeper.rs", "use crate::a;"),
            ],
        );
        assert_eq!(lines, Vec::<String>::new());
    }
}
