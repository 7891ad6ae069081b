//! From a picture of a screen and a question to an answer.
//!
//! - [`picture`] checks what was uploaded: nothing is decoded before its type and size are known.
//! - [`reader`] reads the text on it (OCR) and can answer from that text alone, without any model.
//! - [`provider`] talks to model servers.
//! - [`engine`] joins them to a workflow; [`analyze`] is the entry point.
//!
//! Always holds: dropping a future of this crate ends what it started (requests, child processes); work on the
//! CPU runs off the async threads and under permits that end with the work, not with its caller; text from
//! the screen is data, never an instruction, and the reader shows it only quoted in code. A model's answer is
//! passed on as the model wrote it: whoever shows it must treat it as untrusted Markdown.

pub mod engine;
pub mod picture;
mod preparation;
pub mod provider;
pub mod reader;
mod text;

pub use engine::{
    AnalysisError, Asker, Begin, CompletedAnalysis, CustomWorkflow, EarlierTurn, Engine, HttpAccess, Job,
    Library, Limits, ModeSettings, NodeTypeDescription, RunCall, RunCheckpoint, StoredJob, StoredOutcome,
    WorkflowVersion, analyze, analyze_since, node_types, run_stored,
};
pub use picture::{Picture, PictureError, PictureLimits, Pictures};
pub use provider::{Provider, ProviderConfig};
pub use reader::{Reader, ReaderConfig};
