//! What the system is about: ids, checked values, lifecycles, and the rules that hold whatever stores or shows them.
//!
//! No I/O and no async. Without the feature `server` everything compiles for the browser, where the same `FromStr` checks
//! what a person types. Time and randomness are parameters ([`clock`], [`random`]).

pub mod access;
pub mod account;
pub mod analysis;
pub mod audit;
pub mod certificate;
#[cfg(feature = "server")]
pub mod clock;
pub mod id;
pub mod mail;
pub mod mode;
pub mod page;
#[cfg(feature = "server")]
pub mod random;
#[cfg(feature = "server")]
pub mod secret;
mod text;

pub use page::Page;
pub use text::{FieldError, Invalid};
