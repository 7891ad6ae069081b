//! All pages: public, admin panel, sidebar. Rendered by the server (`ssr`) and hydrated in the browser (`hydrate`).

#![recursion_limit = "256"]

pub mod access;
pub mod admin;
pub mod certificate;
pub mod deployment;
pub mod design;
mod draft;
pub mod error;
pub mod form;
pub mod group;
pub mod home;
pub mod instant;
mod island;
pub mod ledger;
pub mod mode;
pub mod navigation;
pub mod outbox;
pub mod people;
pub mod policy;
mod polling;
pub mod provider;
pub mod response;
pub mod sidebar;
pub mod surface;
pub mod workflow;

#[cfg(feature = "ssr")]
pub mod request_context;
#[cfg(feature = "ssr")]
mod server_functions;
#[cfg(feature = "ssr")]
pub mod services;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "hydrate")]
mod web;

pub use polling::POLLING_PREFIX;
#[cfg(feature = "ssr")]
pub use server_functions::{SERVER_FUNCTION_PATHS, register_server_functions};
#[cfg(feature = "ssr")]
pub use shell::{pages, shell};
pub use surface::Surface;
