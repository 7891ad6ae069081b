//! The built-in reader: reads the text on a picture, and answers from that text alone, without any model.
//!
//! Always holds: whatever it says is either text from the screen, quoted as code, or the reader's own fixed wording;
//! every answer says that no model was used.

mod explanation;
mod extract;
mod finding;
mod layout;
mod order;
mod pattern;
mod question;
mod ranking;
mod tesseract;
mod toolchain;

pub use extract::extract;
pub use finding::{Finding, Location, findings};
pub use layout::{Area, Line, RecognizedText};
pub use tesseract::{Reader, ReaderConfig, ReaderError};
pub use toolchain::Toolchain;
