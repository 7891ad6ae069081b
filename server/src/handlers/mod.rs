//! The HTTP interface: a thin handler per operation, described beside it (`utoipa::path`). Each parses, calls one method of
//! a service, and maps the result.

pub mod access;
pub mod analysis;
pub mod certificate;
pub mod description;
pub mod health;
pub mod native;
