//! From a picture of a screen and a question to an answer.
//!
//! - [`picture`] takes in what was uploaded: nothing is decoded before its type and size are known.
//! - [`reader`] reads the text on it (OCR) and can answer from that text alone, without any model.
//! - [`provider`] speaks to model servers.
//! - [`workflow`] is the graph that ties them together, and [`workflow::analyze`] the one way in.
//!
//! Always holds: dropping a future of this crate ends what it started (requests, child processes); work on the
//! CPU runs off the async threads and under permits that end with the work, not with who asked for it; text from
//! the screen is material, never an instruction, and the reader shows it only quoted in code. A model's answer is
//! passed on as the model wrote it: who shows it must take it for foreign Markdown.

pub mod picture;
pub mod provider;
pub mod reader;
mod text;
pub mod workflow;

pub use picture::{Picture, PictureError, PictureLimits, Pictures};
pub use provider::{Provider, ProviderConfig};
pub use reader::{Reader, ReaderConfig};
pub use workflow::{AnalysisError, Engine, Job, Limits, ModeSettings, Outcome, analyze};
