//! All pages: public, admin panel, sidebar. Rendered by the server (`ssr`) and hydrated in the browser (`hydrate`).

pub mod access;
pub mod admin;
pub mod certificate;
pub mod design;
pub mod mode;
pub mod outbox;
pub mod people;
pub mod sidebar;

#[cfg(feature = "ssr")]
pub mod services;
#[cfg(feature = "ssr")]
pub mod visit;
