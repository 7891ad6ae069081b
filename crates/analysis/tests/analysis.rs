//! The crate from outside: pictures, the real text recognition, and providers against doubles that speak
//! their protocols.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

#[path = "analysis/double.rs"]
mod double;
#[path = "analysis/intake.rs"]
mod intake;
#[path = "analysis/ollama.rs"]
mod ollama;
#[path = "analysis/openai.rs"]
mod openai;
#[path = "analysis/queue.rs"]
mod queue;
#[path = "analysis/reading.rs"]
mod reading;
#[path = "analysis/workflow.rs"]
mod workflow;
