//! The crate from outside: pictures, the real text recognition, and providers against mock servers that speak
//! their protocols.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

#[path = "analysis/cases.rs"]
mod cases;
#[path = "analysis/edits.rs"]
mod edits;
#[path = "analysis/engine.rs"]
mod engine;
#[path = "analysis/mock_server.rs"]
mod mock_server;
#[path = "analysis/ocr.rs"]
mod ocr;
#[path = "analysis/ollama.rs"]
mod ollama;
#[path = "analysis/openai.rs"]
mod openai;
#[path = "analysis/pictures.rs"]
mod pictures;
#[path = "analysis/queue.rs"]
mod queue;
#[path = "analysis/screens.rs"]
mod screens;
#[path = "analysis/servers.rs"]
mod servers;
