//! Errors of compilers and programs among the lines of a screen.

use std::ops::RangeInclusive;

use super::explanation;
use super::pattern as p;
use super::toolchain::Toolchain;

/// Where in the source the error is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub file: String,
    pub line: u32,
    pub column: Option<u32>,
}

impl Location {
    fn new(file: &str, line: &str, column: &str) -> Option<Self> {
        Some(Self { file: file.to_owned(), line: line.parse().ok()?, column: column.parse().ok() })
    }
}

/// An error that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub toolchain: Toolchain,
    /// Its short name, such as `E0308` or `KeyError`; empty when it has none.
    pub code: String,
    /// What the program itself says, as read.
    pub message: String,
    pub location: Option<Location>,
    /// The lines of the reading that belong to it.
    pub lines: RangeInclusive<usize>,
    /// What this kind of error means, in the reader's own words.
    pub explanation: &'static str,
}

/// More would be a list, not an answer.
const MAX_FINDINGS: usize = 5;
/// How many lines of an error are quoted at most.
const MAX_QUOTED: usize = 8;

/// The errors on the screen, in the order in which they stand there; the same error twice counts once.
pub fn findings(lines: &[&str]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut index = 0;
    while index < lines.len() && found.len() < MAX_FINDINGS {
        match RECOGNISERS.iter().find_map(|recognise| recognise(lines, index)) {
            Some(finding) => {
                index = index.max(*finding.lines.end()) + 1;
                let same = |f: &Finding| {
                    (f.toolchain, &f.code, &f.location)
                        == (finding.toolchain, &finding.code, &finding.location)
                };
                if !found.iter().any(|f| same(f) && f.message == finding.message) {
                    found.push(finding);
                }
            }
            None => index += 1,
        }
    }
    found
}

type Recogniser = fn(&[&str], usize) -> Option<Finding>;

/// Each looks at the line with this index, and around it. From the particular to the general.
const RECOGNISERS: [Recogniser; 10] =
    [rust_error, rust_panic, typescript, c_like, go, linker, npm, exception, shell, generic];

fn finding(
    toolchain: Toolchain,
    code: &str,
    message: &str,
    location: Option<Location>,
    lines: RangeInclusive<usize>,
) -> Finding {
    let explanation = explanation::of(toolchain, code, message);
    Finding { toolchain, code: code.to_owned(), message: message.to_owned(), location, lines, explanation }
}

/// The index of the last line that still belongs to an error which begins at `start`: up to the next one.
fn end_of(lines: &[&str], start: usize) -> usize {
    let begins =
        |line: &str| p::RUST_CODE.matches(line) || p::GENERIC.matches(line) || p::C_LIKE.matches(line);
    let is_last =
        |line: &str| line.starts_with("For more information") || line.starts_with("error: could not compile");
    let rest = lines.iter().enumerate().skip(start + 1).take(MAX_QUOTED - 1);
    rest.take_while(|(_, line)| !begins(line) && !is_last(line)).last().map_or(start, |(index, _)| index)
}

fn rust_error(lines: &[&str], index: usize) -> Option<Finding> {
    let following = || lines.iter().skip(index + 1).take(3);
    let location = following()
        .find_map(|line| p::RUST_LOCATION.groups::<3>(line))
        .and_then(|[f, l, c]| Location::new(f, l, c));
    if let Some([code, message]) = p::RUST_CODE.groups(lines[index]) {
        let digits = code.chars().filter(|c| !c.is_whitespace()).skip(1).map(|c| match c {
            'O' | 'Q' | 'D' | 'o' | 'q' | 'd' | '@' => '0',
            'I' | 'l' | 'i' | 'L' => '1',
            'S' | 's' => '5',
            digit => digit,
        });
        let code: String = std::iter::once('E').chain(digits).collect();
        return Some(finding(Toolchain::Rust, &code, message, location, index..=end_of(lines, index)));
    }
    // Errors without a code, such as of the parser, have the arrow right below.
    let [word, message] = p::GENERIC.groups(lines[index])?;
    let location =
        location.filter(|_| lines.get(index + 1).is_some_and(|line| p::RUST_LOCATION.matches(line)))?;
    word.eq_ignore_ascii_case("error")
        .then(|| finding(Toolchain::Rust, "", message, Some(location), index..=end_of(lines, index)))
}

fn rust_panic(lines: &[&str], index: usize) -> Option<Finding> {
    let [rest] = p::RUST_PANIC.groups(lines[index])?;
    let location = p::RUST_LOCATION.groups::<3>(rest).or_else(|| {
        // Until Rust 1.72 the message stood before the location.
        rest.rsplit_once(", ").and_then(|(_, location)| p::RUST_LOCATION.groups(location))
    });
    let message = match rest.rsplit_once(", ") {
        Some((message, _)) if location.is_some() => message,
        _ => lines.get(index + 1).copied().unwrap_or(rest),
    };
    let location = location.and_then(|[f, l, c]| Location::new(f, l, c));
    Some(finding(Toolchain::Rust, "panic", message, location, index..=(index + 1).min(lines.len() - 1)))
}

