//! What browser, desktop shim and server say to each other.
//!
//! Everything here compiles for the browser too, holds no secrets longer than it must, and depends on nothing
//! of SQL, TLS or mail. Newtypes have one `FromStr`, which both sides run: what one accepts, the other does.

pub mod access;
pub mod analysis;
pub mod certificate;
pub mod desktop;
pub mod enrolment;
pub mod mode;
pub mod native;
pub mod people;
pub mod problem;
pub mod review;

pub use problem::{FieldError, Problem};
