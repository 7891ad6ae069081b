//! The commands with more than a few lines; `main.rs` declares all of them.

pub mod audit;
pub mod authority;
pub mod backup;

use std::io::Write;

/// Prints the output of a command. A closed standard output is not an error.
pub fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush());
}