fn typescript(lines: &[&str], index: usize) -> Option<Finding> {
    if let Some([file, line, column, code, message]) = p::TYPESCRIPT.groups(lines[index]) {
        let code = format!("TS{}", code.replace(['O', 'Q'], "0"));
        return Some(finding(
            Toolchain::TypeScript,
            &code,
            message,
            Location::new(file, line, column),
            index..=index,
        ));
    }
    let [message, code] = p::TYPESCRIPT_HINT.groups(lines[index])?;
    Some(finding(Toolchain::TypeScript, &format!("TS{code}"), message, None, index..=index))
}

fn c_like(lines: &[&str], index: usize) -> Option<Finding> {
    let [file, line, column, message] = p::C_LIKE.groups(lines[index])?;
    let location = Location::new(file, line, column);
    let end = end_of(lines, index).min(index + 3);
    Some(finding(Toolchain::Compiler, "", message, location, index..=end))
}

fn go(lines: &[&str], index: usize) -> Option<Finding> {
    let [file, line, column, message] = p::GO.groups(lines[index])?;
    Some(finding(Toolchain::Go, "", message, Location::new(file, line, column), index..=index))
}

fn linker(lines: &[&str], index: usize) -> Option<Finding> {
    let [_symbol] = p::LINKER.groups(lines[index])?;
    Some(finding(Toolchain::Linker, "", lines[index].trim(), None, index..=index))
}

fn npm(lines: &[&str], index: usize) -> Option<Finding> {
    let is_npm = |line: &&&str| p::NPM.matches(line);
    let [message] = p::NPM.groups(lines[index])?;
    let block: Vec<&str> = lines[index..].iter().take_while(is_npm).copied().collect();
    let code = block.iter().find_map(|line| p::NPM_CODE.groups::<1>(line)).map_or("", |[code]| code);
    let end = index + block.len().min(MAX_QUOTED) - 1;
    Some(finding(Toolchain::Npm, code, message, None, index..=end))
}

/// Python names the location before the exception, Java and JavaScript after it.
fn exception(lines: &[&str], index: usize) -> Option<Finding> {
    let [name, message] = p::EXCEPTION.groups(lines[index])?;
    let code = name.rsplit('.').next().unwrap_or(name);
    let before = index.saturating_sub(MAX_QUOTED - 1)..index;
    let python = before.clone().rev().find_map(|i| Some((i, p::PYTHON_LOCATION.groups::<2>(lines[i])?)));
    if let Some((start, [file, line])) = python {
        return Some(finding(Toolchain::Python, code, message, Location::new(file, line, ""), start..=index));
    }
    if before.clone().any(|i| p::PYTHON_TRACEBACK.matches(lines[i])) {
        return Some(finding(Toolchain::Python, code, message, None, index..=index));
    }
    let after = (index + 1)..(index + 4).min(lines.len());
    let java = after.clone().find_map(|i| Some((i, p::JAVA_LOCATION.groups::<2>(lines[i])?)));
    if let Some((end, [file, line])) = java {
        return Some(finding(Toolchain::Java, code, message, Location::new(file, line, ""), index..=end));
    }
    let script = after.clone().find_map(|i| Some((i, p::JAVASCRIPT_LOCATION.groups::<3>(lines[i])?)));
    if let Some((end, [file, line, column])) = script {
        return Some(finding(
            Toolchain::JavaScript,
            code,
            message,
            Location::new(file, line, column),
            index..=end,
        ));
    }
    let toolchain = match name {
        _ if name.starts_with("java") => Toolchain::Java,
        "TypeError" | "ReferenceError" | "RangeError" if lines[index].contains("Uncaught") => {
            Toolchain::JavaScript
        }
        _ => Toolchain::Program,
    };
    Some(finding(toolchain, code, message, None, index..=index))
}

fn shell(lines: &[&str], index: usize) -> Option<Finding> {
    let line = lines[index];
    let found = |code| Some(finding(Toolchain::Shell, code, line.trim(), None, index..=index));
    if p::COMMAND_NOT_FOUND.matches(line) {
        found("command not found")
    } else if p::NO_SUCH_FILE.matches(line) {
        found("no such file")
    } else if p::PERMISSION_DENIED.matches(line) {
        found("permission denied")
    } else if p::SEGMENTATION_FAULT.matches(line) {
        Some(finding(Toolchain::Program, "segmentation fault", line.trim(), None, index..=index))
    } else {
        None
    }
}

fn generic(lines: &[&str], index: usize) -> Option<Finding> {
    let [_word, message] = p::GENERIC.groups(lines[index])?;
    // The compiler's closing words are no error of their own.
    let closing = ["aborting due to", "could not compile"].iter().any(|words| message.starts_with(words));
    (!closing).then(|| finding(Toolchain::Program, "", message, None, index..=index))
}

#[cfg(test)]
#[path = "finding_tests.rs"]
mod tests;
