//! The real program, as a process of its own: backed up while it works, and killed in the middle of it.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod client;
mod kill;
mod process;
mod rotation;
mod seed;
mod tls;
