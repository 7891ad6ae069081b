//! Starting other programs, with their output in a log file or on the terminal.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Context, Error, Result};

const PROGRESS_INTERVAL: Duration = Duration::from_secs(30);

/// A command without what `cargo run` put into this process' environment: a second cargo would load the first one's
/// libraries, and build scripts would see another package's variables.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let from_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if from_cargo.iter().any(|prefix| name.starts_with(prefix))
            || matches!(&*name, "CARGO" | "RUST_RECURSION_COUNT" | "LD_LIBRARY_PATH")
        {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs a command whose output matters only when it fails: it goes to `log`, and every half minute a line
/// says that it is still running.
pub fn run_logged(what: &str, command: &mut Command, log: &Path) -> Result {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).context(format_args!("making {}", folder.display()))?;
    }
    let file = File::create(log).context(format_args!("writing {}", log.display()))?;
    let errors = file.try_clone().context("sharing the log file")?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    let start = Instant::now();
    let mut child = command.spawn().context(format_args!("starting {}", shown(command)))?;
    let mut next_report = PROGRESS_INTERVAL;
    let status = loop {
        if let Some(status) = child.try_wait().context(what)? {
            break status;
        }
        if start.elapsed() >= next_report {
            println!("    still {what}, {} s (log: {})", next_report.as_secs(), log.display());
            next_report += PROGRESS_INTERVAL;
        }
        sleep(Duration::from_millis(50));
    };
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!(
        "{what} failed ({status}): {}\n{}\nThe whole log: {}",
        shown(command),
        last_lines(log, 25),
        log.display()
    )))
}

/// Runs a command whose output is for the person at the terminal.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().context(format_args!("starting {}", shown(command)))
}

/// Like [`status`], and an exit code other than 0 is an error.
pub fn run(command: &mut Command) -> Result {
    let status = status(command)?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("{} ended with {status}", shown(command)))) }
}

/// What a command prints; nothing when it cannot be started or fails.
pub fn stdout(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The arguments for a program that this one starts, without a leading `--`. People write it as they would for `cargo run`;
/// since the alias ends in one already, theirs arrives here, and the program would read everything after it as no options.
pub fn forwarded(arguments: &[String]) -> &[String] {
    match arguments {
        [first, rest @ ..] if first == "--" => rest,
        all => all,
    }
}

/// Whether a program stands on the PATH.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

pub fn is_root() -> bool {
    stdout(Command::new("id").arg("-u")).is_some_and(|id| id == "0")
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut text: String = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(160) {
        text.truncate(end);
        text.push('…');
    }
    format!("`{text}`")
}

fn last_lines(log: &Path, count: usize) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].iter().flat_map(|line| ["    ", line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_leading_pair_of_dashes_is_dropped_and_no_more() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(forwarded(&words(&["--", "--server", "x"])), words(&["--server", "x"]));
        assert_eq!(forwarded(&words(&["--", "--", "x"])), words(&["--", "x"]));
        assert_eq!(forwarded(&words(&["--check", "--", "x"])), words(&["--check", "--", "x"]));
        assert!(forwarded(&words(&["--"])).is_empty() && forwarded(&[]).is_empty());
    }
}
