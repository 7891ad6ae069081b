//! Both edges end to end: the server with its built-in TLS, and behind a real Caddy with the project's own Caddyfile;
//! driven by curl, the desktop program, and connections that the tests hold open.
//!
//! `cargo xtask test integration` installs what is needed and sets its paths: `AIWE_TEST_CADDY` for Caddy, `AIWE_TEST_SHIM` for
//! the desktop program.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod caddy;
mod certificates;
mod connection;
mod curl;
mod fixture;
mod forged;
mod hosts;
mod ipv6;
mod matrix;
mod model;
mod revocation;
mod rotation;
mod start;
