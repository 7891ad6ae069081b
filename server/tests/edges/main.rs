//! Both edges for real: the server behind its built-in TLS, and behind a running Caddy with the project's own Caddyfile;
//! driven by curl, by the desktop program and by connections that the tests hold open.
//!
//! `cargo xtask test integration` brings what is needed and tells where it is: `AIWE_TEST_CADDY` names the program Caddy,
//! `AIWE_TEST_SHIM` the desktop program.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod caddy;
mod certificates;
mod connection;
mod curl;
mod forged;
mod hosts;
mod matrix;
mod model;
mod revocation;
mod rotation;
mod start;
mod world;
