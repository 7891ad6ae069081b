//! Starting other programs: quietly with a log and a sign of life, or in the open.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Outcome};

const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// A command without what `cargo run` put into this process' environment: a second cargo would take its
/// toolchain's libraries and build scripts would see another package's variables.
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
/// says that work goes on.
pub fn quietly(what: &str, command: &mut Command, log: &Path) -> Outcome {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).doing(format_args!("making {}", folder.display()))?;
    }
    let file = File::create(log).doing(format_args!("writing {}", log.display()))?;
    let errors = file.try_clone().doing("sharing the log file")?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    let start = Instant::now();
    let mut child = command.spawn().doing(format_args!("starting {}", shown(command)))?;
    let mut told = SIGN_OF_LIFE;
    let status = loop {
        if let Some(status) = child.try_wait().doing(what)? {
            break status;
        }
        if start.elapsed() >= told {
            println!("    still {what}, {} s (log: {})", told.as_secs(), log.display());
            told += SIGN_OF_LIFE;
        }
        sleep(Duration::from_millis(50));
    };
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{what} failed ({status}): {}\n{}\nThe whole log: {}",
        shown(command),
        last_lines(log, 25),
        log.display()
    )))
}

/// Runs a command whose output is for the person at the terminal.
pub fn openly(command: &mut Command) -> Outcome<ExitStatus> {
    command.status().doing(format_args!("starting {}", shown(command)))
}

/// Like [`openly`], and a failing exit is a failure.
pub fn must(command: &mut Command) -> Outcome {
    let status = openly(command)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("{} ended with {status}", shown(command))))
    }
}

/// What a command prints, when it ends well; nothing when it cannot be started or fails.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The arguments for a program that this one starts. Before them people write `--` as `cargo run` wants it; the alias has
/// its own, so theirs comes through, and the program would take all after it for no options.
pub fn passed_on(arguments: &[String]) -> &[String] {
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
    answer(Command::new("id").arg("-u")).is_some_and(|id| id == "0")
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
    lines[lines.len().saturating_sub(count)..].iter().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_leading_pair_of_dashes_is_dropped_and_no_more() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(passed_on(&words(&["--", "--server", "x"])), words(&["--server", "x"]));
        assert_eq!(passed_on(&words(&["--", "--", "x"])), words(&["--", "x"]));
        assert_eq!(passed_on(&words(&["--check", "--", "x"])), words(&["--check", "--", "x"]));
        assert!(passed_on(&words(&["--"])).is_empty() && passed_on(&[]).is_empty());
    }
}
