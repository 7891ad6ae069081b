//! The server. `routes` is the way in from HTTP; each subject's folder holds its service, its doors and its rules; all
//! SQL is in `store`. See ARCHITECTURE.md.

pub mod access;
pub mod analysis;
pub mod backup;
pub mod certificate;
pub mod cleanup;
pub mod config;
pub mod edge;
pub mod environment;
pub mod failure;
pub mod group;
pub mod handlers;
mod job;
pub mod ledger;
pub mod log;
pub mod mail;
pub mod mode;
pub mod native;
pub mod outbox;
pub mod overview;
pub mod pages;
pub mod people;
pub mod policy;
pub mod provider;
mod rate_limits;
mod read_cache;
pub mod readiness;
pub mod request_context;
pub mod routes;
mod search;
pub mod start;
pub mod state;
pub mod tls;
pub mod vault;
pub mod workflow;
