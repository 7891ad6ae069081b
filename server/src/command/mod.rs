//! What the commands do, each subject in a file of its own; `main.rs` has their names.

pub mod authority;
pub mod backup;

use std::io::Write;

/// Standard output is for what the operator asked for; it may be closed, which is no reason to stop.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush());
}
