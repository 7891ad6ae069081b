//! The server. `routes` is the way in from HTTP; each subject's folder holds its service, its doors and its rules; all
//! SQL is in `store`. See ARCHITECTURE.md.

pub mod access;
pub mod analysis;
pub mod backup;
pub mod certificate;
pub mod clock;
pub mod config;
pub mod description;
pub mod edge;
pub mod environment;
pub mod failure;
pub mod health;
pub mod http;
pub mod log;
pub mod mail;
pub mod mode;
pub mod native;
pub mod outbox;
pub mod overview;
pub mod pages;
pub mod people;
pub mod random;
pub mod routes;
pub mod secret;
pub mod start;
pub mod state;
pub mod store;
pub mod sweep;
pub mod turns;
pub mod vault;
