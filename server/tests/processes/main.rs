//! The real program as a process: backed up while it runs, and killed in the middle of its work.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod client;
mod kill;
mod process;
mod reader;
mod rotation;
mod runs;
mod seed;
mod storage;
mod storm;
mod tls;
