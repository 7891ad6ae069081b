//! The domain model: ids, validated values, lifecycles, and the rules that do not depend on storage or transport.
//!
//! No I/O and no async. Without the feature `server` everything compiles for the browser, where the same [`FromStr`]
//! implementations validate what a person types. Clock and random source are parameters (modules `clock` and `random`).
//!
//! Instants are seconds since the Unix epoch (`i64`), durations are in seconds unless the name says otherwise.
//!
//! [`FromStr`]: std::str::FromStr

pub mod access;
pub mod account;
pub mod analysis;
pub mod audit;
pub mod certificate;
#[cfg(feature = "server")]
pub mod clock;
pub mod code;
pub mod conversation;
pub mod diff;
pub mod edit;
#[cfg(feature = "server")]
pub mod error;
pub mod group;
pub mod id;
mod joiner;
pub mod ledger;
pub mod mail;
pub mod mode;
pub mod page;
pub mod policy;
pub mod provider;
#[cfg(feature = "server")]
pub mod random;
pub mod run;
#[cfg(feature = "server")]
pub mod search;
pub mod secret;
pub mod text;
pub mod workflow;

pub use page::Page;
pub use text::{FieldError, Invalid};
