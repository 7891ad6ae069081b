//! The wire types between browser, desktop shim and server.
//!
//! Everything here compiles for the browser too, keeps secrets no longer than necessary, and depends on nothing of SQL, TLS
//! or mail. Both sides validate newtypes with the same `FromStr`, so they accept the same values.

pub mod access;
pub mod analysis;
pub mod certificate;
pub mod conversation;
pub mod desktop;
pub mod enrolment;
pub mod event_stream;
pub mod following;
pub mod group;
pub mod image;
pub mod ledger;
pub mod mode;
pub mod native;
pub mod outbox;
pub mod overview;
pub mod people;
pub mod policy;
pub mod problem;
pub mod provider;
pub mod review;
#[cfg(feature = "server")]
mod service_error;
pub mod workflow;

pub use domain::diff;
pub use domain::edit;
pub use domain::secret::Secret;
pub use domain::text;
pub use problem::{FieldError, Problem};
#[cfg(feature = "server")]
pub use service_error::ServiceError;
