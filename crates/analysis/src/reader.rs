//! The built-in reader: reads the text on a picture, and answers from that text alone, without any model.
//!
//! Always holds: what it says was either read from the screen, and then stands quoted in code, or is the
//! reader's own fixed wording; every answer says that no model was used.

mod explanation;
mod extract;
mod finding;
mod layout;
mod pattern;
mod ranking;
mod tesseract;

pub use extract::extract;
pub use finding::{Finding, Place, Tongue, findings};
pub use layout::{Area, Line, Reading};
pub use tesseract::{Reader, ReaderConfig, ReaderError};
