//! The HTTP interface: one thin handler per operation, with its OpenAPI description beside it (`utoipa::path`). A handler
//! parses the request, calls one method of a service, and maps the result.

pub mod access;
pub mod analysis;
pub mod certificate;
pub mod conversation;
pub mod description;
pub mod edit;
pub mod health;
pub mod ledger;
pub mod native;
pub mod policy;
pub mod run;
pub mod workflow;
