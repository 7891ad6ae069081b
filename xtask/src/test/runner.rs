//! Running tests and checks, and counting what passed and failed from what they print.

use std::io::{BufRead, BufReader};
use std::iter::Sum;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::{Context, Result};

/// For running what was built, on a slow machine.
const TIMEOUT: Duration = Duration::from_mins(25);
/// For what is repeated a thousand times.
const SOAK_TIMEOUT: Duration = Duration::from_hours(4);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u32,
    pub failed: u32,
}

impl Counts {
    /// What could not even run has failed.
    pub fn one_failed() -> Self {
        Self { passed: 0, failed: 1 }
    }

    pub fn from_passed(passed: bool) -> Self {
        Self { passed: u32::from(passed), failed: u32::from(!passed) }
    }

    /// From a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; …`, which Playwright's reporter prints too.
    fn from_line(line: &str) -> Option<Self> {
        let (_, result) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |what: &str| {
            result.split(';').find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<u32>().ok())
        };
        Some(Self { passed: count("passed")?, failed: count("failed")? })
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, next| Self {
            passed: sum.passed + next.passed,
            failed: sum.failed + next.failed,
        })
    }
}

/// Runs tests, shows what they print and adds up the result lines. An exit that reports a failure which no line did (a
/// crash, code that does not compile) counts as one.
pub fn run_tests(command: &mut Command) -> Result<Counts> {
    run_tests_within(timeout(), command)
}

fn timeout() -> Duration {
    if std::env::var_os("AIWE_SOAK").is_some() { SOAK_TIMEOUT } else { TIMEOUT }
}

fn run_tests_within(timeout: Duration, command: &mut Command) -> Result<Counts> {
    println!("-- {}", shown(command));
    // A group of its own, so that a test program ends with the cargo that started it.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    let mut child = command.spawn().context("starting the tests")?;
    let watchdog = Watchdog::start(child.id(), timeout);
    let mut sum = Counts::default();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).context("reading the tests' output")? > 0 {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            let counts = Counts::from_line(text.trim_end());
            sum = [sum, counts.unwrap_or_default()].into_iter().sum();
            line.clear();
        }
    }
    let status = child.wait().context("waiting for the tests")?;
    if watchdog.timed_out() {
        println!("error: the tests did not end within {} s and were stopped", timeout.as_secs());
    }
    if !status.success() && sum.failed == 0 {
        println!("error: {} ended with {status}", shown(command));
        sum.failed = 1;
    }
    Ok(sum)
}

/// Stops a group of processes that takes too long: one test that hangs must not cost the results of all others.
struct Watchdog {
    end: Option<Sender<()>>,
    thread: JoinHandle<bool>,
}

impl Watchdog {
    fn start(group: u32, timeout: Duration) -> Self {
        let (end, ended) = channel();
        let thread = thread::spawn(move || {
            let ran_out = ended.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout);
            if ran_out {
                let _ = Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status();
            }
            ran_out
        });
        Self { end: Some(end), thread }
    }

    fn timed_out(mut self) -> bool {
        drop(self.end.take());
        self.thread.join().unwrap_or(false)
    }
}

/// Runs one check, which passes or fails as a whole.
pub fn run_check(command: &mut Command) -> Result<Counts> {
    println!("-- {}", shown(command));
    let passed = command.stdin(Stdio::null()).status().context("starting the check")?.success();
    if !passed {
        println!("error: failed: {}", shown(command));
    }
    Ok(Counts::from_passed(passed))
}

fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_read_and_look_alikes_are_not() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.1s";
        assert_eq!(Counts::from_line(line), Some(Counts { passed: 12, failed: 3 }));
        assert_eq!(Counts::from_line("test result: ok. no tests"), None);
        assert_eq!(Counts::from_line("the test result: ok. 1 passed; 0 failed"), None);
    }

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn a_crash_without_a_result_counts_as_failed() {
        let mut crash = shell("echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; exit 101");
        assert_eq!(run_tests(&mut crash).unwrap(), Counts { passed: 2, failed: 1 });
        let mut reported = shell("echo 'test result: FAILED. 2 passed; 2 failed; 0 ignored'; exit 101");
        assert_eq!(run_tests(&mut reported).unwrap(), Counts { passed: 2, failed: 2 });
    }

    #[test]
    fn tests_that_hang_are_stopped_with_all_that_they_started() {
        let mut hangs = shell("echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; sleep 600 & wait");
        let counts = run_tests_within(Duration::from_millis(500), &mut hangs).unwrap();
        assert_eq!(counts, Counts { passed: 2, failed: 1 });
    }

    #[test]
    fn a_check_that_fails_is_one_failed() {
        assert_eq!(run_check(&mut Command::new("true")).unwrap(), Counts { passed: 1, failed: 0 });
        assert_eq!(run_check(&mut Command::new("false")).unwrap(), Counts { passed: 0, failed: 1 });
    }
}
